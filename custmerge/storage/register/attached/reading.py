"""Reads rows of a host's tables, set by set, and locks them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection

from custmerge.rules.references.cells import Cell, Keys
from custmerge.storage.dialect import Row, by_driver, dialect_of
from custmerge.storage.register.attached.table_sql import Condition, HostTableSql, escaped

_READS_ALIKE = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    # Rows that a policy hides would stay behind unseen: the server refuses the query instead, as for pg_dump.
    "row_security": "off",
}
"""Settings that change how a value reads as a text, or which rows are read: undos compare what merges have read."""
_SETTINGS = (*_READS_ALIKE, "enable_seqscan")
_SET = (
    "SELECT "
    + ", ".join(f"pg_catalog.current_setting('{name}')" for name in _SETTINGS)
    + "".join(f", pg_catalog.set_config('{name}', '{value}', true)" for name, value in _READS_ALIKE.items())
)
_RESET = "SELECT " + ", ".join(f"pg_catalog.set_config('{name}', %s, true)" for name in _SETTINGS)
_READ_WHOLE = "SELECT pg_catalog.set_config('enable_seqscan', %s, true)"
_KEY = re.compile(r"(?<![:\w]):(survivor|absorbed)\b")


class HostReader:
    """Reads rows in one transaction; make it by `host_reader`."""

    def __init__(self, connection: Connection, seqscan: str) -> None:
        # Any: the driver's own connection, whose rows take half the time of SQLAlchemy's.
        self._raw: Any = connection.connection.driver_connection
        self._connection = connection
        self.is_server = dialect_of(connection).is_server
        self._seqscan = seqscan

    def rows(
        self, table: HostTableSql, conditions: Iterable[Condition], *, lock: bool, by_index: bool = True
    ) -> list[Row]:
        """Return the rows that any of `conditions` finds, each once; with `lock` locked in the order of their keys.

        A row has the cells of `TableRules.columns` and then of `computed`. Without `by_index` PostgreSQL may read the
        whole table, even after `find_by_index`: where no index fits, the way over another one would take longer.
        """
        found = list(conditions)
        if not found:
            return []
        if not self.is_server:
            rows = [row for each in found for row in self.fetched(table.reading(each.sql, lock=lock), each)]
            return rows if len(found) == 1 else list(dict.fromkeys(rows))
        any_of = Condition(
            " OR ".join(f"({each.sql})" for each in found),
            tuple(value for each in found for value in each.parameters),
        )
        is_whole = not by_index and self._seqscan == "off"
        if is_whole:
            self._raw.execute(_READ_WHOLE, ("on",))
        rows = self.fetched(table.reading(any_of.sql, lock=lock), any_of)
        if is_whole:
            self._raw.execute(_READ_WHOLE, (self._seqscan,))
        return rows

    def packed(
        self, readings: Iterable[tuple[HostTableSql, Condition]], *, lock: bool
    ) -> Iterator[list[tuple[Cell, Keys]] | None]:
        """Yield for each table that `is_packed` what the reference of rows holds, with the keys of these rows.

        None for a table in which something isn't an integer. PostgreSQL is asked for all at once, but each statement
        sees what was committed before it: one may have waited for a row that is locked.
        """
        statements = [
            (table.reading_packed(condition.sql, lock=lock), condition.parameters) for table, condition in readings
        ]
        held = dialect_of(self._connection).rows_of_all(self._connection, statements)
        for groups in held:
            rows = [(cell, orjson.loads(keys)) for cell, keys in groups]
            if any(set(map(type, keys)) != {int} for _cell, keys in rows):
                yield None
            else:
                yield [(cell, Keys.of_sorted(array("q", sorted(keys)), are_texts=False)) for cell, keys in rows]

    def fetched(self, statement: str, condition: Condition) -> list[Row]:
        """Return the rows of a statement with one condition."""
        rows: list[Row] = self._raw.execute(statement, condition.parameters).fetchall()
        return rows


@contextmanager
def host_reader(connection: Connection) -> Iterator[HostReader]:
    """Give a reader for a block, in which PostgreSQL gives values as the same texts whatever its settings are."""
    if not dialect_of(connection).is_server:
        yield HostReader(connection, "")
        return
    before = by_driver(connection, _SET).fetchone()[: len(_SETTINGS)]
    yield HostReader(connection, before[-1])
    # Not after an error: it ends the transaction and with it the settings.
    by_driver(connection, _RESET, before)


def finds_a_row(connection: Connection, statement: str, survivor: Cell, absorbed: Cell) -> bool:
    """Return whether a statement of a mapping, with `:survivor` and `:absorbed`, finds a row.

    On PostgreSQL the keys have no type of their own, as a literal in quotes has none, and so fit every column.
    """
    dialect = dialect_of(connection)
    raw: Any = connection.connection.driver_connection
    keys = {"survivor": survivor, "absorbed": absorbed}
    if dialect.is_server:
        statement = _KEY.sub(r"%(\1)s", escaped(statement, is_server=True))
    return raw.execute(statement, keys).fetchone() is not None
