"""A database, and its transactions: everything in one happens or nothing does."""

from __future__ import annotations

import gc
import sys
import time
from contextlib import contextmanager
from functools import cached_property
from random import random
from traceback import clear_frames
from typing import TYPE_CHECKING, TypeVar

from custmerge.errors import (
    DatabaseConflict,
    DatabaseError,
    DatabaseLocked,
    DatabaseUnreachable,
    NotCommitted,
    OutcomeUnknown,
    is_interrupt,
)
from custmerge.settings import shown_url
from custmerge.storage import clock, schema
from custmerge.storage.engine import (
    LOCK_TIMEOUT_SECONDS,
    WAIT_SECONDS,
    WRITES,
    demand_unchanged,
    is_sqlite,
    libpq_place,
    open_engine,
    our_errors,
    sqlite_path,
)
from custmerge.storage.ledger.history import Chain
from custmerge.storage.search_path import SERVER_FIRST
from custmerge.storage.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy import Connection, Engine

    from custmerge.rules.history import Entry
    from custmerge.storage.clock import Clock


RETRY_AFTER_SECONDS = tuple(min(0.01 * 2**time, 1.28) for time in range(16))
"""In all about 13 s, so that even the unluckiest of many writers on a SERIALIZABLE server gets its turn."""
RECONNECT_AFTER_SECONDS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""So long a server that was lost at a commit is waited for, to ask it what became of it: it may be starting again."""
UPGRADE_SECONDS = 60.0
"""So long who makes tables waits for somebody else who does."""
_ALONE = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.pg_advisory_xact_lock(27995161429370226)"
"""Lets one process at a time make tables: the key is our name, and what follows sees what the one before made."""

T = TypeVar("T")


class _Attempt:
    """One try of a transaction. It has begun when its block is entered, for a block can't be skipped."""

    def __init__(self, transaction: AbstractContextManager[Unit], waits_until: float) -> None:
        self.is_done = False
        self.had_conflict = False
        self._transaction = transaction
        self._waits_until = waits_until
        """By `time.monotonic`: until then it is to be tried again where others have the database locked."""

    def begin(self) -> bool:
        """Begin the transaction; returns False where it is to be tried again."""
        try:
            self._unit = self._transaction.__enter__()
        except DatabaseLocked as error:
            if not self._is_to_be_repeated(error):
                raise
            return False
        return True

    def __enter__(self) -> Unit:
        return self._unit

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            self._transaction.__exit__(kind, error, traceback)
        except DatabaseLocked as locked:
            if not self._is_to_be_repeated(locked):
                raise
            return True
        self.is_done = error is None
        return isinstance(error, DatabaseLocked) and self._is_to_be_repeated(error)

    def _is_to_be_repeated(self, error: DatabaseLocked) -> bool:
        self.had_conflict = isinstance(error, DatabaseConflict)
        return self.had_conflict or time.monotonic() <= self._waits_until


