"""A database and its transactions, each of which is committed completely or not at all."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import random
from traceback import clear_frames

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from custmerge.database_url import shown_url
from custmerge.errors import (
    ClockBehind,
    DatabaseConflict,
    DatabaseError,
    DatabaseLocked,
    DatabaseUnreachable,
    MappingChanged,
    NotCommitted,
    NotOwnerToAttach,
    OutcomeUnknown,
    SchemaChanged,
    is_interrupt,
)
from custmerge.rules.history import CLOCK_TOLERANCE, Entry, stamp
from custmerge.storage.dialect import WAIT_SECONDS, WRITES, dialect_for, open_engine, translated_errors
from custmerge.storage.register.mapping import OWN, RegisterMapping
from custmerge.storage.tables import VERSIONS
from custmerge.storage.unit import Unit, demand_version

RETRY_AFTER_SECONDS = tuple(min(0.01 * 2**time, 1.28) for time in range(16))
"""In total about 13 s, so that each of many writers on a SERIALIZABLE server gets its turn."""
RECONNECT_AFTER_SECONDS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Pauses before a server is asked about a commit whose connection was lost: it may be restarting."""
UPGRADE_SECONDS = 60.0
"""How long an upgrade waits for another one."""
CLOCK_COUNTS_SECONDS = 60
"""How long the database's time is continued by this machine's clock before it is read again."""


class _Attempt:
    """One try of a transaction, which begins before its block is entered, because a block can't be skipped."""

    def __init__(self, waits_until: float) -> None:
        self.is_done = False
        self.had_conflict = False
        self._waits_until = waits_until
        """By `time.monotonic`: until then the transaction is retried while others have the database locked."""

    @contextmanager
    def block(self, transaction: ExitStack, unit: Unit) -> Iterator[Unit]:
        """Run the caller's block in the transaction that has begun, and end the transaction."""
        with self.ignoring_conflicts():
            with transaction:
                yield unit
            self.is_done = True

    @contextmanager
    def ignoring_conflicts(self) -> Iterator[None]:
        """Suppress the errors after which the transaction is retried."""
        try:
            yield
        except DatabaseLocked as error:
            self.had_conflict = isinstance(error, DatabaseConflict)
            if not self.had_conflict and time.monotonic() > self._waits_until:
                raise


def _uptime() -> float:
    # On Linux only this clock counts the time in which the machine is suspended.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that starts at `moment` when it is made and is continued by this machine's clock."""

    moment: datetime
    counted: float = field(default_factory=_uptime)

    @property
    def is_old(self) -> bool:
        """Whether the database's time has to be read again."""
        return _uptime() - self.counted > CLOCK_COUNTS_SECONDS

    def now(self) -> datetime:
        """Return the time at this moment."""
        return self.moment + timedelta(seconds=_uptime() - self.counted)


