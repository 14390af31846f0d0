"""Whether the database still protects the history as its migrations made it do, and is sound itself."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from custmerge.storage.engine import is_sqlite
from custmerge.storage.tables import head

if TYPE_CHECKING:
    from sqlalchemy import Connection

GENERATED = ("survivor", "absorbed", "order", "action", "at")
_REFUSES = "custmerge_history is append-only"
_SQLITE = {
    f"custmerge_history_no_{event.lower()}": (
        f"CREATE TRIGGER custmerge_history_no_{event.lower()} BEFORE {event} ON custmerge_history "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSES}'); END"
    )
    for event in ("UPDATE", "DELETE")
} | {
    "custmerge_history_no_replace": (
        "CREATE TRIGGER custmerge_history_no_replace BEFORE INSERT ON custmerge_history "
        "WHEN EXISTS (SELECT 1 FROM custmerge_history WHERE seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'custmerge_history is append-only'); END"
    )
}
# BEFORE, for each statement, and the event: PostgreSQL, catalog/pg_trigger.h.
_BEFORE = 2
_POSTGRESQL = {
    f"custmerge_history_no_{event}": _BEFORE | bit for event, bit in (("update", 16), ("delete", 8), ("truncate", 32))
}
_BODY_OF_FUNCTION = f"BEGIN RAISE EXCEPTION '{_REFUSES}'; END"
_TRIGGERS_SQLITE = text(
    "SELECT name, tbl_name, sql FROM sqlite_master "
    "WHERE type = 'trigger' AND tbl_name LIKE 'custmerge\\_%' ESCAPE '\\'"
)
_TRIGGERS_POSTGRESQL = text(
    "SELECT tgname, relname, tgtype, tgenabled, proname, prosrc, tgqual IS NULL AND tgattr = '' AS is_plain "
    "FROM pg_trigger "
    "JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid "
    "WHERE NOT tgisinternal AND relname LIKE 'custmerge\\_%' AND relnamespace = current_schema()::regnamespace"
)
_COLUMNS = [column for table in head.metadata.sorted_tables for column in table.columns]
_TYPES_SQLITE = text(
    "SELECT m.name, p.name, p.type FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p WHERE m.type = 'table'"
)
_TYPES_POSTGRESQL = text(
    "SELECT relname::text, attname::text, format_type(atttypid, NULL) FROM pg_attribute "
    "JOIN pg_class ON pg_class.oid = attrelid "
    "WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') "
    "AND attnum > 0 AND NOT attisdropped"
)
_KINDS = {"character varying": "text", "varchar": "text", "bytea": "blob", "bigint": "integer"}
_COLUMNS_POSTGRESQL = text(
    "SELECT attname, attgenerated, pg_get_expr(adbin, adrelid) FROM pg_attribute "
    "LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
    "WHERE attrelid = 'custmerge_history'::regclass AND attname IN ('survivor', 'absorbed', 'order', 'action', 'at')"
)
_RULES_POSTGRESQL = text(
    "SELECT rulename FROM pg_rules WHERE schemaname = current_schema() AND tablename LIKE 'custmerge\\_%'"
)


def _expression(column: str) -> str:
    """Return what PostgreSQL fills a search column with, without brackets and spaces."""
    return f"body::json->>'{column}'::text" + ("::integer" if column == "order" else "")


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
    """What the database itself refuses, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def changed_tables(self) -> list[tuple[str, str | None]]:
        """Return our tables that are gone, with None, and those with a column that is gone or of another type."""
        statement = _TYPES_SQLITE if is_sqlite(self._connection) else _TYPES_POSTGRESQL
        found = {(row[0], row[1]): _kind(row[2]) for row in self._connection.execute(statement)}
        there = {table for table, _column in found}
        expected = [(column.table.name, column.name, _kind(str(column.type))) for column in _COLUMNS]
        changed: set[tuple[str, str | None]] = {
            (table, column if table in there else None)
            for table, column, kind in expected
            if found.get((table, column)) != kind
        }
        return sorted(changed, key=str)

    def missing_triggers(self) -> list[str]:
        """Return the triggers on the history that are gone, switched off or do something else.

        All of them where a setting of PostgreSQL's keeps triggers from firing here.
        """
        expected = _SQLITE if is_sqlite(self._connection) else _POSTGRESQL
        return sorted(set(expected) - self._good_triggers())

    def strange_triggers(self) -> list[str]:
        """Return triggers and rules on the ledger's tables that custmerge didn't make."""
        statement = _TRIGGERS_SQLITE if is_sqlite(self._connection) else _TRIGGERS_POSTGRESQL
        expected = _SQLITE if is_sqlite(self._connection) else _POSTGRESQL
        found = [
            row[0]
            for row in self._connection.execute(statement)
            if row[0] not in expected or row[1] != "custmerge_history"
        ]
        if not is_sqlite(self._connection):
            found += self._connection.execute(_RULES_POSTGRESQL).scalars()
        return sorted(found)

    def plain_columns(self) -> list[str]:
        """Return the history's search columns that aren't generated from its bodies any more."""
        return sorted(set(GENERATED) - self._generated())

    def damage(self) -> str | None:
        """Return the first thing that is wrong with an SQLite file, None where it is sound."""
        found = self._connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        return None if found == "ok" else str(found)

    def connection(self) -> tuple[str | None, bool]:
        """Return the host that the database is on, None for this machine, and whether what is sent is encrypted."""
        if is_sqlite(self._connection):
            return None, False
        # Any: the driver's own connection, which alone knows what it really speaks to.
        raw: Any = self._connection.connection.driver_connection
        host = raw.info.host
        is_here = not host or host.startswith("/") or host == "localhost" or _is_loopback(raw.info.hostaddr)
        return None if is_here else host, bool(raw.pgconn.ssl_in_use)

    def has_checksums(self) -> bool:
        """Return whether a PostgreSQL server writes checksums into its pages."""
        return self._connection.exec_driver_sql("SHOW data_checksums").scalar() == "on"

    def _good_triggers(self) -> set[str]:
        if is_sqlite(self._connection):
            rows = self._connection.execute(_TRIGGERS_SQLITE)
            return {row.name for row in rows if row.sql == _SQLITE.get(row.name)}
        if self._connection.exec_driver_sql("SHOW session_replication_role").scalar() == "replica":
            return set()
        return {
            row.tgname
            for row in self._connection.execute(_TRIGGERS_POSTGRESQL)
            if row.relname == "custmerge_history"
            and row.tgtype == _POSTGRESQL.get(row.tgname)
            and row.is_plain
            and row.tgenabled in ("O", "A")
            and row.proname == "custmerge_refuse"
            and row.prosrc.strip() == _BODY_OF_FUNCTION
        }

    def _generated(self) -> set[str]:
        if is_sqlite(self._connection):
            made = self._connection.execute(
                text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'custmerge_history'")
            ).scalar()
            pattern = r"\"?{0}\"? \w+ GENERATED ALWAYS AS \(body ->> '{0}'\) STORED"
            return {name for name in GENERATED if re.search(pattern.format(name), made or "")}
        rows = self._connection.execute(_COLUMNS_POSTGRESQL)
        made_of = {row[0]: re.sub(r"[()\s]", "", row[2] or "") for row in rows if row[1] == "s"}
        return {name for name, expression in made_of.items() if expression == _expression(name)}