class Database:
    """A database that is opened when it is first needed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._checked = False
        self._open: Connection | None = None
        """The transaction that goes on."""
        self._clock: Clock | None = None

    @property
    def name(self) -> str:
        """The URL without its password."""
        return shown_url(self.url)

    @property
    def identity(self) -> str:
        """What tells this database from others: a file's whole path, or where libpq connects to."""
        return str(sqlite_path(self.url).resolve()) if self.is_sqlite else libpq_place(self.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite's."""
        return self.url.startswith("sqlite:")

    def now(self) -> datetime:
        """Return this moment, the same one for everybody who works on this database.

        PostgreSQL: by the server's clock, whatever the caller's machine says. SQLite: by this machine's, which is
        never behind the newest history entry; raises ClockBehind where it is by more than a minute.
        """
        if self._clock is None or self._clock.is_old:
            if self._open is not None:
                self._clock = clock.read(self._open, self.url)
            else:
                with self._transaction(self._engine, writes=False) as connection:
                    self._clock = clock.read(connection, self.url)
        return self._clock.now()

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        """One transaction that writes nothing and sees one moment; raises DatabaseError for what is refused."""
        with self._transaction(self._engine, writes=False) as connection:
            yield Unit(connection)

    @contextmanager
    def writing(self) -> Iterator[Unit]:
        """One transaction that is committed at the end of the block and rolled back by any exception.

        For what can't be begun anew; everything else is an `attempt`. Where the connection is lost at the commit
        itself, the history tells whether it was done, which then ends the block as if nothing had been, or raises
        NotCommitted; OutcomeUnknown if it can't be asked. A block that writes no history raises DatabaseUnreachable.
        """
        unit, is_whole = None, False
        try:
            with self._transaction(self._engine, writes=True) as connection:
                unit = Unit(connection)
                yield unit
                is_whole = True
        except DatabaseUnreachable as error:
            if unit is None:
                raise
            # An entry's hash comes out of everything before it, so it is the transaction's own name.
            entry = unit.chain.appended if is_whole else None
            if is_whole and (entry is None or self._has(entry, error)):
                if entry is None:
                    raise
                return
            if self.is_sqlite:
                # There a lost connection is a disk that fails, and the error says so.
                raise
            raise NotCommitted(**error.details) from None

    def attempts(self, *, wait_seconds: float = 0.0) -> Iterator[AbstractContextManager[Unit]]:
        """One transaction that is committed, tried again where the database broke it off because of others.

        With `wait_seconds` it is also tried again, for so long, where others have the database locked.

        `for attempt in database.attempts(): with attempt as unit: …`. The block has to be one that can be run
        again, and must not be left by `return`, `break` or `continue`: nobody could take that back if the commit
        fails. Take its result behind the loop. Raises what the block raises and DatabaseError.
        """
        waits_until = time.monotonic() + wait_seconds
        for pause in RETRY_AFTER_SECONDS:
            had_conflict = False
            while not had_conflict:
                attempt = _Attempt(self.writing(), waits_until)
                if attempt.begin():
                    yield attempt
                if attempt.is_done:
                    return
                had_conflict = attempt.had_conflict
            # Not all at the same moment again.
            time.sleep(pause * (0.5 + random()))  # noqa: S311 (no secret)
        yield self.writing()

    def attempt(self, work: Callable[[Unit], T]) -> T:
        """Return what `work` returns, done in `attempts`."""
        for attempt in self.attempts():
            with attempt as unit:
                result = work(unit)
        return result

    def at_once(self, work: Callable[[Unit], object], *, wait_seconds: float = 0.0) -> bool:
        """Do what can be left undone, in one transaction, and return whether it was done.

        It isn't where the database is locked for longer than `wait_seconds`, read-only, full or away.
        """
        try:
            with self._transaction(self._engine, writes=True, wait_seconds=wait_seconds) as connection:
                work(Unit(connection))
        except DatabaseError:
            return False
        return True

    def upgrade(self, then: Callable[[Unit, str, datetime], None] | None = None) -> str | None:
        """Create the database's tables or bring them to this version; returns the version before, None if new.

        `then` is called in the same transaction, with the version before and the database's time, where that was
        an older version.
        """
        from custmerge.storage import rights

        engine = open_engine(self.url, create=True)
        with _disposed(engine), our_errors(self.url), engine.connect() as connection, connection.begin():
            if not self.is_sqlite:
                waits = [f"SET LOCAL lock_timeout = {_milliseconds(wait)}" for wait in (UPGRADE_SECONDS, None)]
                connection.exec_driver_sql(f"{waits[0]}; {_ALONE}; {SERVER_FIRST}; {waits[1]}")
            before = schema.upgrade(connection, self.url)
            if before is None or before == schema.VERSIONS[-1]:
                return before
            rights.give_to_owner(connection)
            if then is not None:
                then(Unit(connection), before, clock.read(connection, self.url).now())
        return before

    def grant(self, role: str) -> None:
        """Give a PostgreSQL role what the commands need and nothing more, see `storage.rights`."""
        from custmerge.storage import rights

        with self.writing() as unit:
            rights.grant(unit._connection, role)  # noqa: SLF001 (a unit is this module's own)

    def close(self) -> None:
        """Give the connection back, if there is one; the next unit opens a new one."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def _has(self, entry: Entry, lost: DatabaseError) -> bool:
        """Return whether the history has an entry that was to be committed when the connection was lost."""
        for pause in RECONNECT_AFTER_SECONDS:
            time.sleep(pause)
            self.close()
            try:
                with self._transaction(self._engine, writes=True) as connection:
                    chain = Chain(connection)
                    # The server may not know yet that we are gone: whoever holds the end of the chain has to be done.
                    chain.lock()
                    return chain.has(entry)
            except DatabaseError:
                continue
        raise OutcomeUnknown(**lost.details)

    def _end_what_was_interrupted(self) -> None:
        """Roll back the transaction that Ctrl-C broke off in a place where nobody could.

        Its traceback keeps it open, or the connection does that was on its way back to the pool. Whoever cleans up
        after an interrupt begins a transaction, and would wait for that one.
        """
        error = sys.exc_info()[1]
        if is_interrupt(error):
            _clear_frames_of(error)
            self._open = None
            self.close()

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self.url)

    @contextmanager
    def _transaction(
        self, engine: Engine, *, writes: bool, wait_seconds: float | None = None
    ) -> Iterator[Connection]:
        self._end_what_was_interrupted()
        with our_errors(self.url), engine.connect() as opened:
            connection = opened.execution_options(**{WRITES: writes, WAIT_SECONDS: wait_seconds})
            with connection.begin():
                if not is_sqlite(connection):
                    mode = "" if writes else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; "
                    patience = f"SET LOCAL lock_timeout = {_milliseconds(wait_seconds)}"
                    connection.exec_driver_sql(f"{mode}{patience}; {SERVER_FIRST}")
                # Who writes asks every time: an upgrade may have come since.
                if writes or not self._checked:
                    schema.demand_current(connection, self.url)
                    self._checked = True
                outer, self._open = self._open, connection
                try:
                    yield connection
                finally:
                    self._open = outer
                demand_unchanged(connection, self.url)


def _milliseconds(wait_seconds: float | None) -> int:
    """Return a waiting time as PostgreSQL takes it, for which 0 is for ever."""
    seconds = LOCK_TIMEOUT_SECONDS if wait_seconds is None else wait_seconds
    return max(round(seconds * 1000), 1)


@contextmanager
def _disposed(engine: Engine) -> Iterator[None]:
    """Close an engine's connections at the end of the block."""
    try:
        yield
    finally:
        engine.dispose()


def _clear_frames_of(error: BaseException | None) -> None:
    """End what the frames of a traceback, and of those behind it, hold open."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__
    # What the libraries have in circles.
    gc.collect()
