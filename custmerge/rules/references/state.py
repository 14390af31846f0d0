"""The rows of a transaction's references: as they were read, changed by each order and undo, and what is to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from custmerge.rules.fields import Customer, Field, Package
from custmerge.rules.references.cells import Cell, Key, Keys, NewCell
from custmerge.rules.references.changes import Changes, Step
from custmerge.rules.references.nothing import HostRows, RowChanges, RowsBack
from custmerge.rules.references.plain_rows import PlainRows
from custmerge.rules.references.plan import decide
from custmerge.rules.references.rows import HostRow, Row, Rows
from custmerge.rules.references.steps import steps_of
from custmerge.rules.references.table_rules import ChildReference, OwnRows, TableRules, WrittenCells

if TYPE_CHECKING:
    from custmerge.rules.obstacles import Obstacle
    from custmerge.rules.plan import Plan


class References(HostRows):
    """The rows of every followed table that orders or undos of one transaction may change, and how they are now.

    The storage adds rows as it reads them. For orders: the rows of every reference that hold a key of one of the
    numbers (of a table in `plain`, those of the absorbed numbers are enough), the rows that `OwnRows` names, and
    level by level the rows that refer to one of these by a `ChildReference`. For undos: those of `rows_wanted`.
    """

    def __init__(
        self,
        tables: Mapping[str, TableRules] | None = None,
        own: OwnRows | None = None,
        written: WrittenCells | None = None,
        *,
        customers: str = "",
    ) -> None:
        """Begin without rows; `customers` is the table of the customers' own rows, which an undo needs."""
        self.tables = dict(sorted((tables or {}).items()))
        """By name, sorted."""
        self.own = own or OwnRows()
        self.customers = customers
        self.written = written or {}
        self._children: dict[str, list[tuple[str, ChildReference]]] = {}
        for table, rules in self.tables.items():
            for child in rules.children:
                self._children.setdefault(child.parent, []).append((table, child))
        own_tables = {table for table, _ in self.own.all}
        self.plain: dict[str, PlainRows] = {}
        """The tables whose rows can only move: nothing in them can clash, and nothing refers to them."""
        self._rows: dict[str, Rows] = {}
        for table, rules in self.tables.items():
            if table in own_tables or table in self._children or not rules.can_only_move:
                self._rows[table] = Rows(rules)
            else:
                self.plain[table] = PlainRows(rules)
        self._own_rows: dict[tuple[str, Key], HostRow] = {}
        self._holders: set[HostRow] = set()

    def add(self, table: str, rows: Iterable[Sequence[Cell]]) -> None:
        """Add rows as they were read: cells of `TableRules.columns`, then of `TableRules.computed`.

        A condition's cell is 1 or "true" where it holds. A row that was added before is passed over; a plain table's
        rows must come once.
        """
        (self.plain.get(table) or self._rows[table]).add(rows)

    def add_held(self, table: str, cell: Cell, keys: Keys) -> None:
        """Add the rows of a plain table whose reference holds `cell`: the table `has_only_key_and_reference`."""
        self.plain[table].add_held(cell, keys)

    def keys(self, table: str) -> Iterator[Key]:
        """Yield the keys of the rows that were added."""
        return (self.plain.get(table) or self._rows[table]).keys()

    def rows(self, table: str) -> Rows:
        """Return the rows of a table that isn't plain."""
        return self._rows[table]

    def children_of(self, table: str) -> Sequence[tuple[str, ChildReference]]:
        """Return the tables that refer to rows of `table`, with how they do."""
        return self._children.get(table, ())

    def own_row(self, table: str, key: Key) -> HostRow:
        """Return a row that `OwnRows` names."""
        return self._own_rows[table, key]

    def is_holder(self, row: HostRow) -> bool:
        """Return whether a row is a customer or a package."""
        return row in self._holders

    def _find_own_rows(self) -> None:
        # Before the first order, which may change keys.
        if not self._own_rows:
            self._own_rows = {(table, key): self._rows[table].by_key[key] for table, key in self.own.all}
            self._holders = {self._own_rows[at] for at in self.own.holders}

    def decide(
        self,
        survivor: Customer,
        absorbed: Customer,
        changes: Mapping[Field, str],
        packages: Sequence[tuple[Package, Package]],
        place: int,
    ) -> Changes:
        """Return what an order does; changes nothing.

        `changes` are the survivor's fields that are written, `packages` the moving ones before and after, `place` is
        the order's in the transaction, from 0. Raises ReferenceRefused, FieldNotWritable.
        """
        if not self.tables:
            return Changes()
        self._find_own_rows()
        return decide(self, (survivor, absorbed), changes, packages, place)

    def planned(self, plan: Plan, place: int) -> Plan:
        """See `HostRows`."""
        packages = list(zip(plan.packages, plan.packages_after, strict=True))
        changes = self.decide(plan.survivor, plan.absorbed, plan.changes, packages, place)
        return replace(plan, references=changes)

    def execute(self, plan: Plan) -> None:
        """Change the rows as an order does."""
        self.apply(plan.references)

    def apply(self, changes: RowChanges) -> None:
        """Change the rows as an order with these changes does."""
        new: dict[str, list[tuple[HostRow, Row | None]]] = {}
        for drop in changes.dropped:
            new.setdefault(drop.table, []).append((self._rows[drop.table].by_key[drop.key], None))
        for change in changes.changed:
            if (plain := self.plain.get(change.table)) is not None:
                plain.apply(change)
                continue
            rows = self._rows[change.table]
            cells = [(rows.positions[name], cell) for name, cell in change.after]
            computed = rows.computed_after({name for name, _ in change.after})
            several = new.setdefault(change.table, [])
            for key in change.keys:
                row = rows.by_key[key]
                held = row.now or ()
                several.append((row, _with(row, [*cells, *((at, held[after]) for at, after in computed)])))
        for table, replaced in new.items():
            self._rows[table].replace(replaced)

    def undo_plan(
        self, changes: RowChanges, keys: Sequence[str], *, gone: int = 0
    ) -> tuple[RowsBack, list[Obstacle]]:
        """See `HostRows`."""
        from custmerge.rules.references.undo import plan_undo_references  # orders need none of it

        return plan_undo_references(changes, self, keys, gone=gone)

    def undo(self, given_back: RowsBack) -> None:
        """Change the rows as the undo of an order does."""
        new: dict[str, list[tuple[HostRow, Row | None]]] = {}
        for back in given_back.changed:
            if (plain := self.plain.get(back.table)) is not None:
                plain.put(back)
                continue
            rows = self._rows[back.table]
            for place, key in enumerate(back.keys):
                row = rows.by_key[key]
                cells = [(rows.positions[name], cell) for name, cell in back.cells]
                cells += [(rows.positions[name], several[place]) for name, several in back.each]
                new.setdefault(back.table, []).append((row, _with(row, cells)))
        for drop in given_back.restored:
            rows = self._rows[drop.table]
            new.setdefault(drop.table, []).append((HostRow(None, None), rows.row_of(drop.cells)))
        for table, replaced in new.items():
            self._rows[table].replace(replaced)

    def steps(self, first_order: int = 0) -> list[Step]:
        """Return what the storage has to write, in this order: each row once, with its last cells.

        `first_order` is the number of the transaction's first order.
        """
        plain = [written for rows in self.plain.values() if (written := rows.written(first_order)) is not None]
        return steps_of(self._rows, plain, first_order)


def _with(row: HostRow, cells: Iterable[tuple[int, NewCell]]) -> Row:
    changed = list(row.now or ())
    for position, cell in cells:
        changed[position] = cell
    return tuple(changed)
