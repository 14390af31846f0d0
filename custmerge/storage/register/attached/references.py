"""References: the rows of a host's tables that follow its customers, read for orders and undos, and written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from custmerge.rules.references.nothing import HostRows, RowChanges
from custmerge.storage.dialect import dialect_of
from custmerge.storage.register.following import FollowingRows

if TYPE_CHECKING:
    from custmerge.rules.fields import Customer
    from custmerge.rules.host_schema import HostSchema
    from custmerge.rules.mapping import HostMapping, Value
    from custmerge.rules.plan import Plan
    from custmerge.rules.references.changes import Step
    from custmerge.rules.references.counts import ReferenceCount
    from custmerge.rules.references.state import References
    from custmerge.rules.references.table_rules import TableRules
    from custmerge.storage.register.attached.table_sql import HostTableSql


@dataclass(frozen=True)
class Followed:
    """The tables whose rows follow the customers of a mapping."""

    mapping: HostMapping
    schema: HostSchema
    rules: tuple[TableRules, ...]
    """Those of the customers, the packages and the writable fields among them."""

    @cached_property
    def by_table(self) -> dict[str, TableRules]:
        """The rules by the table's name in the mapping, in the order in which tables are read and locked."""
        return {rules.table: rules for rules in sorted(self.rules, key=lambda rules: rules.table)}

    @cached_property
    def parents(self) -> frozenset[str]:
        """The tables whose rows others refer to that follow."""
        return frozenset(child.parent for rules in self.rules for child in rules.children)

    @cached_property
    def plain(self) -> frozenset[str]:
        """The tables whose rows can only move, as far as is known before any is read."""
        return frozenset(
            table for table, rules in self.by_table.items() if rules.can_only_move and table not in self.parents
        )

    @cached_property
    def have_order_numbers(self) -> bool:
        """Whether a row gets the number of its order."""
        from custmerge.rules.mapping import Placeholder

        return any(value is Placeholder.ORDER for _table, _column, value in self.written)

    @cached_property
    def written(self) -> tuple[tuple[str, str, Value], ...]:
        """(table, column, value) of everything that the mapping writes, each once."""
        customer = self.mapping.customer
        values = [(customer.table, customer.retire)]
        values += [(name, each) for name, rules in self.by_table.items() for each in rules.written]
        return tuple(
            dict.fromkeys((table, column, value) for table, each in values for column, value in each.items())
        )

    def may_break_keys(self, steps: Iterable[Step]) -> bool:
        """Return whether a foreign key may not hold before all of the steps are written."""
        return any(
            step.dropped
            or step.restored
            or any((rows.table, name) in self._keys for rows in step.updated for name, _ in (*rows.cells, *rows.each))
            for step in steps
        )

    @cached_property
    def _keys(self) -> frozenset[tuple[str, str]]:
        """(table, column) of what foreign keys refer to, and of what refers by them to other rows than customers.

        A column that refers to customers gets the key of one whose row is there all the time.
        """
        keys = [(name, key) for name, table in self.schema.tables.items() for key in table.foreign_keys]
        customers = self.mapping.customer.table
        own = [(name, key) for name, key in keys if key.table != customers or len(key.columns) > 1]
        return frozenset(
            [
                *((key.table, column) for _, key in keys for column in key.to),
                *((name, column) for name, key in own for column in key.columns),
            ]
        )

    @cached_property
    def on_server(self) -> dict[str, HostTableSql]:
        """The SQL of each table on PostgreSQL."""
        return self._sql(is_server=True)

    @cached_property
    def in_file(self) -> dict[str, HostTableSql]:
        """The SQL of each table on SQLite."""
        return self._sql(is_server=False)

    def _sql(self, *, is_server: bool) -> dict[str, HostTableSql]:
        from custmerge.storage.register.attached.table_sql import HostTableSql

        return {
            name: HostTableSql(self.schema.tables[name], rules, is_server=is_server)
            for name, rules in self.by_table.items()
        }


class HostReferences(FollowingRows):
    """The followed rows of one transaction."""

    def __init__(self, connection: Connection, followed: Followed) -> None:
        super().__init__(connection)
        self._followed = followed
        self.tables = followed.by_table
        self.have_order_numbers = followed.have_order_numbers

    def for_orders(
        self, records: Mapping[str, Customer], absorbed: Collection[str], now: datetime, *, lock: bool
    ) -> References:
        """See `FollowingRows`."""
        from custmerge.storage.register.attached.following_rows import ReferenceReading
        from custmerge.storage.register.attached.reading import host_reader
        from custmerge.storage.register.attached.written_cells import written_cells

        with host_reader(self._connection) as reader:
            written = written_cells(self._connection, self._sql, self._followed.written, now)
            reading = ReferenceReading(self._followed, self._sql, reader, lock=lock)
            living = [record for record in records.values() if record.merged_into is None and record.keys]
            return reading.for_orders(living, absorbed, written)

    def for_undos(self, changes: Iterable[RowChanges], *, lock: bool) -> References:
        """See `FollowingRows`."""
        from custmerge.storage.register.attached.following_rows import ReferenceReading
        from custmerge.storage.register.attached.reading import host_reader

        with host_reader(self._connection) as reader:
            return ReferenceReading(self._followed, self._sql, reader, lock=lock).for_undos(changes)

    def write(self, rows: HostRows, first_order: int = 0) -> None:
        """See `FollowingRows`."""
        if not (steps := rows.steps(first_order)):
            return
        from custmerge.storage.register.attached.dropping import demand_can_go
        from custmerge.storage.register.attached.writing import begin_writing, end_writing, write_step

        may_break_keys = self._followed.may_break_keys(steps)
        waits = begin_writing(self._connection, self._sql.values(), may_break_keys=may_break_keys)
        for step in steps:
            if step.dropped:
                demand_can_go(self._connection, self._sql, self._followed.schema, step)
            write_step(self._connection, self._sql, step)
        if waits:
            end_writing(self._connection)

    def refusal(self, survivors: Iterable[Customer], absorbed: Iterable[Customer]) -> str | None:
        """See `FollowingRows`."""
        if not self._followed.mapping.refuse:
            return None
        from custmerge.storage.register.attached.reading import finds_a_row

        going = list(absorbed)
        pairs = [(kept.keys[0], gone.keys[0]) for kept in survivors for gone in going if kept.keys and gone.keys]
        return next(
            (
                each.why
                for each in self._followed.mapping.refuse
                for survivor, gone in pairs
                if finds_a_row(self._connection, each.sql, survivor, gone)
            ),
            None,
        )

    def counts(self, plan: Plan) -> tuple[ReferenceCount, ...]:
        """See `FollowingRows`."""
        from custmerge.rules.references.counts import reference_counts

        return reference_counts(self.tables, plan)

    @cached_property
    def _sql(self) -> dict[str, HostTableSql]:
        return self._followed.on_server if dialect_of(self._connection).is_server else self._followed.in_file
