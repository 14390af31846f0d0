"""Duplicates: which records may be one customer, by equal identity or by the fuzzy model."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from custmerge.errors import ExtraMissing
from custmerge.rules.duplicates.candidate import Candidate
from custmerge.rules.duplicates.groups import Group, scored_groups
from custmerge.rules.duplicates.options import Engine, FuzzyOptions
from custmerge.rules.duplicates.survivors import SurvivorRule
from custmerge.rules.fields import checked_number
from custmerge.rules.people import Capability
from custmerge.services.access import Caller, demand, demand_living
from custmerge.services.duplicates.candidates import candidates_of
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
    """Yield candidates as they are found: of equal identity by the lowest number, of a model the most probable first.

    Raises NotAllowed, UnknownNumber and MergedAway for `against`, ExtraMissing, and what the model raises.
    """
    demand(caller, Capability.DUPLICATES)
    if search.fuzzy is not None:
        _demand_libraries(search.fuzzy.engine)
    if search.against is not None:
        with database.reading() as unit:
            demand_living(unit, checked_number(search.against))
    if search.fuzzy is None:
        return _exact(database, search, progress)
    from custmerge.services.duplicates.fuzzy import fuzzy_pairs

    return _scored(database, search, scored_groups(fuzzy_pairs(database, search.fuzzy, progress)))


def _demand_libraries(engine: Engine) -> None:
    """Raise ExtraMissing unless the libraries of an engine are installed."""
    if any(find_spec(library) is None for library in _LIBRARIES[engine]):
        raise ExtraMissing(option=_OPTIONS[engine], extra=_EXTRAS[engine])


def _exact(database: Database, search: Search, progress: Progress) -> Generator[Candidate, None, None]:
    # A generator of its own: rights are checked when `find` is called, not when the first row is read.
    with database.reading() as unit:
        yield from _wanted(candidates_of(unit, _groups(unit, search, progress), search.rule), search)


def _groups(unit: Unit, search: Search, progress: Progress) -> Iterator[Group]:
    if search.against is None:
        yield from map(Group, unit.identity_groups.all(progress))
        return
    (record,) = demand_living(unit, search.against)
    yield Group(unit.identity_groups.of(record))


def _scored(database: Database, search: Search, groups: list[Group]) -> Generator[Candidate, None, None]:
    with database.reading() as unit:
        yield from _wanted(candidates_of(unit, groups, search.rule), search)


def _wanted(candidates: Iterator[Candidate], search: Search) -> Iterator[Candidate]:
    """Yield the candidates that are wanted: all, or the star that a number is in."""
    if search.against is None:
        yield from candidates
        return
    found = list(candidates)
    survivors = {each.survivor for each in found if search.against in (each.survivor, each.absorbed)}
    yield from (each for each in found if each.survivor in survivors)
