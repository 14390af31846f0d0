"""Literals of a mapping as cells: a value as its column reads it back, so that an undo knows it again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from custmerge.rules.host_schema import Kind
from custmerge.rules.mapping import Placeholder, Value
from custmerge.rules.references.cells import Cell
from custmerge.storage.dialect import dialect_of

if TYPE_CHECKING:
    from custmerge.rules.references.table_rules import WrittenCells
    from custmerge.storage.register.attached.table_sql import HostTableSql

_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")
_OF_AN_ORDER = (Placeholder.NULL, Placeholder.ORDER, Placeholder.SURVIVOR_KEY, Placeholder.SURVIVOR_NUMBER)


def written_cells(
    connection: Connection,
    tables: Mapping[str, HostTableSql],
    written: Iterable[tuple[str, str, Value]],
    now: datetime,
) -> WrittenCells:
    """Return the cell of each literal and each `{now}` that an order may write.

    `written` is everything that the mapping writes: table, column and value. Call it where values read as ever
    (`host_reading.host_reader`).
    """
    wanted = [each for each in written if each[2] not in _OF_AN_ORDER]
    if not wanted:
        return {}
    texts = [(tables[table], column, _written(tables[table], column, value, now)) for table, column, value in wanted]
    if not dialect_of(connection).is_server:
        return dict(zip(wanted, (_with_affinity(*each) for each in texts), strict=True))
    casts = ", ".join(
        f"%s::{table.array_type(column).removesuffix('[]')}"
        if table.is_integer(column)
        else f"%s::text::{table.whole_type_of(column)}::text"
        for table, column, _ in texts
    )
    # Any: the driver's own connection.
    raw: Any = connection.connection.driver_connection
    cells = raw.execute(f"SELECT {casts}", [cell for *_, cell in texts]).fetchone()
    return dict(zip(wanted, cells, strict=True))


def _written(table: HostTableSql, column: str, value: Value, now: datetime) -> Cell:
    """Return what is written for a value, before the column makes a cell of it."""
    found = table.table.column(column)
    kind = Kind.OTHER if found is None else found.kind
    if value is Placeholder.NOW:
        # A moment without a zone, or as a text, is in UTC, as SQLite's CURRENT_TIMESTAMP is.
        moment = now.astimezone(UTC)
        if kind in (Kind.INTEGER, Kind.NUMBER):
            return int(moment.timestamp())
        is_date = found is not None and found.type.lower() == "date"
        return f"{moment:%Y-%m-%d}" if is_date else f"{moment:%Y-%m-%d %H:%M:%S}" + _fraction(table, moment, kind)
    if isinstance(value, bool):
        if kind in (Kind.INTEGER, Kind.NUMBER) or not table.is_server:
            return int(value)
        return "true" if value else "false"
    if table.is_server and not table.is_integer(column):
        return str(value)
    return value


def _fraction(table: HostTableSql, moment: datetime, kind: Kind) -> str:
    return f".{moment:%f}+00" if table.is_server and kind is Kind.MOMENT else ""


def _with_affinity(table: HostTableSql, column: str, cell: Cell) -> Cell:
    """Return a value as a column of SQLite keeps it. Source: SQLite, "Datatypes", type affinity."""
    found = table.table.column(column)
    declared = "" if found is None else found.type.upper()
    if "INT" not in declared:
        if any(part in declared for part in ("CHAR", "CLOB", "TEXT")):
            return str(cell) if isinstance(cell, (int, float)) else cell
        if "BLOB" in declared or not declared:
            return cell
        if any(part in declared for part in ("REAL", "FLOA", "DOUB")):
            number = _number(cell)
            return float(number) if isinstance(number, int) else number
    number = _number(cell)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _number(cell: Cell) -> Cell:
    if not isinstance(cell, str) or not _NUMBER.fullmatch(cell):
        return cell
    text = cell.strip()
    return int(text) if text.removeprefix("-").removeprefix("+").isdigit() else float(text)
