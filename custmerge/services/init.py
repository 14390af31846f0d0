"""Init: creates or upgrades a database, names its first supervisor, gives rights to roles of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from custmerge.errors import N_, BadValue, HasStaff, NotOwner, NotOwnerOfRights
from custmerge.rules.people import Role
from custmerge.services.people import passwords
from custmerge.services.people.staff import checked_name, end_locks, write_new
from custmerge.services.upgrade import INIT, catch_up, write_missing_digests
from custmerge.storage.database import Database
from custmerge.storage.tables import VERSIONS


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared database: its version before and now, and what `prepare` did."""

    version_before: str | None
    """None for a new database."""
    version: str
    """The version of this program."""
    digests: int
    """Number of rows of older versions that got an entry with their digest."""
    has_staff: bool
    short_of_rights: tuple[str, ...]
    """Roles that lack a right that this version needs and the version before didn't."""


def prepare(database: Database, clock: Callable[[], datetime]) -> Prepared:
    """Create the tables or bring them to this version; a database of this version stays as it is.

    Rows of older versions get entries with their digests, and passwords that another person chose have to be changed,
    see `upgrade`. `clock` is called after the upgrade: it may be the database's own.
    """
    before = database.upgrade(catch_up)
    # A transaction of its own, at every `init`: if a process is killed between the two, the next `init` does it.
    digests = 0 if before is None else write_missing_digests(database, clock())
    with database.reading() as unit:
        short = unit.rights.roles_lacking_rights() if before not in (None, VERSIONS[-1]) else []
        return Prepared(before, VERSIONS[-1], digests, unit.people.has_staff(), tuple(short))


def grant(database: Database, role: str) -> None:
    """Give a role of a PostgreSQL server the rights that the commands need; raises BadValue for SQLite.

    They don't include UPDATE, DELETE or TRUNCATE on the history, nor changes of a table.
    """
    if database.is_sqlite:
        raise BadValue(name="--grant", value=role, why=N_("SQLite has no roles: the file's rights say who may"))
    with database.reading() as unit:
        if (non_owner := unit.rights.non_owner()) is not None:
            # The server would only warn and give no rights.
            raise NotOwnerOfRights(user=non_owner)
    with database.writing() as unit:
        unit.rights.grant(role)


def is_supervisor(database: Database, name: str) -> bool:
    """Return whether there is a supervisor called `name`."""
    with database.reading() as unit:
        person = unit.people.staff_named(name)
    return person is not None and person.role is Role.SUPERVISOR


def supervisor_of(database: Database) -> str | None:
    """Return the name of the first supervisor who isn't disabled; None if there is none."""
    with database.reading() as unit:
        people = unit.people.all_staff()
    active = [person for person in people if person.role is Role.SUPERVISOR and person.disabled_at is None]
    return min(active, key=lambda person: person.id).name if active else None


def is_staff(database: Database, name: str) -> bool:
    """Return whether there is a member of staff called `name`."""
    with database.reading() as unit:
        return unit.people.staff_named(name) is not None


def demand_no_staff(prepared: Prepared, name: str) -> None:
    """Raise HasStaff or BadValue if `name` can't become the first supervisor, before a password is asked for."""
    checked_name(name)
    if prepared.has_staff:
        raise HasStaff(name=name)


def add_first_supervisor(database: Database, name: str, password: str, now: datetime) -> None:
    """Add the first supervisor to a database without staff; raises HasStaff if it has staff, BadPassword."""
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
    """End every lock on a staff name or customer number, without a login; returns whether there was a lock.

    Wrong passwords can lock every supervisor out, so the owner of the database may end any lock. Raises NotOwner for
    a role of PostgreSQL that doesn't own the tables; UnknownName for a name that doesn't exist and isn't locked.
    """
    checked_name(name)
    for attempt in database.attempts():
        with attempt as unit:
            if (non_owner := unit.rights.non_owner()) is not None:
                raise NotOwner(user=non_owner)
            was_locked = end_locks(unit, name, by=INIT, now=now)
    return was_locked
