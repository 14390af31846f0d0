"""A bulk file: opened, read in chunks, and read again for what became of its rows."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from custmerge.errors import N_, BadFile, ResultsChanged
from custmerge.rules.bulk import COLUMNS, REQUIRED, read_row, unpacked
from custmerge.storage.files.csv_file import spooled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custmerge.rules.bulk import Batch, BulkRow, Outcome
    from custmerge.storage.files.csv_file import SpooledFile
    from custmerge.storage.unit import Unit


@contextmanager
def opened(path: str) -> Iterator[SpooledFile]:
    """Open a bulk file; raises BadFile for one that isn't one, or whose passwords others can read."""
    with spooled(path, COLUMNS, REQUIRED) as file:
        if "password" in file.columns and file.others_can_read:
            raise BadFile(file=path, why=N_("has passwords in it and can be read by others: run `chmod 600` on it"))
        yield file


def decided(unit: Unit, batch: Batch, file: SpooledFile) -> Iterator[Outcome]:
    """Give what became of the rows that a batch has decided; what it merged is `already` now."""
    records = file.records()
    told = 0
    for _first, results in unit.batches.results(batch.id):
        for kept in _rows_in(results, batch):
            number, cells = next(records)
            told += 1
            yield unpacked(read_row(number, cells), kept)
    if told != batch.done:
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

    With `split` a row whose password can only be verified when the rows before it are executed begins a new one.
    """
    rows: list[BulkRow] = []
    # A number that was kept has got domains; one that was absorbed isn't in use, so nobody's password is tried.
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
