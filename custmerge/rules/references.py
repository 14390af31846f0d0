"""References: what an order does to the rows of a host's tables that point at its two customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from custmerge.rules.cells import Cell, Key, Keys, NewCell
from custmerge.rules.fields import Field
from custmerge.rules.mapping import Itself, Policy, Side, Value


@dataclass(frozen=True, slots=True)
class UniqueRules:
    """What may be in a table only once: by a constraint, or because the host's program takes it so."""

    columns: tuple[str, ...]
    """Columns, and names of computed ones (`TableRules.computed`)."""
    where: str | None = None
    """The computed column that says which rows it is about; None for all."""
    nulls_are_equal: bool = False
    of: str | None = None
    """The reference whose entry names it (`CustomerReference.column`); None for one of the database."""


@dataclass(frozen=True, slots=True)
class CustomerReference:
    """A column that holds a customer's key."""

    column: str
    policy: Policy
    key: int = 0
    """Which of the customer's keys, see `Customer.keys`."""
    form: tuple[str, str] = ("", "")
    """What stands before and after the key in the cell's text."""
    where: str | None = None
    """The computed column that says in which rows it holds one; None for all."""
    winner: Side = Side.SURVIVOR
    itself: Itself = Itself.REFUSE
    add: tuple[str, ...] = ()
    latest: tuple[str, ...] = ()
    earliest: tuple[str, ...] = ()
    set: Mapping[str, Value] = field(default_factory=dict)
    computed_after: Mapping[str, str] = field(default_factory=dict)
    """A computed column on which `set` has an effect → the one that says what it holds afterwards."""
    why: str = ""

    def text(self, keys: Sequence[str]) -> str | None:
        """Return what a cell that points at a customer with these keys says; None without such a key."""
        key = keys[self.key] if self.key < len(keys) else ""
        before, after = self.form
        return before + key + after if key else None


@dataclass(frozen=True, slots=True)
class ChildReference:
    """A foreign key to a table whose rows may be dropped: it follows to the row that stays."""

    columns: tuple[str, ...]
    parent: str
    """The table, as in `TableRules.table`; perhaps its own."""
    to: tuple[str, ...]
    """The parent's columns, in the same order."""
    policy: Policy = Policy.MOVE
    winner: Side = Side.SURVIVOR
    add: tuple[str, ...] = ()
    latest: tuple[str, ...] = ()
    earliest: tuple[str, ...] = ()
    set: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableRules:
    """What orders do with the rows of one table."""

    table: str
    """As the mapping writes it."""
    key: tuple[str, ...]
    """The columns by which a row is found again."""
    columns: tuple[str, ...]
    """Every column that is read, those of the key first; all of the table if rows of it may be dropped."""
    computed: Mapping[str, str] = field(default_factory=dict)
    """SQL expressions that are read beside the columns, by a name that no column has."""
    references: tuple[CustomerReference, ...] = ()
    children: tuple[ChildReference, ...] = ()
    uniques: tuple[UniqueRules, ...] = ()
    touch: Mapping[str, Value] = field(default_factory=dict)
    """What every changed row gets; never in the way of an undo."""
    generated: tuple[str, ...] = ()
    """Columns that can't be written when a dropped row is given back."""

    @property
    def written(self) -> Iterator[Mapping[str, Value]]:
        """What the mapping writes into its rows, by column."""
        yield self.touch
        yield from (reference.set for reference in self.references)
        yield from (child.set for child in self.children)


NewCells = tuple[tuple[str, NewCell], ...]
"""(column, cell), in the order of the columns' names."""
Cells = tuple[tuple[str, Cell], ...]
"""(column, cell), in the order of the columns' names."""
EachCell = tuple[tuple[str, tuple[NewCell, ...]], ...]
"""(column, a cell for each key, in the order of the keys), in the order of the columns' names."""


@dataclass(frozen=True, slots=True)
class RowAt:
    """Where a row is."""

    table: str
    key: Key


@dataclass(frozen=True, slots=True)
class CellAt:
    """Where a cell is."""

    table: str
    key: Key
    column: str


@dataclass(frozen=True, slots=True)
class PackageRow:
    """A package's row."""

    table: str
    key: Key
    customer: str
    """The column with its customer's key (of the customer's keys, the first)."""
    contact: Mapping[Field, str] = field(default_factory=dict)
    """The column of each detail that has one."""


@dataclass(frozen=True, slots=True)
class OwnRows:
    """The rows that are the customers and packages of a transaction. Each is among the rows that are added."""

    customers: Mapping[str, RowAt] = field(default_factory=dict)
    """By number."""
    fields: Mapping[tuple[str, Field], CellAt] = field(default_factory=dict)
    """By number and field: the cell that may be written. A field that can't be written isn't there."""
    packages: Mapping[str, PackageRow] = field(default_factory=dict)
    """By the package's key."""
    retire: Mapping[str, Value] = field(default_factory=dict)
    """What the absorbed customer's own row gets."""

    @property
    def holders(self) -> tuple[tuple[str, Key], ...]:
        """Table and key of every customer's and package's row."""
        customers = ((at.table, at.key) for at in self.customers.values())
        return (*customers, *((at.table, at.key) for at in self.packages.values()))

    @property
    def all(self) -> tuple[tuple[str, Key], ...]:
        """Table and key of every row."""
        return (*self.holders, *((at.table, at.key) for at in self.fields.values()))


WrittenCells = Mapping[tuple[str, str, Value], Cell]
"""(table, column, value of the mapping or text of a field) → the cell as the column reads it back.

`{null}` and `{order}` aren't looked up. In the place of `{survivor.key}` and `{survivor.number}` the text itself is.
What isn't there is written as it is (an empty text as NULL).
"""


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
class Changes:
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

    def again(self, earlier: Changes) -> dict[str, Keys]:
        """Return the rows that an earlier order left behind and that this one changed, dropped or hides, by table."""
        rows = self.rows
        found = [(table, keys.common(rows[table])) for table, keys in earlier.rows_left.items() if table in rows]
        return _by_table([*((table, Keys(keys)) for table, keys in found if keys), *self.hides(earlier).items()])

    def hides(self, earlier: Changes) -> dict[str, Keys]:
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


@dataclass(frozen=True, slots=True)
class GivenBack:
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
