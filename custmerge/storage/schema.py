"""The version of a database: `init` raises it, and every command checks it, see `unit.demand_version`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import DropTable

from custmerge import errors
from custmerge.database_url import shown_url
from custmerge.rules.history import stamp
from custmerge.storage.dialect import dialect_of
from custmerge.storage.tables import VERSIONS
from custmerge.storage.tables.register import customer, domain, package
from custmerge.storage.unit import stored_version

LEASES_SINCE = "0004"
LONGEST_LEASE = timedelta(minutes=2)
"""The time of a lease plus the difference that clocks may have; a longer lease was written by a wrong clock."""

_LEASES = text("SELECT alive_until FROM custmerge_batch WHERE runner IS NOT NULL")
# Every transaction that writes reads this table first, and so waits for the lock.
_KEEP_OUT = "LOCK TABLE custmerge_version IN ACCESS EXCLUSIVE MODE"


def version(connection: Connection) -> str | None:
    """Return the version of the database, None if it has no tables of custmerge."""
    return stored_version(connection)[0] if inspect(connection).has_table("custmerge_version") else None


def upgrade(connection: Connection, url: str, to: str = VERSIONS[-1], *, has_register: bool = True) -> str | None:
    """Bring the database to a version in the connection's transaction; returns the version before, None if new.

    Without `has_register` a new database gets the tables of the ledger alone: the register is a host's.
    Raises NewSchema for a version that this program doesn't know, RunUnderWay while an older program runs or undoes a
    bulk file.
    """
    before = version(connection)
    if before is not None and before not in VERSIONS:
        raise errors.NewSchema(database=shown_url(url), version=before)
    if before is not None and before >= to:
        return before
    if before is not None:
        _demand_no_bulk_run(connection, url, before)
    elif has_register:
        _demand_names(connection, url)

    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["has_register"] = has_register
    config.attributes["database"] = shown_url(url)
    command.upgrade(config, to)
    return before


def _demand_names(connection: Connection, url: str) -> None:
    """Raise NamesTaken if another program has a table by the name of one of our register's."""
    taken = [table.name for table in (customer, package, domain) if inspect(connection).has_table(table.name)]
    if taken:
        raise errors.NamesTaken(database=shown_url(url), tables=taken)


def _demand_no_bulk_run(connection: Connection, url: str, before: str) -> None:
    """Wait for other writing transactions and block new ones; raises RunUnderWay while a bulk run holds a lease.

    A bulk run of a version before 0006 checks the version only when it begins, and would continue after the upgrade.
    """
    keep_out(connection)
    if before < LEASES_SINCE:
        return
    now = dialect_of(connection).server_time(connection) or datetime.now(UTC)
    for until in connection.execute(_LEASES).scalars():
        if stamp(now) < str(until) < stamp(now + LONGEST_LEASE):
            raise errors.RunUnderWay(database=shown_url(url))


def has_register(connection: Connection) -> bool:
    """Return whether a database to which nothing is attached has our register, and not the ledger alone.

    A host's table may have the name of one of ours.
    """
    there = inspect(connection)
    return (
        there.has_table(package.name)
        and there.has_table(domain.name)
        and {column["name"] for column in there.get_columns(customer.name)}
        == {column.name for column in customer.columns}
    )


def drop_register(connection: Connection) -> None:
    """Drop our own register: a host's tables take its place."""
    for table in (domain, package, customer):
        connection.execute(DropTable(table))


def keep_out(connection: Connection) -> None:
    """Wait for other writing transactions and block new ones until this one ends; on SQLite there are none."""
    if dialect_of(connection).is_server:
        connection.exec_driver_sql(_KEEP_OUT)
