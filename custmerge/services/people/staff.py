"""Staff: add, list, change, disable and unlock them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from custmerge.errors import (
    BadValue,
    LastSupervisor,
    LoginRefused,
    NameTaken,
    NotForCustomers,
    PersonChanged,
    TokenTaken,
    UnknownName,
    UnknownToken,
)
from custmerge.rules.fields import wrong_with_number
from custmerge.rules.history import Action, Actor, Draft, Fact, stamp
from custmerge.rules.passwords import WINDOW, Subject, subjects_named
from custmerge.rules.people import STAFF_ROLES, Capability, Person, Role, folded, may, person_digest, service_digest
from custmerge.rules.transfers import void_entries, why_lost
from custmerge.services.access import (
    Caller,
    Staff,
    demand,
    demand_alive,
    demand_may_change_people,
    demand_person_acts,
)
from custmerge.services.people import guessing, passwords
from custmerge.storage.database import Database
from custmerge.storage.unit import Unit


def add_staff(database: Database, caller: Caller, name: str, role: Role, password: str, now: datetime) -> None:
    """Add a member of staff; raises NameTaken, BadPassword."""
    demand_may_change_people(caller)
    checked_name(name)
    password_hash = passwords.chosen(password, name=name)
    for attempt in database.attempts():
        with attempt as unit:
            unit.people.lock_staff()
            demand_alive(unit, caller, now)
            write_new(unit, name, role, password_hash, chosen_by=caller.name, by=caller.actor, now=now)


def demand_may_add(database: Database, caller: Caller, name: str) -> None:
    """Raise the errors of `add_staff` that need no password, before asking for one."""
    demand_may_change_people(caller)
    checked_name(name)
    with database.reading() as unit:
        demand_free(unit, name)


def list_staff(database: Database, caller: Caller) -> tuple[Person, ...]:
    """Return all staff in the order of their names."""
    demand(caller, Capability.STAFF)
    with database.reading() as unit:
        return unit.people.all_staff()


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended when a person was disabled or got another role."""

    tokens: tuple[str, ...] = ()
    """Names of the service tokens that ended."""
    transfers: tuple[int, ...] = ()
    """Ids of the contract transfers that became void."""
    batches: tuple[int, ...] = ()
    """Ids of the batches whose approval became void."""


def change_role(database: Database, caller: Caller, name: str, role: Role, now: datetime) -> Ended:
    """Give a person another role, and return what ended with the old one; all their sessions end.

    What they filed or approved becomes void if the new role lacks the right to it (contract §2, rule 5). Raises
    UnknownName, LastSupervisor.
    """
    demand_may_change_people(caller)
    for attempt in database.attempts():
        with attempt as unit:
            person, everybody = _locked(unit, caller, name, now)
            ended = Ended()
            if person.role is not role:
                _demand_matches_history(unit, person)
                _demand_supervisor_left(person, everybody)
                unit.people.change_staff(person.id, role=role)
                ended = _end_all(unit, caller.actor, person, now, role)
    return ended


def whose_password(database: Database, caller: Caller, name: str | None) -> Person:
    """Return the person called `name`, or the caller for None, if the caller may change that person's password.

    Raises UnknownName, and the errors of `change_password` that need no password, before asking for one.
    """
    if name is None or name == caller.name:
        demand_person_acts(caller)
        if caller.is_customer:
            raise NotForCustomers(role=caller.role.value, capability="password", allowed=[*STAFF_ROLES])
        return _find(database, caller.name)
    demand_may_change_people(caller)
    return _find(database, name)


def change_password(
    database: Database, caller: Caller, name: str, password: str, *, present: str | None, now: datetime
) -> None:
    """Give a person a new password; their sessions end. Raises UnknownName, BadPassword.

    To change their own password, callers give the `present` one; raises LoginRefused, LockedOut.
    Source: OWASP ASVS 5 §6.2.3, the current password is asked for.
    """
    person = whose_password(database, caller, name)
    is_own = person.id == caller.person
    if is_own:
        _demand_present(database, caller, person, present or "", now)
    new = passwords.chosen(password, name=name, present=present if is_own else None)
    for attempt in database.attempts():
        with attempt as unit:
            locked, _everybody = _locked(unit, caller, name, now)
            chosen_by = None if locked.id == caller.person else caller.name
            write_password(unit, locked, new, chosen_by=chosen_by, by=caller.actor, now=now)


