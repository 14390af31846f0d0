"""The rows of a table in which rows may clash, be dropped or refer to each other; with indexes, and as if changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import itemgetter

from custmerge.rules.references.cells import Cell, Key, NewCell, alike, in_order, is_true, text_of
from custmerge.rules.references.changes import NewCells
from custmerge.rules.references.table_rules import CustomerReference, TableRules, UniqueRules

Row = tuple[NewCell, ...]
"""Cells of the columns, then of the computed ones."""
Value = tuple[NewCell, ...]
Getter = Callable[["Row"], Value]
Looked = tuple[tuple[int, ...], bool]
"""Positions of cells, and whether they are compared by their texts."""


class HostRow:
    """A row: as it was read, and as it is now. Compared by identity, for its key may change."""

    __slots__ = ("now", "read")

    def __init__(self, read: Row | None, now: Row | None) -> None:
        self.read = read
        """None if it was given back."""
        self.now = now
        """None if it was dropped."""


class Place:
    """The place that rows take in a unique."""

    def __init__(self, rows: Rows, unique: UniqueRules) -> None:
        self.unique = unique
        self.at = rows.at(unique.columns)
        reference = next((known for known in rows.rules.references if known.column == unique.of), None)
        wheres = (unique.where, None if reference is None else reference.where)
        self._flags = rows.at(where for where in wheres if where is not None)
        self._value = _getter(self.at)

    def of(self, row: Row) -> Value | None:
        """Return the cells by which a row would be there twice; None if the unique isn't about it, or for NULL."""
        for flag in self._flags:
            if not is_true(row[flag]):
                return None
        value = self._value(row)
        return None if None in value and not self.unique.nulls_are_equal else value


