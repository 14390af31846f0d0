"""The rows of a table that can only move: kept by column, for one customer may have 100,000 of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, TypeVar

from custmerge.rules.references.cells import (
    Cell,
    Key,
    Keys,
    NewCell,
    alike,
    are_alike,
    in_order,
    is_true,
    key_order,
    like,
    numbered,
    text_of,
)
from custmerge.rules.references.changes import RowsChanged, RowsWritten
from custmerge.rules.references.table_rules import TableRules

if TYPE_CHECKING:
    from custmerge.rules.mapping import Value

_T = TypeVar("_T")
BATCH = 5_000
CellFor = Callable[[str, "Value", NewCell], NewCell]
"""Gives the cell for (column, value, the cell before)."""


class _KeyColumn:
    """Keys of rows in the order in which they were added."""

    def __init__(self) -> None:
        self._numbers: array[int] | None = None
        self._are_texts = False
        self._others: list[Key] = []

    def __len__(self) -> int:
        return len(self._others) if self._numbers is None else len(self._numbers)

    def extend(self, keys: Keys) -> None:
        if keys.numbers is not None and not len(self):
            self._numbers, self._are_texts = array("q"), keys.are_texts
        if keys.numbers is not None and self._numbers is not None and keys.are_texts == self._are_texts:
            self._numbers.extend(keys.numbers)
            return
        if self._numbers is not None:
            self._others, self._numbers = list(self), None
        self._others.extend(keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._others if self._numbers is None else Keys.of_sorted(self._numbers, self._are_texts))

    def in_order(self, places: Iterable[int]) -> list[int]:
        """Return places in the order of their keys."""
        if self._numbers is not None:
            return sorted(places, key=self._numbers.__getitem__)
        return sorted(places, key=lambda place: key_order(self._others[place]))

    def chosen(self, places: Sequence[int]) -> Keys:
        """Return the keys at places, which are in the order of the keys."""
        if self._numbers is None:
            return Keys.of_sorted(None, False, tuple(_at(self._others, places)))
        return Keys.of_sorted(array("q", _at(self._numbers, places)), self._are_texts)

    def places(self) -> dict[Key | int, int]:
        """Return the place of each key, a packed key as its number."""
        raw: Iterable[Key | int] = self._others if self._numbers is None else self._numbers
        return {key: place for place, key in enumerate(raw)}

    def raw(self, keys: Keys) -> Iterable[Key | int]:
        """Return keys as `places` knows them."""
        if self._numbers is not None and keys.numbers is not None and self._are_texts == keys.are_texts:
            return keys.numbers
        return keys


class PlainRows:
    """The rows of one table that `TableRules.can_only_move`.

    Rows that were added with the same reference lie side by side in the order of their keys, as a range of places: an
    order changes many of them as quickly as few.
    """

    def __init__(self, rules: TableRules) -> None:
        self.rules = rules
        self._layout = rules.plain_layout
        self.reference = self._layout.reference
        self._keys = _KeyColumn()
        self._read: dict[str, list[NewCell]] = {column: [] for column in self._layout.positions}
        # The same lists until an order changes a column.
        self._now = dict(self._read)
        self._held: dict[str, list[range]] = {}
        """By the text of the reference: the ranges of rows that hold it now."""
        self._moved: dict[int, range] = {}
        """The ranges that orders have changed, by their starts."""
        self._put = set[int]()
        """The places of rows that undos have changed."""
        self._places: dict[Key | int, int] | None = None

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Add rows, as `References.add` does."""
        rows, self._places = iter(rows), None
        while batch := list(islice(rows, BATCH)):
            if (flag := self._layout.flag) is not None:
                batch = [row for row in batch if is_true(row[flag])]
            for alike_rows in self._by_reference(batch):
                self._add(alike_rows)

    def _by_reference(self, batch: Sequence[Sequence[Cell]]) -> Iterable[Sequence[Sequence[Cell]]]:
        """Return the rows, those with the same reference together."""
        at = self._layout.positions[self.reference.column]
        if not batch or are_alike([row[at] for row in batch]):
            return [batch] if batch else []
        together: dict[tuple[type, Cell], list[Sequence[Cell]]] = {}
        for row in batch:
            together.setdefault((type(row[at]), row[at]), []).append(row)
        return together.values()

    def _add(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Add rows with the same reference."""
        width = self._layout.width
        keys, places = in_order([tuple(row[:width]) for row in rows])
        for column, position in self._layout.positions.items():
            # One object for equal texts: most rows of a customer hold the same.
            texts: dict[str, str] = {}
            cells = [rows[place][position] for place in places]
            self._read[column] += [texts.setdefault(cell, cell) if type(cell) is str else cell for cell in cells]
        self._hold(rows[0][self._layout.positions[self.reference.column]], keys)

    def add_held(self, cell: Cell, keys: Keys) -> None:
        """Add the rows whose reference holds `cell`, of a table of which nothing else is read."""
        self._places = None
        self._read[self.reference.column] += [cell] * len(keys)
        self._hold(cell, keys)

    def _hold(self, cell: Cell, keys: Keys) -> None:
        start = len(self._keys)
        self._keys.extend(keys)
        if (text := text_of(cell)) is not None:
            self._held.setdefault(text, []).append(range(start, len(self._keys)))

    def keys(self) -> Iterator[Key]:
        """Yield the keys of the rows."""
        return iter(self._keys)

    def count(self, text: str) -> int:
        """Return how many rows hold this text in the column of the reference."""
        return sum(map(len, self._held.get(text, ())))

    def moves(self, absorbed: str, survivor: str, cell_for: CellFor) -> list[RowsChanged]:
        """Return what an order does; both texts are keys in the form of the reference."""
        if absorbed == survivor:
            return []
        cells = self._now[self.reference.column]
        kinds: dict[type, list[range]] = {}
        for rows in self._held.get(absorbed, ()):
            kinds.setdefault(type(cells[rows.start]), []).append(rows)
        return [self._move(self._together(ranges), survivor, cell_for) for ranges in kinds.values()]

    def _together(self, ranges: Sequence[range]) -> Sequence[int]:
        """Return the places of ranges in the order of their keys."""
        return ranges[0] if len(ranges) == 1 else self._keys.in_order(chain.from_iterable(ranges))

    def _move(self, places: Sequence[int], survivor: str, cell_for: CellFor) -> RowsChanged:
        column, first = self.reference.column, places[0]
        held = self._now[column][first]
        # All of `places` hold the same here.
        before: list[tuple[str, NewCell]] = [(column, held)]
        after: list[tuple[str, NewCell]] = [(column, like(held, survivor))]
        each: list[tuple[str, tuple[NewCell, ...]]] = []
        for name, value in self._layout.beside:
            cells = tuple(_at(self._now[name], places))
            new = cell_for(name, value, cells[0])
            if not are_alike(cells):
                each.append((name, cells))
            elif alike(cells[0], new):
                continue
            else:
                before.append((name, cells[0]))
            after.append((name, new))
        return RowsChanged(
            self.rules.table, tuple(sorted(before)), tuple(sorted(after)), self._keys.chosen(places), tuple(each)
        )

    def apply(self, change: RowsChanged) -> None:
        """Change the rows as an order does that was decided on them as they are."""
        column = self.reference.column
        before, after = dict(change.before)[column], dict(change.after)[column]
        held, cells = self._held.pop(text_of(before) or "", []), self._now[column]
        # Those of another type are another change.
        moved = [rows for rows in held if alike(cells[rows.start], before)]
        self._held[text_of(before) or ""] = [rows for rows in held if rows not in moved]
        self._held.setdefault(text_of(after) or "", []).extend(moved)
        for name, cell in change.after:
            now = self._changing(name)
            for rows in moved:
                now[rows.start : rows.stop] = [cell] * len(rows)
        self._moved.update((rows.start, rows) for rows in moved)

    def put(self, rows: RowsWritten) -> None:
        """Change the rows as an undo does; no order is decided afterwards."""
        places = [place for place in self.places_of(rows.keys) if place is not None]
        columns = [*((column, repeat(cell, len(places))) for column, cell in rows.cells), *rows.each]
        for column, cells in columns:
            now = self._changing(column)
            for place, cell in zip(places, cells, strict=True):
                now[place] = cell
        self._put.update(places)

    def places_of(self, keys: Keys) -> list[int | None]:
        """Return where rows are; None for one that isn't there."""
        if self._places is None:
            self._places = self._keys.places()
        return list(map(self._places.get, self._keys.raw(keys)))

    def cell(self, place: int, column: str) -> NewCell:
        """Return a row's cell as it is now."""
        return self._now[column][place]

    def _changing(self, column: str) -> list[NewCell]:
        if self._now[column] is self._read[column]:
            self._now[column] = list(self._read[column])
        return self._now[column]

    def written(self, first_order: int) -> RowsWritten | None:
        """Return the rows whose cells aren't those that were read, with their last cells."""
        columns = [column for column, now in self._now.items() if now is not self._read[column]]
        places = self._differing(columns)
        if not places:
            return None
        cells, each = list[tuple[str, Cell]](), list[tuple[str, tuple[Cell, ...]]]()
        for column in columns:
            last = tuple(_at(self._now[column], places))
            if are_alike(last):
                cells.append((column, numbered(last[0], first_order)))
            else:
                each.append((column, tuple([numbered(cell, first_order) for cell in last])))
        keys, column = self._keys.chosen(places), self.reference.column
        # What was read holds no OrderNumber.
        held: frozenset[Cell] = frozenset(_at(self._read[column], places))  # type: ignore[arg-type]
        return RowsWritten(self.rules.table, tuple(cells), keys, tuple(each), (column, held))

    def _differing(self, columns: Sequence[str]) -> Sequence[int]:
        """Return the places of the rows that differ in `columns` from what was read, in the order of their keys."""
        if not self._put:
            # What has moved comes back by an undo only: its customer is gone.
            return self._together(list(self._moved.values()))
        places, changed = self._put.union(*self._moved.values()), set[int]()
        for column in columns:
            read, now = self._read[column], self._now[column]
            changed.update(place for place in places if not alike(read[place], now[place]))
        return self._keys.in_order(changed)


def _at(several: Sequence[_T], places: Sequence[int]) -> Iterable[_T]:
    """Return what is at these places."""
    return several[places.start : places.stop] if isinstance(places, range) else map(several.__getitem__, places)
