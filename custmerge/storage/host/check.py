"""What only a host's rows tell: whether keys are unique, SQL of a mapping runs, and how many rows a reference has.

Every statement here is one of a mapping's author, who attaches with the database's own rights, or has quoted names.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, false, func, literal_column, select
from sqlalchemy.exc import DBAPIError

from custmerge.rules.attach import resolve
from custmerge.rules.attach.rights import TableRights
from custmerge.rules.fields import FIELDS, Field
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, changed_tables
from custmerge.rules.mapping import HostMapping
from custmerge.rules.sql_words import literal, quoted, quoted_table
from custmerge.storage.dialect import dialect_of
from custmerge.storage.host import host_schema
from custmerge.storage.host.privileges import hides_rows, may
from custmerge.storage.tables.attached import tombstone

if TYPE_CHECKING:
    from custmerge.storage.register.attached.host import Host

# By the name of the table: a database to which nothing is attached has none.
_NO_TOMBSTONES = (
    select(*(literal_column("CAST('' AS TEXT)").label(column.name) for column in tombstone.columns))
    .where(false())
    .cte(tombstone.name)
)
LOOKED_AT = 1_000
"""Of how many customers the fields are read: related rows may be found by reading a whole table for each."""
T = TypeVar("T")
_BINDS = re.compile(r"'(?:[^']|'')*'|(?<![:\w]):(absorbed|survivor)\b", re.DOTALL)


class HostCheck:
    """Looks at a host's rows, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)

    def schema(self) -> HostSchema:
        """Return the catalogue of the host's tables."""
        return host_schema(self._connection)

    def readable(self, schema: HostSchema) -> HostSchema:
        """Return the tables whose rows the connected role may read."""
        if not self._dialect.is_server:
            return schema
        readable = {name: may(self._connection, table, "SELECT") for name, table in schema.tables.items()}
        return replace(schema, tables={name: table for name, table in schema.tables.items() if readable[name]})

    def changed(self, host: Host) -> list[str]:
        """Return the tables that a mapping names, or that point at its customers, and that aren't as stored."""
        present = self.schema()
        different = changed_tables(host.schema, present)
        if not different:
            return []
        named = host.resolved.named | resolve(host.mapping, present).named
        return [name for name in different if name in named]

    def refusal(self, statement: str) -> str | None:
        """Return why the database refuses a statement; None if it runs."""
        # Any: the driver's own connection, which takes a statement as it is written.
        raw: Any = self._connection.connection.driver_connection
        return self._tried(lambda: raw.execute(statement).fetchone())

    def _tried(self, read: Callable[[], object]) -> str | None:
        savepoint = self._connection.begin_nested()
        try:
            read()
        except (DBAPIError, self._dialect.driver_error) as error:
            savepoint.rollback()
            return next(iter(str(getattr(error, "orig", None) or error).splitlines()), type(error).__name__)
        savepoint.commit()
        return None

    def wrong_condition(self, table: HostTable, sql: str) -> str | None:
        """Return why a condition can't be asked of a table's rows, each of which it is asked of."""
        # Between words, for brackets would let a condition pass that closes them and opens others.
        statement = f"SELECT count(*) FROM {quoted_table(table)} WHERE CASE WHEN {sql}\nTHEN 1 END = 1"  # noqa: S608 (of the mapping)
        return self.refusal(statement)

    def wrong_expression(self, table: HostTable, sql: str) -> str | None:
        """Return why an expression can't be read of a table's rows, each of which it is read of."""
        read = f"SELECT CASE WHEN true THEN {sql}\nEND AS custmerge_read FROM {quoted_table(table)}"  # noqa: S608 (likewise)
        return self.refusal(f"SELECT count(custmerge_read) FROM ({read}) AS read")  # noqa: S608 (likewise)

    def wrong_order(self, table: HostTable, order: str) -> str | None:
        """Return why a table's rows can't be sorted."""
        return self.refusal(f"SELECT 1 FROM {quoted_table(table)} ORDER BY {order}\nLIMIT 1")  # noqa: S608 (of the mapping)

    def wrong_fields(self, mapping: HostMapping, schema: HostSchema) -> dict[Field, str]:
        """Return why fields can't be read, as records are read; only so many customers are looked at."""
        from custmerge.storage.register.attached.register import attached

        wrong = dict[Field, str]()
        for field, source in mapping.fields.items():
            # Each alone: SQL of one field that fails would fail all.
            register = attached(replace(mapping, fields={field: source}), schema)
            value = register.fields[FIELDS.index(field)]
            records = select(value.label("value")).select_from(register.customers).limit(LOOKED_AT).subquery()
            statement = select(func.count(records.c.value)).add_cte(_NO_TOMBSTONES)
            reason = self._tried(partial(self._connection.execute, statement))
            wrong |= {} if reason is None else {field: reason}
        return wrong

    def wrong_value(self, column: HostColumn, value: str | float) -> str | None:
        """Return why a literal doesn't fit a column; SQLite takes every value in every column."""
        if not self._dialect.is_server:
            return None
        literal = str(value).lower() if isinstance(value, bool) else str(value).replace("'", "''")
        return self.refusal(f"SELECT E'{literal.replace(chr(92), chr(92) * 2)}'::text::{column.type}")

    def wrong_refuse(self, sql: str, key: str) -> str | None:
        """Return why a statement that refuses orders doesn't run; `key` is one of a customer."""
        bound = _BINDS.sub(lambda match: literal(key) if match[1] else match[0], sql.strip().rstrip(";"))
        return self.refusal(f"SELECT 1 FROM ({bound}\n) AS refused LIMIT 1")  # noqa: S608 (of the mapping)

    def rows(self, table: HostTable, columns: Iterable[tuple[str, str | None]]) -> list[int]:
        """Return how many rows have a value in each column, of those for which its condition holds."""
        counted = ", ".join(
            f"count({quoted(column)})" + ("" if where is None else f" FILTER (WHERE ({where}\n))")
            for column, where in columns
        )
        return [int(count) for count in self._row(f"SELECT {counted} FROM {quoted_table(table)}")]  # noqa: S608 (quoted)

    def customers(self, table: HostTable, number: str, where: str | None) -> int:
        """Return how many rows are customers with a number."""
        condition = f"{_filled(number)}{_and(where)}"
        return int(self._row(f"SELECT count(*) FROM {quoted_table(table)} WHERE {condition}")[0])  # noqa: S608 (quoted)

    def without(self, table: HostTable, column: str, where: str | None) -> int:
        """Return how many rows have nothing in a column."""
        condition = f"NOT ({_filled(column)}){_and(where)}"
        return int(self._row(f"SELECT count(*) FROM {quoted_table(table)} WHERE {condition}")[0])  # noqa: S608 (quoted)

    def repeated(self, table: HostTable, column: str, where: str | None) -> str | None:
        """Return a value that two rows have in a column; None if there is none."""
        value, condition = f"CAST({quoted(column)} AS TEXT)", f"{_filled(column)}{_and(where)}"
        values = f"SELECT {value} FROM {quoted_table(table)} WHERE {condition} GROUP BY 1"  # noqa: S608 (quoted)
        row = self._first(f"{values} HAVING count(*) > 1 ORDER BY 1 LIMIT 1")
        return None if row is None else str(row[0])

    def some(self, table: HostTable, column: str) -> str:
        """Return a value of a column as a text; empty if there is none."""
        value = f"CAST({quoted(column)} AS TEXT)"
        row = self._first(f"SELECT {value} FROM {quoted_table(table)} WHERE {_filled(column)} LIMIT 1")  # noqa: S608 (quoted)
        return "" if row is None else str(row[0])

    def counted(self, table: HostTable, column: str, where: str | None, kind: Callable[[str], T]) -> Counter[T]:
        """Return how many rows have a value of each kind in a column; rows without one don't count."""
        raw: Any = self._connection.connection.driver_connection
        value, condition = f"CAST({quoted(column)} AS TEXT)", _and(where)
        statement = f"SELECT {value} FROM {quoted_table(table)} WHERE {_filled(column)}{condition}"  # noqa: S608 (quoted)
        # A cursor of the server: PostgreSQL's driver would fetch all rows at once.
        with closing(raw.cursor("custmerge_counted") if self._dialect.is_server else raw.cursor()) as rows:
            rows.execute(statement)
            return Counter(kind(str(row[0])) for row in rows)

    def lacking(self, schema: HostSchema, rights: Sequence[TableRights]) -> dict[str, list[str]]:
        """Return the rights that the connected role lacks, by table; SQLite has none."""
        lacking: dict[str, list[str]] = defaultdict(list)
        for each in rights if self._dialect.is_server else ():
            for right, column in _words(each):
                if right not in lacking[each.table] and not may(
                    self._connection, schema.tables[each.table], right, column
                ):
                    lacking[each.table].append(right)
        return {table: words for table, words in lacking.items() if words}

    def hiding(self, schema: HostSchema, rights: Sequence[TableRights]) -> list[str]:
        """Return those tables of which policies hide rows from the connected role."""
        tables = [each.table for each in rights] if self._dialect.is_server else []
        return [table for table in tables if hides_rows(self._connection, schema.tables[table])]

    # Any: cells as the driver gives them.
    def _row(self, statement: str) -> Sequence[Any]:
        row = self._first(statement)
        if row is None:
            raise LookupError(statement)
        return row

    def _first(self, statement: str) -> Sequence[Any] | None:
        raw: Any = self._connection.connection.driver_connection
        row: Sequence[Any] | None = raw.execute(statement).fetchone()
        return row


def _words(rights: TableRights) -> Iterator[tuple[str, str]]:
    """Yield each right with its column; one on the whole table has an empty text."""
    yield "SELECT", ""
    yield from (("UPDATE", column) for column in rights.update)
    yield from (("INSERT", ""), ("DELETE", "")) if rights.drops else ()


def _filled(column: str) -> str:
    """Return the condition that a column is neither NULL nor an empty text."""
    return f"coalesce(CAST({quoted(column)} AS TEXT), '') <> ''"


def _and(where: str | None) -> str:
    return "" if where is None else f" AND ({where}\n)"
