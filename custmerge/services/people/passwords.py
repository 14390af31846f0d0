"""Passwords: argon2id, and the same time for what exists and what doesn't.

Source: OWASP Password Storage Cheat Sheet, first choice: argon2id, 46 MiB, t=1, p=1; NIST SP 800-63B §5.1.1.2.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from custmerge.errors import N_, BadPassword
from custmerge.rules.passwords import LONGEST, normal, writings, wrong_with_password
from custmerge.rules.people import verified_sha256
from custmerge.storage.files.locks import cores, slot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from custmerge.storage.unit import Unit

AT_ONCE = cores()
"""So many hashes are made at once on this machine by all commands of a user together."""
_BCRYPT_BYTES = 72
_SHA512_CRYPT_BYTES = 512
"""crypt(3) takes no longer password, and the cost grows with rounds times bytes."""
_LOADING = Lock()
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# Of a password that nobody knows: verified when there is nothing to verify, so that it takes the same time.
_DUMMY = "$argon2id$v=19$m=47104,t=1,p=1$7c8G0E22i1XRA0wYGpJRow$gXdW9cKJlK33368q05TnG5EOJ4GcbrsuQ0y4l1SW64U"


def hashed(password: str) -> str:
    """Return the argon2id hash of a password in NFC, with a salt of its own, as a PHC string."""
    return _HASHER.hash(normal(password))


def all_hashed(passwords: Sequence[str]) -> list[str]:
    """Return the hashes of many passwords, made on all cores (argon2 lets go of the interpreter)."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(hashed, passwords))


def fits(stored: str | None, password: str) -> bool:
    """Return whether `password` is the one of the hash; False, after the same time, where there is none.

    `stored` may be an argon2, bcrypt or SHA-512-crypt hash. A password is one composed or not (Unicode NFC,
    NFD): each writing of it is tried, so that what is typed alone decides how long a wrong one takes.
    """
    # By the writing that is hashed: decomposed, a password that could be chosen may be longer.
    composed = normal(password)
    if len(composed) > LONGEST or "\0" in composed or _is_too_long_for(stored, composed):
        stored, password = None, ""
    return any(_fits(stored or _DUMMY, text) and stored is not None for text in writings(password))


def _fits(stored: str, text: str) -> bool:
    try:
        return _verified(stored, text)
    except (VerificationError, InvalidHashError, ValueError):
        return False


def turn(gives_up: Callable[[], bool] = lambda: False) -> AbstractContextManager[None]:
    """Return a block in which one hash may be verified: no more at once on this machine than it has cores.

    Raises HostBusy where none ends in time, or `gives_up` says that nobody waits for it any more.
    """
    return slot("hash", AT_ONCE, gives_up)


def renewed(stored: str | None, password: str) -> str | None:
    """Return today's hash of a password that fits `stored`, or None where `stored` is of today's kind."""
    if stored is None or (stored.startswith("$argon2") and not _HASHER.check_needs_rehash(stored)):
        return None
    if stored.startswith("$2") and any(len(text.encode()) >= _BCRYPT_BYTES for text in writings(password)):
        # What stands behind those bytes was never verified: it can't become part of the password, nor be left out.
        return None
    return hashed(password)


def renew(unit: Unit, number: str, old: str, new: str) -> None:
    """Replace the hash `old` of a customer or their packages by `new`, of the same password; proofs stay valid.

    The number's record has to be locked.
    """
    unit.register.rehash(number, old, new)
    unit.people.renew_proofs(number, verified_sha256(old), verified_sha256(new))


def chosen(password: str, *, name: str, present: str | None = None) -> str:
    """Return the hash of a password that is chosen for somebody of the staff; raises as `demand_good`."""
    demand_good(password, name=name, present=present)
    return hashed(password)


def demand_good(password: str, *, name: str, present: str | None = None) -> None:
    """Raise BadPassword for one that the person called `name` can't have, see `rules.passwords`.

    `present` is the one that it takes the place of, where that is known.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    common = FREQUENCY_LISTS["passwords"]
    why = wrong_with_password(password, name=name, host=socket.gethostname(), common=common)
    if why is None and present is not None and normal(password) == normal(present):
        why = N_("is the present one")
    if why is not None:
        raise BadPassword(why=why)


def _is_too_long_for(stored: str | None, password: str) -> bool:
    """Return whether nobody can have made a hash of that kind out of so long a password."""
    if stored is None or not stored.startswith("$6$"):
        return False
    return len(password.encode("utf-8", "surrogatepass")) > _SHA512_CRYPT_BYTES


def _verified(stored: str, password: str) -> bool:
    if stored.startswith("$2"):
        import bcrypt

        # What bcrypt never looked at when the hash was made.
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], stored.encode())
    if stored.startswith("$6$"):
        return _fits_sha512_crypt(stored, password)
    return _HASHER.verify(stored, password)


def _fits_sha512_crypt(stored: str, password: str) -> bool:
    # By one thread at a time, and past `passlib.hash`: that module is filled while others read it.
    with _LOADING:
        from passlib.handlers.sha2_crypt import sha512_crypt
        from passlib.utils.binary import h64

        sha512_crypt.get_backend()
        # It makes itself out of something else when it is first used, which two threads mustn't do at once.
        _ = h64.bytemap
    return bool(sha512_crypt.verify(password, stored))