class Rows:
    """The rows of one table, in which orders are decided and which they change."""

    def __init__(self, rules: TableRules) -> None:
        self.rules = rules
        self.names = (*rules.columns, *rules.computed)
        self.positions = {name: position for position, name in enumerate(self.names)}
        self.sorted_columns = sorted((name, self.positions[name]) for name in rules.columns)
        """(column, position), in the order of the columns' names."""
        # The columns of a key hold no OrderNumber: the key is read back before an order has its number.
        self.key_of: Callable[[Row], Key] = _getter(self.at(rules.key))  # type: ignore[assignment]
        self.by_key: dict[Key, HostRow] = {}
        self.touched: dict[HostRow, None] = {}
        """Rows that were changed, dropped or given back."""
        self.places = tuple(Place(self, unique) for unique in rules.uniques)
        self._indexes: dict[Looked, _Index] = {}

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Add rows, as `References.add` does."""
        for cells in rows:
            row = tuple(cells)
            key = self.key_of(row)
            if key not in self.by_key:
                self.by_key[key] = host_row = HostRow(row, row)
                for index in self._indexes.values():
                    index.put(host_row, row)

    def keys(self) -> Iterator[Key]:
        """Yield the keys of the rows."""
        return iter(self.by_key)

    def row_of(self, cells: NewCells) -> Row:
        """Return the row with these cells; what isn't there, and every computed cell, is NULL."""
        held = dict(cells)
        return tuple(held.get(name) for name in self.names)

    def at(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the positions of columns."""
        return tuple(self.positions[name] for name in names)

    def holds(self, row: Row, reference: CustomerReference) -> bool:
        """Return whether the reference is about a row."""
        return reference.where is None or is_true(row[self.positions[reference.where]])

    def computed_after(self, changed: Collection[str]) -> list[tuple[int, int]]:
        """Return which computed cells get which others when an order changes these columns."""
        references = [reference for reference in self.rules.references if reference.column in changed]
        return [self.at(pair) for reference in references for pair in reference.computed_after.items()]  # type: ignore[misc]

    def find(self, positions: tuple[int, ...], value: Value, *, by_text: bool) -> list[HostRow]:
        """Return the rows with these cells, compared by their texts or as they are; in no order."""
        if (index := self._indexes.get((positions, by_text))) is None:
            index = self._indexes[positions, by_text] = _Index(positions, by_text=by_text)
            for row in self.by_key.values():
                if row.now is not None:
                    index.put(row, row.now)
        return index.find(value)

    def replace(self, rows: Sequence[tuple[HostRow, Row | None]]) -> None:
        """Give rows their new cells; None drops one, a row without cells is given back."""
        for row, _ in rows:
            if row.now is not None:
                del self.by_key[self.key_of(row.now)]
        for row, cells in rows:
            for index in self._indexes.values():
                index.move(row, row.now, cells)
            row.now = cells
            self.touched[row] = None
            if cells is not None:
                self.by_key[self.key_of(cells)] = row


class _Index:
    """Finds rows by some of their cells."""

    def __init__(self, positions: tuple[int, ...], *, by_text: bool) -> None:
        self._value = _text_getter(positions) if by_text else _getter(positions)
        self._rows: dict[Value, dict[HostRow, None]] = {}

    def find(self, value: Value) -> list[HostRow]:
        return list(self._rows.get(value, ()))

    def put(self, row: HostRow, cells: Row) -> None:
        self._rows.setdefault(self._value(cells), {})[row] = None

    def move(self, row: HostRow, before: Row | None, after: Row | None) -> None:
        """Let a row be found by other cells; None if it wasn't there, or is no longer."""
        old = None if before is None else self._value(before)
        new = None if after is None else self._value(after)
        if old != new:
            if old is not None:
                del self._rows[old][row]
            if new is not None:
                self._rows.setdefault(new, {})[row] = None


def _getter(positions: tuple[int, ...]) -> Getter:
    """Return what takes the cells at these positions out of a row."""
    if len(positions) == 1:
        (only,) = positions
        return lambda row: (row[only],)
    return itemgetter(*positions) if positions else lambda _row: ()


def _text_getter(positions: tuple[int, ...]) -> Getter:
    if len(positions) == 1:
        (only,) = positions
        return lambda row: (as_text(row[only]),)
    return lambda row: tuple([as_text(row[position]) for position in positions])


def texts_of(row: Row, positions: tuple[int, ...]) -> Value:
    """Return the cells by which a foreign key finds a row, or its parent."""
    return tuple([as_text(row[position]) for position in positions])


def as_text(cell: NewCell) -> NewCell:
    """Return the cell by which a foreign key or a customer's key is compared."""
    return cell if isinstance(cell, (str, bytes)) else text_of(cell)


class PlannedRows:
    """The rows of one table as an order or an undo would leave them; the rows themselves don't change."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.cells: dict[HostRow, Row | None] = {}
        """New cells of rows; None for one that is dropped."""
        self._indexes: dict[Looked, _Index] = {}

    def now(self, row: HostRow) -> Row | None:
        """Return a row's cells, None if it is dropped."""
        return self.cells.get(row, row.now)

    def put(self, row: HostRow, cells: Row | None) -> None:
        """Give a row new cells; None drops it."""
        for index in self._indexes.values():
            index.move(row, self.cells.get(row), cells)
        self.cells[row] = cells

    def find(self, positions: tuple[int, ...], value: Value, *, by_text: bool) -> list[HostRow]:
        """Return the rows with these cells, in the order of their keys."""
        if (index := self._indexes.get((positions, by_text))) is None:
            index = self._indexes[positions, by_text] = _Index(positions, by_text=by_text)
            for row, cells in self.cells.items():
                if cells is not None:
                    index.put(row, cells)
        unchanged = [row for row in self.rows.find(positions, value, by_text=by_text) if row not in self.cells]
        return self.in_order([*unchanged, *index.find(value)])

    def in_order(self, rows: Iterable[HostRow]) -> list[HostRow]:
        """Return rows in the order of their keys: before the order, of one that is given back after it."""
        listed = list(rows)
        if len(listed) <= 1:
            return listed
        _, places = in_order(list(map(self.key_before, listed)))
        return [listed[place] for place in places]

    def key_before(self, row: HostRow) -> Key:
        """Return the key that a row has without the changes."""
        return self.rows.key_of(row.now or self.cells[row] or ())

    def differing(self, row: HostRow) -> tuple[str, ...]:
        """Return the columns whose cells are new, in the order of their names."""
        before, after = row.now, self.cells.get(row)
        if before is None or after is None or before == after:
            return ()
        return tuple([name for name, at in self.rows.sorted_columns if not alike(before[at], after[at])])
