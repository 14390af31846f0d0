"""Writes rows of a host's tables, set by set, so that the host's own constraints hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sqlalchemy import Connection

from custmerge.errors import RowsLeftOut, RowsRefused
from custmerge.rules.references.cells import Cell, Key, Keys
from custmerge.rules.references.changes import RowsWritten, Step
from custmerge.storage.dialect import Row, by_driver, dialect_of
from custmerge.storage.register.attached.table_sql import HostTableSql, unnest

_REFUSING = ("22", "23", "27", "2F", "38", "39", "44", "P0")
"""Classes of SQLSTATE that a value, a constraint or a trigger gives. Source: PostgreSQL, "Error Codes"."""
_TRIGGER = re.compile(r"function ([^\s(]+)")


@dataclass(frozen=True, slots=True)
class _Write:
    """One statement, or part of one."""

    table: HostTableSql
    sql: str
    parameters: Sequence[Any]
    """PostgreSQL: an array for each mark. SQLite: rows for `executemany`."""
    rows: int
    """How many it has to write."""
    left: str = ""
    """SQLite: counts the rows of one row of parameters that are still there after a DELETE."""


def write_step(connection: Connection, tables: Mapping[str, HostTableSql], step: Step) -> None:
    """Write a step to locked rows; raises RowsRefused, RowsLeftOut."""
    dialect = dialect_of(connection)
    try:
        if dialect.is_server:
            _write_at_once(connection, [*_on_server(tables, step)])
        else:
            for write in _in_file(tables, step):
                _demand_written(write, _written_rows(connection, write))
    except dialect.driver_error as error:
        raise _refusal(error, step) from None


def begin_writing(connection: Connection, tables: Iterable[HostTableSql], *, may_break_keys: bool) -> bool:
    """Let constraints that can be deferred wait for `end_writing`; returns whether that has to be called."""
    if not dialect_of(connection).is_server:
        if may_break_keys:
            # Ends with the transaction. Not without need: SQLite then compiles every statement of the connection
            # again, which takes a quarter of a merge. Source: SQLite, pragma.c, OP_Expire.
            by_driver(connection, "PRAGMA defer_foreign_keys = ON")
        return False
    if any(table.has_deferrable for table in tables):
        connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
        return True
    return False


def end_writing(connection: Connection) -> None:
    """Check the constraints that have waited; raises RowsRefused."""
    try:
        by_driver(connection, "SET CONSTRAINTS ALL IMMEDIATE")
    except dialect_of(connection).driver_error as error:
        raise _refusal(error, Step()) from None


def _written_rows(connection: Connection, write: _Write) -> int:
    """Execute a statement for SQLite; returns how many rows it has written."""
    count: int = by_driver(connection, write.sql, write.parameters, many=True).rowcount
    if count != write.rows and write.left:
        # A row that referred to another one of these has gone with that, by ON DELETE CASCADE.
        left: int = sum(by_driver(connection, write.left, key).fetchone()[0] for key in write.parameters)
        return write.rows - left
    return count


def _write_at_once(connection: Connection, writes: Sequence[_Write]) -> None:
    """Write everything by one statement: PostgreSQL checks foreign keys at its end."""
    if not writes:
        return
    steps = ", ".join(f"w{place} AS ({write.sql} RETURNING 1)" for place, write in enumerate(writes))
    counts = ", ".join(_counted(place) for place in range(len(writes)))
    parameters = tuple(value for write in writes for value in write.parameters)
    counted = by_driver(connection, f"WITH {steps} SELECT {counts}", parameters).fetchone()
    for write, count in zip(writes, counted, strict=True):
        _demand_written(write, count)


def _on_server(tables: Mapping[str, HostTableSql], step: Step) -> Iterator[_Write]:
    """Yield the parts of the statement for PostgreSQL.

    Each kind waits for the kind before it: the database itself promises no order of the parts.
    """
    waits, made = "", 0
    kinds = (
        [(tables[name], _deleting(tables[name], keys)) for name, keys in step.dropped.items() if keys],
        [
            (tables[name], _updating(tables[name], columns, groups))
            for name, columns, groups in _grouped(step.updated)
        ],
        [(tables[name], _inserting(tables[name], rows)) for name, rows in step.restored.items() if rows],
    )
    for kind in kinds:
        for table, (sql, parameters, count) in kind:
            yield _Write(table, sql + waits, parameters, count)
        waits += "".join(f" AND {_counted(place)} >= 0" for place in range(made, made + len(kind)))
        made += len(kind)


def _counted(place: int) -> str:
    return f"(SELECT count(*) FROM w{place})"  # noqa: S608 (a name of ours)


def _grouped(written: Iterable[RowsWritten]) -> Iterator[tuple[str, tuple[str, ...], list[RowsWritten]]]:
    """Yield (table, columns, what is written) once for each set of columns."""
    groups: dict[tuple[str, tuple[str, ...]], list[RowsWritten]] = {}
    for rows in written:
        columns = (*(name for name, _ in rows.cells), *(name for name, _ in rows.each))
        groups.setdefault((rows.table, columns), []).append(rows)
    for (table, columns), group in groups.items():
        yield table, columns, group


def _deleting(table: HostTableSql, keys: Sequence[Key]) -> tuple[str, Row, int]:
    columns = table.rules.key
    types = [table.array_type(column) for column in columns]
    sql = f"DELETE FROM {table.name} USING {unnest('n', types)} WHERE {_matches(table)}"  # noqa: S608 (names of the catalogue, quoted)
    return sql, _arrays(table, columns, keys), len(keys)


def _updating(table: HostTableSql, columns: Sequence[str], groups: Sequence[RowsWritten]) -> tuple[str, Row, int]:
    key = table.rules.key
    keys = [each for group in groups for each in group.keys]
    where, held = _held(table, groups)
    if len(groups) == 1 and not groups[0].each:
        # All rows get the same cells, which are passed once.
        cells = tuple(None if cell is None else str(cell) for _, cell in groups[0].cells)
        types = [table.array_type(column) for column in key]
        changes = ", ".join(f"{table.bare(column)} = %s::text::{table.type_of(column)}" for column in columns)
        sql = f"UPDATE {table.name} SET {changes} FROM {unnest('n', types)} WHERE {_matches(table)}{where}"  # noqa: S608 (as above)
        return sql, (*cells, *_arrays(table, key, keys), *held), len(keys)
    rows = [cells for group in groups for cells in _new_cells(group)]
    types = [table.array_type(column) for column in (*key, *columns)]
    changes = ", ".join(
        f"{table.bare(column)} = n.c{place}::{table.type_of(column)}"
        for place, column in enumerate(columns, start=len(key))
    )
    sql = f"UPDATE {table.name} SET {changes} FROM {unnest('n', types)} WHERE {_matches(table)}{where}"  # noqa: S608 (as above)
    return sql, (*_arrays(table, key, keys), *_arrays(table, columns, rows), *held), len(keys)


def _held(table: HostTableSql, groups: Sequence[RowsWritten]) -> tuple[str, Row]:
    """Return a further condition on rows that are locked, with its parameters.

    It holds for each of them; with it, the server finds a customer's rows side by side in an index instead of one by
    one, in two thirds of the time.
    """
    held = groups[0].held if len(groups) == 1 else None
    if held is None or not table.is_integer(held[0]):
        return "", ()
    column, cells = held
    return f" AND {table.column(column)} = ANY (%s::bigint[])", (table.array(column, cells),)


def _new_cells(rows: RowsWritten) -> Iterator[tuple[Cell, ...]]:
    """Return the new cells of each row, in the order of the keys."""
    alike = tuple(cell for _, cell in rows.cells)
    if not rows.each:
        return repeat(alike, len(rows.keys))
    return ((*alike, *cells) for cells in zip(*(cells for _, cells in rows.each), strict=True))


def _cells_and_keys(groups: Sequence[RowsWritten], width: int) -> list[Row]:
    """Return the new cells and then the key of each row, whose key has `width` cells.

    They are in the order of the keys, as far as these can be compared: SQLite's small cache needs it.
    """
    listed = [row for group in groups for row in _with_key(group)]
    if len(groups) > 1:
        # Keys of integers and of texts are in the same table only where a column has no type.
        with suppress(TypeError):
            listed.sort(key=lambda row: row[-width:])
    return listed


def _with_key(rows: RowsWritten) -> Iterator[Row]:
    keys = rows.keys
    of_keys = [keys.numbers] if keys.numbers is not None and not keys.are_texts else zip(*keys, strict=True)
    alike = (repeat(cell, len(keys)) for _, cell in rows.cells)
    return zip(*alike, *(cells for _, cells in rows.each), *of_keys, strict=True)


def _inserting(table: HostTableSql, rows: Sequence[tuple[tuple[str, Cell], ...]]) -> tuple[str, Row, int]:
    columns = [name for name, _ in rows[0]]
    types = [table.array_type(column) for column in columns]
    cells = ", ".join(f"n.c{place}::{table.type_of(column)}" for place, column in enumerate(columns))
    sql = (
        f"INSERT INTO {table.name} ({', '.join(map(table.bare, columns))}) OVERRIDING SYSTEM VALUE "  # noqa: S608 (as above)
        f"SELECT {cells} FROM {unnest('n', types)} WHERE true"
    )
    return sql, _arrays(table, columns, [[cell for _, cell in row] for row in rows]), len(rows)


def _matches(table: HostTableSql) -> str:
    return " AND ".join(table.matched(column, f"n.c{place}") for place, column in enumerate(table.rules.key))


def _arrays(table: HostTableSql, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Row:
    of_columns = zip(columns, zip(*rows, strict=True), strict=True)
    return tuple(table.array(column, cells) for column, cells in of_columns)


def _in_file(tables: Mapping[str, HostTableSql], step: Step) -> Iterator[_Write]:
    """Yield the statements for SQLite, in their order."""
    for name, keys in step.dropped.items():
        table = tables[name]
        those = f"FROM {table.name} WHERE {table.is_row('IS')}"
        yield _Write(table, f"DELETE {those}", tuple(keys), len(keys), left=f"SELECT count(*) {those}")
    # SQLite follows ON UPDATE at once: what refers to a row has its new cells before the row has.
    below = _levels(tables)
    for name, columns, groups in sorted(_grouped(step.updated), key=lambda group: below[group[0]]):
        table = tables[name]
        rows = _cells_and_keys(groups, len(table.rules.key))
        # `=` finds a row quicker, but no NULL, which keys of SQLite may have.
        operator = "=" if all(_have_no_null(group.keys) for group in groups) else "IS"
        yield _Write(table, table.updating_one(columns, operator), rows, len(rows))
    for name, restored in step.restored.items():
        table = tables[name]
        columns = tuple(column for column, _ in restored[0])
        names, marks = ", ".join(map(table.bare, columns)), ", ".join("?" * len(columns))
        rows = [tuple(cell for _, cell in row) for row in restored]
        yield _Write(table, f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows, len(rows))  # noqa: S608 (as above)


def _levels(tables: Mapping[str, HostTableSql]) -> dict[str, int]:
    """Return for each table how many tables refer to it one after the other; circles end."""
    levels = dict.fromkeys(tables, 0)
    below = [(name, child.parent) for name, table in tables.items() for child in table.rules.children]
    for _ in below:
        for name, parent in below:
            if parent != name and levels[parent] <= levels[name] < len(tables):
                levels[parent] = levels[name] + 1
    return levels


def _have_no_null(keys: Keys) -> bool:
    return keys.numbers is not None or not any(None in key for key in keys)


def _demand_written(write: _Write, count: int) -> None:
    """Raise RowsLeftOut unless every row was written: a host's trigger can leave one out without an error."""
    if count != write.rows:
        raise RowsLeftOut(table=write.table.rules.table, left=write.rows - count)


