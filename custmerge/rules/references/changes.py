"""What orders and undos change in a host's tables: rows with new cells, rows that are dropped and come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from custmerge.rules.references.cells import Cell, Key, Keys, NewCell
from custmerge.rules.references.nothing import RowChanges, RowsBack

NewCells = tuple[tuple[str, NewCell], ...]
"""(column, cell), in the order of the columns' names."""


Cells = tuple[tuple[str, Cell], ...]
"""(column, cell), in the order of the columns' names."""


EachCell = tuple[tuple[str, tuple[NewCell, ...]], ...]
"""(column, a cell for each key, in the order of the keys), in the order of the columns' names."""


@dataclass(frozen=True, slots=True)
class RowsChanged:
    """Rows of one table that an order gives the same cells."""

    table: str
    before: NewCells
    """What all of them held."""
    after: NewCells
    """The columns of `before` and of `each`."""
    keys: Keys
    """The rows, by their keys before the order."""
    each: EachCell = ()
    """What each of them held, of columns where they differed."""
    key: tuple[str, ...] = ()
    """The columns of the key, if the order changes one of them."""

    @property
    def keys_after(self) -> Keys:
        """The rows, by their keys after the order."""
        after = dict(self.after)
        places = [(place, after[name]) for place, name in enumerate(self.key) if name in after]
        if not places:
            return self.keys
        moved = [list[NewCell](key) for key in self.keys]
        for key in moved:
            for place, cell in places:
                key[place] = cell
        # A key holds no OrderNumber: it is read back before an order has its number.
        return Keys(tuple(key) for key in moved)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class RowDropped:
    """A row that an order drops."""

    table: str
    key: Key
    """Before the order."""
    cells: NewCells
    """Of every column that can be written, before the order."""
    stays: Key | None
    """The key, after the order, of the row that stays in its place; None if the row would point to itself."""


@dataclass(frozen=True, slots=True)
class Changes(RowChanges):
    """Everything that an order changes in a host's tables."""

    changed: tuple[RowsChanged, ...] = ()
    """In the order of tables, then of the cells."""
    dropped: tuple[RowDropped, ...] = ()
    """In the order of tables, then of the keys."""

    @property
    def counts(self) -> tuple[tuple[str, int, int], ...]:
        """(table, changed rows, dropped rows), in the order of the tables' names."""
        return counts(((rows.table, len(rows.keys)) for rows in self.changed), (row.table for row in self.dropped))

    @property
    def rows(self) -> dict[str, Keys]:
        """The rows that are changed or dropped, by table; their keys before the order."""
        return _by_table([*((rows.table, rows.keys) for rows in self.changed), *self._drops])

    @property
    def rows_left(self) -> dict[str, Keys]:
        """The rows that are changed or stay in the place of another, by table; their keys after the order."""
        return _by_table([*((rows.table, rows.keys_after) for rows in self.changed), *self._stays])

    def again(self, earlier: RowChanges) -> dict[str, Keys]:
        """Return the rows that an earlier order left behind and that this one changed, dropped or hides, by table."""
        rows = self.rows
        found = [(table, keys.common(rows[table])) for table, keys in earlier.rows_left.items() if table in rows]
        return _by_table([*((table, Keys(keys)) for table, keys in found if keys), *self.hides(earlier).items()])

    def hides(self, earlier: RowChanges) -> dict[str, Keys]:
        """Return the rows of an earlier order that can't be told by their keys while this one holds, by table.

        It dropped them, so that other rows may have their keys; or it dropped others into them, and their keys have
        the customer in them, so that nobody would find what took the place of those.
        """
        if not self.dropped:
            return {}
        moved = _by_table((rows.table, rows.keys_after) for rows in earlier.changed if rows.key)
        pairs = [(earlier.rows_left, _by_table(self._drops)), (moved, _by_table(self._stays))]
        found = [
            (table, keys.common(here[table])) for left, here in pairs for table, keys in left.items() if table in here
        ]
        return _by_table((table, Keys(keys)) for table, keys in found if keys)

    def in_image(self, first_order: int) -> dict[str, object]:
        """Return what a before-image holds of it; `first_order` is the number of the transaction's first order."""
        from custmerge.rules.references.image import encoded  # reads what is defined here

        return {"references": encoded(self, first_order)}

    @property
    def _drops(self) -> list[tuple[str, Keys]]:
        return [(row.table, Keys([row.key])) for row in self.dropped]

    @property
    def _stays(self) -> list[tuple[str, Keys]]:
        return [(row.table, Keys([row.stays])) for row in self.dropped if row.stays is not None]


@dataclass(frozen=True, slots=True)
class RowsWritten:
    """Rows of one table that get new cells in the same columns, by an undo or by what is written at the end."""

    table: str
    cells: Cells
    """What all of them get."""
    keys: Keys
    """As they were read, or before the undo."""
    each: tuple[tuple[str, tuple[Cell, ...]], ...] = ()
    """As `EachCell`: what each of them gets, of columns where they differ."""
    held: tuple[str, frozenset[Cell]] | None = None
    """A column, and the cells of which each of them was read with one there; None where nobody needs to know."""


@dataclass(frozen=True, slots=True)
class GivenBack(RowsBack):
    """Everything that the undo of an order changes in a host's tables."""

    changed: tuple[RowsWritten, ...] = ()
    """By their keys before the undo."""
    restored: tuple[RowDropped, ...] = ()
    """The dropped rows that are there again."""

    @property
    def counts(self) -> tuple[tuple[str, int, int], ...]:
        """(table, changed rows, dropped rows that are there again), in the order of the tables' names."""
        return counts(((rows.table, len(rows.keys)) for rows in self.changed), (row.table for row in self.restored))


@dataclass(frozen=True, slots=True)
class Step:
    """What can be written in one go. Merges first drop, then update; undos first update, then restore."""

    dropped: Mapping[str, Keys] = field(default_factory=dict)
    """By table: keys as they were read."""
    updated: tuple[RowsWritten, ...] = ()
    """In the order of tables."""
    restored: Mapping[str, tuple[Cells, ...]] = field(default_factory=dict)
    """By table: the cells of each row."""


def counts(changed: Iterable[tuple[str, int]], others: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    """Return (table, changed rows, other rows) from rows changed at a time, and a table for each other row."""
    first, second = Counter[str](), Counter(others)
    for table, rows in changed:
        first[table] += rows
    return tuple((table, first[table], second[table]) for table in sorted(first | second))


def _by_table(several: Iterable[tuple[str, Keys]]) -> dict[str, Keys]:
    keys: dict[str, list[Keys]] = {}
    for table, some in several:
        keys.setdefault(table, []).append(some)
    return {table: Keys.union(some) for table, some in keys.items()}
