"""What SQLite and PostgreSQL do differently: two classes with the same methods, in a file for each database."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Engine,
    Executable,
    Integer,
    Table,
    Text,
    Uuid,
    bindparam,
    insert,
)
from sqlalchemy import Dialect as SQLAlchemyDialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from custmerge.errors import is_interrupt

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

    from custmerge.storage.dialect.postgresql import PostgreSQL
    from custmerge.storage.dialect.sqlite import SQLite

    Dialect: TypeAlias = SQLite | PostgreSQL

Row = tuple[Any, ...]
"""Values as the driver takes them."""
LOCK_TIMEOUT_SECONDS = 5.0
"""How long a transaction waits for other writers by default."""
WRITES = "custmerge_writes"
"""Execution option of a connection: whether its transaction writes."""
WAIT_SECONDS = "custmerge_wait_seconds"
"""Execution option of a connection: how long it waits for other writers, None for LOCK_TIMEOUT_SECONDS."""
for _library in ("sqlalchemy", "psycopg"):
    # Otherwise their log messages about a lost connection are printed in addition to custmerge's error.
    logging.getLogger(_library).addHandler(logging.NullHandler())


def dialect_of(connection: Connection) -> Dialect:
    """Return the dialect of a connection."""
    return _named(connection.dialect.name)


def dialect_for(url: str) -> Dialect:
    """Return the dialect of a database's URL."""
    return _named("sqlite" if url.startswith("sqlite:") else "postgresql")


# Only the dialect that is used is loaded: PostgreSQL's takes a quarter of a second with its driver.
@cache
def _named(name: str) -> Dialect:
    if name == "sqlite":
        from custmerge.storage.dialect.sqlite import SQLite

        return SQLite()
    from custmerge.storage.dialect.postgresql import PostgreSQL

    return PostgreSQL()


def open_engine(url: str, *, create: bool = False) -> Engine:
    """Return an engine, not yet connected, for `sqlite:///path[?timeout=SECONDS]` or a PostgreSQL URL of libpq.

    With `create` a missing SQLite file is made, readable only by its owner.
    """
    return dialect_for(url).open_engine(url, create=create)


@contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Turn the driver's errors in a block into the DatabaseError that they mean; it hides the password of `url`.

    Raises KeyboardInterrupt where the driver's error comes of Ctrl-C: that breaks off whatever it was waiting for.
    """
    dialect, handled = dialect_for(url), sys.exc_info()[1]
    try:
        yield
    except (DBAPIError, dialect.driver_error) as error:
        if is_interrupt(error, handled=handled):
            raise KeyboardInterrupt from None
        # SQLAlchemy's own text has statement and parameters, which may hold personal data, so it isn't used.
        raise dialect.meaning(url, getattr(error, "orig", None) or error) from None


# Any: SQLAlchemy types a row by its columns, and here they may be any.
def streamed(connection: Connection, statement: Executable, at_once: int) -> Generator[Any, None, None]:
    """Yield the rows of a statement, fetched `at_once` at a time; a reader that stops early leaves no cursor open."""
    with connection.execute(statement, execution_options={"yield_per": at_once}) as result:
        yield from result


# Any: the two drivers' connections and cursors have no type in common, and parameters are of every type.
def by_driver(connection: Connection, statement: str, parameters: Any = (), *, many: bool = False) -> Any:  # noqa: ANN401 (as above)
    """Execute a statement by the driver itself, in a part of SQLAlchemy's time; returns the driver's cursor.

    With `many` once for each of the parameters. Whoever listens for SQLAlchemy's statements hears of it, too.
    """
    # `driver_connection` is the same for drivers that aren't asynchronous, and takes three calls more.
    raw: Any = connection.connection.dbapi_connection
    cursor = raw.cursor()
    if listeners := connection.dispatch.before_cursor_execute:
        listeners(connection, cursor, statement, parameters, None, many)
    if many and len(parameters) != 1:
        cursor.executemany(statement, parameters)
    else:
        # psycopg makes a pipeline even for one.
        cursor.execute(statement, parameters[0] if many else parameters)
    return cursor


# Any: a driver's own rows.
def driver_rows(connection: Connection, statement: str, keys: Iterable[str]) -> list[Any]:
    """Return the rows of a statement with one `{among}`, directly from the driver.

    An audit reads every package, and SQLAlchemy's rows take longer than finding them.
    """
    dialect = dialect_of(connection)
    raw: Any = connection.connection.driver_connection
    mark = dialect.among("%s" if dialect.is_server else "?")
    rows: list[Any] = raw.execute(statement.format(among=mark), (dialect.keys(keys),)).fetchall()
    return rows


# Any: parameters and cells of every type, and a driver's own cursor; below too.
class Prepared:
    """A statement of every merge: compiled once for each database, and executed by the driver itself.

    SQLAlchemy takes longer to find again what it compiled than SQLite takes to execute it.
    """

    def __init__(self, statement: Executable) -> None:
        """Take a statement whose parameters, if they aren't part of it, are named by `bindparam` or `among`."""
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, **parameters: Any) -> list[Row]:  # noqa: ANN401 (as above)
        """Return the rows of a query."""
        compiled = self._for(connection)
        rows: list[Row] = compiled.executed(connection, parameters).fetchall()
        if not any(compiled.reads):
            return rows
        return [
            tuple([cell if read is None else read(cell) for read, cell in zip(compiled.reads, row, strict=True)])
            for row in rows
        ]

    def execute(self, connection: Connection, **parameters: Any) -> int:  # noqa: ANN401 (as above)
        """Execute a statement that writes; returns how many rows it wrote."""
        return int(self._for(connection).executed(connection, parameters).rowcount)

    def execute_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement that writes once for each row of parameters."""
        self._for(connection).execute_many(connection, rows)

    def _for(self, connection: Connection) -> _Compiled:
        dialect = connection.dialect
        if (compiled := self._compiled.get(dialect.name)) is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, dialect)
        return compiled


class _Compiled:
    """The text of a statement for one database, and how its parameters are written and its cells are read."""

    def __init__(self, statement: Any, dialect: SQLAlchemyDialect) -> None:  # noqa: ANN401 (SQLAlchemy types each kind on its own)
        compiled: Any = statement.compile(dialect=dialect)
        self.text: str = compiled.string
        self._is_by_name = not dialect.positional
        self._places = [
            (name, compiled.params[name], compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or compiled.params
        ]
        """Name of a parameter, its value unless another one is given, and what writes it, if anything."""
        columns = getattr(statement, "selected_columns", ())
        self.reads = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]

    def executed(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 (as above)
        """Return the driver's cursor after the statement."""
        return by_driver(connection, self.text, self._written(parameters))

    def execute_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute the statement for each row of parameters."""
        by_driver(connection, self.text, list(map(self._written, rows)), many=True)

    def _written(self, parameters: Mapping[str, Any]) -> dict[str, Any] | Row:
        written = []
        for name, value, write in self._places:
            given = parameters.get(name, value)
            written.append((name, given if write is None else write(given)))
        return dict(written) if self._is_by_name else tuple([value for _name, value in written])


# Any: values of every type.
def insert_row(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert a row and return its id; the database chooses it unless it is in `values`."""
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    if key is None:
        raise LookupError(table.name)
    return int(key[0])


class InType(UserDefinedType[str]):
    """A type of PostgreSQL whose texts are compared in a way of its own, such as `citext`."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        """Return its name."""
        return self.name


# Any: types of several kinds of keys.
class _Keys(TypeDecorator[Any]):
    """Many texts, integers or UUIDs in one parameter."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any]) -> None:
        super().__init__()
        self.kind = kind

    # Any: SQLAlchemy's own signatures.
    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_named(dialect.name).keys_type(self.kind))

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> Any:  # noqa: ANN401 (as above)
        return _named(dialect.name).keys(value)


_TEXTS = _Keys(Text())


