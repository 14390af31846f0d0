"""PostgreSQL: connecting as libpq does, what its errors mean, and the SQL that only it has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from sqlalchemy import ARRAY, ColumnElement, Connection, Engine, create_engine, event, func, text
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.types import TypeEngine

from custmerge import errors
from custmerge.database_url import shown_url, without_secrets
from custmerge.storage.dialect import LOCK_TIMEOUT_SECONDS, WAIT_SECONDS, WRITES, Row, by_driver

CONNECT_TIMEOUT_SECONDS = 5
WORTH_COPYING = 8
"""From this number of rows on, COPY is quicker than INSERT."""
_PLACE = ("service", "host", "hostaddr", "port", "dbname", "user", "options")
"""The keywords by which libpq chooses a database, and `options`, which may name another search path."""

# Case doesn't matter in an unquoted name. The pattern has no backslash, because its meaning in a literal depends on a
# setting (standard_conforming_strings).
_PG_CATALOG = '[[:space:]]*(?:[Pp][Gg]_[Cc][Aa][Tt][Aa][Ll][Oo][Gg]|"pg_catalog")[[:space:]]*'
SERVER_FIRST = (
    "SELECT pg_catalog.set_config('search_path', pg_catalog.regexp_replace("
    f"pg_catalog.current_setting('search_path'), '^{_PG_CATALOG}(?:,|$)|,{_PG_CATALOG}(?=,|$)', '', 'g'), true), "
    # Definitions that the audit compares are printed without needless quotes.
    "pg_catalog.set_config('quote_all_identifiers', 'off', true), "
    # A missing value in an array parameter is NULL, not the text `NULL`.
    "pg_catalog.set_config('array_nulls', 'on', true)"
)
"""Removes pg_catalog from this transaction's search path: if it isn't named there, it is searched first.

By default it is first. But the setting `search_path` of a database or a role, which its owner may change, can put
pg_catalog after other schemas. A person who may create objects there then decides what the server's own names mean:
a view `pg_inherits` that hides something, an operator `=` that gives a wrong answer. Other settings that change what
statements mean get the value that custmerge expects. Source: PostgreSQL, "Client Connection Defaults", search_path.
"""
_SET_PATH = text("SELECT pg_catalog.set_config('search_path', :path, true)")
_PATH = text("SELECT pg_catalog.current_setting('search_path')")
_SERVER_ONLY = "pg_catalog, pg_temp"
"""Temporary tables are named last, because they would be first if they weren't named."""
_ONE_UPGRADE = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.pg_advisory_xact_lock(27995161429370226)"
)
"""Lets one process at a time make tables; the next one sees the tables of this one. The key is custmerge's name."""
# Formatted here, because the server's format is a setting, and the driver can't read every format.
_SERVER_TIME = text(
    "SELECT pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()),"
    """ 'YYYY-MM-DD"T"HH24:MI:SS.US"+00"')"""
)

# Source of the codes below: PostgreSQL, "Error Codes".
_GONE = ("42P01", "42703", "42883", "42804")
"""undefined_table, undefined_column, undefined_function, datatype_mismatch."""
_IN_THE_WAY = ("2BP01", "0A000")
"""Another object depends on the one that is changed; the detail names it."""
_CANCELED = "57014"
"""The server or an administrator cancelled the statement; the connection still exists."""
_ASKS_FOR_POLICIES = "check_enable_rls"
"""The server's function that refuses a query of which a policy would hide rows. Source: PostgreSQL, rls.c."""
_MEANINGS: dict[str, type[errors.DatabaseError]] = {
    "55P03": errors.DatabaseLocked,
    "40001": errors.DatabaseConflict,
    "40P01": errors.DatabaseConflict,
    "25006": errors.DatabaseReadOnly,
    "42501": errors.DatabaseReadOnly,
    "53100": errors.DatabaseFull,
    "3D000": errors.DatabaseMissing,
    "42P01": errors.NoSchema,
}
_BY_INDEX = "; ".join(
    f"SET LOCAL {setting} = off"
    # `jit` because a server before 18 compiles statements that seem expensive: those that read a whole table.
    for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_incremental_sort", "jit")
)


