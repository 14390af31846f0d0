"""Samples of a table's rows, and what their values say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from custmerge.rules.host_schema import HostColumn, Kind

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_NOTHING = ("", "0")
"""What programs write where there is no customer."""
SURE_CHANCE = -6.0
"""A probability, as a power of ten, from which on a coincidence is out of the question."""
LONG_KEY = 12
"""Texts of this length aren't equal by chance."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows of a table; all of them if there are few."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str | None, ...]]
    """The cells as text, cut off where they are long."""
    is_whole: bool
    """Whether the table has no further rows."""

    def with_rows(self, rows: Sequence[tuple[str | None, ...]]) -> Sample:
        """Return the sample with further rows of its columns."""
        return replace(self, rows=[*self.rows, *rows])

    def values(self, column: str) -> Iterator[str]:
        """Yield a column's values, row by row, without those that say nothing (NULL, the empty text, 0)."""
        place = self.columns.index(column)
        return (value for row in self.rows if (value := row[place]) is not None and value not in _NOTHING)

    def pairs(self, first: str, second: str) -> Iterator[tuple[str | None, str | None]]:
        """Yield the cells of two columns, row by row."""
        places = self.columns.index(first), self.columns.index(second)
        return ((row[places[0]], row[places[1]]) for row in self.rows)


@dataclass(frozen=True, slots=True)
class KeyShare:
    """How the values of a column compare with the values of one of the customer's keys."""

    rows: int
    """Sampled rows with a value."""
    distinct: int
    keys: int
    """Distinct values that are keys."""
    chance: float
    """How likely so many are keys by chance, as a power of ten: -6 is one in a million; 0 where it says nothing."""
    chance_from_zero: float = 0.0
    """The same if the values could be anywhere between 0 and the largest of them."""
    has_rival: bool = True
    """Whether the values fit the key of another table nearly as well; True also where nobody looked."""

    @property
    def orphans(self) -> int:
        """Distinct values that are no keys."""
        return self.distinct - self.keys

    @property
    def share(self) -> float:
        """The share of the distinct values that are keys; 0 where there are none."""
        return self.keys / self.distinct if self.distinct else 0.0


def comparable(column: HostColumn, key: HostColumn) -> bool:
    """Return whether a column's type can hold values of a key; on SQLite a column may have no type."""
    texts = (Kind.TEXT, Kind.OTHER) if not column.type else (Kind.TEXT,)
    match key.kind:
        case Kind.INTEGER | Kind.NUMBER:
            return column.kind in (Kind.INTEGER, Kind.NUMBER, *texts)
        case Kind.UUID:
            return column.kind in (Kind.UUID, *texts)
        case Kind.TEXT:
            return column.kind in (Kind.TEXT, Kind.OTHER, Kind.UUID, Kind.INTEGER)
        case _:
            return not key.type and column.kind in (Kind.TEXT, Kind.INTEGER, Kind.OTHER)


def key_like(values: frozenset[str], kind: Kind) -> frozenset[str]:
    """Return the values that a key of this kind may have."""
    if kind in (Kind.INTEGER, Kind.NUMBER):
        return frozenset(value for value in values if _INTEGER.fullmatch(value))
    if kind is Kind.UUID:
        return frozenset(value for value in values if _UUID.fullmatch(value))
    return values


def chance_of(values: frozenset[str], keys: frozenset[str], density: float | None) -> float:
    """Return how likely it is, as a power of ten, that `keys` of the `values` are keys by chance.

    `density` is the share of keys among all integers of the range; None for texts, of which long ones don't coincide.
    """
    if not keys:
        return 0.0
    if density is None:
        return -2.0 * sum(len(key) >= LONG_KEY for key in keys)
    # The probability that each hit was one, with the misses free to be anywhere (the binomial coefficient).
    hits, misses = len(keys), len(values) - len(keys)
    ways = math.lgamma(hits + misses + 1) - math.lgamma(hits + 1) - math.lgamma(misses + 1)
    density = min(max(density, 1e-9), 1.0)
    return min(hits * math.log10(density) + ways / math.log(10), 0.0)
