"""Setting a database up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import N_, BadValue, HasStaff, NameTaken
from custmerge.rules.history import Action, Actor, Draft
from custmerge.rules.records import wrong_with_number
from custmerge.rules.roles import Capability, Role
from custmerge.rules.times import stamp
from custmerge.services.access import demand

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.rules.people import Person
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database, Unit


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` found and did."""

    version_before: str | None
    """None where the database was new."""
    has_staff: bool


def prepare(database: Database) -> Prepared:
    """Create the tables or bring them to this version; a database that is current stays as it is."""
    before = database.upgrade()
    with database.reading() as unit:
        return Prepared(before, unit.people.has_staff())


def is_supervisor(database: Database, name: str) -> bool:
    """Return whether `name` is a supervisor already."""
    with database.reading() as unit:
        person = unit.people.staff_named(name)
    return person is not None and person.role is Role.SUPERVISOR


def demand_no_staff(prepared: Prepared, name: str) -> None:
    """Raise HasStaff where `name` can't be the first, before anybody types a password for nothing."""
    if prepared.has_staff:
        raise HasStaff(name=name)


def add_first_supervisor(database: Database, name: str, password: str, now: datetime) -> None:
    """Name the first supervisor of a database without staff; raises HasStaff where there is some."""
    from custmerge.services import passwords

    checked_name(name)
    password_hash = passwords.hashed(checked_password(password))
    with database.writing() as unit:
        if unit.people.has_staff():
            raise HasStaff(name=name)
        _add(unit, name, Role.SUPERVISOR, password_hash, by=Actor("init", "system"), now=now)


def add_staff(database: Database, caller: Caller, name: str, role: Role, password: str, now: datetime) -> None:
    """Add somebody who works here; raises NameTaken."""
    from custmerge.services import passwords

    demand(caller, Capability.STAFF)
    checked_name(name)
    password_hash = passwords.hashed(checked_password(password))
    with database.writing() as unit:
        _add(unit, name, role, password_hash, by=caller.actor, now=now)


def list_staff(database: Database, caller: Caller) -> tuple[Person, ...]:
    """Return everybody who works here, in the order of their names."""
    demand(caller, Capability.STAFF)
    with database.reading() as unit:
        return unit.people.all_staff()


def checked_name(name: str) -> str:
    """Return a staff name; raises BadValue for one that can't be written or told apart."""
    if why := wrong_with_number(name):
        raise BadValue(name="name", value=name, why=why)
    return name


def checked_password(password: str) -> str:
    """Return a password; raises BadValue for an empty one."""
    if not password:
        raise BadValue(name="password", value="", why=N_("is empty"))
    return password


def _add(unit: Unit, name: str, role: Role, password_hash: str, *, by: Actor, now: datetime) -> None:
    if unit.people.staff_named(name) is not None:
        raise NameTaken(name=name)
    unit.people.add_staff(name, role, password_hash, stamp(now))
    unit.chain.append([Draft(stamp(now), by, Action.USER, {"did": "add", "name": name, "role": role.value})])
