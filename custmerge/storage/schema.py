"""The version of a database: checked by every command, raised by `init`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from custmerge import errors
from custmerge.rules.times import stamp
from custmerge.settings import shown_url
from custmerge.storage.dialect import dialect_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every version that there ever was, oldest first; the last is this program's."""

LEASES_SINCE = "0004"
LONGEST_LEASE = timedelta(minutes=2)
"""With what clocks may be apart; a lease that is longer was written by a clock that is wrong."""

_VERSION = "SELECT version_num FROM custmerge_version"
_LEASES = text("SELECT alive_until FROM custmerge_batch WHERE runner IS NOT NULL")
# Every transaction that writes has read it first.
_KEEP_OUT = "LOCK TABLE custmerge_version IN ACCESS EXCLUSIVE MODE"


def version(connection: Connection) -> str | None:
    """Return the version of the database, None where our tables are missing."""
    if not inspect(connection).has_table("custmerge_version"):
        return None
    return _stored(connection)


def demand_current(connection: Connection, url: str) -> None:
    """Raise NoSchema, OldSchema or NewSchema unless the database is of this program's version."""
    try:
        # Asked straight out: looking the table up first would cost every command a statement.
        found = _stored(connection)
    except (OperationalError, ProgrammingError) as error:
        if _says_no_table(error):
            raise errors.NoSchema(database=shown_url(url)) from None
        raise
    if found == VERSIONS[-1]:
        return
    if found in VERSIONS:
        raise errors.OldSchema(database=shown_url(url), version=found)
    raise errors.NewSchema(database=shown_url(url), version=found)


def upgrade(connection: Connection, url: str, to: str = VERSIONS[-1]) -> str | None:
    """Bring the database to this program's version, or to an earlier one, in the connection's transaction.

    Returns the version that it had. Raises NewSchema for one that this program doesn't know, RunUnderWay while an
    older program runs or undoes a bulk file.
    """
    found = version(connection)
    if found is not None and found not in VERSIONS:
        raise errors.NewSchema(database=shown_url(url), version=found)
    if found is not None and found >= to:
        return found
    if found is not None:
        _demand_quiet(connection, url, found)

    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["database"] = shown_url(url)
    command.upgrade(config, to)
    return found


def _demand_quiet(connection: Connection, url: str, found: str) -> None:
    """Wait for those who write, and keep others out; raises RunUnderWay where somebody would go on behind our back.

    Programs before 0006 look at the version once, when they begin.
    """
    if dialect_of(connection).is_server:
        connection.exec_driver_sql(_KEEP_OUT)
    if found < LEASES_SINCE:
        return
    now = dialect_of(connection).server_time(connection) or datetime.now(UTC)
    for until in connection.execute(_LEASES).scalars():
        if stamp(now) < str(until) < stamp(now + LONGEST_LEASE):
            raise errors.RunUnderWay(database=shown_url(url))


def _stored(connection: Connection) -> str | None:
    """Return the stored version; with several rows there is none that this program knows."""
    return " + ".join(map(str, connection.exec_driver_sql(_VERSION).scalars())) or None


def _says_no_table(error: OperationalError | ProgrammingError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)
