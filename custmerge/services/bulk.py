"""Bulk merges: a file is checked, approved, run chunk by chunk, and gone on with (contract §6)."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from custmerge.errors import (
    N_,
    BadFile,
    BatchApproved,
    BatchMoved,
    DatabaseError,
    DatabaseLocked,
    DatabaseUnreachable,
    OwnBatch,
)
from custmerge.rules import seals
from custmerge.rules.bulk import (
    ALIVE_FOR,
    COLUMNS,
    IS_WELL,
    REQUIRED,
    Batch,
    BulkRow,
    Outcome,
    Result,
    State,
    approval_holds,
    goes_on,
    outcome_of,
    packed,
    read_row,
    unpacked,
)
from custmerge.rules.history import Action, Draft
from custmerge.rules.roles import Capability
from custmerge.rules.times import stamp
from custmerge.services.access import demand, demand_alive, person_of
from custmerge.services.bulk_check import Foresight
from custmerge.services.bulk_lease import is_free, turn_at
from custmerge.services.bulk_proofs import AsItIs, Bench, Proved, proved
from custmerge.services.bulk_rows import Rows
from custmerge.storage.csv_file import SpooledFile, spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from custmerge.rules.history import Fact
    from custmerge.services.access import Caller
    from custmerge.services.bulk_rows import Proofs
    from custmerge.storage.slots import Turn
    from custmerge.storage.unit import Database, Unit

CHUNK = 500
WAITS_SECONDS = 30
"""So long a chunk is tried again while others have the database locked: a part of the lease's time."""
GAP_SECONDS = 0.002
GAP_EVERY_SECONDS = 0.03
"""More gaps would only cost time where chunks are small."""
RENEWED_AFTER = timedelta(seconds=15)
"""So old a lease is renewed; each chunk renews it too."""
LISTED_AT_MOST = 100
T = TypeVar("T")


class Watcher(Protocol):
    """Whoever wants to know how it goes."""

    def outcome(self, outcome: Outcome) -> None:
        """Take note of what became of a row; rows come in their order."""

    def advanced(self, done: int, total: int) -> None:
        """Take note that `done` of `total` rows are decided: at the start, and again while it takes long."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a run gets from outside."""

    clock: Callable[[], datetime]
    new_salt: Callable[[], bytes]
    watcher: Watcher
    chunk: int = CHUNK
    """Rows of one transaction."""
    stop_on_error: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
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


def check(database: Database, caller: Caller, path: str, means: Means) -> Ran:
    """Say what a run would say, changing nothing; a file without passwords is looked at as if it were approved.

    Raises NotAllowed, BadFile, LockedOut and DatabaseError, where a run would.
    """
    demand(caller, Capability.MERGE_ANY)
    with _opened(path) as file:
        with database.reading() as unit:
            batch = unit.batches.newest_of(file.sha256)
        now = means.clock()
        is_whole = "password" not in file.columns or (batch is not None and approval_holds(batch, now))
        has_begun = batch is not None and goes_on(batch, now) and is_whole == approval_holds(batch, now)
        return _Check(database, caller, file, means).told(batch if has_begun else None, is_whole=is_whole)


def approvable(database: Database, caller: Caller, path: str, means: Means) -> Ran:
    """Return what is to be approved, as a run of the approved file would find it; verifies no passwords.

    Raises NotAllowed, BadFile, DatabaseError, and BatchApproved where it is approved already.
    """
    demand(caller, Capability.BULK_APPROVE)
    with _opened(path) as file:
        with database.reading() as unit:
            _demand_unapproved(unit.batches.newest_of(file.sha256), path, means.clock())
        return _Check(database, caller, file, means).told(None, is_whole=True)


