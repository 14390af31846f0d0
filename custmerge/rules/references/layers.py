"""Which rows have to be written before which others: none takes a place that isn't free, or refers to no row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import count, pairwise

from custmerge.rules.references.cells import NewCell
from custmerge.rules.references.rows import HostRow, Row, Rows, texts_of

Written = tuple[str, HostRow]
"""A table, and a row of it whose cells aren't those that were read."""
Edge = tuple[HostRow, HostRow]
"""(earlier, later)."""


def layers_of(tables: Mapping[str, Rows], written: Sequence[Written]) -> list[int]:
    """Return for each row in which layer it is written: after every row that has to be written before it.

    Rows that wait for each other because of foreign keys alone are written at once: these are checked afterwards. In
    any other circle the database has the last word: one row of it comes first.
    """
    by_table: dict[str, list[HostRow]] = defaultdict(list)
    for table, row in written:
        by_table[table].append(row)
    first_of: dict[HostRow, HostRow] = {}
    for table in by_table:
        for child, parent in _with_parents(tables, by_table, table):
            _join(first_of, child, parent)
    layers = _Layers(
        first_of,
        by_parents=[edge for table in by_table for edge in _by_parents(tables, by_table, table)],
        by_places=[edge for table, rows in by_table.items() for edge in _by_places(tables[table], rows)],
    )
    return layers.of_rows([row for _, row in written])


class _Layers:
    """Rows sorted by what has to be written before them."""

    def __init__(
        self, first_of: dict[HostRow, HostRow], *, by_parents: Sequence[Edge], by_places: Sequence[Edge]
    ) -> None:
        self._first_of = first_of
        """Rows that are written at once with others → one of these."""
        self._by_parents, self._by_places = by_parents, by_places
        self._passed_over = set[Edge]()

    def of_rows(self, rows: Sequence[HostRow]) -> list[int]:
        """Return the layer of each row."""
        while (sorter := self._sorted()) is None:
            pass
        layers: dict[HostRow, int] = {}
        for layer in count():
            if not (ready := sorter.get_ready()):
                break
            layers.update(dict.fromkeys(ready, layer))
            sorter.done(*ready)
        return [layers.get(_first(self._first_of, row), 0) for row in rows]

    def _sorted(self) -> TopologicalSorter[HostRow] | None:
        """Return the rows that stand for all, sorted; None where a circle was in the way, which is none any more."""
        # A place in a unique has to be free; the other rows may be written together.
        must_be_free = dict.fromkeys(self._of_groups(self._by_parents), False)
        must_be_free |= dict.fromkeys(self._of_groups(self._by_places), True)
        sorter = TopologicalSorter[HostRow]()
        for before, after in must_be_free:
            sorter.add(after, before)
        try:
            sorter.prepare()
        except CycleError as error:
            circle = list(pairwise(error.args[1]))
        else:
            return sorter
        if any(must_be_free[edge] for edge in circle):
            self._passed_over.add(next((edge for edge in circle if not must_be_free[edge]), circle[0]))
        else:
            for row, other in circle:
                _join(self._first_of, row, other)
        return None

    def _of_groups(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        """Yield edges between the rows that stand for those written at once, but for those that are passed over."""
        for row, other in edges:
            before, after = _first(self._first_of, row), _first(self._first_of, other)
            if before is not after and (before, after) not in self._passed_over:
                yield before, after


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


def _by_places(rows: Rows, changed: Sequence[HostRow]) -> Iterator[Edge]:
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


def _by_parents(tables: Mapping[str, Rows], changed: Mapping[str, Sequence[HostRow]], table: str) -> Iterator[Edge]:
    """Yield (earlier, later): rows leave a parent before it goes, and refer to one after it is there.

    A parent goes, or comes, by being dropped or given back, or by getting other cells where it is referred to.
    """
    for child in tables[table].rules.children:
        if (parents := tables.get(child.parent)) is None:
            continue
        goes, comes = dict[tuple[NewCell, ...], HostRow](), dict[tuple[NewCell, ...], HostRow]()
        to, at = parents.at(child.to), tables[table].at(child.columns)
        for row in changed.get(child.parent, ()):
            before, after = _value(row.read, to), _value(row.now, to)
            if before != after:
                goes.update({} if before is None else {before: row})
                comes.update({} if after is None else {after: row})
        for row in changed[table] if goes or comes else ():
            before, after = _value(row.read, at), _value(row.now, at)
            if before == after:
                continue
            if before is not None and (parent := goes.get(before)) is not None:
                yield row, parent
            if after is not None and (parent := comes.get(after)) is not None:
                yield parent, row


def _value(row: Row | None, at: tuple[int, ...]) -> tuple[NewCell, ...] | None:
    return None if row is None else texts_of(row, at)
