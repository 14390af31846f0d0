"""Password hashes that are accepted on import: those that can be verified, within bounds of cost.

Source: the PHC string format (argon2), OpenBSD's `$2b$` (bcrypt), crypt(5) `$6$` (SHA-512-crypt).
"""

import re

from custmerge.errors import N_

# At each limit a verification takes one to two seconds of one core. All limits are above OWASP's recommendations.
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 262_144, 10, 16
_MOST_WORK_KIB = 1_048_576
"""Memory times passes."""
_BCRYPT_COSTS = range(4, 15)
_ROUNDS = range(1_000, 1_000_001)
_DEFAULT_ROUNDS = 5_000
# No leading zeros and no digits of other scripts: the libraries that verify refuse them.
_COUNT = "([1-9][0-9]{0,8})"
# Whole bytes in base64 without padding; the bits that belong to no byte are zero.
_BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048])?"
_ARGON2 = re.compile(
    rf"\$argon2(?:id|i|d)\$v=19\$m={_COUNT},t={_COUNT},p={_COUNT}"
    rf"\$(?=[^$]{{11,128}}\$){_BASE64}\$(?=[^$]{{16,256}}\Z){_BASE64}"
)
# A salt has 16 bytes: its 22nd character holds two bits.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_SHA512 = re.compile(rf"\$6\$(?:rounds={_COUNT}\$)?[./A-Za-z0-9]{{0,16}}\$[./A-Za-z0-9]{{86}}")


def wrong_with_hash(stored: str) -> str | None:
    """Return why `stored` can't be imported as a password's hash, None if it can."""
    if found := _ARGON2.fullmatch(stored):
        memory, passes, lanes = map(int, found.groups())
        is_bearable = (
            8 * lanes <= memory <= _MOST_MEMORY_KIB
            and passes <= _MOST_PASSES
            and memory * passes <= _MOST_WORK_KIB
            and lanes <= _MOST_LANES
        )
    elif found := _BCRYPT.fullmatch(stored):
        is_bearable = int(found[1]) in _BCRYPT_COSTS
    elif found := _SHA512.fullmatch(stored):
        is_bearable = int(found[1] or _DEFAULT_ROUNDS) in _ROUNDS
    else:
        return N_("isn't a hash that custmerge knows (argon2, bcrypt, SHA-512-crypt)")
    return None if is_bearable else N_("is a hash that takes too much to verify, or can't be verified")
