"""The rows of a table that can only move: kept by column, for one customer may have 100,000 of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from custmerge.rules.mapping import Policy
from custmerge.rules.references.cells import (
    Cell,
    Key,
    Keys,
    NewCell,
    alike,
    are_alike,
    is_true,
    key_order,
    like,
    numbered,
    packed,
    text_of,
)
from custmerge.rules.references.changes import EachCell, NewCells, RowsChanged, RowsWritten
from custmerge.rules.references.table_rules import CustomerReference, TableRules

if TYPE_CHECKING:
    from custmerge.rules.mapping import Value

BATCH = 5_000
CellFor = Callable[[str, "Value", NewCell], NewCell]
"""Gives the cell for (column, value, the cell before)."""


def has_only_moves(rules: TableRules) -> bool:
    """Return whether nothing but a move can happen to a table's rows, as far as its own rules say."""
    if len(rules.references) != 1 or rules.children:
        return False
    reference = rules.references[0]
    changed = {reference.column, *reference.set, *rules.touch}
    unique = {column for unique in rules.uniques for column in unique.columns}
    if not {*rules.columns} <= {*rules.key, *changed}:
        # Some of its rows are a customer's or a package's own, and an undo doesn't know which.
        return False
    return reference.policy in (Policy.MOVE, Policy.REFUSE) and changed.isdisjoint({*unique, *rules.key})


