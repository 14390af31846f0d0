"""Whether a database is as its migrations made it, and sound itself."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from custmerge.storage import catalogue
from custmerge.storage.dialect import dialect_of
from custmerge.storage.tables import head

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from custmerge.storage.catalogue import Deviation

_COLUMNS = [column for table in head.metadata.sorted_tables for column in table.columns]
_TABLES = sorted({column.table.name for column in _COLUMNS})
_TYPES_SQLITE = (
    "SELECT lower(m.name), p.name, p.type FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p "
    "WHERE m.type = 'table' AND lower(m.name) {among}"
)
_TYPES_POSTGRESQL = (
    "SELECT relname::text, attname::text, pg_catalog.format_type(atttypid, NULL) "
    "FROM pg_catalog.pg_attribute "
    "JOIN pg_catalog.pg_class ON pg_class.oid = attrelid "
    "WHERE relname::text {among} AND pg_catalog.pg_table_is_visible(pg_class.oid) AND relkind IN ('r', 'p') "
    "AND attnum > 0 AND NOT attisdropped"
)
_KINDS = {"character varying": "text", "varchar": "text", "bytea": "blob", "bigint": "integer"}


def _kind(type_name: str) -> str:
    """Return what sort of values a type is for, alike for both databases."""
    name = type_name.lower()
    return _KINDS.get(name, name)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


class Protection:
    """What the database itself holds and refuses, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unreadable(self) -> list[tuple[str, str | None]]:
        """Return our tables that are gone, with None, and those with a column that is gone or of another type."""
        dialect = dialect_of(self._connection)
        statement = _TYPES_POSTGRESQL if dialect.is_server else _TYPES_SQLITE
        statement = statement.replace("{among}", dialect.among(":tables"))
        rows = self._connection.execute(text(statement), {"tables": dialect.keys(_TABLES)})
        found = {(row[0], row[1]): _kind(row[2]) for row in rows}
        there = {table for table, _column in found}
        expected = [(column.table.name, column.name, _kind(str(column.type))) for column in _COLUMNS]
        changed: set[tuple[str, str | None]] = {
            (table, column if table in there else None)
            for table, column, kind in expected
            if found.get((table, column)) != kind
        }
        return sorted(changed, key=str)

    def deviations(self) -> list[Deviation]:
        """Return everything of our tables that isn't as the migrations made it, triggers and rights included."""
        return catalogue.deviations(self._connection)

    def unsound(self) -> list[Deviation]:
        """Return our tables and indexes of an SQLite file that don't hold what they say."""
        return catalogue.unsound(self._connection)

    def damage(self) -> str | None:
        """Return the first thing that is wrong with an SQLite file, None where every row and index is sound."""
        found = self._connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        return None if found == "ok" else str(found)

    def connection(self) -> tuple[str | None, bool]:
        """Return the host that the database is on, None for this machine, and whether what is sent is encrypted."""
        if not dialect_of(self._connection).is_server:
            return None, False
        # Any: the driver's own connection, which alone knows what it really speaks to.
        raw: Any = self._connection.connection.driver_connection
        host = raw.info.host
        is_here = not host or host.startswith("/") or host == "localhost" or _is_loopback(raw.info.hostaddr)
        return None if is_here else host, bool(raw.pgconn.ssl_in_use)

    def lacking_right(self) -> tuple[str, str, str] | None:
        """Return (role, right, table) for a right that this role of PostgreSQL lacks to work with, None if none."""
        from custmerge.storage import rights

        return rights.lacking(self._connection)

    def roles_short_of_rights(self) -> list[str]:
        """Return the roles of PostgreSQL that work here and lack a right that the commands need."""
        from custmerge.storage import rights

        return rights.short_of(self._connection)

    def has_checksums(self) -> bool:
        """Return whether a PostgreSQL server writes checksums into its pages."""
        return self._connection.exec_driver_sql("SHOW data_checksums").scalar() == "on"
