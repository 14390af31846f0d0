"""In which steps changed rows are written: none is in the way of another, none refers to a row that isn't there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from custmerge.errors import RowsRefused
from custmerge.rules.references.cells import Cell, Keys, alike, are_alike, in_order, numbered
from custmerge.rules.references.changes import Cells, RowsWritten, Step
from custmerge.rules.references.layers import Written, layers_of
from custmerge.rules.references.rows import HostRow, Row, Rows


def steps_of(tables: Mapping[str, Rows], plain: Iterable[RowsWritten], first_order: int) -> list[Step]:
    """Return what has to be written, in its order; `plain` is written in the first step."""
    written = [(table, row) for table in sorted(tables) for row in _exchanged(tables, table)]
    layers: dict[int, list[Written]] = defaultdict(list)
    for (table, row), layer in zip(written, layers_of(tables, written), strict=True):
        layers[layer].append((table, row))
    first = tuple(plain)
    if first:
        layers.setdefault(0, [])
    return [
        _step(tables, layers[layer], first if layer == min(layers) else (), first_order) for layer in sorted(layers)
    ]


def _exchanged(tables: Mapping[str, Rows], table: str) -> list[HostRow]:
    """Return the changed rows of a table as they are written.

    Where a row takes the key of a dropped one to which others refer, the dropped row gets its cells instead, and the
    key that it had goes: deleting the other row would delete what refers to it, if the foreign key says so. Where a
    row is given back whose key another has, likewise the other way round. Raises RowsRefused where that can't be
    done because other columns than the key are referred to.
    """
    rows = tables[table]
    changed = [row for row in rows.touched if _is_changed(row)]
    referred = {child.to for each in tables.values() for child in each.rules.children if child.parent == table}
    if not referred:
        return changed
    gone = {rows.key_of(row.read): row for row in changed if row.now is None and row.read is not None}
    back = {rows.key_of(row.now): row for row in changed if row.read is None and row.now is not None}
    kept = []
    for row in changed:
        if row.read is None or row.now is None:
            continue
        if (dropped := gone.pop(rows.key_of(row.now), None)) is not None:
            kept += [HostRow(dropped.read, row.now), HostRow(row.read, None)]
        elif (restored := back.pop(rows.key_of(row.read), None)) is not None:
            kept += [HostRow(row.read, restored.now), HostRow(None, row.now)]
        else:
            kept.append(row)
    kept += [*gone.values(), *back.values()]
    for columns in referred:
        _demand_parents(rows, table, rows.at(columns), kept)
    return kept


def _demand_parents(rows: Rows, table: str, at: tuple[int, ...], changed: Sequence[HostRow]) -> None:
    """Raise RowsRefused if what refers to a row that goes is to refer to another one by the same cells."""
    value = itemgetter(*at)
    gone = {value(row.read) for row in changed if row.now is None and row.read is not None}
    for row in changed:
        if (
            row.now is not None
            and row.read is not None
            and value(row.now) in gone
            and value(row.now) != value(row.read)
        ):
            columns = ", ".join(rows.names[position] for position in at)
            raise RowsRefused(table=table, by=columns)


def _is_changed(row: HostRow) -> bool:
    if row.read is None or row.now is None:
        return row.read is not row.now
    return row.read is not row.now and any(not alike(old, new) for old, new in zip(row.read, row.now, strict=True))


def _step(tables: Mapping[str, Rows], rows: Sequence[Written], plain: tuple[RowsWritten, ...], first: int) -> Step:
    dropped: dict[str, list[Row]] = defaultdict(list)
    updated: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
    restored: dict[str, list[Row]] = defaultdict(list)
    for table, row in rows:
        if row.now is None:
            dropped[table].append(row.read or ())
        elif row.read is None:
            restored[table].append(row.now)
        else:
            updated[table].append((row.read, row.now))
    writes = [*plain, *(write for table, pairs in updated.items() for write in updates(tables[table], pairs, first))]
    return Step(
        dropped={table: Keys(map(tables[table].key_of, gone)) for table, gone in dropped.items()},
        updated=tuple(sorted(writes, key=lambda write: (write.table, [name for name, _ in write.cells]))),
        restored={table: _restored(tables[table], back, first) for table, back in restored.items()},
    )


def updates(rows: Rows, changed: Iterable[tuple[Row, Row]], first_order: int) -> Iterator[RowsWritten]:
    """Yield what gives rows, (before, after), their new cells: those with the same new columns as one value."""
    by_columns: dict[tuple[str, ...], list[tuple[Row, Row]]] = defaultdict(list)
    for before, after in changed:
        names = tuple(
            [
                name
                for name, at in rows.sorted_columns
                if not alike(before[at], after[at]) and name not in rows.rules.generated
            ]
        )
        by_columns[names].append((before, after))
    for names, several in sorted(by_columns.items()):
        keys, places = in_order([rows.key_of(before) for before, _ in several])
        cells, each = list[tuple[str, Cell]](), list[tuple[str, tuple[Cell, ...]]]()
        for name in names:
            position = rows.positions[name]
            last = tuple([numbered(several[place][1][position], first_order) for place in places])
            if are_alike(last):
                cells.append((name, last[0]))
            else:
                each.append((name, last))
        yield RowsWritten(rows.rules.table, tuple(cells), keys, tuple(each))


def _restored(rows: Rows, back: Iterable[Row], first_order: int) -> tuple[Cells, ...]:
    listed = list(back)
    _, places = in_order(list(map(rows.key_of, listed)))
    return tuple(_cells(rows, listed[place], first_order) for place in places)


def _cells(rows: Rows, row: Row, first_order: int) -> Cells:
    written = ((name, row[at]) for name, at in rows.sorted_columns if name not in rows.rules.generated)
    return tuple((name, numbered(cell, first_order)) for name, cell in written)
