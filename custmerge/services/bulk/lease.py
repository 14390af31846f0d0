"""One run, or undo, of a bulk file at a time: a lease in the database, and a lock on a file of the user's.

The lease holds for every user and machine, and needs no connection that stays: behind a pooler the next transaction
may be another connection's. If a run is killed, its lease stays until it expires (60 s). The user's lock ends with
its process: the same user, who holds it next, knows that the lease is left over and goes on at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import (
    DatabaseError,
    DatabaseUnreachable,
    NotCommitted,
    OutcomeUnknown,
    PartNotCommitted,
    PartUnknown,
)
from custmerge.rules.bulk import ALIVE_FOR, Batch, State, is_alive
from custmerge.rules.history import stamp
from custmerge.storage.files.locks import FileRunLock, file_run_lock

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


class Lease:
    """What a process needs to run, or undo, a batch of a file; see `leased`."""

    def __init__(self, database: Database, lock: FileRunLock, token: str) -> None:
        self.runner = f"{lock.mark}-{token}"
        """What a batch's row has while this process runs or undoes it."""
        self.untouched: Batch | None = None
        """The batch as it was, until its first row is tried: that is how it is left where none is."""
        self._database = database
        self._lock = lock
        self._batch: int | None = None

    def is_free(self, batches: Sequence[Batch], now: datetime) -> bool:
        """Return whether nobody else runs or undoes one of a file's batches, as far as is known."""
        return self._lock.is_free and all(self._is_left_over(batch) or not is_alive(batch, now) for batch in batches)

    def taken(self, unit: Unit, batch: Batch, batches: Sequence[Batch]) -> None:
        """Note that this lease is that of `batch` now, and end left-over leases of other `batches` of its file."""
        for other in batches:
            if other.id != batch.id and other.runner is not None and self._is_left_over(other):
                unit.batches.release(other.id, other.runner)
        self._batch = batch.id

    def holds(self, batch: Batch | None) -> bool:
        """Return whether this is still a batch's lease: a process may sleep for longer than a lease lasts."""
        return batch is not None and batch.runner == self.runner

    def end(self) -> None:
        """End the lease: the next run goes on at once. A batch of which no row was tried is left as it was."""
        if self._batch is None:
            return
        with suppress(DatabaseError):
            for attempt in self._database.attempts():
                with attempt as unit:
                    if self.untouched is not None and self._is_running(unit, self.untouched.id):
                        unit.batches.give_back(self.untouched)
                    else:
                        unit.batches.release(self._batch, self.runner)
            self._lock.forget_mark()

    def _is_running(self, unit: Unit, number: int) -> bool:
        """Return whether a batch runs under this lease still: another command may have ended it."""
        batch = unit.batches.batch(number, lock=True)
        return batch is not None and batch.state is State.RUNNING and self.holds(batch)

    def _is_left_over(self, batch: Batch) -> bool:
        """Return whether a batch's lease is of a process that held this lock, and so has ended."""
        return batch.runner is not None and batch.runner.startswith(self._lock.mark)


def expiry(now: datetime) -> str:
    """Return when a lease expires that is taken or renewed now, see `history.stamp`."""
    return stamp(now + ALIVE_FOR)


@contextmanager
def leased(database: Database, sha256: str, token: str) -> Iterator[Lease]:
    """Give the lease of a file for a block, to be taken there; it ends with the block.

    Where the database can't be reached any more it stays until it expires. `token` is random.
    """
    name = hashlib.sha256(f"{database.identity}\n{sha256}".encode()).hexdigest()
    with file_run_lock(f"batch-{name}", token) as lock:
        lease = Lease(database, lock, token)
        is_away = False
        try:
            yield lease
        except DatabaseUnreachable:
            is_away = True
            raise
        finally:
            if not is_away:
                lease.end()


@contextmanager
def in_parts(how_far: Callable[[], tuple[int, int]]) -> Iterator[None]:
    """Say how much is done, of how much, where a block loses the connection: PartNotCommitted or PartUnknown."""
    try:
        yield
    except (NotCommitted, OutcomeUnknown) as error:
        done, total = how_far()
        part = PartNotCommitted if isinstance(error, NotCommitted) else PartUnknown
        raise part(**error.details, done=done, total=total) from None
