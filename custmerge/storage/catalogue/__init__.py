"""The objects that the migrations make for custmerge's tables, and how those of a database differ from them.

Every object belongs to one table and has a subject that names it: `column customer.city`, `index package_number`.
`sqlite.json` and `postgresql.json` beside this file hold the right definitions of each, sometimes several: a server
prints some expressions differently after a dump was restored. `tests/storage/write_catalogue.py` writes both files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from custmerge.rules.audit import CheckName
from custmerge.storage.dialect import dialect_of
from custmerge.storage.register.mapping import OWN, RegisterMapping
from custmerge.storage.tables import every as tables

_COLUMNS = [column for table in tables.head.metadata.sorted_tables for column in table.columns]
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
CHECK_OF_TABLE = {
    tables.history.name: CheckName.CHAIN,
    tables.head.name: CheckName.CHAIN,
    tables.order.name: CheckName.ORDERS,
    tables.before_image.name: CheckName.IMAGES,
    tables.customer.name: CheckName.TOMBSTONES,
    tables.package.name: CheckName.PACKAGES,
    tables.domain.name: CheckName.DOMAINS,
    tables.transfer.name: CheckName.TRANSFERS,
    tables.form.name: CheckName.FORMS,
    tables.staff.name: CheckName.STAFF,
    tables.service.name: CheckName.TOKENS,
    tables.session.name: CheckName.TOKENS,
    tables.batch.name: CheckName.BATCHES,
    tables.batch_chunk.name: CheckName.BATCHES,
    tables.tombstone.name: CheckName.TOMBSTONES,
    tables.contact.name: CheckName.CONTACTS,
    tables.dismissal.name: CheckName.DISMISSALS,
}
"""The first check of an audit that needs a table."""
_KINDS = {"character varying": "text", "varchar": "text", "bytea": "blob", "bigint": "integer"}
Expected = dict[str, dict[str, list[str]]]
"""The right definitions of each object, by table and subject."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object of one of custmerge's tables, as the database has it."""

    table: str
    subject: str
    definition: str
    """Its definition in one line, which is the same in two databases if the object is."""
    is_harmless: bool = False
    """Whether a host may add it: a plain index changes no stored data and refuses none."""


class Why(Enum):
    """How an object differs."""

    GONE = auto()
    CHANGED = auto()
    ADDED = auto()
    TWICE = auto()
    """It exists as it should, but there is another object of the same name."""
    UNSOUND = auto()
    """Its definition is right, but its content isn't."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """An object that isn't as the migrations made it."""

    table: str
    subject: str
    why: Why
    definition: str
    """The present definition; empty if the object is gone. For an unsound one, the database's message."""

    @property
    def kind(self) -> str:
        """The kind of the object: `column`, `trigger` …."""
        return self.subject.partition(" ")[0]


@cache
def expected(dialect: str) -> Expected:
    """Return the definitions that the migrations make on a database, `sqlite` or `postgresql`."""
    definitions: Expected = json.loads(Path(__file__).with_name(f"{dialect}.json").read_bytes())
    return definitions


def objects(connection: Connection, tables: Sequence[str]) -> list[Object]:
    """Return all objects of `tables` in a database."""
    if not dialect_of(connection).is_server:
        from custmerge.storage.catalogue import sqlite

        return sqlite.objects(connection, tables)
    from custmerge.storage.catalogue import postgresql

    return postgresql.objects(connection, tables)


