"""Password hashes: argon2id; a password is verified in the same time whether there is a hash or not.

Source: OWASP Password Storage Cheat Sheet, first choice: argon2id, 46 MiB, t=1, p=1; NIST SP 800-63B §5.1.1.2.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from custmerge.errors import N_, BadPassword
from custmerge.rules.hashes import Scheme, StoredHash, dummy_hash, read_hash
from custmerge.rules.passwords import LONGEST, normal, writings, wrong_with_password
from custmerge.rules.people import verified_sha256
from custmerge.rules.proofs import Hashing
from custmerge.storage.files.locks import cores, slot

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

AT_ONCE = cores()
"""The most hashes that all commands of a user make at once on this machine."""
_BCRYPT_BYTES = 72
_CRYPTS = (Scheme.SHA256_CRYPT, Scheme.SHA512_CRYPT)
_CRYPT_BYTES = 512
"""The longest password of crypt(3); the cost grows with rounds times bytes."""
OWN_HASHING = Hashing()
"""For hashes that custmerge writes itself."""
_LOADING = Lock()
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# The hash of a password that nobody knows, verified if there is no hash. A constant: `CryptContext.dummy_verify`
# makes its own at the first call, and so takes twice the time in a process that verifies once.
_DUMMY = "$argon2id$v=19$m=47104,t=1,p=1$7c8G0E22i1XRA0wYGpJRow$gXdW9cKJlK33368q05TnG5EOJ4GcbrsuQ0y4l1SW64U"

turn = partial(slot, "hash", AT_ONCE)
"""Returns a block in which one hash may be verified, at most AT_ONCE on this machine at once; see `slot`."""


def hashed(password: str) -> str:
    """Return the argon2id hash of a password in NFC, with a salt of its own, as a PHC string."""
    return _HASHER.hash(normal(password))


def all_hashed(passwords: Sequence[str]) -> list[str]:
    """Return the hashes of many passwords, made on all cores (argon2 releases the GIL)."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(hashed, passwords))


def fits(stored: str | None, password: str, hashing: Hashing = OWN_HASHING) -> bool:
    """Return whether `password` is the one of the hash; False, after the same time, if there is none.

    `stored` may be of any kind of `rules.hashes.Scheme`; nothing fits another, or one that takes too much. Without a
    hash, one of the kind that `hashing` names is verified. NFC and NFD are writings of one password. All are tried,
    so the time that a wrong password takes depends only on the password.
    """
    nobodys, known = read_hash(dummy_hash(hashing.kind) or _DUMMY), None
    with suppress(ValueError):
        known = None if stored is None else read_hash(stored)
    # The length of the NFC text counts: in NFD a password may be longer than it was when it was chosen.
    composed = normal(password)
    is_too_long = len(composed) > LONGEST
    if (known or nobodys).scheme in _CRYPTS:
        is_too_long |= len(composed.encode("utf-8", "surrogatepass")) > _CRYPT_BYTES
    if is_too_long or "\0" in composed:
        known, password = None, ""
    return any(_fits(known or nobodys, text) and known is not None for text in writings(password))


def renewed(stored: str | None, password: str, hashing: Hashing = OWN_HASHING) -> str | None:
    """Return a new hash of a password that fits `stored`; None if that is of today's kind, or isn't to be renewed."""
    if stored is None or not hashing.renews:
        return None
    if stored.startswith("$argon2") and not _HASHER.check_needs_rehash(stored):
        return None
    if stored.startswith("$2") and any(len(text.encode()) >= _BCRYPT_BYTES for text in writings(password)):
        # bcrypt didn't verify any bytes after these: they can neither become part of the password nor be left out.
        return None
    return hashed(password)


def renew(unit: Unit, number: str, old: str, new: str) -> None:
    """Replace the hash `old` of a customer or their packages by `new`, of the same password; proofs stay valid.

    The number's record must be locked.
    """
    unit.register.rehash(number, old, new)
    unit.people.renew_proofs(number, verified_sha256(old), verified_sha256(new))


def chosen(password: str, *, name: str, present: str | None = None) -> str:
    """Return the hash of a new password of a member of staff; raises BadPassword, see `demand_good`."""
    demand_good(password, name=name, present=present)
    return hashed(password)


def demand_good(password: str, *, name: str, present: str | None = None) -> None:
    """Raise BadPassword for a password that the person called `name` can't choose, see `rules.passwords`.

    `present` is the password that it replaces, if that is known.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    common = FREQUENCY_LISTS["passwords"]
    why = wrong_with_password(password, name=name, host=socket.gethostname(), common=common)
    if why is None and present is not None and normal(password) == normal(present):
        why = N_("is the present one")
    if why is not None:
        raise BadPassword(why=why)


def _fits(stored: StoredHash, text: str) -> bool:
    try:
        return _verified(stored, text)
    except (VerificationError, InvalidHashError, ValueError):
        return False


def _verified(stored: StoredHash, password: str) -> bool:
    """Return whether a password is the one of a hash, or raise what the hash's library raises for a wrong one.

    The library is chosen here and not by passlib's `CryptContext`, which would take 35 ms of every login to load.
    """
    match stored.scheme:
        case Scheme.ARGON2:
            return _HASHER.verify(stored.text, password)
        case Scheme.BCRYPT:
            return _fits_bcrypt(stored, password.encode())
        case Scheme.BCRYPT_SHA256:
            return _fits_bcrypt(stored, hashlib.sha256(password.encode()).hexdigest().encode())
        case Scheme.SHA256_CRYPT | Scheme.SHA512_CRYPT:
            return _fits_crypt(stored, password)
        case Scheme.PBKDF2:
            derived = hashlib.pbkdf2_hmac(stored.algorithm, password.encode(), stored.salt, stored.rounds)
            return hmac.compare_digest(derived, stored.digest)


def _fits_bcrypt(stored: StoredHash, password: bytes) -> bool:
    import bcrypt

    # bcrypt uses the first 72 bytes; newer versions of the library, and so passlib's handler, refuse more.
    return bcrypt.checkpw(password[:_BCRYPT_BYTES], stored.text.encode())


def _fits_crypt(stored: StoredHash, password: str) -> bool:
    # One thread at a time, and without `passlib.hash` (nor `CryptContext`), which several threads can't load at once.
    with _LOADING:
        from passlib.handlers.sha2_crypt import sha256_crypt, sha512_crypt
        from passlib.utils.binary import h64

        handler = sha256_crypt if stored.scheme is Scheme.SHA256_CRYPT else sha512_crypt
        handler.get_backend()
        # h64 initialises itself when it is first used, which two threads can't do at once.
        _ = h64.bytemap
    return bool(handler.verify(password, stored.text))
