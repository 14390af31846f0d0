"""The last look before rows are dropped: whether the database still has rows that refer to them.

The rules find the children of a row by the texts of their cells, and the database by its own comparison. Where these
differ, `ON DELETE CASCADE` would delete a child that is in no before-image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from custmerge.errors import ChildrenLeft
from custmerge.rules.references import ChildReference, Step
from custmerge.storage.register.host_sql import HostTableSql


def demand_no_children(connection: Connection, tables: Mapping[str, HostTableSql], step: Step) -> None:
    """Raise ChildrenLeft if rows refer to those that a step drops, and don't go with them."""
    for table in tables.values():
        for child in table.rules.children:
            if step.dropped.get(child.parent):
                _demand_none(connection, table, tables[child.parent], child, step)


def _demand_none(
    connection: Connection, table: HostTableSql, parent: HostTableSql, child: ChildReference, step: Step
) -> None:
    # Any: the driver's own connection.
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
