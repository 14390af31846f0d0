"""Passwords: argon2id, and the same time for what exists and what doesn't.

Source: OWASP Password Storage Cheat Sheet, first choice: argon2id, 46 MiB, t=1, p=1.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# Of a password that nobody knows: verified when there is nothing to verify, so that it takes the same time.
_DUMMY = "$argon2id$v=19$m=47104,t=1,p=1$7c8G0E22i1XRA0wYGpJRow$gXdW9cKJlK33368q05TnG5EOJ4GcbrsuQ0y4l1SW64U"


def hashed(password: str) -> str:
    """Return the argon2id hash of a password, with a salt of its own, as a PHC string."""
    return _HASHER.hash(password)


def all_hashed(passwords: Sequence[str]) -> list[str]:
    """Return the hashes of many passwords, made on all cores (argon2 lets go of the interpreter)."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(hashed, passwords))


def fits(stored: str | None, password: str) -> bool:
    """Return whether `password` is the one of the hash; False, after the same time, where there is none."""
    try:
        return _HASHER.verify(stored or _DUMMY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
