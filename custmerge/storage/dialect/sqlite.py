"""SQLite: making a file and connecting to it, what its errors mean, and the SQL that only it has."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from random import random
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Connection, Engine, LargeBinary, Text, cast, create_engine, event, func
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.types import TypeEngine

from custmerge import errors, files
from custmerge.database_url import shown_url, sqlite_path, sqlite_timeout
from custmerge.errors import N_
from custmerge.rules.normalise import lower
from custmerge.storage.dialect import LOCK_TIMEOUT_SECONDS, WAIT_SECONDS, WRITES, Row, by_driver

LOOK_AGAIN_AFTER_SECONDS = 0.001
"""How long a transaction that waits for the file waits between two tries."""
_OURS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'custmerge_version'"
_NOT_UTF_8 = "Could not decode to UTF-8"
_MEANINGS: dict[str, type[errors.DatabaseError]] = {
    "SQLITE_BUSY": errors.DatabaseLocked,
    "SQLITE_LOCKED": errors.DatabaseLocked,
    "SQLITE_READONLY": errors.DatabaseReadOnly,
    "SQLITE_FULL": errors.DatabaseFull,
    "SQLITE_IOERR": errors.DatabaseUnreachable,
    "SQLITE_CANTOPEN": errors.DatabaseUnreachable,
    "SQLITE_NOTADB": errors.NotADatabase,
    "SQLITE_CORRUPT": errors.NotADatabase,
}


# Any: the driver's own connection.
def _broken_references(raw: Any) -> Counter[Row]:  # noqa: ANN401
    """Return table, row, parent and foreign key of every row that refers to nothing."""
    return Counter(map(tuple, raw.execute("PRAGMA foreign_key_check").fetchall()))


class SQLite:
    """A database in an SQLite file."""

    is_server = False
    driver_error = sqlite3.Error
    upsert = Insert
    """SQLite's INSERT … ON CONFLICT."""

    def place(self, url: str) -> str:
        """Return the file's absolute path."""
        return str(sqlite_path(url).resolve())

    def open_engine(self, url: str, *, create: bool) -> Engine:
        """Return an engine for a file."""
        given = sqlite_timeout(url)
        timeout = LOCK_TIMEOUT_SECONDS if given is None else given
        engine = create_engine(
            "sqlite://", creator=lambda: _connect(url, timeout, create=create), pool_reset_on_return=None
        )
        event.listen(engine, "begin", lambda connection: _begin(connection, timeout))
        return engine

    def begin_upgrade(self, connection: Connection, wait_seconds: float) -> None:
        """Do nothing: a transaction that writes has locked the file."""

    @contextmanager
    def ending_refused(self, connection: Connection) -> Iterator[None]:
        """Give a block for a transaction; SQLite leaves it open where it refuses the commit for a foreign key.

        Raises RowsRefused with the tables whose rows would refer to nothing.
        """
        try:
            yield
        except BaseException as error:
            # SQLAlchemy takes it for ended.
            if connection.invalidated or not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
                raise
            # Any: the driver's own connection.
            raw: Any = connection.connection.driver_connection
            refers_to_nothing = "FOREIGN KEY" in str(_driver_error(error)) and self.is_refused(error)
            after = _broken_references(raw) if refers_to_nothing else Counter()
            connection.connection.rollback()
            # A host may have rows that refer to nothing already.
            if broken := after - _broken_references(raw) if after else None:
                tables, parents = (", ".join(sorted({str(each[place]) for each in broken})) for place in (0, 2))
                raise errors.RowsRefused(table=tables, by=parents) from None
            raise

    def demand_unchanged(self, connection: Connection, url: str) -> None:
        """Raise DatabaseConflict if another process wrote to a file that was read without a lock."""
        raw = connection.connection.driver_connection
        if isinstance(raw, _FrozenConnection) and raw.is_changed():
            # The next connection reads the file's state again.
            connection.invalidate()
            raise errors.DatabaseConflict(database=shown_url(url), reason=N_("changed while it was read"))

    def rows_of_all(self, connection: Connection, statements: Iterable[tuple[str, Row]]) -> list[list[Row]]:
        """Return the rows of each of several queries; SQLite takes five times as long if all are open at once."""
        return [by_driver(connection, statement, parameters).fetchall() for statement, parameters in statements]

    def find_by_index(self, connection: Connection) -> None:
        """Do nothing: SQLite always uses an index if there is one."""

    def server_time(self, connection: Connection) -> datetime | None:  # noqa: ARG002 (there is no server)
        """Return None."""
        return None

    def meaning(self, url: str, error: BaseException) -> errors.CustmergeError:
        """Return what an error means by SQLite's name for it."""
        error, database = _first(error), shown_url(url)
        name, reason = getattr(error, "sqlite_errorname", ""), str(error)
        if reason.startswith(_NOT_UTF_8):
            # The cell's content follows in the message and mustn't be shown.
            return errors.TextUnreadable(database=database, reason=reason.partition(" with text")[0])
        # Imported here because it needs `tempfile`, which most commands don't need.
        from custmerge.storage.files.temporary import fuller_than

        if name.startswith("SQLITE_FULL") and (full := fuller_than(sqlite_path(url).absolute().parent)):
            return errors.TemporaryFilesFailed(directory=full, reason=os.strerror(errno.ENOSPC))
        with suppress(OSError):
            if name.startswith("SQLITE_CANTOPEN") and not sqlite_path(url).exists():
                return errors.DatabaseMissing(database=database)
        meaning = next((_MEANINGS[prefix] for prefix in _MEANINGS if name.startswith(prefix)), errors.DatabaseError)
        return meaning(database=database, reason=reason)

    def is_gone(self, error: BaseException) -> bool:
        """Return whether the message says that a table or column is missing: SQLite has no code for it."""
        error = _driver_error(error)
        return isinstance(error, sqlite3.Error) and str(error).startswith(("no such table", "no such column"))

    def is_odd_data(self, error: BaseException) -> bool:
        """Return whether the message says that a text isn't JSON."""
        error = _driver_error(error)
        return isinstance(error, sqlite3.Error) and any(s in str(error) for s in ("malformed JSON", "JSON cannot"))

    def is_unreadable(self, error: BaseException) -> bool:
        """Return whether the message says that a text isn't UTF-8: SQLite stores any bytes as a text."""
        return str(_driver_error(error)).startswith(_NOT_UTF_8)

    def is_refused(self, error: BaseException) -> bool:
        """Return whether the error is the driver's IntegrityError."""
        return isinstance(_driver_error(error), sqlite3.IntegrityError)

    def insert_rows(self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows by `executemany`."""
        if rows:
            names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
            by_driver(connection, f"INSERT INTO {table} ({names}) VALUES ({marks})", rows, many=True)  # noqa: S608 (names of ours)

    def update_rows(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row], emptied: Sequence[str]
    ) -> None:
        """Write rows by `executemany`; the first column is the key."""
        if rows:
            key, *written = columns
            values = [f"{name} = ?{place}" for place, name in enumerate(written, start=2)]
            changes = ", ".join([*values, *(f"{name} = ''" for name in emptied)])
            by_driver(connection, f"UPDATE {table} SET {changes} WHERE {key} = ?1", rows, many=True)  # noqa: S608 (names of ours)

    # Any: a type of any kind.
    def keys_type(self, kind: TypeEngine[Any]) -> Text:  # noqa: ARG002 (JSON holds every kind)
        """Return the type of a text."""
        return Text()

    def keys(self, values: Iterable[str | int]) -> str:
        """Return keys as JSON."""
        return json.dumps(list(values))

    def among(self, keys: str) -> str:
        """Return the condition that the left side is in a JSON array."""
        return f"IN (SELECT value FROM json_each({keys}))"  # noqa: S608 (names of ours)

    def prepare_search(self, connection: Connection) -> None:
        """Give the connection the function that `lower_case` calls: SQLite's own knows only ASCII."""
        # Any: the driver's own connection.
        raw: Any = connection.connection.driver_connection
        raw.create_function("custmerge_lower", 1, _lower_case, deterministic=True)

    def lower_case(self, text: str) -> str:
        """Return a text in lower case, see `prepare_search`."""
        return f"custmerge_lower({text})"

    def text_by_bytes(self, value: str) -> str:
        """Return a value's text; without a collation a cast keeps its column's."""
        return f"CAST({value} AS TEXT) COLLATE BINARY"

    def is_beyond_ascii(self, text: str) -> str:
        """Return the condition that a text takes more bytes than it has characters."""
        return f"length(CAST({text} AS BLOB)) <> length({text})"

    def text_as_integer(self, text: str) -> str:
        """Return the integer whose text it is, else NULL."""
        return f"CASE WHEN CAST(CAST({text} AS INTEGER) AS TEXT) = {text} THEN CAST({text} AS INTEGER) END"

    def text_as_uuid(self, text: str) -> str:
        """Return the text: SQLite has no type for UUIDs."""
        return text

    row_address = "_rowid_"
    """The column that every table with no key of its own has."""

    def size_in_bytes(self, column: ColumnElement[str]) -> ColumnElement[int]:
        """Return the size of a text in UTF-8."""
        return func.length(cast(column, LargeBinary))

    def column_from_body(self, key: str) -> str:
        """Return the expression of a generated column."""
        return f"body ->> '{key}'"

    def text_from_body(self, key: str) -> str:
        """Return the expression of a value's text: without the CAST, a JSON number stays a number."""
        return f"CAST(body ->> '{key}' AS TEXT)"


def _lower_case(value: object) -> str | None:
    return None if value is None else lower(str(value))


def _connect(url: str, timeout: float, *, create: bool) -> sqlite3.Connection:
    path = sqlite_path(url)
    if create:
        _make_file(url, path)
    elif _is_frozen(path):
        return _open_frozen(path)
    target = f"file:{quote(str(path))}?mode={'rwc' if create else 'rw'}"
    # No isolation level: custmerge itself executes BEGIN, so that a writer locks at once and DDL is transactional.
    connection = sqlite3.connect(target, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    # Erased data is overwritten, whatever the default of this SQLite build is.
    connection.execute("PRAGMA secure_delete = ON")
    if create or path.stat().st_size:
        _keep_a_log(connection, may_be_a_hosts=not create)
    return connection


def _is_frozen(path: Path) -> bool:
    """Return whether neither the file nor its folder can be written to, and no other process writes to it now.

    Otherwise SQLite needs a file beside the database, which it can't make in this folder.
    """
    if os.access(path, os.W_OK) or os.access(path.parent, os.W_OK):
        return False
    try:
        # While a process writes, SQLite keeps a log beside the file.
        return path.is_file() and not _has_log(path)
    except OSError:
        # The name is too long: SQLite's own error says that.
        return False


def _keep_a_log(connection: sqlite3.Connection, *, may_be_a_hosts: bool) -> None:
    """Let readers and a writer work at the same time, also in a copy: `VACUUM INTO` makes a file without a log.

    The file of a host to which custmerge isn't attached stays as it is.
    """
    # The query reads the file, which may be no database; the first real statement reports that.
    with suppress(sqlite3.DatabaseError):
        if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            return
        if may_be_a_hosts and connection.execute(_OURS).fetchone() is None:
            return
        connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection: Connection, timeout: float) -> None:
    """Begin a transaction as its connection's options say; without options it may write."""
    options = connection.get_execution_options()
    if options.get(WRITES, True):
        wait = options.get(WAIT_SECONDS)
        _begin_to_write(connection, timeout if wait is None else wait, timeout)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection, wait: float, timeout: float) -> None:
    """Begin a transaction as soon as no other process writes; raises the driver's error after `wait` seconds.

    `timeout` is how long the connection waits elsewhere. SQLite itself would try only every 100 ms, and so hardly
    ever hit the gap between two chunks of a bulk run.
    """
    # Any: the driver's own connection.
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA busy_timeout = 0")
    until = time.monotonic() + wait
    try:
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= until:
                    raise
                time.sleep(LOOK_AGAIN_AFTER_SECONDS * (0.5 + random()))  # noqa: S311 (no secret)
            else:
                return
    finally:
        raw.execute(f"PRAGMA busy_timeout = {round(timeout * 1000)}")