class _Among(FunctionElement[bool]):
    """A column and a parameter with keys."""

    inherit_cache = True
    type = Boolean()
    # Written as a condition: SQLAlchemy would compare a function's result with 1.
    _is_implicitly_boolean = True


@compiles(_Among)
def _among(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (SQLAlchemy's own)
    column, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} {_named(compiler.dialect.name).among(keys)}"


# Any: a column of texts, integers or UUIDs, and keys of its kind.
def among(
    column: ColumnElement[Any], keys: Iterable[str | int] | None = None, *, parameter: str = "keys"
) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `keys`, of which there may be many.

    With None, the keys are that parameter of the statement, so that the statement can be built once: building one
    takes longer than SQLite needs to execute it. All keys are one parameter for the same reason.
    """
    kind = _Keys(column.type) if isinstance(column.type, (Integer, Uuid, InType)) else _TEXTS
    if keys is None:
        return _Among(column, bindparam(parameter, type_=kind))
    return _Among(column, bindparam(None, list(keys), kind, unique=True))


class _InDialect(FunctionElement[Any]):
    """An expression that the dialects write differently, from the SQL of its only part."""

    inherit_cache = True


class TextByBytes(_InDialect):
    """A value as a text that is compared and sorted by its bytes, whatever its column's collation is."""

    inherit_cache = True
    type = Text()


class LowerCase(_InDialect):
    """A text in lower case, as `normalise.lower` writes it as far as the database can."""

    inherit_cache = True
    type = Text()


class IsBeyondAscii(_InDialect):
    """Whether a text has a character that isn't ASCII."""

    inherit_cache = True
    type = Boolean()
    _is_implicitly_boolean = True


class TextAsInteger(_InDialect):
    """The integer that a text is, NULL if it isn't its canonical writing."""

    inherit_cache = True
    type = BigInteger()


class TextAsUuid(_InDialect):
    """The UUID that a text is, NULL if it isn't its canonical writing."""

    inherit_cache = True
    type = Uuid(as_uuid=False)


class RowAddress(FunctionElement[Any]):
    """What tells the rows of a table without a key apart in one statement: the column of its only table."""

    inherit_cache = True
    type = Text()


@compiles(TextByBytes)
def _text_by_bytes(element: TextByBytes, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (as above)
    return _named(compiler.dialect.name).text_by_bytes(compiler.process(element.clauses, **options))


@compiles(LowerCase)
def _lower_case(element: LowerCase, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (as above)
    return _named(compiler.dialect.name).lower_case(compiler.process(element.clauses, **options))


@compiles(IsBeyondAscii)
def _is_beyond_ascii(element: IsBeyondAscii, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (as above)
    return _named(compiler.dialect.name).is_beyond_ascii(compiler.process(element.clauses, **options))


@compiles(TextAsInteger)
def _text_as_integer(element: TextAsInteger, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (as above)
    return _named(compiler.dialect.name).text_as_integer(compiler.process(element.clauses, **options))


@compiles(TextAsUuid)
def _text_as_uuid(element: TextAsUuid, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (as above)
    return _named(compiler.dialect.name).text_as_uuid(compiler.process(element.clauses, **options))


@compiles(RowAddress)
def _row_address(element: RowAddress, compiler: SQLCompiler, **_: object) -> str:  # noqa: ARG001 (it has no parts)
    return _named(compiler.dialect.name).row_address


class FromBody(ColumnElement[str]):
    """A value in a history entry's body, as the expression of a generated column."""

    inherit_cache = False

    def __init__(self, key: str) -> None:
        self.key_in_body = key


class TextFromBody(FromBody):
    """A value in a history entry's body as text, in a query."""

    inherit_cache = False


@compiles(FromBody)
def _from_body(element: FromBody, compiler: SQLCompiler, **_: object) -> str:
    dialect = _named(compiler.dialect.name)
    expression = dialect.text_from_body if isinstance(element, TextFromBody) else dialect.column_from_body
    return expression(element.key_in_body)
