"""The people who work here: added, changed, disabled, unlocked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import (
    BadValue,
    LastSupervisor,
    LoginRefused,
    NameTaken,
    NotAllowed,
    PersonChanged,
    UnknownName,
    UnknownToken,
)
from custmerge.rules import row_digests
from custmerge.rules.authority import void_entries, why_lost
from custmerge.rules.guessing import WINDOW, Subject, subjects_named
from custmerge.rules.history import Action, Draft
from custmerge.rules.people import Capability, Role, folded, may
from custmerge.rules.records import wrong_with_number
from custmerge.rules.times import stamp
from custmerge.services.access import demand, demand_alive, demand_may_change_people, demand_person_acts
from custmerge.services.authority import Staff
from custmerge.services.people import guessing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from custmerge.rules.history import Actor, Fact
    from custmerge.rules.people import Person
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


def add_staff(database: Database, caller: Caller, name: str, role: Role, password: str, now: datetime) -> None:
    """Add somebody who works here; raises NameTaken, BadPassword."""
    from custmerge.services.people import passwords

    demand_may_change_people(caller)
    checked_name(name)
    password_hash = passwords.chosen(password, name=name)
    for attempt in database.attempts():
        with attempt as unit:
            unit.people.lock_staff()
            demand_alive(unit, caller, now)
            write_new(unit, name, role, password_hash, chosen_by=caller.name, by=caller.actor, now=now)


def demand_may_add(database: Database, caller: Caller, name: str) -> None:
    """Raise what `add_staff` raises whatever the password is, so that nobody types one for nothing."""
    demand_may_change_people(caller)
    checked_name(name)
    with database.reading() as unit:
        demand_free(unit, name)


def list_staff(database: Database, caller: Caller) -> tuple[Person, ...]:
    """Return everybody who works here, in the order of their names."""
    demand(caller, Capability.STAFF)
    with database.reading() as unit:
        return unit.people.all_staff()


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended with somebody's role, or with their being here."""

    tokens: tuple[str, ...] = ()
    """Names of service tokens."""
    transfers: tuple[int, ...] = ()
    """Contract transfers that are void now."""
    batches: tuple[int, ...] = ()
    """Bulk files whose approval is void now, by the numbers of their batches."""


def change_role(database: Database, caller: Caller, name: str, role: Role, now: datetime) -> Ended:
    """Give somebody another role; their sessions and the service tokens that they made end.

    What they filed or approved is void where the new role may not (contract §2, rule 5). Raises UnknownName,
    LastSupervisor.
    """
    demand_may_change_people(caller)
    for attempt in database.attempts():
        with attempt as unit:
            person, everybody = _locked(unit, caller, name, now)
            ended = Ended()
            if person.role is not role:
                _demand_as_told(unit, person)
                _demand_supervisor_left(person, everybody)
                unit.people.change_staff(person.id, role=role)
                ended = _end_all(unit, caller.actor, person, now, "role", role)
    return ended


def whose_password(database: Database, caller: Caller, name: str | None) -> Person:
    """Return whose password the caller wants to change, `name`'s or, for None, the own one; raises UnknownName.

    Raises what `change_password` raises whatever the password is, so that nobody types one for nothing.
    """
    if name is None or name == caller.name:
        demand_person_acts(caller)
        if caller.is_customer:
            raise NotAllowed(role=caller.role.value, capability="password")
        return _find(database, caller.name)
    demand_may_change_people(caller)
    return _find(database, name)


def change_password(
    database: Database, caller: Caller, name: str, password: str, *, present: str | None, now: datetime
) -> None:
    """Give somebody a new password; their sessions end. Raises UnknownName, BadPassword.

    For the caller's own, `present` has to be the one that it takes the place of; raises LoginRefused, LockedOut.
    Source: OWASP ASVS 5 §6.2.3, the current password is asked for.
    """
    from custmerge.services.people import passwords

    person = whose_password(database, caller, name)
    if person.id == caller.person:
        _demand_present(database, caller, person, present or "", now)
        new = passwords.chosen(password, name=name, present=present)
    else:
        new = passwords.chosen(password, name=name)
    _write_password(database, caller, name, new, now)


