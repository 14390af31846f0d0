"""What an order in the making comes to: its changes, those of rows with the same new cells as one value."""

from __future__ import annotations

from collections.abc import Iterable

from custmerge.rules.references.cells import Key, NewCell, are_alike, cell_order, in_order, key_order
from custmerge.rules.references.changes import Changes, NewCells, RowDropped, RowsChanged
from custmerge.rules.references.draft import Draft
from custmerge.rules.references.rows import HostRow, PlannedRows, Row


def changes_of(draft: Draft, plain: Iterable[RowsChanged]) -> Changes:
    """Return everything that the order does; `plain` are its changes in plain tables."""
    changed, dropped = list(plain), list[RowDropped]()
    for table in sorted(draft.tables):
        planned = draft.tables[table]
        changed += _changed(table, planned)
        dropped += [
            RowDropped(table, planned.key_before(row), _all_cells(planned, row.now or ()), _stays(draft, table, row))
            for row in planned.in_order(row for row, cells in planned.cells.items() if cells is None)
        ]
    return Changes(tuple(sorted(changed, key=_change_order)), tuple(dropped))


def _changed(table: str, planned: PlannedRows) -> list[RowsChanged]:
    alike_rows: dict[tuple[object, ...], tuple[NewCells, list[HostRow]]] = {}
    positions = planned.rows.positions
    for row, cells in planned.cells.items():
        if cells is not None and (names := planned.differing(row)):
            after = tuple([(name, cells[positions[name]]) for name in names])
            kinds = (after, *[type(cell) for _, cell in after])
            alike_rows.setdefault(kinds, (after, []))[1].append(row)
    return [_one_change(table, planned, after, rows) for after, rows in alike_rows.values()]


def _one_change(table: str, planned: PlannedRows, after: NewCells, rows: list[HostRow]) -> RowsChanged:
    keys, places = in_order(list(map(planned.key_before, rows)))
    cells_before = [rows[place].now or () for place in places]
    before, each = list[tuple[str, NewCell]](), list[tuple[str, tuple[NewCell, ...]]]()
    for name, _ in after:
        position = planned.rows.positions[name]
        cells = tuple([row[position] for row in cells_before])
        if are_alike(cells):
            before.append((name, cells[0]))
        else:
            each.append((name, cells))
    key = planned.rows.rules.key
    moves = any(name in key for name, _ in after)
    return RowsChanged(table, tuple(before), after, keys, tuple(each), key if moves else ())


def _all_cells(planned: PlannedRows, row: Row) -> NewCells:
    generated = planned.rows.rules.generated
    return tuple([(name, row[at]) for name, at in planned.rows.sorted_columns if name not in generated])


def _stays(draft: Draft, table: str, row: HostRow) -> Key | None:
    if (stays := draft.staying(table, row)) is None:
        return None
    planned = draft.rows(table)
    return planned.rows.key_of(planned.now(stays) or ())


def _change_order(change: RowsChanged) -> tuple[object, ...]:
    first = key_order(change.keys[0]) if change.keys else ()
    return change.table, [(name, cell_order(cell)) for name, cell in change.after], first
