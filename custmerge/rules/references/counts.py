"""How many rows of each reference an order changes and drops: what a person sees before and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.guessing.table_kinds import looks_like_credentials
from custmerge.rules.mapping import Policy
from custmerge.rules.references.cells import NewCell, text_of

if TYPE_CHECKING:
    from custmerge.rules.plan import Plan
    from custmerge.rules.references.changes import NewCells
    from custmerge.rules.references.table_rules import TableRules

Texts = tuple[str | None, str | None]
"""What a reference says for the survivor and for the absorbed; None for a customer without its key."""


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
        for columns, texts in _references(tables[changed.table], plan):
            is_reference = texts is None or _says(after.get(columns[0]), texts[0])
            if is_reference and any(column in after for column in columns):
                rows[changed.table, columns] += len(changed.keys)
    for row in plan.references.dropped:
        dropped[row.table, _dropped_by(tables[row.table], row.cells, plan)] += 1
    return tuple(
        ReferenceCount(
            f"{table}.{','.join(columns)}",
            policy,
            rows[table, columns],
            dropped[table, columns],
            why,
            looks_like_credentials(table),
        )
        for table in sorted(tables)
        for columns, policy, why in _named(tables[table])
        if rows[table, columns] or dropped[table, columns]
    )


def _named(rules: TableRules) -> Iterator[tuple[tuple[str, ...], Policy, str]]:
    yield from (((each.column,), each.policy, each.why) for each in rules.references)
    taken = {(each.column,) for each in rules.references}
    yield from ((each.columns, each.policy, "") for each in rules.children if each.columns not in taken)


def _references(rules: TableRules, plan: Plan) -> Iterator[tuple[tuple[str, ...], Texts | None]]:
    """Yield columns with the texts that they hold for the survivor and the absorbed; a child has none of its own."""
    for each in rules.references:
        yield (each.column,), (each.text(plan.survivor.keys), each.text(plan.absorbed.keys))
    taken = {(each.column,) for each in rules.references}
    yield from ((each.columns, None) for each in rules.children if each.columns not in taken)


def _says(cell: NewCell, text: str | None) -> bool:
    return text is not None and text_of(cell) == text


def _dropped_by(rules: TableRules, cells: NewCells, plan: Plan) -> tuple[str, ...]:
    """Return the columns by which a dropped row followed: a reference of either customer, else a child's."""
    held = dict(cells)
    references = [*_references(rules, plan)]
    for side in (1, 0):
        for columns, texts in references:
            if texts is not None and _says(held.get(columns[0]), texts[side]):
                return columns
    return next((columns for columns, texts in references if texts is None), ())