class Database:
    """A database that is opened when it is first needed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._dialect = dialect_for(url)
        self._checked = False
        self._open: Unit | None = None
        """The unit of the transaction that is open."""
        self._clock: Clock | None = None
        self._mapping: str | None = None
        """The SHA-256 of the mapping that held when the version was checked, None for our own tables."""
        self._mappings: dict[str | None, RegisterMapping] = {None: OWN}
        """What was built of each mapping, by its SHA-256."""
        self._compared: str | None = None
        """The SHA-256 of the mapping whose tables were found to be as they were attached."""
        self._misses_something = False
        """Whether the last transaction ended because a table or column of a host isn't there."""

    @property
    def name(self) -> str:
        """The URL without its password."""
        return shown_url(self.url)

    @property
    def identity(self) -> str:
        """The identity of the database: a file's absolute path, or the place to which libpq connects."""
        return self._dialect.place(self.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is an SQLite file."""
        return not self._dialect.is_server

    def now(self) -> datetime:
        """Return the present time, the same for everybody who works on this database.

        PostgreSQL: by the server's clock, whatever this machine's says. SQLite: by this machine's, but never before
        the newest history entry; raises ClockBehind if it is more than a minute behind that.
        """
        if self._clock is None or self._clock.is_old:
            with self.reading() if self._open is None else nullcontext(self._open) as unit:
                self._clock = self._database_clock(unit)
        return self._clock.now()

    def _database_clock(self, unit: Unit) -> Clock:
        """Return a clock with the database's time; raises ClockBehind on SQLite."""
        if (server_time := unit.server_time()) is not None:
            # The clock starts when the answer has arrived, so that no process is ahead of the server.
            return Clock(server_time)
        local, newest = datetime.now(UTC), unit.chain.newest_moment()
        if newest is not None and newest - local > CLOCK_TOLERANCE:
            raise ClockBehind(database=self.name, now=stamp(local), newest=stamp(newest))
        return Clock(max(local, newest or local))

    def reading(self) -> AbstractContextManager[Unit]:
        """Return a transaction that writes nothing and sees the state of one moment; raises DatabaseError."""
        return self._transaction(writes=False)

    def reading_host(self) -> AbstractContextManager[Unit]:
        """Return a transaction that only looks at a host's tables: the database may have none of custmerge's."""
        return self._transaction(writes=False, needs_version=False)

    @contextmanager
    def writing(self) -> Iterator[Unit]:
        """Yield a transaction that is committed at the end of the block and rolled back by any exception.

        Only for a block that can't be repeated; others use `attempts`. If the connection is lost during the commit,
        the history shows whether the transaction was committed: if so, the block ends as usual, if not, it raises
        NotCommitted; OutcomeUnknown if the history can't be read. A block that writes no history raises
        DatabaseUnreachable.
        """
        unit, is_whole = None, False
        try:
            with self._transaction(writes=True) as unit:
                yield unit
                is_whole = True
        except DatabaseUnreachable as error:
            # An entry's hash depends on everything before it, so it identifies the transaction.
            entry = unit.chain.appended if unit is not None and is_whole else None
            if unit is None or (is_whole and entry is None):
                raise
            if entry is not None and self._has(entry, error):
                return
            if not self._dialect.is_server:
                # For a file, a lost connection means that the disk fails, and the error says so.
                raise
            raise NotCommitted(**error.details) from None

    def attempts(self, *, wait_seconds: float = 0.0) -> Iterator[AbstractContextManager[Unit]]:
        """Yield transactions until one is committed: the database may abort one because of a conflict with others.

        With `wait_seconds`, the transaction is also retried for this time while others have the database locked.

        `for attempt in database.attempts(): with attempt as unit: …`. The block must be repeatable, and must not be
        left by `return`, `break` or `continue`, because a failed commit couldn't repeat it then. Use its result after
        the loop. Raises the errors of the block and DatabaseError.
        """
        waits_until = time.monotonic() + wait_seconds
        for pause in RETRY_AFTER_SECONDS:
            had_conflict = False
            while not had_conflict:
                attempt, transaction, unit = _Attempt(waits_until), ExitStack(), None
                with attempt.ignoring_conflicts():
                    unit = transaction.enter_context(self.writing())
                if unit is not None:
                    yield attempt.block(transaction, unit)
                if attempt.is_done:
                    return
                had_conflict = attempt.had_conflict
            # At random, so that processes don't retry at the same moment again.
            time.sleep(pause * (0.5 + random()))  # noqa: S311 (no secret)
        yield self.writing()

    def try_once(self, work: Callable[[Unit], object], *, wait_seconds: float = 0.0) -> bool:
        """Do optional work in one transaction, and return whether it was done.

        It isn't done if the database is locked for longer than `wait_seconds`, read-only, full or unreachable, or if
        a host's tables were changed since they were attached.
        """
        try:
            with self._transaction(writes=True, wait_seconds=wait_seconds) as unit:
                work(unit)
        except (DatabaseError, SchemaChanged):
            return False
        return True

    def upgrade(self, then: Callable[[Unit, str, datetime], None] | None = None) -> str | None:
        """Create the database's tables or bring them to this version; returns the version before, None if new.

        After an upgrade from an older version, `then` is called in the same transaction with that version and the
        database's time.
        """
        from custmerge.storage import schema

        engine = open_engine(self.url, create=True)
        try:
            with translated_errors(self.url), engine.begin() as connection:
                self._dialect.begin_upgrade(connection, UPGRADE_SECONDS)
                before = schema.upgrade(connection, self.url)
                if before is None or before == VERSIONS[-1]:
                    return before
                unit = Unit(connection, self._mapping_of(connection, demand_version(connection, self.url)))
                unit.rights.give_to_owner()
                if then is not None:
                    then(unit, before, self._database_clock(unit).now())
            return before
        finally:
            engine.dispose()

    @contextmanager
    def attaching(self) -> Iterator[tuple[Unit, datetime]]:
        """Yield a transaction in which a mapping may be stored, and the database's time.

        A database without custmerge's tables gets those of the ledger. No other transaction writes meanwhile; the
        next one of each process reads the mapping again. Raises NotOwnerToAttach, and DatabaseError.
        """
        from custmerge.storage import schema

        engine = open_engine(self.url)
        try:
            with translated_errors(self.url), engine.begin() as connection:
                self._dialect.begin_upgrade(connection, UPGRADE_SECONDS)
                if schema.version(connection) is None:
                    schema.upgrade(connection, self.url, has_register=False)
                if (user := Unit(connection).rights.non_owner()) is not None:
                    raise NotOwnerToAttach(user=user)
                schema.keep_out(connection)
                unit = Unit(connection, self._mapping_of(connection, demand_version(connection, self.url)))
                yield unit, self._database_clock(unit).now()
        finally:
            engine.dispose()
        self._mappings, self._checked, self._compared = {None: OWN}, False, None

    def close(self) -> None:
        """Close the connection, if there is one; the next unit opens a new one."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def _has(self, entry: Entry, lost: DatabaseError) -> bool:
        """Return whether an entry, whose commit lost its connection, is in the history; raises OutcomeUnknown."""
        for pause in RECONNECT_AFTER_SECONDS:
            time.sleep(pause)
            self.close()
            try:
                with self._transaction(writes=True) as unit:
                    # The server may not have noticed the loss yet: the lost transaction may still hold the head.
                    unit.chain.lock()
                    return unit.chain.has(entry)
            except DatabaseError:
                continue
        raise OutcomeUnknown(**lost.details)

    def _end_interrupted(self) -> None:
        """Roll back a transaction that Ctrl-C interrupted at a place where nothing could roll it back.

        The traceback keeps it open, or its connection on the way back to the pool. Code that cleans up after an
        interrupt begins a new transaction, which would wait for the interrupted one.
        """
        error = sys.exc_info()[1]
        if error is not None and is_interrupt(error):
            _clear_frames_of(error)
            self._open = None
            self.close()

    def _mapping_of(self, connection: Connection, sha256: str | None) -> RegisterMapping:
        return self._mappings.get(sha256) or self._built(connection, sha256)

    def _built(self, connection: Connection, sha256: str | None) -> RegisterMapping:
        """Return the register of a mapping that is used for the first time; raises MappingChanged."""
        from custmerge.rules.attach.names import with_names_of
        from custmerge.rules.host_schema import schema_of
        from custmerge.rules.mapping.file import read_mapping
        from custmerge.storage.ledger.mappings import Mappings
        from custmerge.storage.register.attached.register import attached

        stored = None if sha256 is None else Mappings(connection).stored(sha256)
        if stored is None:
            raise MappingChanged(database=self.name, sha256=sha256)
        schema = schema_of(stored.catalogue)
        built = attached(with_names_of(schema, read_mapping(stored.text)), schema)
        self._mappings[sha256] = built
        return built

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self.url)

    @contextmanager
    def _transaction(
        self, *, writes: bool, wait_seconds: float | None = None, needs_version: bool = True
    ) -> Iterator[Unit]:
        self._end_interrupted()
        with self._changes_named(), translated_errors(self.url), self._engine.connect() as opened:
            connection = opened.execution_options(**{WRITES: writes, WAIT_SECONDS: wait_seconds})
            with self._dialect.ending_refused(connection), connection.begin():
                # A transaction that writes checks every time: the database may have been upgraded since.
                if needs_version and (writes or not self._checked):
                    self._mapping = demand_version(connection, self.url)
                    self._checked = True
                mapping = self._mapping_of(connection, self._mapping) if needs_version else OWN
                unit = Unit(connection, mapping)
                if writes and self._mapping != self._compared:
                    # Once in a process: reading the catalogue takes longer than many a transaction.
                    unit.demand_schema(self.url)
                    self._compared = self._mapping
                outer, self._open = self._open, unit
                try:
                    yield unit
                except (DBAPIError, self._dialect.driver_error) as error:
                    self._misses_something = self._dialect.is_gone(error) and not unit.mapping.is_ours
                    raise
                finally:
                    self._open = outer
                self._dialect.demand_unchanged(connection, self.url)

    @contextmanager
    def _changes_named(self) -> Iterator[None]:
        """Give a block for a transaction; raises SchemaChanged where it missed a host's table that has gone."""
        try:
            yield
        except DatabaseError:
            misses_something, self._misses_something = self._misses_something, False
            if misses_something:
                with self._transaction(writes=False) as unit:
                    unit.demand_schema(self.url)
            raise


def _clear_frames_of(error: BaseException | None) -> None:
    """Release everything that the frames of an error's traceback, and of its contexts, hold open."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__
    # Frees objects that the libraries keep in reference cycles.
    gc.collect()
