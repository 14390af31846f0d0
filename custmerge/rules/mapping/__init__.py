"""The mapping: which tables and columns of a host's database are customers, packages, domains and references.

Source: the contract's §8 and the page on attaching.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from custmerge.rules.fields import Field
from custmerge.rules.proofs import ProofBy

FORMAT = 1


class Policy(StrEnum):
    """What an order does with the rows of a reference."""

    MOVE = "move"
    DROP = "drop"
    """Moves them; where both numbers would have the same row, one goes."""
    ADD = "add"
    """As DROP, and values of the row that goes are added to the one that stays."""
    LEAVE = "leave"
    REFUSE = "refuse"
    """No order while the absorbed number has such rows."""


class Itself(StrEnum):
    """What becomes of a row that would then point from the survivor to the survivor."""

    DROP = "drop"
    LEAVE = "leave"
    """It stays as it was: it points to the absorbed number."""
    REFUSE = "refuse"


class Side(StrEnum):
    """Whose row stays where both have the same."""

    SURVIVOR = "survivor"
    ABSORBED = "absorbed"


class Placeholder(StrEnum):
    """A value that is only known when an order runs."""

    NULL = "{null}"
    NOW = "{now}"
    ORDER = "{order}"
    SURVIVOR_KEY = "{survivor.key}"
    SURVIVOR_NUMBER = "{survivor.number}"


Value = str | int | float | bool | Placeholder
"""A literal, or what stands for a value."""


@dataclass(frozen=True, slots=True)
class Sql:
    """An SQL expression of the mapping."""

    text: str


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """A column from which a field is read."""

    column: str
    related: str | None = None
    """The related row's name; None for the customer's own row."""
    is_writable: bool = True
    """Whether --take and --fill may write it."""


Source = ColumnSource | Sql


@dataclass(frozen=True, slots=True)
class CustomerMap:
    """`[customer]`."""

    table: str
    key: str
    number: str
    """The key's column if the mapping names none."""
    keys: tuple[str, ...] = ()
    where: str | None = None
    """SQL: which rows are customers. What `retire` sets may make it false: a tombstone's row counts all the same."""
    same: tuple[str, ...] = ()
    password: str | None = None
    retire: Mapping[str, Value] = field(default_factory=dict)
    touch: Mapping[str, Value] = field(default_factory=dict)

    @property
    def all_keys(self) -> tuple[str, ...]:
        """Every column that references may hold, the key first."""
        return (self.key, *self.keys)


@dataclass(frozen=True, slots=True)
class Related:
    """`[related.NAME]`: one row of another table, the first by `order`."""

    name: str
    table: str
    on: str
    from_column: str
    """The column that `on` equals."""
    from_related: str | None = None
    """The related row that has it; None for the customer's own row."""
    where: str | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True)
class PackageMap:
    """`[package]`."""

    table: str
    key: str
    customer: str
    name: Source | None = None
    where: str | None = None
    password: str | None = None
    contact: Mapping[Field, str] = field(default_factory=dict)
    """The column of each detail that has one."""


@dataclass(frozen=True, slots=True)
class DomainMap:
    """`[domain]`; either `package` or `customer` is set.

    With `customer` and without `[package]` each domain's row is a package of its own. With `customer` and `[package]`
    (contracts, and an invoice's number as the proof) a domain is the customer's alone, in no package: it proves with
    the customer's own password, and its row follows as a reference.
    """

    table: str
    name: Source
    package: str | None = None
    customer: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenceMap:
    """`[[reference]]`: columns that hold a customer's key, or for children of rows, the key of such a row."""

    columns: tuple[str, ...]
    """`table.column`; a pattern of tables (`*_history.account_id`) stands for every table that has the column."""
    tables: tuple[str, ...]
    """Names or patterns: every reference in these tables."""
    policy: Policy
    line: int
    """The line of the file on which it begins."""
    unique: tuple[str, ...] | None = None
    """The columns that a program takes for unique with this one; empty: this one alone. None: it says nothing."""
    winner: Side = Side.SURVIVOR
    add: tuple[str, ...] = ()
    latest: tuple[str, ...] = ()
    earliest: tuple[str, ...] = ()
    where: str | None = None
    key: str | None = None
    """Which of the customer's keys it holds; None for the first."""
    form: str = "{key}"
    set: Mapping[str, Value] = field(default_factory=dict)
    itself: Itself = Itself.REFUSE
    why: str = ""


@dataclass(frozen=True, slots=True)
class RefuseMap:
    """`[[refuse]]`: no order while the statement finds a row."""

    why: str
    sql: str
    """With :absorbed and :survivor for the customers' keys."""
    line: int


@dataclass(frozen=True, slots=True)
class HostMapping:
    """A whole mapping."""

    name: str
    customer: CustomerMap
    fields: Mapping[Field, Source]
    """A field that is left out is always empty."""
    related: Mapping[str, Related] = field(default_factory=dict)
    package: PackageMap | None = None
    domain: DomainMap | None = None
    proof: ProofBy = ProofBy.DOMAIN
    references: tuple[ReferenceMap, ...] = ()
    refuse: tuple[RefuseMap, ...] = ()
    ignore: tuple[str, ...] = ()
    """`table.column`, patterns included."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each key, by its path (`customer.key`, `fields.phone`, `reference.2.unique`)."""

    def table_of(self, related: str | None) -> str:
        """Return the table of a `[related.NAME]`, for None the customer's own."""
        return self.customer.table if related is None else self.related[related].table

    @property
    def written_fields(self) -> dict[Field, ColumnSource]:
        """The fields that --take and --fill may write."""
        return {
            name: source
            for name, source in self.fields.items()
            if isinstance(source, ColumnSource) and source.is_writable
        }


def split_column(name: str) -> tuple[str, str]:
    """Return the table and the column of `table.column`; the table may have a schema in front."""
    table, _, column = name.rpartition(".")
    return table, column
