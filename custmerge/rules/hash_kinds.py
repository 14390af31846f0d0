"""The kinds of the hashes in a host's tables, those that aren't verified too, and how many there are of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from custmerge.rules.hashes import HashKind, parsed

UNKNOWN = "unknown"
"""The name of every kind that isn't recognised: nothing of such a text is shown, for it may be a plain password."""
_OTHERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("md5_crypt", r"\$1\$.*"),
        ("apr1", r"\$apr1\$.*"),
        ("phpass", r"\$[PH]\$.*"),
        ("drupal7", r"\$S\$.*"),
        ("yescrypt", r"\$g?y\$.*"),
        ("scrypt", r"(\$7|\$scrypt|scrypt)[$:].*"),
        ("argon2", r"(argon2)?\$argon2.*"),
        ("bcrypt", r"(bcrypt(_sha256)?\$)?\$2[abxy]\$.*|\$bcrypt-sha256\$.*"),
        ("sha512_crypt", r"\$6\$.*"),
        ("sha256_crypt", r"\$5\$.*"),
        ("pbkdf2", r"(\$|\{)?(pbkdf2|PBKDF2)[-_$:}].*"),
        ("salted_md5", r"md5\$.*"),
        ("salted_sha1", r"sha1\$.*"),
        ("shiro1", r"\$shiro1\$.*"),
        ("ldap", r"\{(CRYPT|MD5|SMD5|SHA|SSHA|SSHA256|SSHA512)\}.*"),
        ("hex_md5", r"[0-9A-Fa-f]{32}"),
        ("hex_sha1", r"\*?[0-9A-Fa-f]{40}"),
        ("hex_sha256", r"[0-9A-Fa-f]{64}"),
        ("hex_sha512", r"[0-9A-Fa-f]{128}"),
        # Django's mark of an account without a password, and those of shadow(5).
        ("locked", r"!.*|\*"),
    )
)


@dataclass(frozen=True, slots=True)
class HashCounts:
    """How many hashes of each kind there are, by `HashKind.key`."""

    verified: Mapping[str, int]
    others: Mapping[str, int]
    """Those that no password can fit."""

    @property
    def most(self) -> str | None:
        """The verified kind of most hashes, for `Hashing.kind`; None if there is none."""
        # By the key too, so that two databases with the same hashes have the same kind.
        return max(self.verified, key=lambda kind: (self.verified[kind], kind), default=None)


def hash_kind(stored: str) -> HashKind:
    """Return the kind of a stored text; `UNKNOWN` for one that looks like no hash. Never raises."""
    if (read := parsed(stored)) is not None:
        return read.kind
    return HashKind(next((name for name, pattern in _OTHERS if pattern.fullmatch(stored)), UNKNOWN))


def hash_counts(kinds: Mapping[HashKind, int]) -> HashCounts:
    """Return how many hashes of each kind there are."""
    return HashCounts(
        verified={kind.key: count for kind, count in kinds.items() if kind.is_verified},
        others={kind.key: count for kind, count in kinds.items() if not kind.is_verified},
    )
