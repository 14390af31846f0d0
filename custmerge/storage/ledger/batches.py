"""Bulk files: their approvals, runs, leases and results."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, insert, or_, select, update

from custmerge.errors import ResultsChanged
from custmerge.rules.bulk import APPROVED_FOR, UNFINISHED, Batch, State
from custmerge.rules.history import moment, stamp
from custmerge.storage.dialect import insert_row, streamed
from custmerge.storage.tables.batches import batch, batch_chunk

_BATCHES = select(*(batch.c[field.name] for field in fields(Batch)))
_NEWEST_FIRST = _BATCHES.order_by(batch.c.id.desc())
_HAS_ENDED = batch.c.state.in_([State.FINISHED, State.UNDONE])
_IS_UNFINISHED = batch.c.state.in_(UNFINISHED)
_WITHOUT_DETAILS = 3
"""How many values of `rules.bulk.packed`, from the first on, quote nothing of the row."""


class Batches:
    """Bulk files, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, new: Batch) -> Batch:
        """Store a new batch and return it with its id."""
        values = asdict(new)
        del values["id"]
        return replace(new, id=insert_row(self._connection, batch, values))

    def newest_of(self, sha256: str, *, lock: bool = False) -> Batch | None:
        """Return the newest batch of a file."""
        return next(iter(self._all(_NEWEST_FIRST.where(batch.c.sha256 == sha256).limit(1), lock=lock)), None)

    def of_file(self, sha256: str, *, lock: bool = False) -> list[Batch]:
        """Return every batch of a file, newest first; with `lock` no other transaction begins to run or undo one."""
        # All are locked, also those that can't be run: otherwise one that another transaction has begun is missed.
        return self._all(_NEWEST_FIRST.where(batch.c.sha256 == sha256), lock=lock)

    def batch(self, number: int, *, lock: bool = False) -> Batch | None:
        """Return a batch; with `lock` no other transaction changes it before this one ends."""
        return next(iter(self._all(_BATCHES.where(batch.c.id == number), lock=lock)), None)

    def newest(self, sha256: str | None, limit: int) -> tuple[Batch, ...]:
        """Return up to `limit` batches, of one file or of all files, newest first."""
        statement = _NEWEST_FIRST.limit(limit)
        return tuple(self._all(statement if sha256 is None else statement.where(batch.c.sha256 == sha256)))

    def unfinished(self) -> list[Batch]:
        """Return the batches that can be run or are running, oldest first."""
        return self._all(_BATCHES.where(_IS_UNFINISHED).order_by(batch.c.id))

    def open_approvals(self) -> list[tuple[int, int]]:
        """Return (batch, id of the approver) of each approved bulk file that isn't finished."""
        is_open = _IS_UNFINISHED, batch.c.approved_at.is_not(None)
        approvals = select(batch.c.id, batch.c.approved_by_person).where(*is_open).order_by(batch.c.id)
        return [(number, person) for number, person in self._connection.execute(approvals)]

    def start(self, started: Batch, *, by: str) -> None:
        """Write who runs a batch, and the lease of the process."""
        lease = {"runner": started.runner, "alive_until": started.alive_until}
        self._update(started.id, state=State.RUNNING, run_by=by, **lease)

    def give_back(self, before: Batch) -> None:
        """Restore a batch that was started and of which no row was tried, as it was `before`."""
        self._update(before.id, state=before.state, run_by=before.run_by, runner=None, alive_until=None)

    # Any: JSON values.
    def advance(self, now: Batch, first: int, rows: Sequence[list[Any]]) -> None:
        """Write the results of the rows from `first` on, and the batch's progress after them."""
        self._connection.execute(insert(batch_chunk).values(batch=now.id, first=first, results=_json(rows)))
        self._update(now.id, done=now.done, merged=now.merged, alive_until=now.alive_until)

    def hold(self, number: int, runner: str, alive_until: str) -> None:
        """Write the process that undoes a batch, and when its lease expires."""
        self._update(number, runner=runner, alive_until=alive_until)

    def renew(self, renewed: Batch) -> bool:
        """Extend a lease if it is still the runner's, and return whether it was."""
        statement = update(batch).where(batch.c.id == renewed.id, batch.c.runner == renewed.runner)
        return self._connection.execute(statement.values(alive_until=renewed.alive_until)).rowcount > 0

    def release(self, number: int, runner: str) -> None:
        """End a lease if it is still the runner's."""
        statement = update(batch).where(batch.c.id == number, batch.c.runner == runner)
        self._connection.execute(statement.values(runner=None, alive_until=None))

    def finish(self, number: int) -> None:
        """Write that a batch can't be run any further, and end its lease."""
        self._update(number, state=State.FINISHED, runner=None, alive_until=None)

    def finish_all_by(self, person: int) -> list[int]:
        """Finish the unfinished batches that a person approved; returns their ids."""
        statement = select(batch.c.id).where(batch.c.approved_by_person == person, _IS_UNFINISHED)
        numbers = list(self._connection.execute(statement.order_by(batch.c.id).with_for_update()).scalars())
        for number in numbers:
            self.finish(number)
        return numbers

    def undone(self, number: int) -> None:
        """Write that every order of a batch is undone."""
        self._update(number, state=State.UNDONE, runner=None, alive_until=None)

    def results(self, number: int) -> Iterator[list[Any]]:
        """Yield the result of each row of a batch that `advance` stored, in their order; raises ResultsChanged."""
        statement = select(batch_chunk.c.results).where(batch_chunk.c.batch == number).order_by(batch_chunk.c.first)
        for (results,) in streamed(self._connection, statement, 10):
            try:
                rows = json.loads(results)
                is_ours = all(len(row) >= _WITHOUT_DETAILS for row in rows)
            except (TypeError, ValueError):
                is_ours = False
            if not is_ours:
                raise ResultsChanged(batch=number)
            yield from rows

    def details_before(self, at: str) -> int:
        """Return the number of rows whose details `erase_details_before` would erase."""
        return sum(_without_details(results)[1] for _number, _first, results in self._chunks_with_details(at))

    def erase_details_before(self, at: str) -> int:
        """Erase quoted cells from results of ended batches from before a moment; returns the number of rows."""
        erased = 0
        # All keys are read first, because a row that is changed while rows are streamed may come twice.
        for number, first in [(number, first) for number, first, _results in self._chunks_with_details(at)]:
            is_it = batch_chunk.c.batch == number, batch_chunk.c.first == first
            kept = str(self._connection.execute(select(batch_chunk.c.results).where(*is_it)).scalar_one())
            results, rows = _without_details(kept)
            self._connection.execute(update(batch_chunk).where(*is_it).values(results=results))
            erased += rows
        return erased

    def _chunks_with_details(self, at: str) -> Generator[tuple[int, int, str], None, None]:
        """Yield (batch, first row, results) of chunks with details, of ended batches from before a moment.

        A batch's moment is that of its approval or its beginning. A batch whose approval had expired by the moment
        has ended, too, even if it wasn't run to its end.
        """
        is_over = and_(_IS_UNFINISHED, batch.c.approved_at < stamp(moment(at) - APPROVED_FOR))
        statement = (
            select(batch_chunk.c.batch, batch_chunk.c.first, batch_chunk.c.results)
            .join(batch, batch.c.id == batch_chunk.c.batch)
            # Details are the only objects in results.
            .where(or_(_HAS_ENDED, is_over), batch.c.at < at, batch_chunk.c.results.like("%{%"))
            .order_by(batch_chunk.c.batch, batch_chunk.c.first)
        )
        return streamed(self._connection, statement, 10)

    def old_details(self, at: str) -> int | None:
        """Return an ended batch from before a moment whose results have details, None if there is none."""
        with closing(self._chunks_with_details(at)) as chunks:
            return next((number for number, _first, _results in chunks), None)

    # Any: SQLAlchemy types a row by its columns.
    def _all(self, statement: Select[Any], *, lock: bool = False) -> list[Batch]:
        rows = self._connection.execute(statement.with_for_update() if lock else statement)
        return [_batch(row) for row in rows.mappings()]

    def _update(self, number: int, **values: str | int | None) -> None:
        self._connection.execute(update(batch).where(batch.c.id == number).values(values))


def _json(rows: Sequence[list[Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def _without_details(results: str) -> tuple[str, int]:
    """Return the results of a chunk without quoted cells, and the number of rows that had some.

    Results that custmerge didn't write are returned unchanged.
    """
    try:
        rows = json.loads(results)
    except ValueError:
        return results, 0
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return results, 0
    erased = sum(1 for row in rows if len(row) > _WITHOUT_DETAILS)
    return _json([row[:_WITHOUT_DETAILS] for row in rows]), erased


def _batch(row: RowMapping) -> Batch:
    # An unknown state becomes FINISHED, which can't be run.
    return Batch(**{**row, "state": State(row["state"]) if row["state"] in set(State) else State.FINISHED})
