"""Which of a host's rows undos depend on: those that orders changed or dropped, and those that may be in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from custmerge.rules.references.cells import Cell, Key, Keys, NewCell
from custmerge.rules.references.changes import RowDropped, RowsChanged
from custmerge.rules.references.nothing import RowChanges
from custmerge.rules.references.table_rules import TableRules

Place = tuple[tuple[str, ...], tuple[Cell, ...]]
"""Columns, and cells that a row holds there."""


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """The rows that the storage has to add before undos are planned."""

    keys: Mapping[str, Keys]
    """By table: the rows with these keys, as far as they exist."""
    values: Mapping[str, Mapping[tuple[str, ...], frozenset[tuple[Cell, ...]]]]
    """By table and columns: the rows that hold these cells there, which would be in the way."""


def rows_wanted(tables: Mapping[str, TableRules], changes: Iterable[RowChanges]) -> RowsWanted:
    """Return the rows that the undos of `changes` (of many orders) depend on; tables without rules are left out."""
    keys: dict[str, list[Keys]] = {}
    places: dict[str, dict[tuple[str, ...], set[tuple[Cell, ...]]]] = {}
    for change in changes:
        for rows in change.changed:
            if (rules := tables.get(rows.table)) is not None:
                keys.setdefault(rows.table, []).extend((rows.keys, rows.keys_after))
                for columns, cells in _cells_coming_back(rules, rows):
                    places.setdefault(rows.table, {}).setdefault(columns, set()).add(cells)
        for row in change.dropped:
            if (rules := tables.get(row.table)) is not None:
                keys.setdefault(row.table, []).append(Keys([row.key, *([] if row.stays is None else [row.stays])]))
                for columns, cells in _uniques_coming_back(rules, row):
                    places.setdefault(row.table, {}).setdefault(columns, set()).add(cells)
    return RowsWanted(
        {table: Keys.union(several) for table, several in keys.items()},
        {table: {columns: frozenset(cells) for columns, cells in held.items()} for table, held in places.items()},
    )


def key_after(rules: TableRules, key: Key, after: Mapping[str, NewCell]) -> Key:
    """Return the key that a row has after its cells were changed."""
    return tuple(after.get(name, cell) for name, cell in zip(rules.key, key, strict=True))  # type: ignore[misc]


def _cells_coming_back(rules: TableRules, rows: RowsChanged) -> Iterator[Place]:
    """Yield cells that are in a unique: a row that a host added there meanwhile may be in the way.

    Of a unique of several columns only a reference tells few rows.
    """
    unique = {name for unique in rules.uniques for name in unique.columns}
    wanted = {reference.column for reference in rules.references} & unique
    wanted |= {unique.columns[0] for unique in rules.uniques if len(unique.columns) == 1}
    held = [*((name, [cell]) for name, cell in rows.before), *((name, cells) for name, cells in rows.each)]
    for name, cells in held:
        if name in wanted:
            yield from (((name,), (cell,)) for cell in cells if cell is not None)  # type: ignore[misc]


def _uniques_coming_back(rules: TableRules, row: RowDropped) -> Iterator[Place]:
    held = dict(row.cells)
    for unique in rules.uniques:
        if unique.where is None and held.keys() >= set(unique.columns):
            cells = tuple(held[name] for name in unique.columns)
            if None not in cells:
                yield unique.columns, cells  # type: ignore[misc]