def approve(database: Database, caller: Caller, path: str, ran: Ran, now: datetime) -> Batch:
    """Approve a file as it was checked, byte for byte, for somebody else to run within 7 days."""
    demand(caller, Capability.BULK_APPROVE)

    def write(unit: Unit) -> Batch:
        demand_alive(unit, caller)
        # Of two that approve a file at once, the second is to see the batch of the first.
        unit.chain.lock()
        _demand_unapproved(unit.batches.newest_of(ran.sha256, lock=True), path, now)
        # A run that began without it stays without it: rows that it has refused would stay refused.
        batch = Batch(0, ran.sha256, State.APPROVED, ran.rows, 0, 0, None, None, None, None, stamp(now))
        batch = replace(batch, id=unit.batches.add(batch))
        unit.batches.approve(batch.id, by=caller.name, person=person_of(caller), at=stamp(now))
        batch = replace(batch, approved_by=caller.name, approved_by_person=person_of(caller), approved_at=stamp(now))
        facts: dict[str, Fact] = {
            "batch": batch.id,
            "rows": ran.rows,
            "file_sha256": ran.sha256,
            "row_sha256": seals.of_approval(batch),
        }
        unit.chain.append([Draft(stamp(now), caller.actor, Action.BULK_APPROVE, facts)])
        return batch

    return database.attempt(write)


def _demand_unapproved(batch: Batch | None, path: str, now: datetime) -> None:
    if batch is not None and approval_holds(batch, now):
        raise BatchApproved(file=path, approved_by=batch.approved_by)


def run(database: Database, caller: Caller, path: str, means: Means) -> Ran:
    """Execute a file's rows, or go on where an earlier run was cut off.

    Raises BadFile, OwnBatch, BatchMoved where somebody else runs it, DatabaseError; what was committed stays.
    """
    demand(caller, Capability.MERGE_ANY)
    with (
        _opened(path) as file,
        turn_at(database, file.sha256) as turn,
        _Run(database, caller, file, means) as running,
    ):
        running.begin(turn)
        return running.to_the_end()


def status(database: Database, caller: Caller, path: str | None) -> tuple[Batch, ...]:
    """Return the newest batches, of one file or of all, newest first."""
    demand(caller, Capability.MERGE_ANY)
    sha256 = None
    if path is not None:
        with spooled(path, COLUMNS, REQUIRED) as file:
            sha256 = file.sha256
    with database.reading() as unit:
        return unit.batches.newest(sha256, LISTED_AT_MOST)


