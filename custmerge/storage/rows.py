"""Many rows at once, by the fastest way that each driver has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Boolean, Integer, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from custmerge.storage.engine import is_sqlite

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from sqlalchemy import ColumnElement, CompoundSelect, Connection, Dialect, Select, TextClause
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

Row = tuple[Any, ...]
"""Values as the driver takes them."""
WORTH_COPYING = 8
"""From so many rows on COPY is quicker than INSERT."""


def insert_rows(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows; `table` and `columns` are names of ours, never somebody's text."""
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns)
    if not is_sqlite(connection) and len(rows) >= WORTH_COPYING:
        # Measured: SQLAlchemy's batched INSERT reaches a quarter of COPY.
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    mark = "?" if is_sqlite(connection) else "%s"
    marks = ", ".join([mark] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows))  # noqa: S608 (names of ours)


# Any: SQLAlchemy types a row by its columns, and here they are anybody's.
def streamed(
    connection: Connection, statement: Select[Any] | CompoundSelect[Any] | TextClause, at_once: int
) -> Generator[Any, None, None]:
    """Give the rows of a statement, `at_once` fetched at a time; whoever stops early leaves no cursor open."""
    with connection.execute(statement, execution_options={"yield_per": at_once}) as result:
        yield from result


# Any: a driver's own rows.
def driver_rows(connection: Connection, statement: str, keys: Iterable[str]) -> list[Any]:
    """Return the rows of a statement of ours that names `{among}` once, straight from the driver.

    An audit asks for every package: SQLAlchemy's rows take longer than to find them.
    """
    raw: Any = connection.connection.driver_connection
    mark = in_parameter(connection, "keys").replace(":keys", "?" if is_sqlite(connection) else "%s")
    rows: list[Any] = raw.execute(statement.format(among=mark), (parameter(connection, keys),)).fetchall()
    return rows


class _Keys(TypeDecorator[Any]):
    """Many texts or integers in one parameter."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Integer | Text]) -> None:
        super().__init__()
        self.kind = kind

    # Any: SQLAlchemy's own signatures.
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.kind))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401 (as above)
        return json.dumps(list(value)) if dialect.name == "sqlite" else list(value)


_TEXTS, _INTEGERS = _Keys(Text), _Keys(Integer)


class _Among(FunctionElement[bool]):
    """A column and a parameter with keys."""

    inherit_cache = True
    type = Boolean()
    # Written as it is, where SQLAlchemy would compare a function's answer with 1.
    _is_implicitly_boolean = True


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (SQLAlchemy's own)
    column, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({keys}))"  # noqa: S608 (names of ours)


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (as above)
    column, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({keys})"


# Any: a column of texts or one of integers, and keys of its kind.
def among(column: ColumnElement[Any], keys: Iterable[str | int] | None = None) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `keys`, of which there may be many.

    With None they are the parameter `keys` of the statement, which can be built once then: to build one takes longer
    than SQLite needs to execute it. One parameter however many keys there are, for the same reason.
    """
    kind = _INTEGERS if isinstance(column.type, Integer) else _TEXTS
    if keys is None:
        return _Among(column, bindparam("keys", type_=kind))
    return _Among(column, bindparam(None, list(keys), kind, unique=True))


def in_parameter(connection: Connection, name: str) -> str:
    """Return, for a statement that is text, the condition that something is in a `parameter` of a name of ours."""
    return f"IN (SELECT value FROM json_each(:{name}))" if is_sqlite(connection) else f"= ANY(:{name})"  # noqa: S608 (as above)


def parameter(connection: Connection, keys: Iterable[str | int]) -> str | list[str | int]:
    """Return many keys as the one parameter that `in_parameter` takes."""
    return json.dumps(list(keys)) if is_sqlite(connection) else list(keys)


def update_rows(
    connection: Connection,
    table: str,
    key: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    emptied: Sequence[str] = (),
) -> None:
    """Write `columns` of the rows whose keys stand first in `rows`; all are texts or None.

    The columns `emptied` become empty texts.
    """
    if not rows:
        return
    blanks = "".join(f", {name} = ''" for name in emptied)
    if is_sqlite(connection):
        changes = ", ".join(f"{name} = ?{position}" for position, name in enumerate(columns, start=2))
        connection.exec_driver_sql(f"UPDATE {table} SET {changes}{blanks} WHERE {key} = ?1", list(rows))  # noqa: S608 (as above)
        return
    # One statement for all rows, by arrays and not by a temporary table, so that a pooler may stand between.
    names = [key, *columns]
    arrays = ", ".join(["%s::text[]"] * len(names))
    changes = ", ".join(f"{name} = new.{name}" for name in columns)
    connection.exec_driver_sql(
        f"UPDATE {table} SET {changes}{blanks} FROM unnest({arrays}) AS new ({', '.join(names)}) "  # noqa: S608 (as above)
        f"WHERE {table}.{key} = new.{key}",
        tuple(list(values) for values in zip(*rows, strict=True)),
    )
