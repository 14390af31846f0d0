"""What a role of PostgreSQL may do with a host's table, also where it may not even look into the table's schema."""

from __future__ import annotations

from sqlalchemy import Connection, text

from custmerge.rules.host_schema import HostTable

# By their numbers: a name of a schema that the connected role may not use is an error.
_MAY = text("""
SELECT pg_catalog.has_schema_privilege(asked.role, n.oid, 'USAGE') AND CASE WHEN :column = ''
       THEN pg_catalog.has_table_privilege(asked.role, c.oid, :right)
       ELSE pg_catalog.has_column_privilege(asked.role, c.oid, CAST(:column AS text), :right) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
     (SELECT coalesce(CAST(:role AS name), current_user) AS role) AS asked
WHERE n.nspname = :schema AND c.relname = :name""")

_HIDES = text("""
SELECT pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :name""")


def hides_rows(connection: Connection, table: HostTable) -> bool:
    """Return whether policies say which rows of a table the connected role sees (row-level security)."""
    return bool(connection.execute(_HIDES, {"schema": table.home, "name": table.plain_name}).scalar())


def may(connection: Connection, table: HostTable, right: str, column: str = "", role: str | None = None) -> bool:
    """Return whether a role, or the connected one, has a right on a table or on one of its columns."""
    where = {"schema": table.home, "name": table.plain_name}
    return bool(connection.execute(_MAY, {"right": right, "column": column, "role": role, **where}).scalar())