# Any: a driver's own error.
def _refusal(error: Any, step: Step) -> BaseException:  # noqa: ANN401
    """Return the error to raise instead of a driver's: RowsRefused if a value, a constraint or a trigger refuses.

    It names the constraint or the trigger's function and never a value.
    """
    if (diagnosis := getattr(error, "diag", None)) is not None:
        state = error.sqlstate or ""
        if not state.startswith(_REFUSING):
            return error  # type: ignore[no-any-return]  # the driver's own
        trigger = _TRIGGER.search(diagnosis.context or "")
        by = diagnosis.constraint_name or (trigger[1] if trigger else state)
        return RowsRefused(table=diagnosis.table_name or _tables_of(step), by=by)
    name, message = getattr(error, "sqlite_errorname", ""), str(error)
    if not name.startswith("SQLITE_CONSTRAINT"):
        return error  # type: ignore[no-any-return]  # the driver's own
    by = name.removeprefix("SQLITE_CONSTRAINT_").lower()
    if name != "SQLITE_CONSTRAINT_TRIGGER" and ": " in message:
        by = message.partition(": ")[2]
    table = _table_of(by) if name.endswith(("_UNIQUE", "_PRIMARYKEY", "_NOTNULL")) else ""
    return RowsRefused(table=table or _tables_of(step), by=by)


def _table_of(by: str) -> str:
    """Return the table whose columns SQLite names ("shop.client_id, shop.list"), else an empty text."""
    tables = {column.rpartition(".")[0] for column in by.split(", ")}
    return tables.pop() if len(tables) == 1 else ""


def _tables_of(step: Step) -> str:
    """Return the names of the tables that a step writes to."""
    return ", ".join(sorted({*step.dropped, *step.restored, *(rows.table for rows in step.updated)}))
