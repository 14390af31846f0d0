"""Service tokens: each lets a script work with a role, until an end, in the name of the person who made it."""

from __future__ import annotations

from datetime import datetime, timedelta

from custmerge.errors import N_, BadValue, UnknownToken
from custmerge.rules.history import stamp
from custmerge.rules.people import SERVICE_DAYS, Capability, Role, Service, token_sha256
from custmerge.services.access import Caller, demand, demand_alive, demand_may_change_people, person_of
from custmerge.services.people.staff import checked_name, demand_free, note_token
from custmerge.storage.database import Database
from custmerge.storage.unit import Unit


def create(
    database: Database, caller: Caller, name: str, role: Role, *, days: int, token: str, now: datetime
) -> Service:
    """Make a service token that lasts for `days` and return it; `token` is fresh from a random source, never stored.

    Raises NameTaken, BadValue for more days than a token may last.
    """
    demand_may_change_people(caller)
    checked_name(name)
    if not 1 <= days <= SERVICE_DAYS:
        raise BadValue(name="--days", value=str(days), why=N_("a service token lasts from 1 to 90 days"))
    end = stamp(now + timedelta(days=days))
    new = Service(
        id=0,
        name=name,
        role=role,
        created_by=person_of(caller),
        created_by_name=caller.name,
        created_at=stamp(now),
        expires_at=end,
        revoked_at=None,
    )
    for attempt in database.attempts():
        with attempt as unit:
            # Locked in the same order everywhere: people (the new row refers to its maker's), session, end of chain.
            unit.people.lock_staff()
            demand_alive(unit, caller, now)
            unit.chain.lock()
            demand_free(unit, name)
            unit.people.add_service(new, token_sha256(token))
            note_token(unit, caller.actor, now, "create", name, role=role.value, expires_at=end)
    return new


def list_all(database: Database, caller: Caller) -> tuple[Service, ...]:
    """Return every service token, in the order of their names, ended ones too."""
    demand(caller, Capability.STAFF)
    with database.reading() as unit:
        return unit.people.all_services()


def demand_may_revoke(database: Database, caller: Caller, name: str) -> None:
    """Raise the errors of `revoke`, before the person is asked for confirmation."""
    demand_may_change_people(caller)
    with database.reading() as unit:
        _living(unit, name)


def revoke(database: Database, caller: Caller, name: str, now: datetime) -> None:
    """End a service token; raises UnknownToken if there is none of this name, or it has been revoked."""
    demand_may_change_people(caller)
    for attempt in database.attempts():
        with attempt as unit:
            # In the order of `create`. If two people revoke one token, the second finds it revoked.
            unit.people.lock_staff()
            demand_alive(unit, caller, now)
            unit.people.revoke_service(_living(unit, name).id, stamp(now))
            note_token(unit, caller.actor, now, "revoke", name)


def _living(unit: Unit, name: str) -> Service:
    service = unit.people.service_named(name)
    if service is None or service.revoked_at is not None:
        raise UnknownToken(name=name)
    return service
