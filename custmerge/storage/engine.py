"""Connecting to either database, and turning what the drivers raise into our errors."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from random import random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError

from custmerge import errors, files
from custmerge.settings import shown_url, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

LOCK_TIMEOUT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 5
LOOK_AGAIN_AFTER_SECONDS = 0.001
"""How often who waits for an SQLite file looks whether it is free."""
WRITES = "custmerge_writes"
"""Execution option of a connection: whether its transaction is going to write."""
for _library in ("sqlalchemy", "psycopg"):
    # What they log of a connection that was broken off would be printed beside our own sentence.
    logging.getLogger(_library).addHandler(logging.NullHandler())
_PLACE = ("service", "host", "hostaddr", "port", "dbname", "user", "options")
_NOT_UTF_8 = "Could not decode to UTF-8"
WAIT_SECONDS = "custmerge_wait_seconds"
"""Likewise: how long it waits for others who write, None for as long as the URL says."""


def open_engine(url: str, *, create: bool = False) -> Engine:
    """Return an engine for `sqlite:///path[?timeout=SECONDS]` or a PostgreSQL URL as libpq takes it.

    Nothing is connected yet. With `create` a missing SQLite file is made, readable by its owner alone.
    """
    if url.startswith("sqlite:"):
        return _sqlite(url, create=create)
    return _postgresql(url)


def is_sqlite(connection: Connection) -> bool:
    """Return whether the connection is one to SQLite."""
    return connection.dialect.name == "sqlite"


def sqlite_path(url: str) -> Path:
    """Return the file that a `sqlite:///` URL names."""
    return Path(url.removeprefix("sqlite:///").partition("?")[0]).expanduser()


def libpq_place(url: str) -> str:
    """Return what libpq connects to by a URL, its environment variables, and its service file."""
    from psycopg.pq import Conninfo

    options = [*Conninfo.get_defaults(), *Conninfo.parse(url.encode())]
    given = {option.keyword.decode(): option.val.decode(errors="replace") for option in options if option.val}
    return " ".join(f"{name}={given[name]}" for name in _PLACE if name in given)


def _sqlite(url: str, *, create: bool) -> Engine:
    path = sqlite_path(url)
    options = dict(parse_qsl(url.partition("?")[2]))
    timeout = float(options.get("timeout", LOCK_TIMEOUT_SECONDS))
    target = f"file:{quote(str(path))}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        if create:
            _make_file(url, path)
        elif _is_frozen(path):
            return _frozen(path)
        # No isolation level: BEGIN is ours, so that a writer locks at once and DDL is transactional.
        connection = sqlite3.connect(target, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # What is erased is overwritten, whatever this build of SQLite does by itself.
        connection.execute("PRAGMA secure_delete = ON")
        if create or path.stat().st_size:
            _keep_a_log(connection)
        return connection

    engine = create_engine("sqlite://", creator=connect, pool_reset_on_return=None)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(WRITES, True):
            wait = options.get(WAIT_SECONDS)
            _begin_to_write(connection, timeout if wait is None else wait, timeout)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


class FrozenConnection(sqlite3.Connection):
    """A connection to a file that can't be written to from here, and so can't be locked either."""

    path: Path
    state: tuple[int, ...]
    """What the file was when it was opened."""


def _is_frozen(path: Path) -> bool:
    """Return whether neither the file nor its folder can be written to, and nobody else is writing to it now.

    SQLite needs a file beside the database where somebody may write, and can't make one there.
    """
    if os.access(path, os.W_OK) or os.access(path.parent, os.W_OK):
        return False
    try:
        return path.is_file() and not _has_log(path)
    except OSError:
        # A name that is too long: SQLite says what is wrong with it.
        return False


def _frozen(path: Path) -> FrozenConnection:
    state = _state(path)
    target = f"file:{quote(str(path))}?mode=ro&immutable=1"
    connection = sqlite3.connect(
        target, uri=True, isolation_level=None, check_same_thread=False, factory=FrozenConnection
    )
    connection.path, connection.state = path, state
    return connection


def demand_unchanged(connection: Connection, url: str) -> None:
    """Raise DatabaseConflict where somebody has written to a file that was read without a lock."""
    raw = connection.connection.driver_connection
    if isinstance(raw, FrozenConnection) and (_state(raw.path) != raw.state or _has_log(raw.path)):
        # The next connection looks again.
        connection.invalidate()
        raise errors.DatabaseConflict(database=shown_url(url), reason="changed while it was read")


def _state(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _begin_to_write(connection: Connection, wait: float, timeout: float) -> None:
    """Begin a transaction as soon as nobody else writes; raises what the driver does after `wait` seconds.

    `timeout` is what the connection waits elsewhere. SQLite itself would look again every 100 ms only, and hardly
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


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Let readers and a writer go on beside each other, in a copy too: `VACUUM INTO` leaves a file without a log."""
    # To ask is to read the file, which may be no database; the first statement says so.
    with suppress(sqlite3.DatabaseError):
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")


def _make_file(url: str, path: Path) -> None:
    try:
        # What a link leads to may have to be made, and nobody else would make it private.
        path = path.resolve()
        files.make_folder(path.parent)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A device is everybody's.
            raise errors.DatabaseUnreachable(database=shown_url(url), reason="it isn't a file")
        if status.st_size == 0 and status.st_uid == os.geteuid():
            # Whatever the umask or whoever made it says; SQLite gives the files beside it the same rights.
            path.chmod(0o600)
    except OSError as error:
        raise errors.DatabaseUnreachable(database=shown_url(url), reason=os.strerror(error.errno or 0)) from None


def _postgresql(url: str) -> Engine:
    import psycopg

    # Any: psycopg's own connection is generic over its row factory.
    def connect() -> psycopg.Connection[Any]:
        # libpq reads the URL itself, so PG* variables, ~/.pgpass, sockets and several hosts work as it documents.
        # Nothing is prepared on the server: behind a pooler the next transaction may be another connection's.
        # Any text can be written, whatever encoding the server or PGCLIENTENCODING prefers.
        try:
            return psycopg.connect(
                url,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                application_name="custmerge",
                client_encoding="UTF8",
                prepare_threshold=None,
            )
        except UnicodeError:
            # Python's own look-up of names raises this for a label that is empty or too long.
            raise psycopg.OperationalError("no host can have that name") from None

    return create_engine("postgresql+psycopg://", creator=connect, use_native_hstore=False)


@contextmanager
def our_errors(url: str) -> Iterator[None]:
    """Turn what the driver raises inside into the DatabaseError that it means; other errors pass.

    `url` is shown in them without its password.
    """
    try:
        yield
    except DBAPIError as error:
        # SQLAlchemy keeps statement and parameters in its text; they may hold personal data and stay out.
        raise _meaning(url, error.orig or error) from None
    except sqlite3.Error as error:
        raise _meaning(url, error) from None
    except Exception as error:
        # What the driver raises where we use it itself, at connecting and in COPY.
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        raise _meaning(url, error) from None


def is_gone(error: BaseException) -> bool:
    """Return whether a driver's error says that a table or column isn't there, or is of another type."""
    orig = getattr(error, "orig", None) or error
    is_missing = isinstance(orig, sqlite3.Error) and str(orig).startswith(("no such table", "no such column"))
    # undefined_table, undefined_column, undefined_function, datatype_mismatch. Source: PostgreSQL, "Error Codes".
    return is_missing or getattr(orig, "sqlstate", None) in ("42P01", "42703", "42883", "42804")


def is_unreadable(error: BaseException) -> bool:
    """Return whether a driver's error says that a text isn't UTF-8."""
    return str(getattr(error, "orig", None) or error).startswith(_NOT_UTF_8)


def is_odd_data(error: BaseException) -> bool:
    """Return whether a driver's error only says that the data in a row can't be read as what it should be."""
    orig = getattr(error, "orig", None) or error
    is_malformed = isinstance(orig, sqlite3.Error) and ("malformed JSON" in str(orig) or "JSON cannot" in str(orig))
    # Class 22, data exceptions. Source: PostgreSQL, "Error Codes".
    return is_malformed or str(getattr(orig, "sqlstate", "")).startswith("22")


def _meaning(url: str, error: BaseException) -> errors.CustmergeError:
    database = shown_url(url)
    if url.startswith("sqlite:"):
        return _meaning_sqlite(url, database, error)
    return _meaning_postgresql(url, database, error)


_SQLITE_MEANINGS: dict[str, type[errors.DatabaseError]] = {
    "SQLITE_BUSY": errors.DatabaseLocked,
    "SQLITE_LOCKED": errors.DatabaseLocked,
    "SQLITE_READONLY": errors.DatabaseReadOnly,
    "SQLITE_FULL": errors.DatabaseFull,
    "SQLITE_IOERR": errors.DatabaseUnreachable,
    "SQLITE_NOTADB": errors.NotADatabase,
    "SQLITE_CORRUPT": errors.NotADatabase,
}


def _meaning_sqlite(url: str, database: str, error: BaseException) -> errors.CustmergeError:
    error = _first(error)
    name = getattr(error, "sqlite_errorname", "")
    if (reason := str(error)).startswith(_NOT_UTF_8):
        # What the cell holds, which follows, is nothing to be printed.
        return errors.TextUnreadable(database=database, reason=reason.partition(" with text")[0])
    from custmerge.storage.files.temporary import fuller_than

    if name.startswith("SQLITE_FULL") and (full := fuller_than(sqlite_path(url).absolute().parent)):
        return errors.TemporaryFilesFailed(directory=full, reason=os.strerror(errno.ENOSPC))
    for prefix, meaning in _SQLITE_MEANINGS.items():
        if name.startswith(prefix):
            return meaning(database=database, reason=str(error))
    if name.startswith("SQLITE_CANTOPEN"):
        try:
            missing = not sqlite_path(url).exists()
        except OSError:
            missing = False
        if missing:
            return errors.DatabaseMissing(database=database)
        return errors.DatabaseUnreachable(database=database, reason=str(error))
    return errors.DatabaseError(database=database, reason=str(error))


def _first(error: BaseException) -> BaseException:
    """Return what happened first: a full disk ends the transaction, and then its savepoint can't be found."""
    before: BaseException | None = error
    while before is not None and str(before).startswith("no such savepoint"):
        before = before.__context__
        while before is not None and not isinstance(before, sqlite3.Error):
            before = before.__context__
    return before or error


