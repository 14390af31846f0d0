"""Password hashes by their form: which are verified, what verifying one costs, and which an import takes.

Sources: the PHC string format (argon2), OpenBSD's `$2b$` (bcrypt), crypt(5) `$5$` and `$6$` (SHA-crypt), Django's
contrib/auth/hashers.py (PBKDF2, and the prefixes of its other hashers), passlib's modular crypt format (PBKDF2).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from custmerge.errors import N_


class Scheme(StrEnum):
    """A way to hash passwords that can be verified."""

    ARGON2 = "argon2"
    BCRYPT = "bcrypt"
    BCRYPT_SHA256 = "bcrypt_sha256"
    """bcrypt of the hexadecimal SHA-256, which Django uses because bcrypt ignores everything after 72 bytes."""
    SHA256_CRYPT = "sha256_crypt"
    SHA512_CRYPT = "sha512_crypt"
    PBKDF2 = "pbkdf2"


IMPORTED = (Scheme.ARGON2, Scheme.BCRYPT, Scheme.SHA512_CRYPT)
"""What an import takes."""
UNVERIFIABLE = "no hash that is verified"


@dataclass(frozen=True, slots=True)
class HashKind:
    """The kind of a hash, and what verifying it costs."""

    name: str
    """Such as `argon2id`, `bcrypt`, `pbkdf2_sha256`; the same for all writings of one algorithm."""
    cost: str = ""
    """Such as `m=47104,t=1,p=1` (argon2), `12` (bcrypt), `600000` (rounds); empty if the hash is never verified."""
    is_verified: bool = False
    """Whether a password can fit such a hash; not if it is of an unknown kind, or takes too much to verify."""

    @property
    def key(self) -> str:
        """A text that stays the same, such as `pbkdf2_sha256$600000`, to count by and to be stored."""
        return f"{self.name}${self.cost}" if self.cost else self.name


@dataclass(frozen=True, slots=True)
class StoredHash:
    """A hash that can be verified."""

    scheme: Scheme
    kind: HashKind
    text: str
    """The hash as its library reads it, without Django's prefix."""
    salt: bytes = b""
    """Of PBKDF2 only, like the next three."""
    digest: bytes = b""
    rounds: int = 0
    algorithm: str = ""
    """As hashlib calls it."""


