"""In which steps changed rows are written: none is in the way of another, none refers to a row that isn't there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter

from custmerge.errors import RowsRefused
from custmerge.rules.references.cells import Cell, Keys, NewCell, alike, are_alike, in_order, numbered
from custmerge.rules.references.changes import Cells, RowsWritten, Step
from custmerge.rules.references.rows import HostRow, Row, Rows, texts_of
from custmerge.rules.references.table_rules import ChildReference

Written = tuple[str, HostRow]
"""A table, and a row of it whose cells aren't those that were read."""


def steps_of(tables: Mapping[str, Rows], plain: Iterable[RowsWritten], first_order: int) -> list[Step]:
    """Return what has to be written, in its order; `plain` is written in the first step."""
    written = [(table, row) for table in sorted(tables) for row in _exchanged(tables, table)]
    layers: dict[int, list[Written]] = defaultdict(list)
    for (table, row), layer in zip(written, _layers(tables, written), strict=True):
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


def _layers(tables: Mapping[str, Rows], written: Sequence[Written]) -> list[int]:
    """Return for each row in which layer it is written: after every row that has to be written before it."""
    earlier: dict[HostRow, list[HostRow]] = defaultdict(list)
    by_table: dict[str, list[HostRow]] = defaultdict(list)
    for table, row in written:
        by_table[table].append(row)
    first_of: dict[HostRow, HostRow] = {}
    for table in by_table:
        for child, parent in _with_parents(tables, by_table, table):
            _join(first_of, child, parent)
    for table, rows in by_table.items():
        for before, after in chain(_by_places(tables[table], rows), _by_parents(tables, by_table, table)):
            before, after = _first(first_of, before), _first(first_of, after)  # noqa: PLW2901 (of those written at once)
            if before is not after:
                earlier[after].append(before)
    layers: dict[HostRow, int] = {}
    for row in list(earlier):
        _place(row, earlier, layers)
    return [layers.get(_first(first_of, row), 0) for _, row in written]


def _first(first_of: Mapping[HostRow, HostRow], row: HostRow) -> HostRow:
    """Return the row that stands for all that are written at once with `row`."""
    while (before := first_of.get(row, row)) is not row:
        row = before
    return row


def _join(first_of: dict[HostRow, HostRow], row: HostRow, other: HostRow) -> None:
    row, other = _first(first_of, row), _first(first_of, other)
    if row is not other:
        first_of[row] = other


def _with_parents(
    tables: Mapping[str, Rows], changed: Mapping[str, Sequence[HostRow]], table: str
) -> Iterator[tuple[HostRow, HostRow]]:
    """Yield (child, parent): both get new cells by which the one refers to the other, and so are written at once."""
    for child in tables[table].rules.children:
        if (parents := tables.get(child.parent)) is None:
            continue
        to, at = parents.at(child.to), tables[table].at(child.columns)
        moved = {
            texts_of(row.read, to): row
            for row in changed.get(child.parent, ())
            if row.read is not None and row.now is not None and texts_of(row.read, to) != texts_of(row.now, to)
        }
        for row in changed[table] if moved else ():
            parent = None if row.read is None or row.now is None else moved.get(texts_of(row.read, at))
            if parent is not None and texts_of(row.now or (), at) == texts_of(parent.now or (), to):
                yield row, parent


def _place(row: HostRow, earlier: Mapping[HostRow, Sequence[HostRow]], layers: dict[HostRow, int]) -> None:
    """Give a row its layer. In a circle the database has the last word: one row of it comes first."""
    waiting, under_way = [row], set[HostRow]()
    while waiting:
        last = waiting[-1]
        under_way.add(last)
        missing = [before for before in earlier.get(last, ()) if before not in layers and before not in under_way]
        if missing:
            waiting.append(missing[0])
        else:
            layers.setdefault(last, 1 + max((layers.get(b, -1) for b in earlier.get(last, ())), default=-1))
            waiting.pop()


def _by_places(rows: Rows, changed: Sequence[HostRow]) -> Iterator[tuple[HostRow, HostRow]]:
    """Yield (earlier, later): a row leaves a place in a unique, or in the key, that another takes."""
    for place in rows.places:
        if place.unique.of is not None:
            continue
        left: dict[tuple[NewCell, ...], HostRow] = {}
        taken: list[tuple[tuple[NewCell, ...], HostRow]] = []
        for row in changed:
            before = None if row.read is None else place.of(row.read)
            after = None if row.now is None else place.of(row.now)
            if before != after:
                if before is not None:
                    left[before] = row
                if after is not None:
                    taken.append((after, row))
        yield from ((left[value], row) for value, row in taken if value in left)


def _by_parents(
    tables: Mapping[str, Rows], changed: Mapping[str, Sequence[HostRow]], table: str
) -> Iterator[tuple[HostRow, HostRow]]:
    """Yield (earlier, later): rows leave a parent before it is dropped, and refer to one after it is given back."""
    for child in tables[table].rules.children:
        parents = tables.get(child.parent)
        gone = (
            [] if parents is None else [row for row in changed.get(child.parent, ()) if None in (row.read, row.now)]
        )
        if parents is None or not gone:
            continue
        by_value = {texts_of(row.read or row.now or (), parents.at(child.to)): row for row in gone}
        yield from _of_child(tables[table], child, changed[table], by_value)


def _of_child(
    rows: Rows, child: ChildReference, changed: Sequence[HostRow], parents: Mapping[tuple[NewCell, ...], HostRow]
) -> Iterator[tuple[HostRow, HostRow]]:
    at = rows.at(child.columns)
    for row in changed:
        before = None if row.read is None else parents.get(texts_of(row.read, at))
        after = None if row.now is None else parents.get(texts_of(row.now, at))
        if before is not None and before.now is None:
            yield row, before
        if after is not None and after.read is None:
            yield after, row


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
