"""A web host's German customers, made up, with what is true of them.

    for record in population(50_000, seed=17): …

The same rows for the same count and seed, on every machine. What is how frequent stands in `mixture.py`; names, towns
and companies in files of their own; nothing of it is anybody's data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from support.population.chance import Chance
from support.population.changes import later
from support.population.customers import Customer
from support.population.mixture import MUST_NOT_BE_MERGED, Kind, Mixture
from support.population.relations import GROUPS
from support.population.writing import Values, written

__all__ = ["FIELDS", "MUST_NOT_BE_MERGED", "Kind", "Mixture", "Record", "population"]

FIELDS = (
    "company",
    "first_name",
    "last_name",
    "street",
    "postcode",
    "city",
    "phone",
    "mobile",
    "email",
    "account_number",
    "bank_code",
)
"""Spelt out, so that a change of the program's fields is seen here."""
_FIRST_NUMBER = 100_001
_WINDOW = 20_000
"""Rows among which those of one group lie scattered, as they do where numbers are given over years."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the register, and the truth about it."""

    number: str
    company: str
    first_name: str
    last_name: str
    street: str
    postcode: str
    city: str
    phone: str
    mobile: str
    email: str
    account_number: str
    bank_code: str
    entity: int
    """Who it is: two rows are duplicates when they have the same."""
    group: int
    """Rows of one group and of different entities look alike and must not be merged."""
    kind: Kind
    """What the entities of the group are to each other."""

    @property
    def values(self) -> Values:
        """The eleven fields in their order."""
        return tuple(getattr(self, field) for field in FIELDS)


def population(rows: int, *, seed: int, mixture: Mixture | None = None) -> Iterator[Record]:
    """Yield so many records, the same for the same `rows` and `seed`.

    Numbers are ascending.
    """
    chance = Chance(seed)
    drawn = islice(_rows(chance, mixture or Mixture()), rows)
    for place, (values, entity, group, kind) in enumerate(_scattered(chance, drawn)):
        yield Record(str(_FIRST_NUMBER + place), *values, entity=entity, group=group, kind=kind)


_Row = tuple[Values, int, int, Kind]


def _rows(chance: Chance, mixture: Mixture) -> Iterator[_Row]:
    """Yield rows without end: each group with all numbers of each of its customers."""
    kinds, weights = list(mixture.kinds), list(mixture.kinds.values())
    entity = group = 0
    while True:
        group += 1
        kind = chance.choices(kinds, weights)[0]
        for customer in GROUPS[kind](chance, mixture):
            entity += 1
            for values in _numbers(chance, mixture, customer):
                yield values, entity, group, kind


def _numbers(chance: Chance, mixture: Mixture, customer: Customer) -> Iterator[Values]:
    """Yield what is written under each number of a customer."""
    values = written(chance, mixture, customer)
    yield values
    draw = chance.random()
    for limit in (
        mixture.two_numbers + mixture.three_numbers + mixture.four_numbers,
        mixture.three_numbers + mixture.four_numbers,
        mixture.four_numbers,
    ):
        if draw >= limit:
            return
        if chance.random() >= mixture.same_day:
            customer = later(chance, mixture, customer)
            values = written(chance, mixture, customer)
        yield values


def _scattered(chance: Chance, rows: Iterator[_Row]) -> Iterator[_Row]:
    """Yield the rows in another order: each waits among so many others until its place is drawn."""
    waiting = list(islice(rows, _WINDOW))
    for row in rows:
        at = int(chance.random() * len(waiting))
        drawn, waiting[at] = waiting[at], row
        yield drawn
    chance.shuffle(waiting)
    yield from waiting