def _driver_error(error: BaseException) -> BaseException:
    """Return the driver's error, also if SQLAlchemy has wrapped it."""
    return getattr(error, "orig", None) or error


def _first(error: BaseException) -> BaseException:
    """Return the first error: a full disk ends the transaction, and then its savepoint can't be found."""
    before: BaseException | None = error
    while before is not None and str(before).startswith("no such savepoint"):
        before = before.__context__
        while before is not None and not isinstance(before, sqlite3.Error):
            before = before.__context__
    return before or error


def _make_file(url: str, path: Path) -> None:
    """Make a file of mode 0600, and the folders above it, unless it exists; raises DatabaseUnreachable."""
    try:
        # The target of a link may have to be made, too, and has to be private.
        path = path.resolve()
        files.make_folder(path.parent)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A device can be read by others.
            raise errors.DatabaseUnreachable(database=shown_url(url), reason=N_("it isn't a file"))
        if status.st_size == 0 and status.st_uid == os.geteuid():
            # Set whatever the umask is, or the mode of an existing empty file; SQLite gives the same rights to the
            # files beside it.
            path.chmod(0o600)
    except OSError as error:
        raise errors.DatabaseUnreachable(database=shown_url(url), reason=os.strerror(error.errno or 0)) from None


class _FrozenConnection(sqlite3.Connection):
    """A connection to a file that this user can't write to, and so can't lock either."""

    path: Path
    state: tuple[int, ...]
    """The state of the file when it was opened."""

    def is_changed(self) -> bool:
        """Return whether another process has written to the file since."""
        return _state(self.path) != self.state or _has_log(self.path)


def _open_frozen(path: Path) -> _FrozenConnection:
    """Open a file for reading, without a lock."""
    state = _state(path)
    target = f"file:{quote(str(path))}?mode=ro&immutable=1"
    connection = sqlite3.connect(
        target, uri=True, isolation_level=None, check_same_thread=False, factory=_FrozenConnection
    )
    connection.path, connection.state = path, state
    return connection


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0