class PostgreSQL:
    """A database on a PostgreSQL server."""

    is_server = True
    driver_error = psycopg.Error
    upsert = Insert
    """PostgreSQL's INSERT … ON CONFLICT."""

    def place(self, url: str) -> str:
        """Return the place to which libpq connects, by a URL, its environment variables and its service file."""
        defaults = {o.keyword.decode(): o.val.decode(errors="replace") for o in Conninfo.get_defaults() if o.val}
        given = {**defaults, **{name: value for name, value in conninfo_to_dict(url).items() if value}}
        return " ".join(f"{name}={given[name]}" for name in _PLACE if name in given)

    def open_engine(self, url: str, *, create: bool) -> Engine:  # noqa: ARG002 (nobody creates a database here)
        """Return an engine; libpq itself reads the URL, so its variables, ~/.pgpass, sockets and host lists work."""
        engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(url), use_native_hstore=False)
        event.listen(engine, "begin", _begin)
        return engine

    def begin_upgrade(self, connection: Connection, wait_seconds: float) -> None:
        """Take an advisory lock, which ends with the transaction."""
        waits = [f"SET LOCAL lock_timeout = {_milliseconds(wait)}" for wait in (wait_seconds, LOCK_TIMEOUT_SECONDS)]
        connection.exec_driver_sql(f"{waits[0]}; {_ONE_UPGRADE}; {SERVER_FIRST}; {waits[1]}")

    def ending_refused(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002 (the server ends it)
        """Give a block for a transaction, see SQLite's."""
        return nullcontext()

    def demand_unchanged(self, connection: Connection, url: str) -> None:
        """Do nothing: a transaction sees the state of one moment."""

    def rows_of_all(self, connection: Connection, statements: Iterable[tuple[str, Row]]) -> list[list[Row]]:
        """Return the rows of each of several queries, all of which are sent before the first result is awaited."""
        raw: Any = connection.connection.driver_connection
        # An older libpq waits for each.
        with raw.pipeline() if psycopg.Pipeline.is_supported() else nullcontext():
            cursors = [by_driver(connection, statement, parameters) for statement, parameters in statements]
            return [cursor.fetchall() for cursor in cursors]

    def find_by_index(self, connection: Connection) -> None:
        """Turn off, for this transaction, the plans that read whole tables.

        Otherwise the planner reads the whole table for some hundred of 100,000 rows, and any table that has just been
        filled, because it has no statistics of it yet.
        """
        connection.exec_driver_sql(_BY_INDEX)

    def server_time(self, connection: Connection) -> datetime | None:
        """Return the time of the server's clock."""
        return datetime.fromisoformat(connection.execute(_SERVER_TIME).scalar_one())

    def meaning(self, url: str, error: BaseException) -> errors.CustmergeError:
        """Return what an error means by its SQLSTATE."""
        database, state = shown_url(url), _state_of(error)
        message = next(iter(str(error).splitlines()), type(error).__name__)
        if state in _IN_THE_WAY and isinstance(error, psycopg.Error) and error.diag.message_detail:
            message = f"{message}: {error.diag.message_detail.splitlines()[0]}"
        reason = without_secrets(url, message)
        meaning = _MEANINGS.get(state, errors.DatabaseError)
        if isinstance(error, psycopg.Error) and error.diag.source_function == _ASKS_FOR_POLICIES:
            # Its SQLSTATE is that of every missing right, and its message in the server's language.
            meaning = errors.RowsHidden
        if state not in (*_MEANINGS, _CANCELED) and isinstance(error, psycopg.OperationalError):
            if not state and _is_missing(url, error):
                return errors.DatabaseMissing(database=database)
            if not state or state[:2] in ("08", "28", "53", "57", "58"):
                meaning = errors.DatabaseUnreachable
        return meaning(database=database, reason=reason)

    def is_gone(self, error: BaseException) -> bool:
        """Return whether the SQLSTATE says that something is undefined."""
        return _state_of(error) in _GONE

    def is_odd_data(self, error: BaseException) -> bool:
        """Return whether the error is a data exception, class 22."""
        return _state_of(error).startswith("22")

    def is_unreadable(self, error: BaseException) -> bool:  # noqa: ARG002 (see below)
        """Return False: the server stores no text that isn't UTF-8."""
        return False

    def is_refused(self, error: BaseException) -> bool:
        """Return whether the error is of class 23; from COPY it comes as the driver's own, without SQLAlchemy."""
        return _state_of(error).startswith("23")

    def insert_rows(self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert few rows by INSERT and many by COPY, which is four times as quick as SQLAlchemy's batched INSERT."""
        if not rows:
            return
        names = ", ".join(f'"{name}"' for name in columns)
        if len(rows) < WORTH_COPYING:
            marks = ", ".join(["%s"] * len(columns))
            by_driver(connection, f"INSERT INTO {table} ({names}) VALUES ({marks})", rows, many=True)  # noqa: S608 (names of ours)
            return
        # Any: the driver's own connection.
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def update_rows(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row], emptied: Sequence[str]
    ) -> None:
        """Write all rows by one statement with an array for each column; the first column is the key.

        A temporary table wouldn't work behind a pooler.
        """
        if not rows:
            return
        key, *written = columns
        arrays = ", ".join(["%s::text[]"] * len(columns))
        changes = ", ".join([*(f"{name} = new.{name}" for name in written), *(f"{name} = ''" for name in emptied)])
        connection.exec_driver_sql(
            f"UPDATE {table} SET {changes} FROM unnest({arrays}) AS new ({', '.join(columns)}) "  # noqa: S608 (names of ours)
            f"WHERE {table}.{key} = new.{key}",
            tuple(list(values) for values in zip(*rows, strict=True)),
        )

    # Any: a type of any kind.
    def keys_type(self, kind: TypeEngine[Any]) -> ARRAY[Any]:
        """Return the type of an array."""
        return ARRAY(kind)

    def keys(self, values: Iterable[str | int]) -> list[str | int]:
        """Return keys as an array."""
        return list(values)

    def among(self, keys: str) -> str:
        """Return the condition that the left side is in an array."""
        return f"= ANY ({keys})"

    def prepare_search(self, connection: Connection) -> None:
        """Do nothing: the server has the functions that a search needs."""

    def lower_case(self, text: str) -> str:
        """Return a text in lower case by the database's own collation; columns may have others."""
        return f'pg_catalog.lower(CAST({text} AS TEXT) COLLATE pg_catalog."default")'

    def text_by_bytes(self, value: str) -> str:
        """Return a value's text."""
        return f'CAST({value} AS TEXT) COLLATE pg_catalog."C"'

    def is_beyond_ascii(self, text: str) -> str:
        """Return the condition that a text takes more bytes than it has characters."""
        return f"pg_catalog.octet_length({text}) <> pg_catalog.char_length({text})"

    def text_as_integer(self, text: str) -> str:
        """Return the integer whose text it is, else NULL; no text raises an error."""
        return f"CASE WHEN {text} ~ '^(0|-?[1-9][0-9]{{0,17}})$' THEN CAST({text} AS BIGINT) END"

    def text_as_uuid(self, text: str) -> str:
        """Return the UUID whose text it is, else NULL; no text raises an error."""
        shape = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
        return f"CASE WHEN {text} ~ '{shape}' THEN CAST({text} AS UUID) END"

    row_address = "ctid"
    """A row's place in its table."""

    def size_in_bytes(self, column: ColumnElement[str]) -> ColumnElement[int]:
        """Return the size of a text in UTF-8."""
        return func.octet_length(column)

    def column_from_body(self, key: str) -> str:
        """Return the expression of a generated column; only `order` is a number."""
        cast = "::integer" if key == "order" else ""
        return f"(body::json ->> '{key}'){cast}"

    def text_from_body(self, key: str) -> str:
        """Return the expression of a value's text, with a collation, because those of body and keys differ."""
        return f"(body::json ->> '{key}') COLLATE \"C\""


@contextmanager
def server_names_only(connection: Connection) -> Iterator[None]:
    """Let names in a block mean only the server's own objects: no function or operator of a user can fit better.

    If the block fails, its caller rolls back to before it, and so restores the search path.
    """
    before = connection.execute(_PATH).scalar()
    connection.execute(_SET_PATH, {"path": _SERVER_ONLY})
    yield
    connection.execute(_SET_PATH, {"path": before})


# Any: psycopg's own connection is generic over its row factory.
def _connect(url: str) -> psycopg.Connection[Any]:
    # Nothing is prepared on the server, because behind a pooler the next transaction may use another connection.
    # UTF8, so that any text can be written, whatever encoding the server or PGCLIENTENCODING prefers.
    try:
        return psycopg.connect(
            url,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name="custmerge",
            client_encoding="UTF8",
            prepare_threshold=None,
        )
    except UnicodeError:
        # Python's host name look-up raises this for a label that is empty or too long.
        raise psycopg.OperationalError("no host can have that name") from None


def _begin(connection: Connection) -> None:
    """Begin a transaction as its connection's options say; without options, leave it unchanged."""
    options = connection.get_execution_options()
    if WRITES not in options:
        return
    mode = "" if options[WRITES] else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; "
    wait = options.get(WAIT_SECONDS)
    timeout = _milliseconds(LOCK_TIMEOUT_SECONDS if wait is None else wait)
    connection.exec_driver_sql(f"{mode}SET LOCAL lock_timeout = {timeout}; {SERVER_FIRST}")


def _milliseconds(seconds: float) -> int:
    """Return a waiting time for PostgreSQL, at least 1, because 0 means forever."""
    return max(round(seconds * 1000), 1)


def _state_of(error: BaseException) -> str:
    """Return the SQLSTATE of a driver's error, also if SQLAlchemy has wrapped it; empty if there is none."""
    return getattr(getattr(error, "orig", None) or error, "sqlstate", None) or ""


def _is_missing(url: str, error: psycopg.OperationalError) -> bool:
    """Return whether a connection failed because the server has no such database.

    The server's message is in its own language, and libpq doesn't pass on the SQLSTATE, so another database is asked.
    """
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return False
    wanted = conninfo_to_dict(url).get("dbname") or os.environ.get("PGDATABASE")
    try:
        elsewhere = make_conninfo(url, dbname="postgres")
        with psycopg.connect(elsewhere, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            there = connection.execute(
                "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", (wanted,)
            ).fetchone()
    except (psycopg.Error, UnicodeError):
        return False
    return wanted is not None and there is None
