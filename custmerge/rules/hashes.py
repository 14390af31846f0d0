"""Password hashes that are accepted on import, by their form (contract §5)."""

import re

from custmerge.errors import N_

# The limits keep an imported hash from costing minutes or all the memory; they are far above what is recommended.
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 262_144, 10, 16
_BCRYPT_COSTS = range(4, 15)
_ROUNDS = range(1_000, 1_000_001)
_DEFAULT_ROUNDS = 5_000
_ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}"
)
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_SHA512 = re.compile(r"\$6\$(?:rounds=(\d{1,9})\$)?[./A-Za-z0-9]{0,16}\$[./A-Za-z0-9]{86}")


def wrong_with_hash(stored: str) -> str | None:
    """Return why `stored` can't be taken over as a password's hash, or None.

    Source: the PHC string format (argon2), OpenBSD's `$2b$` (bcrypt), crypt(5) `$6$` (SHA-512-crypt).
    """
    if found := _ARGON2.fullmatch(stored):
        memory, passes, lanes = map(int, found.groups())
        is_bearable = 8 * lanes <= memory <= _MOST_MEMORY_KIB and passes in range(1, _MOST_PASSES + 1)
        is_bearable = is_bearable and lanes in range(1, _MOST_LANES + 1)
    elif found := _BCRYPT.fullmatch(stored):
        is_bearable = int(found[1]) in _BCRYPT_COSTS
    elif found := _SHA512.fullmatch(stored):
        is_bearable = int(found[1] or _DEFAULT_ROUNDS) in _ROUNDS
    else:
        return N_("isn't a hash that custmerge knows (argon2, bcrypt, SHA-512-crypt)")
    return None if is_bearable else N_("is a hash that takes too much to verify, or can't be verified")