def demand_may_change(database: Database, caller: Caller, name: str) -> None:
    """Raise what `disable` raises whatever is answered, so that nobody is asked for nothing."""
    demand_may_change_people(caller)
    _find(database, name)


def disable(database: Database, caller: Caller, name: str, now: datetime) -> Ended:
    """Keep somebody out from now on; what they filed or approved is void (contract §2, rule 5).

    Raises UnknownName, LastSupervisor.
    """
    demand_may_change_people(caller)
    for attempt in database.attempts():
        with attempt as unit:
            person, everybody = _locked(unit, caller, name, now)
            ended = Ended()
            if person.disabled_at is None:
                _demand_supervisor_left(person, everybody)
                unit.people.change_staff(person.id, disabled_at=stamp(now))
                ended = _end_all(unit, caller.actor, person, now, "disable")
    return ended


def unlock(database: Database, caller: Caller, name: str, now: datetime) -> bool:
    """End every lock on a staff name or customer number; returns whether there was anything to end.

    Names that don't exist can be locked too. Raises UnknownName where nothing of that name is there or locked.
    """
    demand_may_change_people(caller)
    checked_name(name)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            was_locked = end_locks(unit, name, by=caller.actor, now=now)
    return was_locked


def end_locks(unit: Unit, name: str, *, by: Actor, now: datetime) -> bool:
    """End every lock on a staff name or customer number, as `unlock` does, whoever may."""
    keys = [subject.key for subject in subjects_named(name)]
    ended = unit.guesses.unlock(keys, since=stamp(now - WINDOW), now=stamp(now))
    if not ended and unit.people.staff_named(name) is None and unit.register.customer(name) is None:
        raise UnknownName(name=name)
    if ended:
        unit.chain.append([Draft(stamp(now), by, Action.USER, {"did": "unlock", "name": name})])
    return bool(ended)


def checked_name(name: str) -> str:
    """Return a staff name; raises BadValue for one that can't be written or told apart."""
    if why := wrong_with_number(name):
        raise BadValue(name="name", value=name, why=why)
    return name


def write_new(
    unit: Unit, name: str, role: Role, password_hash: str, *, chosen_by: str | None = None, by: Actor, now: datetime
) -> None:
    """Write a new person into the database and the history; raises NameTaken.

    `chosen_by` is who chose the password if that was somebody else: it has to be changed at the first login.
    """
    # Before the look: two who want one name at once, for a person and a token too, look one after the other.
    unit.chain.lock()
    demand_free(unit, name)
    unit.people.add_staff(name, role, password_hash, stamp(now), chosen_by=chosen_by)
    _note(unit, by, now, "add", name, role)


def demand_free(unit: Unit, name: str) -> None:
    """Raise NameTaken where a person or a service token is called so, but for capitals and composed letters.

    It stays free until the end of a transaction that holds the end of the chain.
    """
    taken = [person.name for person in unit.people.all_staff()] + [made.name for made in unit.people.all_services()]
    if folded(name) in map(folded, taken):
        raise NameTaken(name=name)


def _find(database: Database, name: str) -> Person:
    with database.reading() as unit:
        person = unit.people.staff_named(name)
    if person is None:
        raise UnknownName(name=name)
    return person


def _demand_present(database: Database, caller: Caller, person: Person, present: str, now: datetime) -> None:
    from custmerge.services.people import passwords

    with guessing.trying(database, [Subject("staff", person.name)], now) as tried:
        is_right = passwords.fits(person.password_hash, present)
        if is_right:
            guessing.settle_right(database, tried)
        else:
            # It may have been right until another command of theirs changed it, which ended this session.
            with database.reading() as unit:
                demand_alive(unit, caller, now, hold=False)
    if not is_right:
        guessing.wrong(database, tried, caller.actor, {"subject": "staff", "name": person.name})
        raise LoginRefused


def _locked(unit: Unit, caller: Caller, name: str, now: datetime) -> tuple[Person, tuple[Person, ...]]:
    # First everybody, then the own session: two who disable each other are to wait in one order.
    everybody = unit.people.lock_staff()
    demand_alive(unit, caller, now)
    person = next((one for one in everybody if one.name == name), None)
    if person is None:
        raise UnknownName(name=name)
    return person, everybody


