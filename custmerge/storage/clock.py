"""What time it is, for everything that is compared or written.

A caller's own clock decides nothing on PostgreSQL, where the server's does. SQLite has none but the machine's; there
the history keeps anybody from turning it back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from custmerge.errors import ClockBehind
from custmerge.rules.times import MAY_BE_APART, moment, stamp
from custmerge.settings import shown_url
from custmerge.storage.engine import is_gone, is_odd_data, is_sqlite, is_unreadable
from custmerge.storage.tables import history

if TYPE_CHECKING:
    from sqlalchemy import Connection

ASKED_EVERY_SECONDS = 60
# Linux counts the time of a suspended machine here only.
_COUNTER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# How a server writes moments and numbers is a setting of its own, and the driver doesn't read all of them.
_SERVER_TIME = text(
    "SELECT pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()),"
    """ 'YYYY-MM-DD"T"HH24:MI:SS.US"+00"')"""
)
# Not the last one's: whoever waited for the end of the chain was stamped before.
_NEWEST = select(func.max(history.c.at))


@dataclass(frozen=True, slots=True)
class Clock:
    """What the time was at some moment, from which this machine counts on."""

    moment: datetime
    counted: float

    @property
    def is_old(self) -> bool:
        """Whether it is to be asked again."""
        return time.clock_gettime(_COUNTER) - self.counted > ASKED_EVERY_SECONDS

    def now(self) -> datetime:
        """Return this moment."""
        return self.moment + timedelta(seconds=time.clock_gettime(_COUNTER) - self.counted)


def read(connection: Connection, url: str) -> Clock:
    """Ask the database what time it is; raises ClockBehind on SQLite."""
    if (theirs := server_time(connection)) is not None:
        # Counted from when the answer is here, so that nobody who asks is ahead of the server.
        return counted_from(theirs)
    mine, newest = datetime.now(UTC), newest_entry(connection)
    if newest is not None and newest - mine > MAY_BE_APART:
        raise ClockBehind(database=shown_url(url), now=stamp(mine), newest=stamp(newest))
    return counted_from(max(mine, newest or mine))


def server_time(connection: Connection) -> datetime | None:
    """Return what the database's own clock says, None where it has none: SQLite."""
    if is_sqlite(connection):
        return None
    return datetime.fromisoformat(connection.execute(_SERVER_TIME).scalar_one())


def newest_entry(connection: Connection) -> datetime | None:
    """Return the moment of the newest history entry, None where there is none or an audit has to look at it."""
    try:
        with connection.begin_nested():
            at = connection.execute(_NEWEST).scalar()
        return None if at is None else moment(str(at))
    except ValueError:
        return None
    except Exception as error:
        if is_gone(error) or is_odd_data(error) or is_unreadable(error):
            return None
        raise


def counted_from(moment: datetime) -> Clock:
    """Return a clock that says `moment` now and counts on from there."""
    return Clock(moment, time.clock_gettime(_COUNTER))
