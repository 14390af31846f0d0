"""Which related row comes first, and how the survivor's own stays it when those of the absorbed number follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from custmerge.errors import N_
from custmerge.rules.guessing.policies import ReferenceGuess
from custmerge.rules.guessing.words import joined
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, Kind
from custmerge.rules.mapping import Policy, Related
from custmerge.rules.sql_words import readable

_FLAGS = ("isdefault", "isprimary", "ismain", "default", "primary", "isdefaultforbilling", "preferred", "main")
_POSITIONS = ("position", "pos", "sort", "sortorder", "ordering", "sequence")
_BEHIND = 30_000
"""A position behind those that people have given; the smallest type of integers can hold it."""


def order_of(table: HostTable) -> str | None:
    """Return SQL by which a table's main row comes first, where a column tells it; None without a key."""
    if not table.row_key:
        return None
    column = _main_column(table)
    main = [] if column is None else [readable(column.name) + (" DESC" if _is_flag(column) else "")]
    return ", ".join((*main, *map(readable, table.row_key)))


def keeping_first(schema: HostSchema, guess: ReferenceGuess, related: Iterable[Related]) -> ReferenceGuess:
    """Return a guess by which no row that follows comes before the survivor's own, if fields are read from the first.

    Where no column tells the main row, it is a question.
    """
    finding = guess.finding
    table = schema.tables[finding.table]
    read = [one for one in related if (one.table, one.on) == (finding.table, finding.column)]
    if not read or guess.policy not in (Policy.MOVE, Policy.DROP) or _is_one_row(table, finding.column):
        return guess
    column = _main_column(table)
    if column is not None and all((one.order or "").startswith(readable(column.name)) for one in read):
        value = (False if column.kind is Kind.BOOLEAN else 0) if _is_flag(column) else _BEHIND
        remark = N_("what moves gets another {column}: the survivor's main row, where there is one, stays the first")
        told = (*guess.remarks, (remark, {"column": column.name}))
        return replace(guess, remarks=told, set=((column.name, value),))
    remark = N_(
        "fields are read from the first row: one of the absorbed number's may become it. "
        "Is there an `order`, `where` or `set` by which the survivor's stays the first?"
    )
    return replace(guess, remarks=(*guess.remarks, (remark, {})), is_question=True)


def _main_column(table: HostTable) -> HostColumn | None:
    """Return the column that tells a main row from others, or where each stands."""
    # Several rows that move get one value: where that has to be unique they would clash.
    unique = {name for each in table.uniques for name in each.columns}
    columns = {
        joined(column.name): column
        for column in table.columns
        if column.kind in (Kind.BOOLEAN, Kind.INTEGER) and column.name not in unique and not column.is_generated
    }
    found = (columns[name] for name in (*_FLAGS, *_POSITIONS) if name in columns)
    return next((column for column in found if _is_flag(column) or column.kind is Kind.INTEGER), None)


def _is_flag(column: HostColumn) -> bool:
    return joined(column.name) in _FLAGS


def _is_one_row(table: HostTable, column: str) -> bool:
    """Return whether the database lets each customer have one row only."""
    return any(unique.is_plain and unique.columns == (column,) for unique in table.uniques)
