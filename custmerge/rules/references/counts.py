"""How many rows of each reference an order changes and drops: what a person sees before and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.guessing.table_kinds import looks_like_credentials
from custmerge.rules.mapping import Policy
from custmerge.rules.references.cells import NewCell, text_of
from custmerge.rules.references.table_rules import ChildReference, CustomerReference

if TYPE_CHECKING:
    from custmerge.rules.fields import Customer
    from custmerge.rules.plan import Plan
    from custmerge.rules.references.changes import NewCells
    from custmerge.rules.references.table_rules import TableRules


@dataclass(frozen=True, slots=True)
class ReferenceCount:
    """The rows of one reference, or of one foreign key to rows that are dropped."""

    column: str
    """`table.column`; the columns of a composite key are separated by commas."""
    policy: Policy
    rows: int
    """How many point at the row that stays now."""
    dropped: int
    """How many are dropped."""
    why: str = ""
    """What the mapping says of it."""
    are_credentials: bool = False
    """Whether the table looks as if its rows opened somebody's account."""


def reference_counts(tables: Mapping[str, TableRules], plan: Plan) -> tuple[ReferenceCount, ...]:
    """Return the references of which a plan changes or drops rows, in the order of tables and columns."""
    rows, dropped = Counter[tuple[str, tuple[str, ...]]](), Counter[tuple[str, tuple[str, ...]]]()
    for changed in plan.references.changed:
        after = dict(changed.after)
        for columns, by in tables[changed.table].followers:
            if any(column in after for column in columns) and _holds(after, by, plan.survivor):
                rows[changed.table, columns] += len(changed.keys)
    for row in plan.references.dropped:
        dropped[row.table, _dropped_by(tables[row.table], row.cells, plan)] += 1
    return tuple(
        ReferenceCount(
            f"{table}.{','.join(columns)}",
            by.policy,
            rows[table, columns],
            dropped[table, columns],
            by.why if isinstance(by, CustomerReference) else "",
            looks_like_credentials(table),
        )
        for table in sorted({table for table, _columns in (*rows, *dropped)})
        for columns, by in tables[table].followers
        if rows[table, columns] or dropped[table, columns]
    )


def _holds(cells: Mapping[str, NewCell], by: CustomerReference | ChildReference, customer: Customer) -> bool:
    """Return whether a row points at a customer by a reference; by a foreign key to another row it always does."""
    return isinstance(by, ChildReference) or _says(cells.get(by.column), by.text(customer.keys))


def _says(cell: NewCell, text: str | None) -> bool:
    return text is not None and text_of(cell) == text


def _dropped_by(rules: TableRules, cells: NewCells, plan: Plan) -> tuple[str, ...]:
    """Return the columns by which a dropped row followed: a reference of either customer, else a child's."""
    held = dict(cells)
    for customer in (plan.absorbed, plan.survivor):
        for columns, by in rules.followers:
            if isinstance(by, CustomerReference) and _holds(held, by, customer):
                return columns
    return next((columns for columns, by in rules.followers if isinstance(by, ChildReference)), ())
