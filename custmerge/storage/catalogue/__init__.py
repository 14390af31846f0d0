"""What the migrations make of our tables, written down, what differs from it in a database, and what that refuses.

Every object belongs to one table and has a subject that names it: `column customer.city`, `index package_number`.
`sqlite.json` and `postgresql.json` beside this file hold for each the definitions that are right: a server prints
some expressions in another way once a dump of them was restored. `tests/storage/write_catalogue.py` writes both.
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
from custmerge.storage import tables
from custmerge.storage.dialect import dialect_of

_COLUMNS = [column for table in tables.head.metadata.sorted_tables for column in table.columns]
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
}
"""The check of an audit that a table is needed for first of all."""
_KINDS = {"character varying": "text", "varchar": "text", "bytea": "blob", "bigint": "integer"}
Expected = dict[str, dict[str, list[str]]]
"""The right definitions of each object, by table and subject."""


@dataclass(frozen=True, slots=True)
class Object:
    """Something of one of our tables, as the database has it."""

    table: str
    subject: str
    definition: str
    """What it is, in one line that two databases alike write alike."""
    is_harmless: bool = False
    """Whether a host may add it: a plain index changes nothing that is stored and refuses nothing."""


class Why(Enum):
    """How an object differs."""

    GONE = auto()
    CHANGED = auto()
    ADDED = auto()
    TWICE = auto()
    """It is there as it should be, and beside it another one that is named alike."""
    UNSOUND = auto()
    """It says that it is as it should be, but what it holds isn't."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """An object that isn't as the migrations made it."""

    table: str
    subject: str
    why: Why
    definition: str
    """As it is now; empty where it is gone. What the database says of it where it is unsound."""

    @property
    def kind(self) -> str:
        """What sort of object it is: `column`, `trigger` …."""
        return self.subject.partition(" ")[0]


@cache
def expected(dialect: str) -> Expected:
    """Return what the migrations make on a database, `sqlite` or `postgresql`."""
    found: Expected = json.loads(Path(__file__).with_name(f"{dialect}.json").read_bytes())
    return found


def objects(connection: Connection, tables: Sequence[str]) -> list[Object]:
    """Return everything that a database has of `tables`."""
    if not dialect_of(connection).is_server:
        from custmerge.storage.catalogue import sqlite

        return sqlite.objects(connection, tables)
    from custmerge.storage.catalogue import postgresql

    return postgresql.objects(connection, tables)


class Protection:
    """What the database itself holds and refuses, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unreadable(self) -> list[tuple[str, str | None]]:
        """Return our tables that are gone, with None, and those with a column that is gone or of another type."""
        statement = _TYPES_POSTGRESQL if dialect_of(self._connection).is_server else _TYPES_SQLITE
        statement = statement.replace("{among}", dialect_of(self._connection).among(":tables"))
        rows = self._connection.execute(text(statement), {"tables": dialect_of(self._connection).keys(_TABLES)})
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
        """Return everything that isn't as the migrations made it; of a table that is gone, that alone."""
        right = expected(self._connection.dialect.name)
        found: dict[str, dict[str, list[Object]]] = {table: {} for table in right}
        for made in objects(self._connection, tuple(right)):
            # Several may be named alike: SQLite takes two constraints of one name, and holds both.
            found[made.table].setdefault(made.subject, []).append(made)
        return [deviation for table in right for deviation in _of_table(table, right[table], found[table])]

    def unsound(self) -> list[Deviation]:
        """Return the tables and indexes of an SQLite file that don't hold what they say, each once.

        Whoever may write to the file can make an index of other rows and then put the right text in its place: its
        rows are never looked at again. PostgreSQL keeps no text of an index, and only its superuser can do the like.
        """
        if dialect_of(self._connection).is_server:
            return []
        from custmerge.storage.catalogue import sqlite

        problems = sqlite.unsound(self._connection, tuple(expected(self._connection.dialect.name)))
        return [Deviation(table, subject, Why.UNSOUND, problem) for (table, subject), problem in problems.items()]

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

    def has_checksums(self) -> bool:
        """Return whether a PostgreSQL server writes checksums into its pages."""
        return self._connection.exec_driver_sql("SHOW data_checksums").scalar() == "on"


def _of_table(
    table: str, right: Mapping[str, Sequence[str]], found: Mapping[str, Sequence[Object]]
) -> Iterator[Deviation]:
    if f"table {table}" not in found:
        yield Deviation(table, f"table {table}", Why.GONE, "")
        return
    for subject, definitions in right.items():
        if subject not in found:
            yield Deviation(table, subject, Why.GONE, "")
            continue
        there = [one.definition for one in found[subject]]
        ours = next((definition for definition in there if definition in definitions), None)
        if ours is not None:
            there.remove(ours)
        for definition in there:
            yield Deviation(table, subject, Why.CHANGED if ours is None else Why.TWICE, definition)
    for subject, some in found.items():
        for one in some:
            if subject not in right and not one.is_harmless:
                yield Deviation(table, subject, Why.ADDED, one.definition)


def _kind(type_name: str) -> str:
    """Return what sort of values a type is for, alike for both databases."""
    name = type_name.lower()
    return _KINDS.get(name, name)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