def _demand_as_told(unit: Unit, person: Person) -> None:
    """Raise PersonChanged where a row that is to get a new seal isn't as the last one has it."""
    if not Staff(unit, {person.id}).is_as_told(person.id):
        raise PersonChanged(name=person.name)


def _demand_supervisor_left(person: Person, everybody: tuple[Person, ...]) -> None:
    others = [one for one in everybody if one.id != person.id and one.disabled_at is None]
    if may(person.role, Capability.STAFF) and not any(may(one.role, Capability.STAFF) for one in others):
        raise LastSupervisor(name=person.name)


def _write_password(database: Database, caller: Caller, name: str, password_hash: str, now: datetime) -> None:
    for attempt in database.attempts():
        with attempt as unit:
            person, _everybody = _locked(unit, caller, name, now)
            chosen_by = None if person.id == caller.person else caller.name
            write_password(unit, person, password_hash, chosen_by=chosen_by, by=caller.actor, now=now)


def write_password(
    unit: Unit, person: Person, password_hash: str, *, chosen_by: str | None, by: Actor, now: datetime
) -> None:
    """Write a new password of somebody who is locked into the database and the history, and end what was open.

    `chosen_by` is who chose it if that was somebody else: it has to be changed at the next login.
    """
    _demand_as_told(unit, person)
    unit.people.change_password(person.id, password_hash, chosen_by=chosen_by)
    # As in `_end_all` the end of the chain last.
    # Service tokens too: whoever stole the old password may have made one.
    unit.people.end_sessions_of_staff(person.id)
    tokens = unit.people.revoke_services_of(person.id, stamp(now))
    _note(unit, by, now, "password", person.name)
    for name in tokens:
        note_token(unit, by, now, "revoke", name)


def note_token(unit: Unit, by: Actor, now: datetime, did: str, name: str, **facts: str) -> None:
    """Write into the history what was done with a service token, after it was done."""
    made = unit.people.service_named(name)
    if made is None:
        raise UnknownToken(name=name)
    seal = row_digests.service_digest(made, next(iter(unit.digested_rows.keys_of(made.id)), None))
    told = {"did": did, "name": name, "row_sha256": seal, **facts}
    unit.chain.append([Draft(stamp(now), by, Action.TOKEN, told)])


def _end_all(unit: Unit, by: Actor, person: Person, now: datetime, did: str, role: Role | None = None) -> Ended:
    """End what somebody's old role let them do, and tell so; `role` is the new one, None for a disabled person."""
    # Sessions first: who approves something at this moment has to be done with it before it is looked for. The end
    # of the chain last, for that is the order in which everybody locks.
    unit.people.end_sessions_of_staff(person.id)
    tokens = unit.people.revoke_services_of(person.id, stamp(now))

    def lost(capability: Capability) -> bool:
        return role is None or not may(role, capability)

    batches = unit.batches.finish_all_by(person.id) if lost(Capability.BULK_APPROVE) else []
    lost_both = lost(Capability.TRANSFER_FILE), lost(Capability.TRANSFER_DECIDE)
    transfers = unit.transfers.void_all_by(person.id, as_filer=lost_both[0], as_approver=lost_both[1])
    _note(unit, by, now, did, person.name, role, batches)
    for name in tokens:
        note_token(unit, by, now, "revoke", name)
    for one in transfers:
        is_approver = one.filed_by_person != person.id
        why = why_lost(role.value if role else None, is_approver=is_approver)
        unit.chain.append(void_entries([one], why, by, stamp(now)))
    return Ended(tokens, tuple(one.id for one in transfers), tuple(batches))


def _note(
    unit: Unit,
    by: Actor,
    now: datetime,
    did: str,
    name: str,
    role: Role | None = None,
    void_batches: Sequence[int] = (),
) -> None:
    """Write into the history what was done with a person, after it was done, and which approvals ended with it."""
    person = unit.people.staff_named(name)
    if person is None:
        raise UnknownName(name=name)
    facts: dict[str, Fact] = {"did": did, "name": name, "row_sha256": row_digests.person_digest(person)}
    if role is not None:
        facts["role"] = role.value
    if void_batches:
        facts["void_batches"] = [str(batch) for batch in void_batches]
    unit.chain.append([Draft(stamp(now), by, Action.USER, facts)])