class _Check:
    """What a run of a file would say."""

    def __init__(self, database: Database, caller: Caller, file: SpooledFile, means: Means) -> None:
        self._database = database
        self._caller = caller
        self._file = file
        self._means = means
        self._counts = Counter[Result]()

    def told(self, begun: Batch | None, *, is_whole: bool) -> Ran:
        """Tell the watcher every row, those that `begun` has decided as it has; raises LockedOut."""
        total, done = self._file.count(), begun.done if begun else 0
        self._means.watcher.advanced(done, total)
        if begun is not None:
            with self._database.reading() as unit:
                self._tell(_decided(unit, begun, self._file))
        with Foresight(self._database, self._caller, self._means.clock()) as foresight:
            for rows in _chunks(self._file, done, self._means.chunk, split=not is_whole):
                still = partial(self._means.watcher.advanced, done, total)
                bench = Bench(self._database, self._caller, self._means.clock, foresight, still)
                found = Proved({}) if is_whole else proved(bench, rows)
                self._tell(foresight.outcomes(found.closed(rows), found.verdicts, is_whole=is_whole))
                if found.stopped_by is not None:
                    raise found.stopped_by
                done = rows[-1].row
                self._means.watcher.advanced(done, total)
        return Ran(None, self._file.sha256, total, self._counts)

    def _tell(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._counts[outcome.result] += 1
            self._means.watcher.outcome(outcome)


class _Run:
    """One run of one file."""

    def __init__(self, database: Database, caller: Caller, file: SpooledFile, means: Means) -> None:
        self._database = database
        self._caller = caller
        self._file = file
        self._means = means
        self._counts = Counter[Result]()
        self._batch: Batch
        self._is_whole = False
        self._is_continued = False
        self._turn: Turn | None = None
        self._gap_at = 0.0
        self._runner = means.new_salt().hex()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Let the next one go on at once, where the database still answers."""
        if self._turn is None or isinstance(error, DatabaseUnreachable):
            return
        with suppress(DatabaseError):
            self._database.attempt(lambda unit: unit.batches.release(self._batch.id, self._runner))
            self._turn.leave()

    def begin(self, turn: Turn) -> None:
        """Take the file's lease; raises OwnBatch, and BatchMoved where somebody else has it."""
        now = self._means.clock()
        # Looked at before anything is locked: a run that waits for a lock keeps its batch locked too.
        with self._database.reading() as unit:
            self._demand_free(unit.batches.open_of(self._file.sha256), turn, now)
        turn.enter(self._runner)
        rows = self._file.count()
        self._batch, self._is_whole = self._database.attempt(lambda unit: self._started(unit, turn, now, rows))
        self._turn = turn
        turn.settle(self._runner)

    def to_the_end(self) -> Ran:
        """Execute what is left of the file."""
        self._tell_earlier()
        self._tell_how_far()
        for rows in _chunks(self._file, self._batch.done, self._means.chunk, split=not self._is_whole):
            # Before the transaction: nobody is to wait for a lock while passwords are hashed.
            found = Proved({}) if self._is_whole else proved(self._bench(), rows)
            outcomes = self._committed(found.closed(rows), found.verdicts)
            for outcome in outcomes:
                self._tell(outcome)
            self._tell_how_far()
            if self._stops(outcomes):
                break
            if found.stopped_by is not None:
                # It says nothing about the rows that are left: they are tried when the lock has ended.
                raise found.stopped_by
        if self._batch.done >= self._batch.rows:
            self._database.attempt(lambda unit: unit.batches.finish(self._batch.id))
        return Ran(self._batch.id, self._file.sha256, self._batch.rows, self._counts)

    def _started(self, unit: Unit, turn: Turn, now: datetime, rows: int) -> tuple[Batch, bool]:
        """Return the batch to go on with, and whether it is authorised as a whole."""
        caller, file = self._caller, self._file
        found = unit.batches.open_of(file.sha256, lock=True)
        if not found:
            # Of two that begin a file at once, the second is to see the batch of the first.
            unit.chain.lock()
            found = unit.batches.open_of(file.sha256, lock=True)
        self._demand_free(found, turn, now)
        batch = found[0] if found else None
        is_whole = batch is not None and approval_holds(batch, now)
        if batch is not None and is_whole and batch.approved_by_person == person_of(caller):
            raise OwnBatch(file=file.path, approved_by=batch.approved_by)
        self._is_continued = batch is not None and goes_on(batch, now)
        if batch is None or not (is_whole or self._is_continued):
            batch = Batch(0, file.sha256, State.RUNNING, rows, 0, 0, None, None, None, caller.name, stamp(now))
            batch = replace(batch, id=unit.batches.add(batch))
        for other in found:
            if other.id != batch.id:
                unit.batches.finish(other.id)
        until = stamp(now + ALIVE_FOR)
        unit.batches.start(batch.id, by=caller.name, runner=self._runner, alive_until=until)
        return replace(batch, runner=self._runner, alive_until=until), is_whole

    def _demand_free(self, batches: Sequence[Batch], turn: Turn, now: datetime) -> None:
        if not is_free(batches, turn, now):
            raise BatchMoved(file=self._file.path)

    def _still_at_it(self) -> None:
        """Say so to who watches, and to the others, while passwords are verified."""
        self._tell_how_far()
        now, batch = self._means.clock(), self._batch
        if batch.alive_until is not None and stamp(now + ALIVE_FOR - RENEWED_AFTER) < batch.alive_until:
            return
        until = stamp(now + ALIVE_FOR)
        if not self._database.attempt(lambda unit: unit.batches.renew(batch.id, self._runner, until)):
            raise BatchMoved(file=self._file.path)
        self._batch = replace(batch, alive_until=until)

    def _tell_earlier(self) -> None:
        """Report the rows that an earlier run has decided; what it merged is `already` now."""
        if not self._batch.done:
            return
        with self._database.reading() as unit:
            for outcome in _decided(unit, self._batch, self._file):
                self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        self._counts[outcome.result] += 1
        self._means.watcher.outcome(outcome)

    def _tell_how_far(self) -> None:
        self._means.watcher.advanced(self._batch.done, self._batch.rows)

    def _bench(self) -> Bench:
        clock, batch = self._means.clock, self._batch.id
        is_continued = self._is_continued
        return Bench(self._database, self._caller, clock, AsItIs(), self._still_at_it, batch, is_continued)

    def _stops(self, outcomes: Sequence[Outcome]) -> bool:
        return self._means.stop_on_error and bool(outcomes) and outcomes[-1].result not in IS_WELL

    def _committed(self, rows: Sequence[BulkRow], proofs: Proofs) -> list[Outcome]:
        """Decide and execute rows; what the database refuses is halved until the one row is found."""
        if not rows:
            return []
        try:
            outcomes, batch = self._patiently(lambda unit: self._chunk(unit, rows, proofs))
        except DatabaseError as error:
            if type(error) is not DatabaseError:
                # Nothing is wrong with the rows: the database is away, locked, full.
                raise
            if len(rows) > 1:
                middle = len(rows) // 2
                first = self._committed(rows[:middle], proofs)
                return first if self._stops(first) else first + self._committed(rows[middle:], proofs)
            failed = [outcome_of(rows[0], error)]
            outcomes, batch = self._patiently(lambda unit: self._failed(unit, rows, failed))
        self._batch = batch
        self._leave_a_gap()
        return outcomes

    def _patiently(self, work: Callable[[Unit], T]) -> T:
        """Return what `work` returns, done in a transaction for which a run waits longer than a person would."""
        until = time.monotonic() + WAITS_SECONDS
        while True:
            try:
                return self._database.attempt(work)
            except DatabaseLocked:
                if time.monotonic() > until:
                    raise

    def _leave_a_gap(self) -> None:
        """Let others write to an SQLite file: it has no queue, and chunks follow each other closely."""
        if self._database.is_sqlite and time.monotonic() - self._gap_at > GAP_EVERY_SECONDS:
            time.sleep(GAP_SECONDS)
            self._gap_at = time.monotonic()

    def _chunk(self, unit: Unit, rows: Sequence[BulkRow], proofs: Proofs) -> tuple[list[Outcome], Batch]:
        self._demand_unmoved(unit)
        decided = Rows(unit, self._caller, rows, self._means.clock(), lock=True)
        for row in rows:
            if self._stops([decided.decide(row, proofs, self._means.new_salt, is_whole=self._is_whole)]):
                break
        return self._noted(unit, rows, decided.written(self._batch.id))

    def _failed(self, unit: Unit, rows: Sequence[BulkRow], outcomes: list[Outcome]) -> tuple[list[Outcome], Batch]:
        self._demand_unmoved(unit)
        return self._noted(unit, rows, outcomes)

    def _noted(self, unit: Unit, rows: Sequence[BulkRow], outcomes: list[Outcome]) -> tuple[list[Outcome], Batch]:
        """Write down how far the batch has come, in the transaction of the rows themselves."""
        # With --stop-on-error the row that stopped it is tried again by the next run.
        kept = outcomes
        if self._stops(outcomes):
            kept = outcomes[:-1]
        merged = self._batch.merged + sum(1 for one in kept if one.result is Result.MERGED)
        until = stamp(self._means.clock() + ALIVE_FOR)
        batch = replace(self._batch, done=self._batch.done + len(kept), merged=merged, alive_until=until)
        if kept:
            unit.batches.advance(batch, rows[0].row, packed(kept))
        return outcomes, batch

    def _demand_unmoved(self, unit: Unit) -> None:
        found = unit.batches.one(self._batch.id, lock=True)
        is_ours = found is not None and found.runner == self._runner and found.state is State.RUNNING
        if found is None or not is_ours or found.done != self._batch.done:
            raise BatchMoved(file=self._file.path)


@contextmanager
def _opened(path: str) -> Iterator[SpooledFile]:
    """Open a bulk file; raises BadFile for one that isn't one, or whose passwords others can read."""
    with spooled(path, COLUMNS, REQUIRED) as file:
        if "password" in file.columns and file.others_can_read:
            raise BadFile(file=path, why=N_("has passwords in it and can be read by others: run `chmod 600` on it"))
        yield file


def _decided(unit: Unit, batch: Batch, file: SpooledFile) -> Iterator[Outcome]:
    """Give what became of the rows that a batch has decided; what it merged is `already` now."""
    records = file.records()
    for _first, results in unit.batches.results(batch.id):
        for kept in json.loads(results):
            number, cells = next(records)
            yield unpacked(read_row(number, cells), kept)


def _chunks(file: SpooledFile, done: int, size: int, *, split: bool) -> Iterator[list[BulkRow]]:
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
