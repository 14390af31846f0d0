"""Who is logged in, what they may do, and whether their rows match the history."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from custmerge.errors import (
    CustmergeError,
    NotAllowed,
    NotForCustomers,
    OwnNumberOnly,
    PersonChanged,
    PersonRequired,
    SessionOver,
)
from custmerge.rules.fields import Customer, living
from custmerge.rules.history import Action, Actor, Draft, Fact, moment, stamp
from custmerge.rules.passwords import Subject
from custmerge.rules.people import (
    STAFF_ROLES,
    Capability,
    Role,
    Session,
    may,
    person_row_digest,
    roles_that_may,
    service_digest,
    still_may,
    token_sha256,
)
from custmerge.rules.transfers import Why, why_lost

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

TOUCH_EVERY_SECONDS = 60
REFUSAL_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Caller:
    """A logged-in person or service token."""

    role: Role
    name: str
    """A staff name, or the number that a customer logged in with."""
    token_sha256: str
    expires_at: str
    """When the session ends unless it is used again, see `history.stamp`."""
    person: int | None = None
    """The id of the person who acts or, for a service token, made it; None for a customer."""
    is_service: bool = False
    matches_history: bool = True
    """Whether the row of the person or service token has the digest in its newest entry."""

    @property
    def is_customer(self) -> bool:
        """Whether this is a customer, not staff or a service token."""
        return self.role is Role.CUSTOMER

    @property
    def own_number(self) -> str | None:
        """The number that a customer logged in with; None for staff."""
        return self.name if self.is_customer else None

    @property
    def actor(self) -> Actor:
        """The caller as history entries name them."""
        if self.is_service:
            return Actor(self.name, "service")
        return Actor(self.name, "customer" if self.is_customer else "staff")

    @property
    def guesser(self) -> Subject:
        """The subject for which wrong proofs of the caller are counted."""
        return Subject("customer_caller" if self.is_customer else "staff_caller", self.name)


class Staff:
    """Rows of members of staff, with the newest entries that have digests of them, read once."""

    def __init__(self, unit: Unit, ids: Collection[int | None]) -> None:
        self._unit = unit
        self._entries: dict[str, list[dict[str, Fact]]] = {}
        known = [person for person in ids if person is not None]
        self._rows = {row.id: (row, body) for row, body in unit.people.rows_with_entries(known)} if known else {}

    def matches_history(self, person: int | None) -> bool:
        """Return whether a person's row has the digest in the newest entry of that name."""
        row, body = self._row_of(person)
        return row is not None and body is not None and json.loads(body)["row_sha256"] == person_row_digest(*row)

    def has_digest(self, person: int) -> bool:
        """Return whether any entry has a digest of a person's row."""
        return self._row_of(person)[1] is not None

    def name_of(self, person: int | None) -> str:
        """Return a person's name, empty if there is no such person."""
        row, _body = self._row_of(person)
        return "" if row is None else str(row.name)

    def why_not(self, person: int | None, capability: Capability, since: int) -> Why | None:
        """Return why the decision of a person in the entry `since` isn't valid any more, None if it is.

        `capability` is the one that they needed for the decision.
        """
        row, _body = self._row_of(person)
        role, disabled_at = ("", None) if row is None else (row.role, row.disabled_at)
        entries = () if row is None else self._entries_of(str(row.name))
        if still_may(role, disabled_at, capability, since, entries):
            return None
        is_approver = capability is not Capability.TRANSFER_FILE
        return why_lost(None if disabled_at is not None else role, is_approver=is_approver)

    def holds(self, person: int | None, capability: Capability, since: int) -> bool:
        """Return whether a person's row matches the history, and their decision in the entry `since` is valid."""
        return self.matches_history(person) and self.why_not(person, capability, since) is None

    # Any: a row as it is stored, with columns of every type.
    def _row_of(self, person: int | None) -> tuple[Any, str | None]:
        return self._rows.get(person or 0, (None, None))

    def _entries_of(self, name: str) -> list[dict[str, Fact]]:
        if name not in self._entries:
            entries = self._unit.chain.about(Action.USER, "name", name)
            self._entries[name] = [json.loads(entry.body) for entry in entries]
        return self._entries[name]


def matches_history(unit: Unit, session: Session) -> bool:
    """Return whether the row of a session's person or service token has the digest in its newest entry.

    Otherwise somebody could write a role, a password or an end into the row, use it, and restore the row without a
    trace. True for customers, for whom no entry has a digest: the register belongs to the host.
    """
    if session.person is not None:
        return Staff(unit, {session.person.id}).matches_history(session.person.id)
    if session.service is not None:
        entries = [json.loads(entry.body) for entry in unit.chain.about(Action.TOKEN, "name", session.service.name)]
        keys = unit.people.keys_of(session.service.id)
        digest = service_digest(session.service, session.token_sha256)
        return keys == [session.token_sha256] and bool(entries) and entries[-1].get("row_sha256") == digest
    return True


