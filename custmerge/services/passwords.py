"""Passwords: argon2id, and the same time for what exists and what doesn't.

Source: OWASP Password Storage Cheat Sheet, first choice: argon2id, 46 MiB, t=1, p=1; NIST SP 800-63B §5.1.1.2.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from custmerge.errors import N_, BadPassword
from custmerge.storage.slots import cores, slot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

SHORTEST = 12
"""Characters that a password of staff has at least."""
LONGEST = 1_024
"""Characters; hashing more would only cost time."""
AT_ONCE = cores()
"""So many hashes are made at once on this machine by all commands of a user together."""
_BCRYPT_BYTES = 72
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# Of a password that nobody knows: verified when there is nothing to verify, so that it takes the same time.
_DUMMY = "$argon2id$v=19$m=47104,t=1,p=1$7c8G0E22i1XRA0wYGpJRow$gXdW9cKJlK33368q05TnG5EOJ4GcbrsuQ0y4l1SW64U"


def hashed(password: str) -> str:
    """Return the argon2id hash of a password, with a salt of its own, as a PHC string."""
    return _HASHER.hash(password)


def all_hashed(passwords: Sequence[str]) -> list[str]:
    """Return the hashes of many passwords, made on all cores (argon2 lets go of the interpreter)."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(hashed, passwords))


def fits(stored: str | None, password: str) -> bool:
    """Return whether `password` is the one of the hash; False, after the same time, where there is none.

    `stored` may be an argon2, bcrypt or SHA-512-crypt hash.
    """
    if len(password) > LONGEST or "\0" in password:
        stored, password = None, ""
    try:
        return _verified(stored or _DUMMY, password) and stored is not None
    except (VerificationError, InvalidHashError, ValueError):
        return False


def turn() -> AbstractContextManager[None]:
    """Return a block in which one hash may be verified: no more at once on this machine than it has cores."""
    return slot("hash", AT_ONCE)


def renewed(stored: str | None, password: str) -> str | None:
    """Return today's hash of a password that fits `stored`, or None where `stored` is of today's kind."""
    if stored is None or (stored.startswith("$argon2") and not _HASHER.check_needs_rehash(stored)):
        return None
    if len(password.encode()) > _BCRYPT_BYTES and stored.startswith("$2"):
        # What stands behind those bytes was never verified, so it can't become part of the password.
        return None
    return hashed(password)


def chosen(password: str) -> str:
    """Return the hash of a password that somebody of the staff chose; raises BadPassword for a weak one.

    Long enough and not a common one; no other rules, as NIST SP 800-63B wants it.
    """
    if not password or "\0" in password:
        raise BadPassword(why=N_("is empty") if not password else N_("has a NUL character in it"))
    if len(password) < SHORTEST:
        raise BadPassword(why=N_("is shorter than 12 characters"))
    if len(password) > LONGEST:
        raise BadPassword(why=N_("is longer than 1,024 characters"))
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    if password.strip().lower() in FREQUENCY_LISTS["passwords"]:
        raise BadPassword(why=N_("is one of the most common passwords"))
    return hashed(password)


def _verified(stored: str, password: str) -> bool:
    if stored.startswith("$2"):
        import bcrypt

        # What bcrypt never looked at when the hash was made.
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], stored.encode())
    if stored.startswith("$6$"):
        from passlib.hash import sha512_crypt

        return bool(sha512_crypt.verify(password, stored))
    return _HASHER.verify(stored, password)
