"""Cells of a host's tables: their texts, their order, when they are the same; and the keys of many rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

Cell = str | int | float | bytes | None
"""The content of a column: on PostgreSQL its text (an integer may also be one), on SQLite its own type."""
Key = tuple[Cell, ...]
"""The cells of a row's key, in the order of `TableRules.key`."""
INT64 = range(-(2**63), 2**63)
"""The integers that a column can hold."""


@dataclass(frozen=True, slots=True)
class OrderNumber:
    """The cell that `{order}` gives: its number is only known when the order is written."""

    place: int
    """Which order of the transaction, from 0."""


NewCell = Cell | OrderNumber


def text_of(cell: NewCell) -> str | None:
    """Return a cell's text, by which it is compared with a customer's key; None for NULL and for bytes."""
    if isinstance(cell, str):
        return cell
    return None if cell is None or isinstance(cell, (bytes, OrderNumber)) else str(cell)


def same(cell: NewCell, other: NewCell) -> bool:
    """Return whether two cells hold the same: 5 and "5" do, for a column may read back what was written as a text."""
    return cell == other or (cell is not None and text_of(cell) is not None and text_of(cell) == text_of(other))


def is_true(cell: NewCell) -> bool:
    """Return whether the cell of a computed condition says yes."""
    return cell in {"true", "t", "1"} if isinstance(cell, str) else bool(cell)


def like(cell: NewCell, text: str) -> Cell:
    """Return `text` as a cell of the type that `cell` has."""
    if isinstance(cell, int) and (number := _integer(text)) is not None:
        return number
    return text


def _integer(text: str) -> int | None:
    """Return the integer whose plain decimal writing `text` is, else None."""
    if not text.isascii() or not text.removeprefix("-").isdigit():
        return None
    number = int(text) if len(text) <= len(str(INT64.start)) else None
    return number if number is not None and str(number) == text else None


def cell_order(cell: NewCell) -> tuple[int, int | float | str | bytes, int]:
    """Return by what cells are sorted: NULL, numbers (texts of integers too), texts, bytes."""
    match cell:
        case None:
            return 0, 0, 0
        case str():
            number = _integer(cell)
            return (2, cell, 0) if number is None else (1, number, 1)
        case bytes():
            return 3, cell, 0
        case OrderNumber():
            return 4, cell.place, 0
        case _:
            return 1, cell, 0


def key_order(key: Iterable[NewCell]) -> tuple[tuple[int, int | float | str | bytes, int], ...]:
    """Return by what keys are sorted."""
    return tuple(map(cell_order, key))


def alike(cell: NewCell, other: NewCell) -> bool:
    """Return whether two cells are one value of one type, so that either can stand for both."""
    return cell is other or (type(cell) is type(other) and cell == other)


def are_alike(cells: Sequence[NewCell]) -> bool:
    """Return whether all cells of a column are one value."""
    return cells.count(cells[0]) == len(cells) and len(set(map(type, cells))) == 1


def numbered(cell: NewCell, first_order: int) -> Cell:
    """Return the cell, with the order's number in the place of an `OrderNumber`."""
    return first_order + cell.place if isinstance(cell, OrderNumber) else cell


class Keys(Sequence[Key]):
    """Keys of rows, sorted and each once; 8 bytes for a key of one integer, for there may be 100,000 of them."""

    __slots__ = ("are_texts", "numbers", "others")

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        """Keep the keys; the texts of integers are kept as integers and come back as texts."""
        self.numbers: array[int] | None = None
        """The keys, if each is one integer or the text of one."""
        self.are_texts = False
        self.others: tuple[Key, ...] = ()
        listed = list(keys)
        numbers, are_texts = packed(listed)
        if numbers is None:
            self.others = tuple(sorted(set(listed), key=key_order))
        else:
            self.numbers, self.are_texts = array("q", sorted(set(numbers))), are_texts

    @classmethod
    def of_sorted(cls, numbers: array[int] | None, are_texts: bool, others: tuple[Key, ...] = ()) -> Keys:
        """Return keys that are sorted already: integers, or their texts, or if `numbers` is None, others."""
        # Not by `__init__`, which would look at them again.
        keys = cls.__new__(cls)
        keys.numbers, keys.are_texts, keys.others = numbers, are_texts, others
        return keys

    @classmethod
    def union(cls, several: Iterable[Keys]) -> Keys:
        """Return the keys that are in any of several."""
        known = [keys for keys in several if len(keys)]
        if all(keys.numbers is not None and keys.are_texts == known[0].are_texts for keys in known) and known:
            numbers = {number for keys in known for number in keys.numbers or ()}
            return cls.of_sorted(array("q", sorted(numbers)), known[0].are_texts)
        return cls(key for keys in known for key in keys)

    def common(self, other: Keys) -> frozenset[Key]:
        """Return the keys that both have."""
        if self.numbers is None or other.numbers is None or self.are_texts != other.are_texts:
            return frozenset(self).intersection(other)
        few, many = sorted((self.numbers, other.numbers), key=len)
        both = array("q", set(few).intersection(many))
        return frozenset(Keys.of_sorted(both, self.are_texts))

    def __len__(self) -> int:
        return len(self.others) if self.numbers is None else len(self.numbers)

    def __iter__(self) -> Iterator[Key]:
        if self.numbers is None:
            return iter(self.others)
        if self.are_texts:
            return ((str(number),) for number in self.numbers)
        return ((number,) for number in self.numbers)

    @overload
    def __getitem__(self, index: int) -> Key: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Key]: ...
    def __getitem__(self, index: int | slice) -> Key | Sequence[Key]:
        """Return a key, or a list of keys."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if self.numbers is None:
            return self.others[index]
        number = self.numbers[index]
        return (str(number) if self.are_texts else number,)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Keys):
            return NotImplemented
        return (self.numbers, self.are_texts, self.others) == (other.numbers, other.are_texts, other.others)

    def __hash__(self) -> int:
        return hash((len(self), self[0] if self else None))

    def __repr__(self) -> str:
        return f"Keys({list(self)!r})"


def in_order(keys: Sequence[Key]) -> tuple[Keys, list[int]]:
    """Return different keys sorted, and for each of them its place in `keys`."""
    numbers, are_texts = packed(keys)
    if numbers is None:
        places = sorted(range(len(keys)), key=lambda place: key_order(keys[place]))
        return Keys.of_sorted(None, False, tuple(map(keys.__getitem__, places))), places
    places = sorted(range(len(keys)), key=numbers.__getitem__)
    return Keys.of_sorted(array("q", map(numbers.__getitem__, places)), are_texts), places


def packed(keys: Sequence[Key]) -> tuple[list[int] | None, bool]:
    """Return the integers of keys and whether they are texts; None if one is something else."""
    if not keys or len(keys[0]) != 1:
        return None, False
    cells = [key[0] for key in keys]
    if isinstance(cells[0], str):
        numbers = [_integer(cell) if isinstance(cell, str) else None for cell in cells]
        listed = [number for number in numbers if number is not None and number in INT64]
        return (listed, True) if len(listed) == len(cells) else (None, False)
    if set(map(type, cells)) != {int}:
        return None, False
    integers: list[int] = cells  # type: ignore[assignment]  # as the line above says
    return (integers, False) if min(integers) in INT64 and max(integers) in INT64 else (None, False)
