"""One run of one bulk file: its lease, its chunks and its progress."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from custmerge.errors import (
    ApprovalNeeded,
    ApprovalOver,
    ApprovalVoid,
    BatchMoved,
    DatabaseConflict,
    DatabaseError,
    NotApproved,
    OwnBatch,
    ReferenceRefused,
)
from custmerge.rules.bulk import (
    ALIVE_FOR,
    SUCCESSES,
    UNFINISHED,
    Batch,
    BulkRow,
    Outcome,
    Result,
    State,
    approval_holds,
    can_continue,
    outcome_of,
    packed,
)
from custmerge.rules.history import stamp
from custmerge.rules.proofs import ProofBy
from custmerge.services.access import Caller, SessionUse, person_of
from custmerge.services.approvals import approval_counts, with_present_state
from custmerge.services.bulk.file import Rows, RunOptions, RunSummary, decided, report
from custmerge.services.bulk.lease import Lease, expiry, in_parts
from custmerge.services.bulk.passwords import PasswordCheck, Proofs, demand_proofs, verified_chunks, with_proofs
from custmerge.storage.database import Database
from custmerge.storage.files.csv_file import SpooledFile
from custmerge.storage.unit import Unit

WAITS_SECONDS = 30
"""How long a chunk is retried while others have the database locked; shorter than the lease."""
GAP_SECONDS = 0.002
GAP_EVERY_SECONDS = 0.03
"""With small chunks, more gaps would only cost time."""
RENEWED_AFTER = timedelta(seconds=15)
"""A lease of this age is renewed; each chunk renews it too."""


class FileRun:
    """One run of one file."""

    def __init__(
        self, database: Database, caller: Caller, file: SpooledFile, options: RunOptions, lease: Lease
    ) -> None:
        self._database = database
        self._caller = caller
        self._file = file
        self._options = options
        self._counts = Counter[Result]()
        self._batch: Batch
        self._is_whole = False
        self._apart = False
        """Whether rows of one survivor go into chunks of their own, see `chunks`."""
        self._lease = lease
        self._earlier = frozenset[int]()
        """Batches of earlier runs of the file."""
        self._gap_at = 0.0
        self._use = SessionUse(database, caller, options.clock())

    def begin(self) -> None:
        """Take the file's lease; raises NotApproved, OwnBatch, and BatchMoved if another process has it."""
        # The file is read to its end first: one that isn't CSV is refused before anything else.
        rows = self._file.count()
        now = self._options.clock()
        # Checked before anything is locked: a run that waits for a lock keeps its batch locked too.
        with self._database.reading() as unit:
            batches = [with_present_state(unit, batch, now) for batch in unit.batches.of_file(self._file.sha256)]
            self._runnable(unit, batches, now)
            self._apart = unit.mapping.records_shift
        self._options.progress.accepted()
        for attempt in self._database.attempts():
            with attempt as unit:
                self._batch = self._started(unit, now, rows)
        self._check = PasswordCheck(
            database=self._database,
            caller=self._caller,
            now=self._options.clock,
            register_of=lambda unit: unit.register,
            keep_alive=self._keep_alive,
            batch=self._batch.id,
        )

    def to_the_end(self) -> RunSummary:
        """Execute the remaining rows; raises PartNotCommitted or PartUnknown if the connection is lost."""
        if self._batch.done:
            with self._database.reading() as unit:
                report(self._options.progress, self._counts, decided(unit, self._batch, self._file))
        self._report_progress()
        self._lease.untouched = None
        # The garbage collector should look only at what a chunk makes, not at everything that the program has loaded.
        gc.freeze()
        try:
            with in_parts(lambda: (self._batch.done, self._batch.rows)):
                self._execute()
        finally:
            gc.unfreeze()
        return RunSummary(self._batch.id, self._file.sha256, self._batch.rows, self._counts)

    def _execute(self) -> None:
        for rows, proofs in verified_chunks(
            self._check,
            self._file,
            self._batch.done,
            self._options.chunk,
            is_whole=self._is_whole,
            apart=self._apart,
        ):
            outcomes = self._committed(rows, proofs)
            report(self._options.progress, self._counts, outcomes)
            self._report_progress()
            if self._stops(outcomes):
                break
        if self._batch.done >= self._batch.rows:
            for attempt in self._database.attempts():
                with attempt as unit:
                    # The row stays as it is if another command has changed it meanwhile.
                    if self._holds(unit.batches.batch(self._batch.id, lock=True)):
                        unit.batches.finish(self._batch.id)

    def _started(self, unit: Unit, now: datetime, rows: int) -> Batch:
        """Return the batch that this run continues or begins, under its lease."""
        batches = self._batches(unit, now)
        batch = self._runnable(unit, batches, now)
        self._is_whole = batch is not None and approval_holds(batch, now)
        if batch is not None and self._is_whole and batch.approved_by_person == person_of(self._caller):
            raise OwnBatch(file=self._file.path, approved_by=batch.approved_by)
        if batch is not None and can_continue(batch, now):
            # This run repeats the password tries in which the run before was cut off.
            unit.guesses.forget_pending(batch.id)
            self._lease.untouched = None
        elif batch is not None and self._is_whole:
            self._lease.untouched = batch
        else:
            new = Batch(
                sha256=self._file.sha256, state=State.RUNNING, rows=rows, run_by=self._caller.name, at=stamp(now)
            )
            batch = unit.batches.add(new)
            self._lease.untouched = replace(batch, state=State.FINISHED)
        for earlier in batches:
            if earlier.id != batch.id and earlier.state in UNFINISHED:
                unit.batches.finish(earlier.id)
        self._earlier = frozenset(earlier.id for earlier in batches if earlier.id != batch.id)
        started = replace(batch, runner=self._lease.runner, alive_until=expiry(now))
        unit.batches.start(started, by=self._caller.name)
        self._lease.taken(unit, started, batches)
        return started

    def _batches(self, unit: Unit, now: datetime) -> list[Batch]:
        """Return the batches of the file, newest first, locked: nobody else begins to run or undo one meanwhile."""
        batches = unit.batches.of_file(self._file.sha256, lock=True)
        if not batches:
            # If two processes begin a file at once, the second has to see the batch of the first.
            unit.chain.lock()
            batches = unit.batches.of_file(self._file.sha256, lock=True)
        return [with_present_state(unit, batch, now) for batch in batches]

    def _runnable(self, unit: Unit, batches: Sequence[Batch], now: datetime) -> Batch | None:
        """Return the newest unfinished batch, None if there is none; raises BatchMoved, NotApproved."""
        if not self._lease.is_free(batches, now):
            raise BatchMoved(file=self._file.path)
        newest = next((batch for batch in batches if batch.state in UNFINISHED), None)
        if newest is not None and approval_holds(newest, now):
            return newest
        if unit.register.proof_by is ProofBy.NOTHING:
            raise ApprovalNeeded(file=self._file.path)
        if "password" not in self._file.columns:
            raise NotApproved(file=self._file.path)
        return newest

    def _keep_alive(self) -> None:
        """Renew the lease and report the progress, while passwords are verified."""
        self._report_progress()
        now, batch = self._options.clock(), self._batch
        self._use.note(now)
        if batch.alive_until is not None and stamp(now + ALIVE_FOR - RENEWED_AFTER) < batch.alive_until:
            return
        renewed = replace(batch, alive_until=expiry(now))
        for attempt in self._database.attempts():
            with attempt as unit:
                if not unit.batches.renew(renewed):
                    raise BatchMoved(file=self._file.path)
        self._batch = renewed

    def _report_progress(self) -> None:
        self._options.progress.advanced(self._batch.done, self._batch.rows)

    def _stops(self, outcomes: Sequence[Outcome]) -> bool:
        return self._options.stop_on_error and bool(outcomes) and outcomes[-1].result not in SUCCESSES

    def _committed(self, rows: Sequence[BulkRow], proofs: Proofs) -> list[Outcome]:
        """Decide and execute rows; a chunk that the database refuses is halved until the bad row is found."""
        if not rows:
            return []
        try:
            outcomes, batch = with_proofs(self._check, rows, proofs, self._chunk)
        except (DatabaseError, ReferenceRefused) as error:
            # The rows themselves: the database, or a host's constraint or trigger, refuses one.
            is_about_rows = type(error) is DatabaseError or isinstance(error, ReferenceRefused)
            if not is_about_rows and not (isinstance(error, DatabaseConflict) and len(rows) > 1):
                # The rows aren't the reason: the database is unreachable, locked or full.
                raise
            # A small chunk succeeds more easily where a large one keeps conflicting with other transactions.
            if len(rows) > 1:
                middle = len(rows) // 2
                first = self._committed(rows[:middle], proofs)
                return first if self._stops(first) else first + self._committed(rows[middle:], proofs)
            outcomes, batch = self._chunk(rows, proofs, refused_by=error)
        self._batch = batch
        self._use.note(self._options.clock())
        self._leave_a_gap()
        return outcomes

    def _leave_a_gap(self) -> None:
        """Let others write to an SQLite file: it has no queue of writers, and chunks follow each other closely."""
        if self._database.is_sqlite and time.monotonic() - self._gap_at > GAP_EVERY_SECONDS:
            time.sleep(GAP_SECONDS)
            self._gap_at = time.monotonic()

    def _chunk(
        self, rows: Sequence[BulkRow], proofs: Proofs, *, refused_by: DatabaseError | ReferenceRefused | None = None
    ) -> tuple[list[Outcome], Batch]:
        """Decide and execute rows in one transaction; with `refused_by`, record that the database refuses the row."""
        for attempt in self._database.attempts(wait_seconds=WAITS_SECONDS):
            with attempt as unit:
                self._demand_unmoved(unit)
                outcomes = [outcome_of(rows[0], refused_by)] if refused_by else self._executed(unit, rows, proofs)
                batch = self._noted(unit, rows, outcomes)
        return outcomes, batch

    def _executed(self, unit: Unit, rows: Sequence[BulkRow], proofs: Proofs) -> list[Outcome]:
        unit.find_by_index()
        now = self._options.clock()
        orders = Rows(unit, self._caller, rows, now, batch=self._batch.id, earlier=self._earlier)
        demand_proofs(unit, unit.register, rows, proofs)
        for row in rows:
            if self._stops([orders.decide(row, proofs, self._options.new_salt, is_whole=self._is_whole)]):
                break
        return orders.written()

    def _noted(self, unit: Unit, rows: Sequence[BulkRow], outcomes: list[Outcome]) -> Batch:
        """Write the batch's progress, in the transaction of the rows themselves."""
        # With --stop-on-error the next run tries the row that stopped this one again.
        kept = outcomes[:-1] if self._stops(outcomes) else outcomes
        merged = self._batch.merged + sum(1 for outcome in kept if outcome.result is Result.MERGED)
        until = expiry(self._options.clock())
        batch = replace(self._batch, done=self._batch.done + len(kept), merged=merged, alive_until=until)
        if kept:
            unit.batches.advance(batch, rows[0].row, [*map(packed, kept)])
        return batch

    def _demand_unmoved(self, unit: Unit) -> None:
        batch = unit.batches.batch(self._batch.id, lock=True)
        holds = self._holds(batch)
        if self._is_whole and batch is not None:
            if not approval_counts(unit, batch):
                raise ApprovalVoid(file=self._file.path, approved_by=batch.approved_by)
            if holds and not approval_holds(batch, max(self._options.clock(), unit.now())):
                raise ApprovalOver(file=self._file.path, approved_by=batch.approved_by)
        if not holds:
            raise BatchMoved(file=self._file.path)

    def _holds(self, batch: Batch | None) -> bool:
        """Return whether a batch is still as this run has written it."""
        written = State.RUNNING, self._batch.done
        return batch is not None and self._lease.holds(batch) and (batch.state, batch.done) == written
