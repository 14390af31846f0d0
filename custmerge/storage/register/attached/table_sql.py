"""The SQL of one table of a host: its names quoted, its cells as texts and back, its rows found by index."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from custmerge.rules.host_schema import HostTable, Kind
from custmerge.rules.sql_words import quoted, quoted_table
from custmerge.storage.dialect import Row
from custmerge.storage.register.attached.key_texts import KeyTexts

if TYPE_CHECKING:
    from custmerge.rules.references.cells import Cell
    from custmerge.rules.references.table_rules import TableRules

PARAMETERS_AT_ONCE = 30_000
"""SQLite takes up to 32,766 in a statement."""
_AMONG = "IN (SELECT value FROM json_each(?))"
_LENGTH = re.compile(r"\([0-9, ]+\)")
# Without a length, these types would mean a length of one.
_OF_ANY_LENGTH = {"character": "bpchar", "char": "bpchar", "bit": "varbit"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a statement, with its parameters as the driver takes them."""

    sql: str
    parameters: Row


class HostTableSql:
    """The SQL of a table.

    On PostgreSQL every cell but an integer is read as a text, and cast back when it is written.
    """

    def __init__(self, table: HostTable, rules: TableRules, *, is_server: bool) -> None:
        self.table = table
        self.rules = rules
        self.is_server = is_server
        self.name = table_name(table, is_server=is_server)
        conditions = {*(each.where for each in rules.references), *(each.where for each in rules.uniques)}
        computed = [
            f"CASE WHEN {self._expression(sql)} THEN 1 ELSE 0 END"
            if name in conditions
            else self._as_text(self._expression(sql))
            for name, sql in rules.computed.items()
        ]
        self._names: dict[str, str] = {}
        self._updating: dict[tuple[tuple[str, ...], str], str] = {}
        """What `updating_one` has returned: the process's next merges need the same."""
        self._cells = ", ".join([*map(self._read, rules.columns), *computed])
        self._order = ", ".join(self.column(name) for name in rules.key)

    @property
    def has_deferrable(self) -> bool:
        """Whether one of its constraints can wait for the end of the transaction."""
        table = self.table
        return any(each.is_deferrable for each in table.uniques) or any(
            each.is_deferrable for each in table.foreign_keys
        )

    def column(self, name: str) -> str:
        """Return a column's name with its table's."""
        if (column := self._names.get(name)) is None:
            column = self._names[name] = f"{self.name}.{self.bare(name)}"
        return column

    def bare(self, name: str) -> str:
        """Return a column's name, quoted."""
        return escaped(quoted(name), is_server=self.is_server)

    def type_of(self, name: str) -> str:
        """Return the type to which a text is cast for a column, without its length.

        A cast to a type with a length would cut a text that is too long; without one, writing it is refused.
        """
        column = self.table.column(name)
        return "text" if column is None else bare_type(column.type)

    def array(self, column: str, cells: Iterable[Cell]) -> str:
        """Return cells of a column as the text of PostgreSQL's array, see `array_type`.

        The driver makes the same text of a list, but takes five times as long.
        """
        written = str if self.is_integer(column) else _quoted_element
        return "{" + ",".join(["NULL" if cell is None else written(cell) for cell in cells]) + "}"

    def array_type(self, column: str) -> str:
        """Return the type of `array`."""
        return "bigint[]" if self.is_integer(column) else "text[]"

    def matched(self, column: str, cell: str) -> str:
        """Return the condition that a column has the value of `cell`, an element of `array`; its index is used."""
        cast = "" if self.is_integer(column) else f"::{self.type_of(column)}"
        return f"{self.column(column)} = {cell}{cast}"

    def is_integer(self, column: str) -> bool:
        """Return whether a column holds integers."""
        found = self.table.column(column)
        return found is not None and found.kind is Kind.INTEGER

    def whole_type_of(self, name: str) -> str:
        """Return a column's type as the catalogue has it; of a text the type without its length, see `type_of`."""
        column = self.table.column(name)
        return self.type_of(name) if column is None or column.kind is Kind.TEXT else column.type

    def reading(self, condition: str, *, lock: bool) -> str:
        """Return the statement that reads rows in the order of their keys; with `lock` nobody else changes them."""
        locking = " FOR UPDATE" if lock and self.is_server else ""
        order = f" ORDER BY {self._order}" if self._order else ""
        return f"SELECT {self._cells} FROM {self.name} WHERE {condition}{order}{locking}"  # noqa: S608 (names of the catalogue, quoted)

    @cached_property
    def is_packed(self) -> bool:
        """Whether `reading_packed` reads it: its rows only move, and their key and their reference are integers."""
        if not self.rules.has_only_key_and_reference:
            return False
        key, reference = self.rules.columns
        return self.is_integer(key) and self.is_integer(reference) and self.table.is_indexed(reference)

    def reading_packed(self, condition: str, *, lock: bool) -> str:
        """Return the statement that reads what a reference holds, and the keys of all rows that hold it, as JSON.

        A key is null where it or the reference is no integer: a column of SQLite may hold anything.
        """
        key, reference = map(self.column, self.rules.columns)
        if not self.is_server:
            is_integer = f"typeof({key}) = 'integer' AND typeof({reference}) = 'integer'"
            return (
                f"SELECT {reference}, json_group_array(CASE WHEN {is_integer} THEN {key} END) "  # noqa: S608 (as above)
                f"FROM {self.name} WHERE {condition} GROUP BY {reference}"
            )
        # No row of a group can be locked.
        locking = " FOR UPDATE" if lock else ""
        return (
            f"SELECT r, pg_catalog.json_agg(k)::text FROM (SELECT {reference} AS r, {key} AS k "  # noqa: S608 (as above)
            f"FROM {self.name} WHERE {condition} ORDER BY {key}{locking}) AS custmerge_rows GROUP BY r"
        )

    def is_row(self, operator: str) -> str:
        """Return the condition that is true of the row with a key, SQLite's parameters."""
        return " AND ".join(f"{self.column(name)} {operator} ?" for name in self.rules.key)

    def updating_one(self, columns: tuple[str, ...], operator: str) -> str:
        """Return SQLite's statement that gives columns new cells in the row of which `is_row` is true."""
        if (statement := self._updating.get((columns, operator))) is None:
            changes = ", ".join(f"{self.bare(column)} = ?" for column in columns)
            statement = f"UPDATE {self.name} SET {changes} WHERE {self.is_row(operator)}"  # noqa: S608 (names of the catalogue, quoted)
            self._updating[columns, operator] = statement
        return statement

    def first_of_each(
        self, of: str, columns: Sequence[str], condition: str, where: str | None, order: str | None
    ) -> str:
        """Return the statement that reads `of` and `columns` of the first row with each value of `of`.

        `where` and `order` are SQL of the mapping; rows that are alike there are in the order of their keys.
        """
        also = "" if where is None else f" AND {self._expression(where)}"
        # As a condition, the order may end with a comment.
        first = order and f"{escaped(order, is_server=self.is_server)}\n"
        by = ", ".join(part for part in (first, self._order) if part)
        cells = ", ".join(f"{self._read(name)} AS c{place}" for place, name in enumerate(columns))
        names = ", ".join(f"c{place}" for place in range(len(columns)))
        order_by = f" ORDER BY {by}" if by else ""
        return (
            f"SELECT o, {names} FROM (SELECT {self._read(of)} AS o, {cells}, "  # noqa: S608 (names of the catalogue, quoted)
            f"row_number() OVER (PARTITION BY {self.column(of)}{order_by}) AS place "
            f"FROM {self.name} WHERE {condition}{also}) AS f WHERE place = 1"
        )

    def holding(self, column: str, texts: Collection[str]) -> Condition | None:
        """Return the condition that a column holds one of `texts`; None if none of them fits its type.

        The texts are cast and not the column, so that its index is used. It may hold for other rows too, whose texts
        the database takes for equal.
        """
        keys = texts if isinstance(texts, KeyTexts) else KeyTexts(texts)
        if not self.is_server:
            return Condition(f"{self.column(column)} {_AMONG}", (keys.json,))
        found = self.table.column(column)
        kind = Kind.OTHER if found is None else found.kind
        match kind:
            case Kind.INTEGER | Kind.NUMBER:
                fitting, cast = keys.integers, "::bigint[]"
            case Kind.UUID:
                fitting, cast = keys.uuids, "::uuid[]"
            case Kind.TEXT:
                fitting, cast = keys.plain, f"::{self.type_of(column)}[]"
            case _:
                fitting, cast = keys.plain, ""
        if not fitting:
            return None
        left = self.column(column) if cast else f"{self.column(column)}::text"
        return Condition(f"{left} = ANY (%s::text[]{cast})", (fitting,))

    def equal(self, columns: Sequence[str], rows: Collection[Sequence[Cell]]) -> Iterator[Condition]:
        """Yield conditions, each for a part of `rows`, that the cells of `columns` are those of a row."""
        if not self.is_server:
            yield from self._among_values(columns, rows)
            return
        if not rows:
            return
        cells = zip(columns, zip(*rows, strict=True), strict=True)
        arrays = tuple(self.array(column, of_column) for column, of_column in cells)
        types = [self.array_type(column) for column in columns]
        if len(columns) == 1:
            cast = "" if self.is_integer(columns[0]) else f"::{self.type_of(columns[0])}[]"
            yield Condition(f"{self.column(columns[0])} = ANY (%s::{types[0]}{cast})", arrays)
            return
        names = ", ".join(self.column(column) for column in columns)
        values = ", ".join(
            f"x.c{place}" if self.is_integer(column) else f"x.c{place}::{self.type_of(column)}"
            for place, column in enumerate(columns)
        )
        yield Condition(f"({names}) IN (SELECT {values} FROM {unnest('x', types)})", arrays)  # noqa: S608 (as above)

    def _among_values(self, columns: Sequence[str], rows: Collection[Sequence[Cell]]) -> Iterator[Condition]:
        names = ", ".join(self.column(column) for column in columns)
        one = f"({', '.join('?' * len(columns))})"
        rest = iter(rows)
        while part := list(islice(rest, PARAMETERS_AT_ONCE // len(columns))):
            cells = tuple(cell for row in part for cell in row)
            yield Condition(f"({names}) IN (VALUES {', '.join([one] * len(part))})", cells)

    def read_of(self, alias: str, name: str) -> str:
        """Return a column of the table under another name, as its cells are read."""
        column = f"{alias}.{self.bare(name)}"
        return column if self.is_integer(name) else self._as_text(column)

    def _read(self, name: str) -> str:
        return self.read_of(self.name, name)

    def _expression(self, sql: str) -> str:
        # The text may end with a comment.
        return f"({escaped(sql, is_server=self.is_server)}\n)"

    def _as_text(self, sql: str) -> str:
        return f"{sql}::text" if self.is_server else sql


def table_name(table: HostTable, *, is_server: bool) -> str:
    """Return a table's name in a statement of the driver, with its schema where the search path doesn't find it."""
    return escaped(quoted_table(table), is_server=is_server)


def escaped(sql: str, *, is_server: bool) -> str:
    """Return a part of a statement with which the driver does nothing: psycopg takes `%` for a parameter."""
    return sql.replace("%", "%%") if is_server else sql


def unnest(alias: str, types: Sequence[str]) -> str:
    """Return PostgreSQL's table of arrays, a parameter each; its columns are `c0` and so on."""
    names = ", ".join(f"c{place}" for place in range(len(types)))
    return f"unnest({', '.join(f'%s::{each}' for each in types)}) AS {alias} ({names})"


def _quoted_element(cell: Cell) -> str:
    text = str(cell).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def bare_type(type_name: str) -> str:
    """Return PostgreSQL's name of a type, without a length."""
    array = "[]" if type_name.endswith("[]") else ""
    name = _LENGTH.sub("", type_name.removesuffix("[]"))
    return _OF_ANY_LENGTH.get(name, name) + array
