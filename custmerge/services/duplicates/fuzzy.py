"""The search for duplicates by the fuzzy model, which needs the extra `custmerge[duplicates]`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from custmerge.errors import N_, BadValue
from custmerge.rules.duplicates.candidate import Kind, ScoredPair
from custmerge.rules.duplicates.options import Engine, FuzzyOptions
from custmerge.rules.duplicates.reasons import reasons
from custmerge.services.progress import Progress
from custmerge.storage.matching import duckdb, scoring
from custmerge.storage.matching.equal import EqualRecords, equal_records
from custmerge.storage.matching.explaining import SHOWN, write_waterfall
from custmerge.storage.matching.model_file import read_model, write_model
from custmerge.storage.matching.reading import write_records
from custmerge.storage.matching.settings import Settings, prior_of, with_prior
from custmerge.storage.matching.training import trained
from custmerge.storage.matching.workspace import Workspace, workspace

if TYPE_CHECKING:
    from custmerge.storage.database import Database

DEFAULT_THRESHOLD = 0.5
"""As probable as not. Without labels the best threshold isn't known; on every set it was near this one."""
_LEAST_PROBABLE = 0.0002
"""Less probable pairs count for nothing when the prior is estimated."""
_LEAST_LISTED = 0.0001
"""With a lower threshold less probable pairs may lack: nearly all that were compared are less probable."""
_GROWTH = 64
"""How many times more probable a pair may be by the prior that fits than by the first guess of it, at most."""
_ROWS_AT_ONCE = 2_000


def fuzzy_pairs(database: Database, options: FuzzyOptions, progress: Progress) -> Iterator[ScoredPair]:
    """Yield each pair at least as probable as the threshold, once, the most probable first.

    They are `same` and `related` ones; `against` and `related` only say which are explained. Records that are equal
    in everything are `same`, also where the model hasn't compared them, or makes less of them than its own threshold:
    such pairs come last, each with the first of its records. Tombstones are left out; dismissed pairs aren't.

    Whoever calls this has checked the rights, and opens transactions of its own while the pairs are read. Raises
    BadFile, TemporaryFilesFailed, SparkUnavailable, and BadValue for the memory, and for a file to write where there
    are fewer than two customers.
    """
    # What it says of its training is for its developers.
    logging.getLogger("splink").addHandler(logging.NullHandler())
    threshold = DEFAULT_THRESHOLD if options.threshold is None else options.threshold
    model = None if options.model is None else read_model(options.model)
    with workspace(options.memory) as space:
        if _read(database, space, progress) <= 1:
            _demand_no_file(options)
            return
        model, scored = _scored(space, options, model, threshold)
        if options.save_model is not None:
            write_model(options.save_model, model)
        equal = _EqualPairs(equal_records(space))
        shown: list[scoring.Match] = []
        for match in scoring.matches(space, scored, prior_of(model), threshold, related=True):
            kind = Kind.SAME if equal.note(match.left, match.right) else match.kind
            is_wanted = options.against in (None, match.left, match.right) and (options.related or kind is Kind.SAME)
            if is_wanted and options.explain is not None and len(shown) < SHOWN:
                shown.append(match)
            # All of them: how others are to each other, and who is related, says who may be in one star.
            yield ScoredPair(match.left, match.right, match.probability, kind, reasons(match.agreement))
        yield from equal.rest(with_scored=options.threshold is None)
        if options.explain is not None:
            write_waterfall(options.explain, space, model, shown)


class _EqualPairs:
    """The pairs of records that are equal in everything: those that the model lists, and the rest."""

    def __init__(self, equal: Iterable[EqualRecords]) -> None:
        self._rest = {records.numbers[0]: records for records in equal}
        self._first = {number: first for first, records in self._rest.items() for number in records.numbers}

    def note(self, one: str, other: str) -> bool:
        """Note that the model lists a pair, and return whether the two are equal in everything."""
        first = self._first.get(one)
        if first is None or first != self._first.get(other):
            return False
        # All pairs of these records have one probability: it lists them all.
        self._rest.pop(first, None)
        return True

    def rest(self, *, with_scored: bool) -> Iterator[ScoredPair]:
        """Yield the rest, each with the first of its records; `with_scored` also what it finds too improbable."""
        for first, records in self._rest.items():
            if with_scored or not records.is_scored:
                why = reasons(records.agreement)
                for other in records.numbers[1:]:
                    yield ScoredPair(first, other, None, Kind.SAME, why)


def _demand_no_file(options: FuzzyOptions) -> None:
    """Raise BadValue if a file is wanted that only customers to compare can fill."""
    for name, path in (("--save-model", options.save_model), ("--explain", options.explain)):
        if path is not None:
            raise BadValue(name=name, value=path, why=N_("isn't written: there are fewer than two customers"))


def _read(database: Database, space: Workspace, progress: Progress) -> int:
    """Read the customers into the workspace; return how many there are."""
    count = 0
    with database.reading() as unit:
        total, _packages, _domains = unit.register.count()
        progress.advanced(0, total)
        for count in write_records(space, unit.register.living(_ROWS_AT_ONCE)):
            progress.advanced(count, total)
    return count


def _scored(
    space: Workspace, options: FuzzyOptions, model: Settings | None, threshold: float
) -> tuple[Settings, Settings]:
    """Score the pairs; return the model, and the one that has given the scores, which may have another prior."""
    scored = trained(space) if model is None else model
    lowest = scoring.log_odds(min(_LEAST_PROBABLE, max(threshold, _LEAST_LISTED) / _GROWTH))
    if options.engine is Engine.SPARK:
        from custmerge.storage.matching import spark

        spark.score(space, scored, lowest, master=options.spark_master, memory=options.memory)
    else:
        duckdb.find_pairs(space)
        duckdb.score(space, scored, lowest)
    scoring.add_kinds(space, scored)
    return (scored if model is not None else with_prior(scored, scoring.fitting_prior(space, scored))), scored