def resume(database: Database, token: str, now: datetime) -> Caller:
    """Return the caller of a token's session; raises SessionOver if there is none, or none any more.

    The caller is returned even if the row doesn't match the history: `demand` refuses them then.
    """
    with database.reading() as unit:
        session = unit.people.session(token_sha256(token))
        is_recorded = session is None or matches_history(unit, session)
    if session is None or not session.has_owner:
        raise SessionOver
    if not session.is_open(now):
        database.try_once(lambda unit: unit.people.end_session(session.token_sha256))
        raise SessionOver
    used = session.last_used_at
    if session.service is None and (now - moment(used)).total_seconds() >= TOUCH_EVERY_SECONDS:
        # This doesn't wait: a database that is read-only, or locked by a writer, can still be read.
        is_noted = database.try_once(lambda unit: unit.people.touch_session(session.token_sha256, stamp(now)))
        used = stamp(now) if is_noted else used
    return replace(caller_of(session, used), matches_history=is_recorded)


def caller_of(session: Session, used: str) -> Caller:
    """Return the caller of a session that was last used at the moment `used`, see `history.stamp`."""
    end = stamp(session.ends_at(used))
    caller = partial(Caller, token_sha256=session.token_sha256, expires_at=end)
    if (service := session.service) is not None:
        return caller(role=service.role, name=service.name, person=service.created_by, is_service=True)
    if (person := session.person) is not None:
        return caller(role=person.role, name=person.name, person=person.id)
    return caller(role=Role.CUSTOMER, name=session.number or "")


def demand(caller: Caller, capability: Capability) -> None:
    """Raise NotAllowed unless the caller's role has the capability.

    Raises PersonChanged for a person whose row was changed by hand: they may only run an audit.
    """
    if not caller.matches_history and capability is not Capability.AUDIT:
        raise PersonChanged(name=caller.name)
    if not may(caller.role, capability):
        raise not_allowed(caller, capability)


def not_allowed(caller: Caller, capability: Capability) -> NotAllowed:
    """Return the error for a caller whose role lacks a capability, with the roles that have it."""
    allowed = [role.value for role in roles_that_may(capability)]
    kind = NotForCustomers if caller.is_customer else NotAllowed
    return kind(role=caller.role.value, capability=capability.value, allowed=allowed)


def demand_person_acts(caller: Caller) -> None:
    """Raise PersonRequired for a service token: its changes of people or tokens would outlast it."""
    if caller.is_service:
        raise PersonRequired(name=caller.name)


def demand_may_change_people(caller: Caller) -> None:
    """Raise unless the caller may add, change, disable and unlock people, make and revoke service tokens."""
    demand(caller, Capability.STAFF)
    demand_person_acts(caller)


def demand_may_merge(caller: Caller) -> None:
    """Raise NotAllowed unless the caller may verify and merge: customers into their own number, staff any pair."""
    demand(caller, Capability.MERGE_OWN if caller.is_customer else Capability.MERGE_ANY)


def demand_alive(unit: Unit, caller: Caller, now: datetime, *, hold: bool = True) -> None:
    """Raise SessionOver if the caller's session has ended by `now`.

    A session ends at its limits, and with a new role, a new password or a disabling. A transaction that writes checks
    this again, because a person may take long to answer a question; with `hold` nobody can end the session before the
    transaction ends. A transaction that only reads needs no `hold`.
    """
    session = unit.people.session(caller.token_sha256, hold=hold)
    # Since the process read the clock, it may have been stopped or have waited for input.
    if session is None or not session.is_open(max(now, unit.now())):
        raise SessionOver


def person_of(caller: Caller) -> int:
    """Return the id of the person who acts; raises NotAllowed for a customer."""
    if caller.person is None:
        raise NotForCustomers(role=caller.role.value, capability="staff", allowed=[*STAFF_ROLES])
    return caller.person


def demand_number(caller: Caller, number: str) -> None:
    """Raise unless the caller may look at `number`: staff at any, a customer at their own."""
    demand(caller, Capability.LOOK_OWN if caller.is_customer else Capability.LOOK)
    if caller.is_customer and number != caller.name:
        raise OwnNumberOnly(number=number)


def demand_living(unit: Unit, *numbers: str, lock: bool = False) -> list[Customer]:
    """Return the records of numbers that are in use, in their order; raises UnknownNumber or MergedAway (rule 9)."""
    records = unit.register.customers_with_chains(numbers, lock=lock)
    return [living(number, records) for number in numbers]


def note_refusal(database: Database, caller: Caller, verb: str, error: CustmergeError, now: datetime) -> None:
    """Write a history entry of a refused command without its arguments; nothing if the database is locked."""
    draft = Draft(stamp(now), caller.actor, Action.DENIED, {"command": verb, "code": error.code})
    database.try_once(lambda unit: unit.chain.append([draft]), wait_seconds=REFUSAL_WAIT_SECONDS)


class SessionUse:
    """Records from time to time that a long command uses its session, which would expire otherwise."""

    def __init__(self, database: Database, caller: Caller, now: datetime) -> None:
        """Take `now` as the last use, which a login or `resume` has just recorded."""
        self._database = database
        self._caller = caller
        self._noted = now

    def note(self, now: datetime) -> None:
        """Record that the session is used, unless the database is locked."""
        if self._caller.is_service or (now - self._noted).total_seconds() < TOUCH_EVERY_SECONDS:
            return
        self._database.try_once(lambda unit: self._note(unit, now))
        self._noted = now

    def _note(self, unit: Unit, now: datetime) -> None:
        session = unit.people.session(self._caller.token_sha256)
        # A process that was stopped for long must not reopen a session that expired in the meantime.
        if session is not None and session.is_open(now):
            unit.people.touch_session(session.token_sha256, stamp(now))