# At each limit a verification takes one to two seconds of one core. All limits are above OWASP's recommendations.
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 262_144, 10, 16
_MOST_WORK_KIB = 1_048_576
"""Memory times passes."""
_BCRYPT_COSTS = range(4, 15)
_CRYPT_ROUNDS = range(1_000, 1_000_001)
_DEFAULT_CRYPT_ROUNDS = 5_000
_PBKDF2_ROUNDS = {
    "sha1": range(1, 5_000_001),
    "sha256": range(1, 5_000_001),
    "sha512": range(1, 2_000_001),
}
_DIGEST_BYTES = {"sha1": 20, "sha256": 32, "sha512": 64}
# No leading zeros and no digits of other scripts: the libraries that verify refuse them.
_COUNT = "([1-9][0-9]{0,8})"
# Whole bytes in base64 without padding; unused bits are zero.
_BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048])?"
_ARGON2 = (
    rf"\$(argon2(?:id|i|d))\$v=19\$m={_COUNT},t={_COUNT},p={_COUNT}"
    rf"\$(?=[^$]{{11,128}}\$){_BASE64}\$(?=[^$]{{16,256}}\Z){_BASE64}"
)
# A salt has 16 bytes: its 22nd character holds two bits.
_BCRYPT = r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
_SHA512 = rf"\$6\$(?:rounds={_COUNT}\$)?[./A-Za-z0-9]{{0,16}}\$[./A-Za-z0-9]{{86}}"
_SHA256 = rf"\$5\$(?:rounds={_COUNT}\$)?[./A-Za-z0-9]{{0,16}}\$[./A-Za-z0-9]{{43}}"
# Django's salt is used as it is written.
_DJANGO_PBKDF2 = rf"pbkdf2_(sha1|sha256)\${_COUNT}\$([!-#%-~]{{1,128}})\$([A-Za-z0-9+/]{{20,88}}={{0,2}})"
_PASSLIB_PBKDF2 = rf"\$pbkdf2(?:-(sha256|sha512))?\${_COUNT}\$([./A-Za-z0-9]{{0,128}})\$([./A-Za-z0-9]{{20,88}})"
# Django writes other programs' hashes behind the name of its hasher.
_DJANGO_PREFIXES = (("argon2", "$argon2"), ("bcrypt$", "$2"))
_DJANGO_BCRYPT_SHA256 = "bcrypt_sha256$"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern when the first hash is looked at that may be of its kind: compiling all takes milliseconds."""
    return re.compile(pattern)


def read_hash(stored: str) -> StoredHash:
    """Return a hash that can be verified; raises ValueError if its kind is unknown, or if it takes too much."""
    read = parsed(stored)
    if read is None or not read.kind.is_verified:
        raise ValueError(UNVERIFIABLE)
    return read


def wrong_with_hash(stored: str) -> str | None:
    """Return why `stored` can't be imported as a password's hash, None if it can."""
    read = parsed(stored)
    if read is None or read.scheme not in IMPORTED or read.text is not stored:
        return N_("isn't a hash that custmerge knows (argon2, bcrypt, SHA-512-crypt)")
    if not read.kind.is_verified:
        return N_("is a hash that takes too much to verify, or can't be verified")
    return None


def parsed(stored: str) -> StoredHash | None:
    """Return the parts of a hash whose kind is known, perhaps one that takes too much."""
    if stored.startswith(_DJANGO_BCRYPT_SHA256):
        return _bcrypt(stored.removeprefix(_DJANGO_BCRYPT_SHA256), Scheme.BCRYPT_SHA256)
    text = stored
    for prefix, begin in _DJANGO_PREFIXES:
        if stored.startswith(prefix + begin):
            text = stored.removeprefix(prefix)
    return next((read for reader in _READERS if (read := reader(text)) is not None), None)


def _argon2(text: str) -> StoredHash | None:
    if (match := _compiled(_ARGON2).fullmatch(text)) is None:
        return None
    memory, passes, lanes = map(int, match.groups()[1:])
    is_bearable = (
        8 * lanes <= memory <= _MOST_MEMORY_KIB
        and passes <= _MOST_PASSES
        and memory * passes <= _MOST_WORK_KIB
        and lanes <= _MOST_LANES
    )
    return StoredHash(Scheme.ARGON2, HashKind(match[1], f"m={memory},t={passes},p={lanes}", is_bearable), text)


def _bcrypt(text: str, scheme: Scheme = Scheme.BCRYPT) -> StoredHash | None:
    if (match := _compiled(_BCRYPT).fullmatch(text)) is None:
        return None
    return StoredHash(scheme, HashKind(scheme, match[1], int(match[1]) in _BCRYPT_COSTS), text)


def _crypt(text: str) -> StoredHash | None:
    for scheme, pattern in ((Scheme.SHA512_CRYPT, _SHA512), (Scheme.SHA256_CRYPT, _SHA256)):
        if match := _compiled(pattern).fullmatch(text):
            rounds = int(match[1] or _DEFAULT_CRYPT_ROUNDS)
            return StoredHash(scheme, HashKind(scheme, str(rounds), rounds in _CRYPT_ROUNDS), text)
    return None


def _pbkdf2(text: str) -> StoredHash | None:
    if match := _compiled(_DJANGO_PBKDF2).fullmatch(text):
        algorithm, salt, digest = match[1], match[3].encode(), _decoded(match[4])
    elif match := _compiled(_PASSLIB_PBKDF2).fullmatch(text):
        # passlib writes base64 without padding, and `.` for `+`.
        algorithm, salt, digest = match[1] or "sha1", _unpadded(match[3]), _unpadded(match[4])
    else:
        return None
    rounds = int(match[2])
    is_whole = salt is not None and digest is not None and len(digest) == _DIGEST_BYTES[algorithm]
    kind = HashKind(f"pbkdf2_{algorithm}", str(rounds), is_whole and rounds in _PBKDF2_ROUNDS[algorithm])
    return StoredHash(Scheme.PBKDF2, kind, text, salt or b"", digest or b"", rounds, algorithm)


_READERS: tuple[Callable[[str], StoredHash | None], ...] = (_argon2, _bcrypt, _crypt, _pbkdf2)


def _unpadded(text: str) -> bytes | None:
    return _decoded(text.replace(".", "+") + "=" * (-len(text) % 4))


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return None


# Hashes of a password that nobody knows. They were never computed: any digest takes as long to compare with.
_SALT, _DIGEST = "7c8G0E22i1XRA0wYGpJRow", "gXdW9cKJlK33368q05TnG5EOJ4GcbrsuQ0y4l1SW64U"
_BCRYPT_REST = "Wn3qjEbCf0hYt8rKpLzMvOQd7sXyGuIa2oN5eRwTkB1mVc9HgFJPS"
_DUMMIES = {
    **{f"argon2{form}": f"$argon2{form}$v=19${{cost}}${_SALT}${_DIGEST}" for form in ("id", "i", "d")},
    "bcrypt": f"$2b${{cost}}${_BCRYPT_REST}",
    "bcrypt_sha256": f"bcrypt_sha256$$2b${{cost}}${_BCRYPT_REST}",
    "sha256_crypt": f"$5$rounds={{cost}}${_SALT[:16]}${_DIGEST}",
    "sha512_crypt": f"$6$rounds={{cost}}${_SALT[:16]}${_DIGEST * 2}",
    "pbkdf2_sha1": f"pbkdf2_sha1${{cost}}${_SALT}${_DIGEST[:26]}A=",
    "pbkdf2_sha256": f"pbkdf2_sha256${{cost}}${_SALT}${_DIGEST}=",
    "pbkdf2_sha512": f"$pbkdf2-sha512${{cost}}${_SALT}${_DIGEST}{_DIGEST[:42]}Q",
}


def dummy_hash(kind: str | None) -> str | None:
    """Return a hash of a kind, given by `HashKind.key`, that no password fits; None if none of it is verified."""
    name, _, cost = (kind or "").partition("$")
    if (template := _DUMMIES.get(name)) is None:
        return None
    text = template.format(cost=cost)
    read = parsed(text)
    return text if read is not None and read.kind.is_verified and read.kind.key == kind else None
