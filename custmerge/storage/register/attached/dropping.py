"""The last look before rows are dropped: whether others would go too, and whether an undo can give them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from custmerge.errors import ChildrenLeft, OrphansDropped
from custmerge.rules.host_schema import ForeignKey, HostSchema
from custmerge.rules.references.changes import Step
from custmerge.rules.references.table_rules import ChildReference
from custmerge.storage.dialect import dialect_of
from custmerge.storage.register.attached.table_sql import HostTableSql, table_name


def demand_can_go(connection: Connection, tables: Mapping[str, HostTableSql], schema: HostSchema, step: Step) -> None:
    """Raise ChildrenLeft or OrphansDropped if rows that a step drops have to stay."""
    for table in tables.values():
        for child in table.rules.children:
            if step.dropped.get(child.parent):
                _demand_no_children(connection, table, tables[child.parent], child, step)
        if step.dropped.get(table.rules.table):
            for foreign_key in table.table.foreign_keys:
                _demand_no_orphans(connection, table, schema, foreign_key, step)


def _demand_no_children(
    connection: Connection, table: HostTableSql, parent: HostTableSql, child: ChildReference, step: Step
) -> None:
    """Raise ChildrenLeft if rows refer to dropped ones and don't go with them.

    The rules find children by the texts of their cells, and the database by its own comparison. Where these differ,
    `ON DELETE CASCADE` would delete a child that is in no before-image.
    """
    # Any: the driver's own connection, here and below.
    raw: Any = connection.connection.driver_connection
    joined = " AND ".join(
        f"custmerge_child.{table.bare(column)} = {parent.column(to)}"
        for column, to in zip(child.columns, child.to, strict=True)
    )
    key = ", ".join(table.read_of("custmerge_child", name) for name in table.rules.key)
    going = set(step.dropped.get(table.rules.table, ()))
    for condition in parent.equal(parent.rules.key, step.dropped[child.parent]):
        statement = (
            f"SELECT {key} FROM {parent.name} JOIN {table.name} AS custmerge_child ON {joined} "  # noqa: S608 (names of the catalogue, quoted)
            f"WHERE {condition.sql}"
        )
        left = sum(1 for row in raw.execute(statement, condition.parameters) if tuple(row) not in going)
        if left:
            raise ChildrenLeft(table=table.rules.table, parent=parent.rules.table, left=left)


def _demand_no_orphans(
    connection: Connection, table: HostTableSql, schema: HostSchema, foreign_key: ForeignKey, step: Step
) -> None:
    """Raise OrphansDropped if a dropped row refers to a row that isn't there: no database would take it back."""
    parent = schema.table(foreign_key.table)
    if parent is None:
        return
    raw: Any = connection.connection.driver_connection
    is_server = dialect_of(connection).is_server
    pairs = list(zip(foreign_key.columns, foreign_key.to, strict=True))
    filled = " AND ".join(f"{table.column(column)} IS NOT NULL" for column, _ in pairs)
    joined = " AND ".join(f"custmerge_parent.{table.bare(to)} = {table.column(column)}" for column, to in pairs)
    for condition in table.equal(table.rules.key, step.dropped[table.rules.table]):
        statement = (
            f"SELECT count(*) FROM {table.name} WHERE {condition.sql} AND {filled} AND NOT EXISTS "  # noqa: S608 (as above)
            f"(SELECT 1 FROM {table_name(parent, is_server=is_server)} AS custmerge_parent WHERE {joined})"
        )
        (orphans,) = raw.execute(statement, condition.parameters).fetchone()
        if orphans:
            raise OrphansDropped(table=table.rules.table, parent=parent.name, left=orphans)
