"""The identity key: records whose identity fields are the same or equivalent have the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from custmerge.rules.normalise import lower

BETWEEN = "\n"
"""Stands between the fields: white space, so that no field has it once it is normalised."""
LONGEST = 1_000
"""In bytes: a longer key doesn't fit into PostgreSQL's index, and its SHA-256 takes its place."""
_DIGEST = "sha256:"


def identity_key(identity: Sequence[str]) -> str | None:
    """Return the key of company, first and last name; None if all are empty, for nobody is that one's duplicate.

    Two keys are equal if and only if `compare` finds every identity field of both records the same or equivalent.
    """
    key = BETWEEN.join(map(lower, identity))
    if len(key) == (len(identity) - 1) * len(BETWEEN):
        return None
    # A character has four bytes at most.
    if len(key) * 4 <= LONGEST or len(encoded := key.encode(errors="surrogatepass")) <= LONGEST:
        return key
    # A digest can't be another record's key, which has a line for each field.
    return _DIGEST + hashlib.sha256(encoded).hexdigest()
