"""Only one run or undo of a bulk file at a time: a lease in the database, and a lock on a file of the user.

The lease works across users and machines, and needs no permanent connection: behind a pooler the next transaction may
use another connection. If a run is killed, its lease stays until it expires (60 s). The user's lock ends with its
process: the next run of the same user holds the lock, so it knows that the lease is left over and continues at once.
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
    """The right of a process to run or undo a batch of a file; see `leased`."""

    def __init__(self, database: Database, lock: FileRunLock, token: str) -> None:
        self.runner = f"{lock.mark}-{token}"
        """The value in a batch's row while this process runs or undoes it."""
        self.untouched: Batch | None = None
        """The batch before this run, until its first row is tried: `end` restores it if no row is tried."""
        self._database = database
        self._lock = lock
        self._batch: int | None = None

    def is_free(self, batches: Sequence[Batch], now: datetime) -> bool:
        """Return whether no other process is known to run or undo one of a file's batches."""
        return self._lock.is_free and all(self._is_left_over(batch) or not is_alive(batch, now) for batch in batches)

    def taken(self, unit: Unit, batch: Batch, batches: Sequence[Batch]) -> None:
        """Remember that this is the lease of `batch`, and end left-over leases of other `batches` of its file."""
        for earlier in batches:
            if earlier.id != batch.id and earlier.runner is not None and self._is_left_over(earlier):
                unit.batches.release(earlier.id, earlier.runner)
        self._batch = batch.id

    def holds(self, batch: Batch | None) -> bool:
        """Return whether this is still a batch's lease; it isn't if the process was stopped until it expired."""
        return batch is not None and batch.runner == self.runner

    def end(self) -> None:
        """End the lease, so that the next run can start at once. A batch of which no row was tried is restored."""
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
        """Return whether a batch still runs under this lease: another command may have ended it."""
        batch = unit.batches.batch(number, lock=True)
        return batch is not None and batch.state is State.RUNNING and self.holds(batch)

    def _is_left_over(self, batch: Batch) -> bool:
        """Return whether a batch's lease is of an earlier holder of this lock, whose process has ended."""
        return batch.runner is not None and batch.runner.startswith(self._lock.mark)


def expiry(now: datetime) -> str:
    """Return when a lease that is taken or renewed now expires, see `history.stamp`."""
    return stamp(now + ALIVE_FOR)


@contextmanager
def leased(database: Database, sha256: str, token: str) -> Iterator[Lease]:
    """Yield the lease of a file for a block, which takes it; the lease ends with the block.

    If the database can't be reached any more, the lease stays until it expires. `token` is random.
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
    """Raise PartNotCommitted or PartUnknown, with how much is done, if a block loses the connection."""
    try:
        yield
    except (NotCommitted, OutcomeUnknown) as error:
        done, total = how_far()
        part = PartNotCommitted if isinstance(error, NotCommitted) else PartUnknown
        raise part(**error.details, done=done, total=total) from None
