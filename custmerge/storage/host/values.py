"""Reads samples of a host's rows, and compares values with the keys of its tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

from sqlalchemy import Connection, text

from custmerge.rules.guessing.samples import KeyShare, Sample, chance_of, key_like
from custmerge.rules.host_schema import HostColumn, HostTable, Kind
from custmerge.rules.sql_words import quoted, quoted_table
from custmerge.storage.dialect import dialect_of
from custmerge.storage.host.privileges import may

SAMPLED_ROWS = 3_000
"""How many rows of a table are looked at: all, or half of them its first and half its last by its key."""
COUNTED_ROWS = 200_000
"""Up to this number of rows a question's numbers are exact."""
_LONGEST_TEXT = 2_000
_MOST_KINDS = 50
_ARRAYS = {Kind.INTEGER: "bigint[]", Kind.NUMBER: "numeric[]", Kind.UUID: "uuid[]"}
_LEAST, _GREATEST = -(2**63), 2**63 - 1


class HostValues:
    """Reads a host's rows to say what is in its columns; inside one transaction. All names are quoted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_server = dialect_of(connection).is_server

    def database_name(self) -> str:
        """Return what the database is called: on SQLite, its file without the ending."""
        if self._is_server:
            return str(self._rows("SELECT pg_catalog.current_database()")[0][0])
        return PurePath(self._rows("SELECT file FROM pragma_database_list WHERE name = 'main'")[0][0]).stem

    def sample(self, table: HostTable, columns: Sequence[str]) -> Sample:
        """Return some rows of a table: all if there are few, else the same number from each end of its key.

        A table that mustn't be read seems to have none.
        """
        if not columns or not self._may_read(table):
            return Sample(table.name, tuple(columns), (), is_whole=True)
        cells = ", ".join(self._text(table.column(name)) for name in columns)
        read = f"SELECT {cells} FROM {_named(table)}"  # noqa: S608 (quoted names)
        key = list(map(_quoted, table.row_key))
        found = self._rows(f"{read}{_ordered(key)} LIMIT {SAMPLED_ROWS + 1}")
        is_whole = len(found) <= SAMPLED_ROWS
        if not is_whole and key:
            half = SAMPLED_ROWS // 2
            last = self._rows(f"{read}{_ordered([f'{name} DESC' for name in key])} LIMIT {half}")
            found = [*found[:half], *last]
        return Sample(table.name, tuple(columns), found[:SAMPLED_ROWS], is_whole=is_whole)

    def is_unique(self, table: HostTable, column: str) -> bool:
        """Return whether each row of a table has a value of its own in a column, an empty text being none."""
        cell = f"NULLIF(CAST({_quoted(column)} AS TEXT), '')"
        statement = f"SELECT count(*), count({cell}), count(DISTINCT {cell}) FROM {_named(table)}"  # noqa: S608 (quoted names)
        return len(set(self._rows(statement)[0])) == 1

    def kinds(self, table: HostTable, column: str) -> list[str]:
        """Return the different values of a column that says what a row is about, at most a few dozen."""
        name = _quoted(column)
        looked_at = f"SELECT {name} FROM {_named(table)} WHERE {name} IS NOT NULL LIMIT {COUNTED_ROWS}"  # noqa: S608 (quoted names)
        rows = self._rows(f"SELECT DISTINCT CAST({name} AS TEXT) FROM ({looked_at}) AS looked_at LIMIT {_MOST_KINDS}")  # noqa: S608 (quoted names)
        return sorted(row[0] for row in rows)

    def rows_of_kind(
        self, table: HostTable, columns: Sequence[str], kind_column: str, kind: str
    ) -> list[tuple[str | None, ...]]:
        """Return some rows of a table in which a column has a value."""
        cells = ", ".join(self._text(table.column(name)) for name in columns)
        condition = f"CAST({_quoted(kind_column)} AS TEXT) = :kind"
        statement = f"SELECT {cells} FROM {_named(table)} WHERE {condition} LIMIT {SAMPLED_ROWS // 10}"  # noqa: S608 (quoted names)
        return self._rows(statement, kind=kind)

    def compared(
        self, table: HostTable, key: HostColumn, values: frozenset[str], rows: int, where: str | None = None
    ) -> KeyShare:
        """Return how many of the `values` are keys of a table, and how likely that is by chance.

        `rows` is the number of sampled rows that they are from; `where` an SQL condition on the table's rows.
        """
        possible = key_like(values, key.kind)
        keys = frozenset(self._keys_among(table, key, possible, where)) & values if possible else frozenset()
        if not keys or key.kind not in (Kind.INTEGER, Kind.NUMBER):
            return KeyShare(rows, len(values), len(keys), chance_of(values, keys, None))
        numbers = _integers(possible)
        low, high = min(numbers), max(numbers)
        count = self._count_between(table, key, low, high, where)
        near, anywhere = count / (high - low + 1), count / (high - min(low, 0) + 1)
        return KeyShare(
            rows, len(values), len(keys), chance_of(values, keys, near), chance_of(values, keys, anywhere)
        )

    def counted(
        self,
        column: tuple[HostTable, str, str | None],
        customers: tuple[HostTable, str, str | None],
        form: str,
    ) -> tuple[int, int, int]:
        """Return (rows with a value, distinct values, distinct values that are keys) of a column.

        They are exact for a table that isn't large. `column` and the key of the `customers` are each (table, column,
        SQL condition on its rows); `form` is how a key stands in the column's text.
        """
        table, name, where = column
        of, key, customers_where = customers
        if not self._may_read(table):
            return 0, 0, 0
        lead, _, end = form.partition("{key}")
        held, cell = f"CAST({_quoted(key)} AS TEXT)", f"CAST({_quoted(name)} AS TEXT)"
        condition, parameters = _condition(name, where), {}
        if lead or end:
            held, parameters = f"CAST(:lead AS TEXT) || {held} || CAST(:end AS TEXT)", {"lead": lead, "end": end}
            condition += f" AND substr({cell}, 1, {len(lead)}) = :lead"
        # Not a join: SQLite would compare each value with each key, and this makes an index of the keys.
        statement = (
            "SELECT count(*), count(DISTINCT held), count(DISTINCT CASE WHEN held IN "  # noqa: S608 (quoted names)
            f"(SELECT {held} FROM {_named(of)} WHERE {_condition(key, customers_where)}) THEN held END) "
            f"FROM (SELECT {cell} AS held FROM {_named(table)} WHERE {condition} LIMIT {COUNTED_ROWS}) AS looked_at"
        )
        row = self._connection.execute(text(statement), parameters).one()
        return int(row[0]), int(row[1]), int(row[2])

    def _may_read(self, table: HostTable) -> bool:
        return not self._is_server or may(self._connection, table, "SELECT")

    def _text(self, column: HostColumn | None) -> str:
        if column is None:
            return "NULL"
        cell = f"CAST({_quoted(column.name)} AS TEXT)"
        if column.kind in (Kind.INTEGER, Kind.UUID):
            return cell
        start = f"substr({cell}, 1, {_LONGEST_TEXT})"
        # On SQLite any column may hold bytes.
        return (
            start
            if self._is_server
            else f"CASE typeof({_quoted(column.name)}) WHEN 'blob' THEN NULL ELSE {start} END"
        )

    # Any: SQLAlchemy's rows, and the driver's own connection.
    def _rows(self, statement: str, **parameters: str) -> list[Any]:
        raw: Any = self._connection.connection.driver_connection
        decoded = None if self._is_server else raw.text_factory
        if decoded is not None:
            # SQLite stores any bytes as a text, and one such row is no reason to guess nothing.
            raw.text_factory = _decoded
        try:
            return [tuple(row) for row in self._connection.execute(text(statement), parameters)]
        finally:
            if decoded is not None:
                raw.text_factory = decoded

    def _keys_among(self, table: HostTable, key: HostColumn, values: frozenset[str], where: str | None) -> list[str]:
        """Return those of the values that are keys, by the index of the key."""
        column, is_counted = _quoted(key.name), key.kind in (Kind.INTEGER, Kind.NUMBER)
        held: list[str] | list[int] = _integers(values) if is_counted else sorted(values)
        if self._is_server:
            condition = f"{column} = ANY (CAST(:held AS {_ARRAYS.get(key.kind, 'text[]')}))"
            parameters: dict[str, object] = {"held": held}
        else:
            condition = f"{column} IN (SELECT value FROM json_each(:held))"  # noqa: S608 (quoted names)
            parameters = {"held": json.dumps(held)}
        statement = (
            f"SELECT CAST({column} AS TEXT) FROM {_named(table)} "  # noqa: S608 (quoted names)
            f"WHERE {_condition(key.name, where)} AND {condition}"
        )
        return [str(row[0]) for row in self._connection.execute(text(statement), parameters)]

    def _count_between(self, table: HostTable, key: HostColumn, low: int, high: int, where: str | None) -> int:
        """Return how many keys there are from `low` to `high`."""
        statement = (
            f"SELECT count(*) FROM {_named(table)} "  # noqa: S608 (quoted names)
            f"WHERE {_condition(key.name, where)} AND {_quoted(key.name)} BETWEEN :low AND :high"
        )
        return int(self._connection.execute(text(statement), {"low": low, "high": high}).scalar_one())


def _condition(column: str, where: str | None) -> str:
    """Return the condition that a column has a value, in the rows that are meant."""
    return f"{_quoted(column)} IS NOT NULL" + (f" AND ({_escaped(where)})" if where else "")


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _integers(values: Iterable[str]) -> list[int]:
    return [number for value in values if _LEAST <= (number := int(value)) <= _GREATEST]


def _ordered(columns: Sequence[str]) -> str:
    return f" ORDER BY {', '.join(columns)}" if columns else ""


def _quoted(name: str) -> str:
    """Return a name as SQL writes it, for `text`: a colon in it begins no parameter."""
    return _escaped(quoted(name))


def _named(table: HostTable) -> str:
    return _escaped(quoted_table(table))


def _escaped(sql: str) -> str:
    return sql.replace(":", "\\:")