def demand_may_change(database: Database, caller: Caller, name: str) -> None:
    """Raise the errors of `disable`, before the caller is asked for confirmation."""
    demand_may_change_people(caller)
    _find(database, name)


def disable(database: Database, caller: Caller, name: str, now: datetime) -> Ended:
    """Disable a person and return what ended; what they filed or approved becomes void (contract §2, rule 5).

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
                ended = _end_all(unit, caller.actor, person, now, None)
    return ended


def unlock(database: Database, caller: Caller, name: str, now: datetime) -> bool:
    """End every lock on a staff name or customer number; returns whether there was a lock or a wrong try.

    Names that don't exist can be locked too. Raises UnknownName for a name that doesn't exist and isn't locked.
    """
    demand_may_change_people(caller)
    checked_name(name)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            was_locked = end_locks(unit, name, by=caller.actor, now=now)
    return was_locked


def end_locks(unit: Unit, name: str, *, by: Actor, now: datetime) -> bool:
    """End every lock on a staff name or customer number, see `unlock`, without asking who the caller is."""
    keys = [subject.key for subject in subjects_named(name)]
    ended = unit.guesses.unlock(keys, since=stamp(now - WINDOW), now=stamp(now))
    if not ended and unit.people.staff_named(name) is None and unit.register.customer(name) is None:
        raise UnknownName(name=name)
    if ended:
        unit.chain.append([Draft(stamp(now), by, Action.USER, {"did": "unlock", "name": name})])
    return bool(ended)


def checked_name(name: str) -> str:
    """Return a staff name; raises BadValue for a name with characters that can't be seen or typed."""
    if why := wrong_with_number(name):
        raise BadValue(name="name", value=name, why=why)
    return name


def write_new(
    unit: Unit, name: str, role: Role, password_hash: str, *, chosen_by: str | None = None, by: Actor, now: datetime
) -> None:
    """Write a new person into the database and the history; raises NameTaken.

    `chosen_by` is the other person who chose the password, if one did: it has to be changed at the first login.
    """
    # The lock comes before the check: of two transactions that want one name, the second sees the first one's.
    unit.chain.lock()
    demand_free(unit, name)
    unit.people.add_staff(name, role, password_hash, stamp(now), chosen_by=chosen_by)
    _note(unit, by, now, "add", name, role)


def demand_free(unit: Unit, name: str) -> None:
    """Raise NameTaken if a person or a service token has the name, in any writing (see `folded`).

    The name stays free until the end of a transaction that has locked the end of the chain.
    """
    if folded(name) in {folded(person.name) for person in unit.people.all_staff()}:
        raise NameTaken(name=name)
    if folded(name) in {folded(service.name) for service in unit.people.all_services()}:
        raise TokenTaken(name=name)


def _find(database: Database, name: str) -> Person:
    with database.reading() as unit:
        person = unit.people.staff_named(name)
    if person is None:
        raise UnknownName(name=name)
    return person


def _demand_present(database: Database, caller: Caller, person: Person, present: str, now: datetime) -> None:
    with guessing.pending_try(database, [Subject("staff", person.name)], now) as tried:
        is_right = passwords.fits(person.password_hash, present)
        if is_right:
            guessing.settle_right(database, tried)
        else:
            # If another command of the person changed the password, this session has ended: that isn't a wrong try.
            with database.reading() as unit:
                demand_alive(unit, caller, now, hold=False)
    if not is_right:
        guessing.wrong(database, tried, caller.actor, {"subject": "staff", "name": person.name})
        raise LoginRefused


