"""Duplicates: which records may be one customer, by equal identity or by the fuzzy model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from custmerge.errors import ExtraMissing
from custmerge.rules.duplicates.candidate import Candidate
from custmerge.rules.duplicates.groups import Group, scored_groups
from custmerge.rules.duplicates.options import Engine, FuzzyOptions
from custmerge.rules.duplicates.survivors import SurvivorRule
from custmerge.rules.fields import Pair, checked_number
from custmerge.rules.people import Capability
from custmerge.services.access import Caller, demand, demand_living
from custmerge.services.duplicates.candidates import Grouping
from custmerge.services.progress import Progress

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


_LIBRARIES = {
    Engine.DUCKDB: ("splink", "duckdb", "pyarrow"),
    Engine.SPARK: ("splink", "duckdb", "pyarrow", "pyspark"),
}
_EXTRAS = {Engine.DUCKDB: "duplicates", Engine.SPARK: "spark"}
_OPTIONS = {Engine.DUCKDB: "--fuzzy", Engine.SPARK: "--engine spark"}


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for."""

    rule: SurvivorRule = SurvivorRule.OLDEST
    against: str | None = None
    """A number: only its own duplicates."""
    fuzzy: FuzzyOptions | None = None
    """The options of the model; None for records of equal identity."""


def find(database: Database, caller: Caller, search: Search, progress: Progress) -> Generator[Candidate, None, None]:
    """Yield candidates as they are found: of equal identity by their names, of a model the surest first.

    Raises NotAllowed, UnknownNumber and MergedAway for `against`, ExtraMissing, and what the model raises.
    """
    groups_of = _prepared(database, caller, search, progress)
    return _candidates(database, search, groups_of)


def find_pairs(database: Database, caller: Caller, search: Search, progress: Progress) -> Generator[Pair, None, None]:
    """Yield (survivor, absorbed) of the candidates that may be merged, as a bulk file has them; raises as `find`."""
    groups_of = _prepared(database, caller, search, progress)
    if search.against is not None:
        found = _candidates(database, search, groups_of)
        return ((each.survivor, each.absorbed) for each in found if each.is_mergeable)
    if search.fuzzy is None:
        return _equal_pairs(database, search.rule, progress)
    return _scored_pairs(database, search.rule, groups_of)


Groups: TypeAlias = "Callable[[Unit], Iterator[Group]]"
"""Returns the groups that are found, in a transaction that reads."""


def _prepared(database: Database, caller: Caller, search: Search, progress: Progress) -> Groups:
    """Check that the search can be done, ask the model if one is wanted, and return what gives the groups."""
    demand(caller, Capability.DUPLICATES)
    if search.fuzzy is not None:
        _demand_libraries(search.fuzzy.engine)
    if search.against is not None:
        with database.reading() as unit:
            (record,) = demand_living(unit, checked_number(search.against))
            if search.fuzzy is None:
                own = Group(unit.identity_groups.of(record))
                return lambda _unit: iter([own])
    if search.fuzzy is None:
        return lambda unit: map(Group, unit.identity_groups.all(progress))
    from custmerge.services.duplicates.fuzzy import fuzzy_pairs

    pairs = fuzzy_pairs(database, search.fuzzy, progress)
    groups = scored_groups(pairs, with_related=search.fuzzy.related)
    return lambda _unit: iter(groups)


def _demand_libraries(engine: Engine) -> None:
    """Raise ExtraMissing unless the libraries of an engine are installed."""
    if any(find_spec(library) is None for library in _LIBRARIES[engine]):
        raise ExtraMissing(option=_OPTIONS[engine], extra=_EXTRAS[engine])


# Generators of their own: rights are checked when `find` is called, not when the first row is read.
def _candidates(database: Database, search: Search, groups_of: Groups) -> Generator[Candidate, None, None]:
    with database.reading() as unit:
        found = Grouping(unit, search.rule).candidates(groups_of(unit))
        yield from found if search.against is None else _star_of(search.against, list(found))


def _equal_pairs(database: Database, rule: SurvivorRule, progress: Progress) -> Generator[Pair, None, None]:
    with database.reading() as unit:
        yield from Grouping(unit, rule).pairs_of_equal(unit.identity_groups.all(progress))


def _scored_pairs(database: Database, rule: SurvivorRule, groups_of: Groups) -> Generator[Pair, None, None]:
    with database.reading() as unit:
        yield from Grouping(unit, rule).pairs(groups_of(unit), are_scored=True)


def _star_of(number: str, found: list[Candidate]) -> list[Candidate]:
    """Return the candidates of the star that a number is in."""
    survivors = {each.survivor for each in found if number in (each.survivor, each.absorbed)}
    return [each for each in found if each.survivor in survivors]
