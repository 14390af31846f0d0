"""References: what an order does to the rows of a host's tables that point at its two customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from custmerge.rules.fields import Field
from custmerge.rules.mapping import Itself, Policy, Side, Value
from custmerge.rules.references.cells import Cell, Key


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
class PlainLayout:
    """Where in a row that can only move what an order looks at is."""

    reference: CustomerReference
    width: int
    """How many columns the key has, which are the first."""
    positions: Mapping[str, int]
    """Of the columns that an order may change, in the order of their names."""
    beside: tuple[tuple[str, Value], ...]
    """(column, value) of what rows get besides."""
    flag: int | None
    """The position of the condition that says in which rows the reference holds a key."""


# Without slots: what is computed of them is kept, for a process has them once and many merges.
@dataclass(frozen=True)
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

    @cached_property
    def can_only_move(self) -> bool:
        """Whether nothing but a move can happen to its rows, as far as these rules say."""
        if len(self.references) != 1 or self.children:
            return False
        reference = self.references[0]
        beside = {*reference.set, *self.touch}
        changed = {reference.column, *beside}
        unique = {column for unique in self.uniques for column in unique.columns}
        if not {*self.columns} <= {*self.key, *changed}:
            # Some of its rows are a customer's or a package's own, and an undo doesn't know which.
            return False
        if reference.column in beside or reference.policy not in (Policy.MOVE, Policy.REFUSE):
            return False
        return changed.isdisjoint({*unique, *self.key})

    @cached_property
    def plain_layout(self) -> PlainLayout:
        """The layout of its rows if they can only move."""
        reference, names = self.references[0], (*self.columns, *self.computed)
        positions = {column: names.index(column) for column in sorted(set(self.columns) - set(self.key))}
        beside = {**reference.set, **self.touch}
        return PlainLayout(
            reference,
            len(self.key),
            positions,
            tuple(sorted((name, value) for name, value in beside.items() if name in positions)),
            None if reference.where is None else names.index(reference.where),
        )

    @cached_property
    def has_only_key_and_reference(self) -> bool:
        """Whether nothing else is read of its rows than a key of one column and one reference."""
        columns = [*self.key, *(reference.column for reference in self.references)]
        return self.can_only_move and len(self.key) == 1 and [*self.columns] == columns and not self.computed

    @cached_property
    def followers(self) -> tuple[tuple[tuple[str, ...], CustomerReference | ChildReference], ...]:
        """The references, and those children whose columns aren't one, by their columns."""
        references = {(each.column,): each for each in self.references}
        children = [(each.columns, each) for each in self.children if each.columns not in references]
        return (*references.items(), *children)

    @property
    def written(self) -> Iterator[Mapping[str, Value]]:
        """What the mapping writes into its rows, by column."""
        yield self.touch
        yield from (reference.set for reference in self.references)
        yield from (child.set for child in self.children)


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
