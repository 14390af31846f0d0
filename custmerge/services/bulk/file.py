"""A bulk file on its way through a command: what is asked for, its rows in chunks, and what became of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from custmerge.errors import N_, BadFile, ResultsChanged
from custmerge.rules.bulk import COLUMNS, IS_WELL, REQUIRED, Batch, BulkRow, Outcome, Result, read_row, unpacked
from custmerge.services.progress import Progress
from custmerge.storage.files.csv_file import SpooledFile, spooled

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

CHUNK = 500


class RunProgress(Progress, Protocol):
    """Gets how far a check or a run is, and what became of each row."""

    def accepted(self) -> None:
        """Get ready: the command is accepted, and nothing is written yet. An error raised here ends the command."""

    def outcome(self, outcome: Outcome) -> None:
        """Note what became of a row; rows come in their order."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a check or a run of a file gets from outside."""

    clock: Callable[[], datetime]
    new_salt: Callable[[], bytes]
    progress: RunProgress
    chunk: int = CHUNK
    """Rows of one transaction."""
    stop_on_error: bool = False


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a check or a run came to."""

    batch: int | None
    """None for a check."""
    sha256: str
    rows: int
    counts: Mapping[Result, int]

    @property
    def is_well(self) -> bool:
        """Whether every row is merged, now or before."""
        return all(result in IS_WELL for result in self.counts)


class ResultCounter:
    """Passes on what became of each row, and counts."""

    def __init__(self, progress: RunProgress) -> None:
        self._progress = progress
        self._counts = Counter[Result]()

    def tell(self, outcomes: Iterable[Outcome]) -> None:
        """Report rows, in their order."""
        for outcome in outcomes:
            self._counts[outcome.result] += 1
            self._progress.outcome(outcome)

    def summary(self, batch: int | None, sha256: str, rows: int) -> RunSummary:
        """Return what the file has come to."""
        return RunSummary(batch, sha256, rows, self._counts)


@contextmanager
def opened(path: str) -> Iterator[SpooledFile]:
    """Open a bulk file; raises BadFile where it is none, or where others can read the passwords in it."""
    with spooled(path, COLUMNS, REQUIRED) as file:
        if "password" in file.columns and file.others_can_read:
            raise BadFile(file=path, why=N_("has passwords in it and can be read by others: run `chmod 600` on it"))
        yield file


def decided(unit: Unit, batch: Batch, file: SpooledFile) -> Iterator[Outcome]:
    """Give what became of the rows that a batch has decided; what it merged is `already` now."""
    records = file.records()
    rows = 0
    for _first, results in unit.batches.results(batch.id):
        for kept in _rows_in(results, batch):
            number, cells = next(records)
            rows += 1
            yield unpacked(read_row(number, cells), kept)
    if rows != batch.done:
        raise ResultsChanged(batch=batch.id)


# Any: JSON as it comes.
def _rows_in(results: str, batch: Batch) -> list[Any]:
    try:
        rows = json.loads(results)
        if all(len(row) >= 3 for row in rows):  # noqa: PLR2004 (result, code, order)
            return list(rows)
    except (TypeError, ValueError):
        pass
    raise ResultsChanged(batch=batch.id)


def chunks(file: SpooledFile, done: int, size: int, *, split: bool) -> Iterator[list[BulkRow]]:
    """Give the rows behind the first `done` in chunks of `size`.

    With `split` a row whose password can only be verified after the rows before it are executed begins a chunk.
    """
    rows: list[BulkRow] = []
    # A survivor has got domains of others; an absorbed number isn't in use any more, so its password isn't tried.
    kept, absorbed = set[str](), set[str]()
    for number, cells in file.records():
        if number <= done:
            continue
        row = read_row(number, cells)
        depends = row.absorbed in kept or row.absorbed in absorbed or row.survivor in absorbed
        if rows and (len(rows) >= size or (split and row.password and depends)):
            yield rows
            rows, kept, absorbed = [], set(), set()
        rows.append(row)
        kept.add(row.survivor)
        absorbed.add(row.absorbed)
    if rows:
        yield rows