class Protection:
    """The database's own protection: its objects, connection and integrity, inside one transaction."""

    def __init__(self, connection: Connection, mapping: RegisterMapping = OWN) -> None:
        self._connection = connection
        self._replaced = mapping.replaced

    def unreadable(self) -> list[tuple[str, str | None]]:
        """Return (table, column) of columns that are gone or of another type; column None if the table is gone."""
        statement = _TYPES_POSTGRESQL if dialect_of(self._connection).is_server else _TYPES_SQLITE
        columns = [column for column in _COLUMNS if column.table.name not in self._replaced]
        names = sorted({column.table.name for column in columns})
        statement = statement.replace("{among}", dialect_of(self._connection).among(":tables"))
        rows = self._connection.execute(text(statement), {"tables": dialect_of(self._connection).keys(names)})
        present = {(row[0], row[1]): _kind(row[2]) for row in rows}
        present_tables = {table for table, _column in present}
        expected = [(column.table.name, column.name, _kind(str(column.type))) for column in columns]
        changed: set[tuple[str, str | None]] = {
            (table, column if table in present_tables else None)
            for table, column, kind in expected
            if present.get((table, column)) != kind
        }
        return sorted(changed, key=str)

    def deviations(self) -> list[Deviation]:
        """Return the objects that aren't as the migrations made them; for a missing table only the table."""
        right = self._expected()
        present: dict[str, dict[str, list[Object]]] = {table: {} for table in right}
        for made in objects(self._connection, tuple(right)):
            # Several may have the same name: SQLite accepts two constraints of one name and enforces both.
            present[made.table].setdefault(made.subject, []).append(made)
        return [deviation for table in right for deviation in _of_table(table, right[table], present[table])]

    def unsound(self) -> list[Deviation]:
        """Return the tables and indexes of an SQLite file whose content doesn't match their definition, each once.

        A user who may write to the file can make an index of other rows and then store the right definition: SQLite
        doesn't check its rows again. PostgreSQL stores no text of an index, and only its superuser could do this.
        """
        if dialect_of(self._connection).is_server:
            return []
        from custmerge.storage.catalogue import sqlite

        problems = sqlite.unsound(self._connection, tuple(self._expected()))
        return [Deviation(table, subject, Why.UNSOUND, problem) for (table, subject), problem in problems.items()]

    def _expected(self) -> Expected:
        right = expected(self._connection.dialect.name)
        return {table: subjects for table, subjects in right.items() if table not in self._replaced}

    def damage(self) -> str | None:
        """Return the first problem of an SQLite file, None if every row and index is sound."""
        result = self._connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        return None if result == "ok" else str(result)

    def connection(self) -> tuple[str | None, bool]:
        """Return the database's host, None for this machine, and whether the connection is encrypted."""
        if not dialect_of(self._connection).is_server:
            return None, False
        # Any: the driver's own connection; only it knows the real host.
        raw: Any = self._connection.connection.driver_connection
        host = raw.info.host
        is_here = not host or host.startswith("/") or host == "localhost" or _is_loopback(raw.info.hostaddr)
        return None if is_here else host, bool(raw.pgconn.ssl_in_use)

    def has_checksums(self) -> bool:
        """Return whether a PostgreSQL server writes checksums into its pages."""
        return self._connection.exec_driver_sql("SHOW data_checksums").scalar() == "on"


def _of_table(
    table: str, right: Mapping[str, Sequence[str]], present: Mapping[str, Sequence[Object]]
) -> Iterator[Deviation]:
    if f"table {table}" not in present:
        yield Deviation(table, f"table {table}", Why.GONE, "")
        return
    for subject, definitions in right.items():
        if subject not in present:
            yield Deviation(table, subject, Why.GONE, "")
            continue
        wrong = [item.definition for item in present[subject]]
        ours = next((definition for definition in wrong if definition in definitions), None)
        if ours is not None:
            wrong.remove(ours)
        for definition in wrong:
            yield Deviation(table, subject, Why.CHANGED if ours is None else Why.TWICE, definition)
    for subject, items in present.items():
        for item in items:
            if subject not in right and not item.is_harmless:
                yield Deviation(table, subject, Why.ADDED, item.definition)


def _kind(type_name: str) -> str:
    """Return the kind of values of a type, with the same word for both databases."""
    name = type_name.lower()
    return _KINDS.get(name, name)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