_IN_THE_WAY = ("2BP01", "0A000")
"""Another object depends on the one that is changed; the detail names it."""
_CANCELED = "57014"
"""What the server or an administrator stopped; the connection is still there."""
_POSTGRESQL_MEANINGS: dict[str, type[errors.DatabaseError]] = {
    "55P03": errors.DatabaseLocked,
    "40001": errors.DatabaseConflict,
    "40P01": errors.DatabaseConflict,
    "25006": errors.DatabaseReadOnly,
    "42501": errors.DatabaseReadOnly,
    "53100": errors.DatabaseFull,
    "3D000": errors.DatabaseMissing,
    "42P01": errors.NoSchema,
}


def _meaning_postgresql(url: str, database: str, error: BaseException) -> errors.DatabaseError:
    import psycopg

    state = getattr(error, "sqlstate", None) or ""
    said = next(iter(str(error).splitlines()), type(error).__name__)
    if state in _IN_THE_WAY and isinstance(error, psycopg.Error) and error.diag.message_detail:
        said = f"{said}: {error.diag.message_detail.splitlines()[0]}"
    reason = without_secrets(url, said)
    if meaning := _POSTGRESQL_MEANINGS.get(state):
        return meaning(database=database, reason=reason)
    if isinstance(error, psycopg.OperationalError) and not state and _is_missing(url, error):
        return errors.DatabaseMissing(database=database)
    if state == _CANCELED:
        return errors.DatabaseError(database=database, reason=reason)
    if isinstance(error, psycopg.OperationalError) and (not state or state[:2] in ("08", "28", "53", "57", "58")):
        return errors.DatabaseUnreachable(database=database, reason=reason)
    return errors.DatabaseError(database=database, reason=reason)


def _is_missing(url: str, error: Exception) -> bool:
    """Return whether a connection failed because the server has no such database.

    The server says so in its own language, and libpq doesn't pass the SQLSTATE on: another of its databases knows.
    """
    import psycopg

    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return False
    wanted = psycopg.conninfo.conninfo_to_dict(url).get("dbname") or os.environ.get("PGDATABASE")
    try:
        elsewhere = psycopg.conninfo.make_conninfo(url, dbname="postgres")
        with psycopg.connect(elsewhere, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            there = connection.execute(
                "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", (wanted,)
            ).fetchone()
    except (psycopg.Error, UnicodeError):
        return False
    return wanted is not None and there is None
