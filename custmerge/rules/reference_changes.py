"""What an order in the making comes to: its changes, those of rows with the same new cells as one value."""

from __future__ import annotations

from collections.abc import Iterable

from custmerge.rules.cells import Key, NewCell, are_alike, cell_order, in_order, key_order
from custmerge.rules.reference_draft import Draft
from custmerge.rules.reference_rows import AsIf, HostRow, Row
from custmerge.rules.references import Changes, NewCells, RowDropped, RowsChanged


def changes_of(draft: Draft, plain: Iterable[RowsChanged]) -> Changes:
    """Return everything that the order does; `plain` are its changes in plain tables."""
    changed, dropped = list(plain), list[RowDropped]()
    for table in sorted(draft.tables):
        as_if = draft.tables[table]
        changed += _changed(table, as_if)
        dropped += [
            RowDropped(table, as_if.key_before(row), _all_cells(as_if, row.now or ()), _stays(draft, table, row))
            for row in as_if.in_order(row for row, cells in as_if.cells.items() if cells is None)
        ]
    return Changes(tuple(sorted(changed, key=_change_order)), tuple(dropped))


def _changed(table: str, as_if: AsIf) -> list[RowsChanged]:
    alike_rows: dict[tuple[object, ...], tuple[NewCells, list[HostRow]]] = {}
    positions = as_if.rows.positions
    for row, cells in as_if.cells.items():
        if cells is not None and (names := as_if.differing(row)):
            after = tuple([(name, cells[positions[name]]) for name in names])
            kinds = (after, *[type(cell) for _, cell in after])
            alike_rows.setdefault(kinds, (after, []))[1].append(row)
    return [_one_change(table, as_if, after, rows) for after, rows in alike_rows.values()]


def _one_change(table: str, as_if: AsIf, after: NewCells, rows: list[HostRow]) -> RowsChanged:
    keys, places = in_order(list(map(as_if.key_before, rows)))
    cells_before = [rows[place].now or () for place in places]
    before, each = list[tuple[str, NewCell]](), list[tuple[str, tuple[NewCell, ...]]]()
    for name, _ in after:
        position = as_if.rows.positions[name]
        cells = tuple([row[position] for row in cells_before])
        if are_alike(cells):
            before.append((name, cells[0]))
        else:
            each.append((name, cells))
    key = as_if.rows.rules.key
    moves = any(name in key for name, _ in after)
    return RowsChanged(table, tuple(before), after, keys, tuple(each), key if moves else ())


def _all_cells(as_if: AsIf, row: Row) -> NewCells:
    generated = as_if.rows.rules.generated
    return tuple([(name, row[at]) for name, at in as_if.rows.sorted_columns if name not in generated])


def _stays(draft: Draft, table: str, row: HostRow) -> Key | None:
    if (stays := draft.staying(table, row)) is None:
        return None
    as_if = draft.rows(table)
    return as_if.rows.key_of(as_if.now(stays) or ())


def _change_order(change: RowsChanged) -> tuple[object, ...]:
    first = key_order(change.keys[0]) if change.keys else ()
    return change.table, [(name, cell_order(cell)) for name, cell in change.after], first