def _locked(unit: Unit, caller: Caller, name: str, now: datetime) -> tuple[Person, tuple[Person, ...]]:
    """Lock all staff; return the person called `name`, and all of them. Raises SessionOver, UnknownName."""
    # All staff first, then the session: two people who disable each other at once lock in the same order.
    everybody = unit.people.lock_staff()
    demand_alive(unit, caller, now)
    person = next((person for person in everybody if person.name == name), None)
    if person is None:
        raise UnknownName(name=name)
    return person, everybody


def _demand_matches_history(unit: Unit, person: Person) -> None:
    """Raise PersonChanged if a person's row was changed by hand: a new digest would hide that from audits."""
    if not Staff(unit, {person.id}).matches_history(person.id):
        raise PersonChanged(name=person.name)


def _demand_supervisor_left(person: Person, everybody: tuple[Person, ...]) -> None:
    supervisors = {p.id for p in everybody if p.disabled_at is None and may(p.role, Capability.STAFF)}
    if may(person.role, Capability.STAFF) and not supervisors - {person.id}:
        raise LastSupervisor(name=person.name)


def write_password(
    unit: Unit, person: Person, password_hash: str, *, chosen_by: str | None, by: Actor, now: datetime
) -> None:
    """Write a new password into a person's locked row and the history; end their sessions and service tokens.

    `chosen_by` is the other person who chose it, if one did: it has to be changed at the next login.
    """
    _demand_matches_history(unit, person)
    unit.people.change_password(person.id, password_hash, chosen_by=chosen_by)
    # Service tokens end too: a thief of the old password may have made one. The history comes last, see `_end_all`.
    unit.people.end_sessions_of_staff(person.id)
    tokens = unit.people.revoke_services_of(person.id, stamp(now))
    _note(unit, by, now, "password", person.name)
    for name in tokens:
        note_token(unit, by, now, "revoke", name)


def note_token(unit: Unit, by: Actor, now: datetime, did: str, name: str, **facts: str) -> None:
    """Write the history entry of a change of a service token, after the change: it has the digest of the row."""
    service = unit.people.service_named(name)
    if service is None:
        raise UnknownToken(name=name)
    digest = service_digest(service, next(iter(unit.people.keys_of(service.id)), None))
    body = {"did": did, "name": name, "row_sha256": digest, **facts}
    unit.chain.append([Draft(stamp(now), by, Action.TOKEN, body)])


def _end_all(unit: Unit, by: Actor, person: Person, now: datetime, role: Role | None) -> Ended:
    """End what a person's old role allowed, and write the entries; `role` is the new one, None if disabled."""
    # Sessions end first: a transaction in which the person approves something holds its session, so it ends before
    # the approvals are read here. The history comes last: every transaction locks in this order.
    unit.people.end_sessions_of_staff(person.id)
    tokens = unit.people.revoke_services_of(person.id, stamp(now))
    lost = {capability for capability in Capability if role is None or not may(role, capability)}
    batches = unit.batches.finish_all_by(person.id) if Capability.BULK_APPROVE in lost else []
    transfers = unit.transfers.void_all_by(
        person.id, as_filer=Capability.TRANSFER_FILE in lost, as_approver=Capability.TRANSFER_DECIDE in lost
    )
    _note(unit, by, now, "disable" if role is None else "role", person.name, role, batches)
    for name in tokens:
        note_token(unit, by, now, "revoke", name)
    for transfer in transfers:
        why = why_lost(role.value if role else None, is_approver=transfer.filed_by_person != person.id)
        unit.chain.append(void_entries([transfer], why, by, stamp(now)))
    return Ended(tokens, tuple(transfer.id for transfer in transfers), tuple(batches))


def _note(
    unit: Unit, by: Actor, now: datetime, did: str, name: str, role: Role | None = None, batches: Sequence[int] = ()
) -> None:
    """Write the history entry of a change of a person, after the change: it has the digest of the row."""
    person = unit.people.staff_named(name)
    if person is None:
        raise UnknownName(name=name)
    facts: dict[str, Fact] = {"did": did, "name": name, "row_sha256": person_digest(person)}
    if role is not None:
        facts["role"] = role.value
    if batches:
        facts["void_batches"] = [str(batch) for batch in batches]
    unit.chain.append([Draft(stamp(now), by, Action.USER, facts)])
