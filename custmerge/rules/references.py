"""References: what an order does to the rows of a host's tables that point at its two customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from custmerge.rules.mapping import Itself, Policy, Side, Value

Cell = str | int | float | bytes | None
"""The content of a column: on PostgreSQL its text, on SQLite its own type."""
Key = tuple[Cell, ...]
"""The cells of a row's key, in the order of `TableRules.key`."""


@dataclass(frozen=True, slots=True)
class OrderNumber:
    """The cell that `{order}` gives: its number is only known when the order is written."""

    place: int
    """Which order of the transaction, from 0."""


NewCell = Cell | OrderNumber


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
    why: str = ""


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


@dataclass(frozen=True, slots=True)
class RowsChanged:
    """Rows of one table whose cells an order changes alike."""

    table: str
    before: tuple[tuple[str, NewCell], ...]
    """(column, cell), in the order of the columns' names."""
    after: tuple[tuple[str, NewCell], ...]
    """The same columns."""
    keys: tuple[Key, ...]
    """The rows, by their keys before the order, sorted as `sorted_keys` does."""


@dataclass(frozen=True, slots=True)
class RowDropped:
    """A row that an order drops."""

    table: str
    key: Key
    cells: tuple[tuple[str, NewCell], ...]
    """(column, cell) of every column that can be written."""
    stays: Key
    """The key of the row that stays in its place."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that an order changes in a host's tables."""

    changed: tuple[RowsChanged, ...] = ()
    dropped: tuple[RowDropped, ...] = ()
