"""A decision that two numbers are two customers, which holds until an identity field of one changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from custmerge.errors import N_, BadValue
from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.fields import Customer, Pair
from custmerge.rules.history import Cell, Fact, row_digest

LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A decision that two numbers are two customers; it has no direction."""

    number: str
    """The first of the two in the order of their texts."""
    other: str
    reason: str | None
    """What a person wrote; None once a purge has erased it."""
    by: str
    at: str
    """See `history.stamp`."""
    salt: bytes
    identity_sha256: str
    """Salted digest of the identity keys that both records had then: the names themselves aren't kept."""

    @property
    def pair(self) -> Pair:
        """Both numbers."""
        return self.number, self.other

    @property
    def facts(self) -> dict[str, Fact]:
        """The values that every history entry about the pair has: each of the numbers leads to it."""
        return {"survivor": self.number, "absorbed": self.other}

    @property
    def digest(self) -> str:
        """The digest of its row, which the newest entry about the pair has."""
        cells = (self.number, self.other, self.reason, self.by, self.at, _salt(self.salt), self.identity_sha256)
        return row_digest("dismissal", *cells)

    def holds(self, one: Customer, other: Customer) -> bool:
        """Return whether no identity field of the two records, in any order, has changed since."""
        # SQLite may hold another value in the salt's place, as in `_salt`.
        return isinstance(self.salt, bytes) and identity_digest(self.salt, one, other) == self.identity_sha256


def identity_digest(salt: bytes, one: Customer, other: Customer) -> str:
    """Return the salted SHA-256, in hex, of two records' identity keys; the order of the two doesn't matter.

    A key and not the fields: another writing of the same name changes nothing.
    """
    keys = sorted([record.number, identity_key(record.identity)] for record in (one, other))
    return hashlib.sha256(salt + json.dumps(keys).encode()).hexdigest()


def checked_reason(reason: str) -> str:
    """Return a reason without white space around it; raises BadValue for one that is empty or too long."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise BadValue(name="--reason", value=reason[:40], why=N_("give 1 to 1,000 characters"))
    return reason.strip()


def _salt(cell: Cell) -> Cell:
    """Return a salt as it goes into a digest: SQLite may hold another value in its place."""
    return cell.hex() if isinstance(cell, bytes) else f"no bytes: {cell!r}"
