"""Reads a host's catalogue: every table that a database has, except custmerge's own."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from custmerge.rules.host_schema import HostSchema, HostTable
from custmerge.storage.dialect import dialect_of
from custmerge.storage.tables.register import customer, domain, package

_OWN_COLUMNS = {table.name: {column.name for column in table.columns} for table in (customer, package, domain)}


def host_schema(connection: Connection) -> HostSchema:
    """Return the catalogue of a database's tables without custmerge's: its ledger, and its register if it has one.

    The statements are the same few, however many tables there are. Raises DatabaseError.
    """
    if dialect_of(connection).is_server:
        from custmerge.storage.host.postgresql import host_tables
    else:
        from custmerge.storage.host.sqlite import host_tables
    return HostSchema({table.name: table for table in _of_the_host(host_tables(connection))})


def _of_the_host(found: Iterable[HostTable]) -> list[HostTable]:
    """Return the tables that aren't custmerge's; a host may have a `customer` of its own, with other columns."""
    return sorted((table for table in found if not _is_own(table)), key=lambda table: table.name)


def _is_own(table: HostTable) -> bool:
    if table.plain_name.lower().startswith("custmerge_"):
        return True
    return set(table.column_names) == _OWN_COLUMNS.get(table.plain_name)