class _KeyColumn:
    """Keys of rows in the order in which they were added."""

    def __init__(self) -> None:
        self._numbers: array[int] | None = None
        self._are_texts = False
        self._others: list[Key] = []

    def __len__(self) -> int:
        return len(self._others) if self._numbers is None else len(self._numbers)

    def extend(self, keys: Sequence[Key]) -> None:
        numbers, are_texts = packed(keys)
        if numbers is not None and not len(self):
            self._numbers, self._are_texts = array("q"), are_texts
        if numbers is not None and self._numbers is not None and are_texts == self._are_texts:
            self._numbers.extend(numbers)
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
            return Keys.of_sorted(None, False, tuple(map(self._others.__getitem__, places)))
        return Keys.of_sorted(array("q", map(self._numbers.__getitem__, places)), self._are_texts)

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
    """The rows of one table that `has_only_moves`."""

    def __init__(self, rules: TableRules) -> None:
        self.rules = rules
        self.reference: CustomerReference = rules.references[0]
        names = (*rules.columns, *rules.computed)
        self._key = [names.index(column) for column in rules.key]
        watched = sorted(set(rules.columns) - set(rules.key))
        self._positions = {column: names.index(column) for column in watched}
        self._flag = None if self.reference.where is None else names.index(self.reference.where)
        self._keys = _KeyColumn()
        self._read: dict[str, list[NewCell]] = {column: [] for column in watched}
        # The same lists until an order changes a column.
        self._now = dict(self._read)
        self._holding: dict[str, array[int]] = {}
        self._places: dict[Key | int, int] | None = None

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Add rows, as `References.add` does."""
        rows, self._places = iter(rows), None
        while batch := list(islice(rows, BATCH)):
            if (flag := self._flag) is not None:
                batch = [row for row in batch if is_true(row[flag])]
            if batch:
                self._add(batch)

    def _add(self, batch: Sequence[Sequence[Cell]]) -> None:
        start = len(self._keys)
        columns = list(zip(*batch, strict=True))
        self._keys.extend(list(zip(*(columns[position] for position in self._key), strict=True)))
        for column, position in self._positions.items():
            # One object for equal texts: most rows of a customer hold the same.
            texts: dict[str, str] = {}
            self._read[column] += [
                texts.setdefault(cell, cell) if type(cell) is str else cell for cell in columns[position]
            ]
        for place, cell in enumerate(columns[self._positions[self.reference.column]], start):
            if (text := text_of(cell)) is not None:
                self._held(text).append(place)

    def _held(self, text: str) -> array[int]:
        if (places := self._holding.get(text)) is None:
            places = self._holding[text] = array("q")
        return places

    def keys(self) -> Iterator[Key]:
        """Yield the keys of the rows."""
        return iter(self._keys)

    def count(self, text: str) -> int:
        """Return how many rows hold this text in the column of the reference."""
        return len(self._holding.get(text, ()))

    def moves(self, absorbed: str, survivor: str, cell_for: CellFor) -> list[RowsChanged]:
        """Return what an order does; both texts are keys in the form of the reference."""
        if absorbed == survivor or not self.count(absorbed):
            return []
        places = self._keys.in_order(self._holding[absorbed])
        cells = self._now[self.reference.column]
        kinds: dict[type, list[int]] = {}
        if are_alike([cells[place] for place in places]):
            kinds[type(cells[places[0]])] = places
        else:
            for place in places:
                kinds.setdefault(type(cells[place]), []).append(place)
        return [self._move(chosen, survivor, cell_for) for chosen in kinds.values()]

    def _move(self, places: list[int], survivor: str, cell_for: CellFor) -> RowsChanged:
        column, first = self.reference.column, places[0]
        after: dict[str, NewCell] = {column: like(self._now[column][first], survivor)}
        for name, value in {**self.reference.set, **self.rules.touch}.items():
            if name in self._positions:
                after[name] = cell_for(name, value, self._now[name][first])
        before: list[tuple[str, NewCell]] = []
        each: list[tuple[str, tuple[NewCell, ...]]] = []
        for name in sorted(after):
            cells = tuple(map(self._now[name].__getitem__, places))
            if not are_alike(cells):
                each.append((name, cells))
            elif alike(cells[0], after[name]):
                del after[name]
            else:
                before.append((name, cells[0]))
        return RowsChanged(
            self.rules.table, tuple(before), tuple(sorted(after.items())), self._keys.chosen(places), tuple(each)
        )

    def apply(self, change: RowsChanged) -> None:
        """Change the rows as an order does."""
        column = self.reference.column
        held = self._holding.get(text_of(dict(change.before)[column]) or "", array("q"))
        if len(held) == len(change.keys):
            # All of them: the order was decided on this state, and looking keys up takes memory.
            places, left = self._keys.in_order(held), array("q")
        else:
            places = self._places_there(change.keys)
            gone = set(places)
            left = array("q", (place for place in held if place not in gone))
        before, after = dict(change.before)[column], dict(change.after)[column]
        self._assign(places, change.after, ())
        self._holding[text_of(before) or ""] = left
        self._held(text_of(after) or "").extend(places)

    def put(self, rows: RowsWritten) -> None:
        """Change the rows as an undo does; no order is decided afterwards."""
        self._assign(self._places_there(rows.keys), rows.cells, rows.each)

    def _places_there(self, keys: Keys) -> list[int]:
        return [place for place in self.places_of(keys) if place is not None]

    def places_of(self, keys: Keys) -> list[int | None]:
        """Return where rows are; None for one that isn't there."""
        if self._places is None:
            self._places = self._keys.places()
        return list(map(self._places.get, self._keys.raw(keys)))

    def cell(self, place: int, column: str) -> NewCell:
        """Return a row's cell as it is now."""
        return self._now[column][place]

    def _assign(self, places: Sequence[int], cells: NewCells, each: EachCell) -> None:
        for column, cell in cells:
            now = self._changing(column)
            for place in places:
                now[place] = cell
        for column, several in each:
            now = self._changing(column)
            for place, cell in zip(places, several, strict=True):
                now[place] = cell

    def _changing(self, column: str) -> list[NewCell]:
        if self._now[column] is self._read[column]:
            self._now[column] = list(self._read[column])
        return self._now[column]

    def written(self, first_order: int) -> RowsWritten | None:
        """Return the rows whose cells aren't those that were read, with their last cells."""
        columns = [column for column, now in self._now.items() if now is not self._read[column]]
        flags = bytearray(len(self._keys))
        for column in columns:
            for place, (old, new) in enumerate(zip(self._read[column], self._now[column], strict=True)):
                if old is not new and not alike(old, new):
                    flags[place] = 1
        changed = [place for place, flag in enumerate(flags) if flag]
        if not changed:
            return None
        places = self._keys.in_order(changed)
        cells, each = [], []
        for column in columns:
            last = tuple(numbered(self._now[column][place], first_order) for place in places)
            if are_alike(last):
                cells.append((column, last[0]))
            else:
                each.append((column, last))
        return RowsWritten(self.rules.table, tuple(cells), self._keys.chosen(places), tuple(each))
