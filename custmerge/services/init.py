"""Setting a database up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import N_, BadValue, HasStaff, NotOwner, NotOwnerOfRights
from custmerge.rules.people import Role
from custmerge.services.people.staff import checked_name, end_locks, write_new
from custmerge.services.upgrade import INIT, catch_up, seal_what_is_not
from custmerge.storage.schema import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from custmerge.storage.database import Database


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` found and did."""

    version_before: str | None
    """None where the database was new."""
    version: str
    """This program's."""
    sealed: int
    """How many rows of older versions got an entry that seals them."""
    has_staff: bool
    short_of_rights: tuple[str, ...]
    """Roles that an upgrade has left without a right that they need now."""


def prepare(database: Database, clock: Callable[[], datetime]) -> Prepared:
    """Create the tables or bring them to this version; a database that is current stays as it is.

    What an older version wrote without a seal is sealed, what it made void without an entry gets one, and passwords
    that somebody else chose have to be changed, see `upgrade`. The clock is asked afterwards: it may be the
    database's own.
    """
    before = database.upgrade(catch_up)
    # Not the upgrade's transaction, and asked every time: what is cut off between the two is made up for.
    sealed = 0 if before is None else seal_what_is_not(database, clock())
    with database.reading() as unit:
        short = unit.protection.roles_short_of_rights() if before not in (None, VERSIONS[-1]) else []
        return Prepared(before, VERSIONS[-1], sealed, unit.people.has_staff(), tuple(short))


def grant(database: Database, role: str) -> None:
    """Give a role of a PostgreSQL server what the commands need and nothing more; raises BadValue for SQLite.

    No UPDATE, DELETE or TRUNCATE on the history, no change of a table.
    """
    if database.is_sqlite:
        raise BadValue(name="--grant", value=role, why=N_("SQLite has no roles: the file's rights say who may"))
    with database.reading() as unit:
        if (stranger := unit.stranger()) is not None:
            # The server itself only warns, and gives nothing.
            raise NotOwnerOfRights(user=stranger)
    database.grant(role)


def is_supervisor(database: Database, name: str) -> bool:
    """Return whether `name` is a supervisor already."""
    with database.reading() as unit:
        person = unit.people.staff_named(name)
    return person is not None and person.role is Role.SUPERVISOR


def demand_no_staff(prepared: Prepared, name: str) -> None:
    """Raise HasStaff or BadValue where `name` can't be the first, before anybody types a password for nothing."""
    checked_name(name)
    if prepared.has_staff:
        raise HasStaff(name=name)


def add_first_supervisor(database: Database, name: str, password: str, now: datetime) -> None:
    """Name the first supervisor of a database without staff; raises HasStaff where there is some, BadPassword."""
    from custmerge.services.people import passwords

    checked_name(name)
    password_hash = passwords.chosen(password, name=name)

    for attempt in database.attempts():
        with attempt as unit:
            # The lock comes before the check: of two processes at once, the second sees the supervisor of the first.
            unit.chain.lock()
            if unit.people.has_staff():
                raise HasStaff(name=name)
            write_new(unit, name, Role.SUPERVISOR, password_hash, by=INIT, now=now)


def unlock(database: Database, name: str, now: datetime) -> bool:
    """End every lock on a staff name or customer number, as who owns the database; returns whether there was any.

    Anybody can lock every supervisor out by typing wrong passwords, so there has to be a way that needs no login.
    Raises NotOwner for a role of PostgreSQL that doesn't own the tables; UnknownName where nothing of that name is
    there or locked.
    """
    checked_name(name)
    for attempt in database.attempts():
        with attempt as unit:
            if (stranger := unit.stranger()) is not None:
                raise NotOwner(user=stranger)
            was_locked = end_locks(unit, name, by=INIT, now=now)
    return was_locked
