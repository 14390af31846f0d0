"""Logging in and out. A token is shown to its owner once; the database holds its SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from custmerge.errors import (
    N_,
    BadUsage,
    LoginRefused,
    MergedAway,
    PasswordChangeRequired,
    PersonChanged,
    SessionOver,
)
from custmerge.rules.guessing import Subject
from custmerge.rules.history import Action, Actor, Draft
from custmerge.rules.people import Session
from custmerge.rules.roles import Role
from custmerge.rules.sessions import ABSOLUTE_LIMIT
from custmerge.rules.times import MAY_BE_APART, moment, stamp
from custmerge.services.access import Caller
from custmerge.services.authority import is_as_told
from custmerge.services.people import guessing

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.rules.people import Person
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

TOKEN_BYTES = 32
"""256 random bits."""
TOUCH_EVERY_SECONDS = 60


def login_customer(database: Database, number: str, password: str, *, token: str, now: datetime) -> Caller:
    """Open a session for a customer number and return who it is for.

    `token` is the new session's, fresh from a random source. Raises LoginRefused, alike and after the same
    time whatever was wrong; MergedAway for a tombstone with its old password (rule 9); LockedOut.
    """
    from custmerge.services.people import passwords

    # The place to hash in comes first: a try that waits for one would look like one whose process was killed.
    with guessing.trying(database, [Subject("number", number)], now) as tried:
        with database.reading() as unit:
            exists = unit.register.customer(number) is not None
            stored = unit.register.number_password(number)
        is_right = passwords.fits(stored, password)
        if is_right:
            guessing.settle_right(database, tried)
    if not is_right:
        facts = {"subject": "number", "survivor": number if exists else None}
        guessing.wrong(database, tried, guessing.NOBODY, facts)
        raise LoginRefused
    session = Session(sha256_of(token), number, None, stamp(now), stamp(now))
    while is_right:
        new = passwords.renewed(stored, password)
        for attempt in database.attempts():
            with attempt as unit:
                opened = _opened(unit, verified=stored, new=new, session=session, now=now)
        if isinstance(opened, Caller):
            return opened
        if isinstance(opened, MergedAway):
            raise opened
        # Another hash than was verified, perhaps of the same password. It was right, so this is no further try.
        stored = opened
        with passwords.turn():
            is_right = passwords.fits(stored, password)
    raise LoginRefused


def _opened(
    unit: Unit, *, verified: str | None, new: str | None, session: Session, now: datetime
) -> Caller | MergedAway | str | None:
    """Open a customer's session where the hash is still the one that was verified, else return the hash."""
    number = session.number or ""
    unit.register.customers([number], lock=True)
    end, stored = unit.register.chain_from(number) or (number, None)
    if stored is None or stored != verified:
        return stored
    if new:
        from custmerge.services.verify import renew

        renew(unit, number, stored, new)
    # Returned, so that the hash is renewed all the same.
    return _open(unit, session, now) if end == number else MergedAway(number=number, merged_into=end)


def login_staff(
    database: Database, name: str, password: str, *, new: str | None = None, token: str, now: datetime
) -> Caller:
    """Open a session for somebody who works here: `verified_staff`, then `open_staff`."""
    return open_staff(
        database, verified_staff(database, name, password, now), password, new=new, token=token, now=now
    )


def verified_staff(database: Database, name: str, password: str, now: datetime) -> Person:
    """Return the person of a name whose password this is; raises LoginRefused and LockedOut as `login_customer`."""
    from custmerge.services.people import passwords

    with guessing.trying(database, [Subject("staff", name)], now) as tried:
        with database.reading() as unit:
            person = unit.people.staff_named(name)
        stored = person.password_hash if person and person.disabled_at is None else None
        is_right = passwords.fits(stored, password)
        if person is not None and is_right:
            guessing.settle_right(database, tried)
    if person is None or not is_right:
        facts = {"subject": "staff", "name": person.name if person else None}
        guessing.wrong(database, tried, guessing.NOBODY, facts)
        raise LoginRefused
    return person


def open_staff(
    database: Database, person: Person, password: str, *, new: str | None = None, token: str, now: datetime
) -> Caller:
    """Open a session for a person whose password has been verified; nothing is tried any more.

    `new` takes the place of a password that somebody else chose, in the transaction that opens the session; raises
    PasswordChangeRequired where it has to and is None, BadPassword; LoginRefused where what was verified isn't what
    is there any more, and PersonChanged where the row isn't as the history has it.
    """
    new_hash = None if person.password_chosen_by is None else _replacement(person, password, new)
    session = Session(sha256_of(token), None, person, stamp(now), stamp(now))
    for attempt in database.attempts():
        with attempt as unit:
            if new_hash is not None:
                # Two transactions that hold a shared lock on a row and both change it would wait for each other.
                unit.people.lock_staff()
            # The password may have been changed since it was verified.
            if unit.people.staff_named(person.name, lock=True) != person:
                raise LoginRefused
            if not is_as_told(unit, session):
                raise PersonChanged(name=person.name)
            if new_hash is not None:
                from custmerge.services.people.staff import write_password

                write_password(unit, person, new_hash, chosen_by=None, by=Actor(person.name, "staff"), now=now)
            caller = _open(unit, session, now)
    return caller


def _replacement(person: Person, password: str, new: str | None) -> str:
    """Return the hash of what takes the place of a password that somebody else chose."""
    from custmerge.services.people import passwords

    if new is None:
        raise PasswordChangeRequired(name=person.name, chosen_by=person.password_chosen_by)
    return passwords.chosen(new, name=person.name, present=password)


def resume(database: Database, token: str, now: datetime) -> Caller:
    """Return whose session a token opens; raises SessionOver where it opens none or none any more.

    Somebody whose row isn't as the history has it gets no further than `access.demand`.
    """
    with database.reading() as unit:
        session = unit.people.session(sha256_of(token))
        is_told = session is None or is_as_told(unit, session)
    if session is None or (session.person and session.person.disabled_at is not None):
        raise SessionOver
    if session.number is None and session.person is None and session.service is None:
        # Whose it was is gone: somebody deleted the row.
        raise SessionOver
    if session.service is not None and session.service.revoked_at is not None:
        raise SessionOver
    if not session.is_open(now):
        database.at_once(lambda unit: unit.people.end_session(session.token_sha256))
        raise SessionOver
    used = session.last_used_at
    if session.service is None and (now - moment(used)).total_seconds() >= TOUCH_EVERY_SECONDS:
        # Nobody waits for it: a database that somebody else writes to, or a read-only one, is still read.
        is_noted = database.at_once(lambda unit: unit.people.touch_session(session.token_sha256, stamp(now)))
        used = stamp(now) if is_noted else used
    return replace(_caller(session, used), is_as_told=is_told)


class SessionUse:
    """Notes from time to time that a long command uses its session, which would end for want of use."""

    def __init__(self, database: Database, caller: Caller, now: datetime) -> None:
        """Take `now` for the last use: whoever has logged in or was resumed has just been noted."""
        self._database = database
        self._caller = caller
        self._noted = now

    def note(self, now: datetime) -> None:
        """Note that the session is used; best effort, and nobody waits for it."""
        if self._caller.is_service or (now - self._noted).total_seconds() < TOUCH_EVERY_SECONDS:
            return
        self._database.at_once(partial(self._note, now))
        self._noted = now

    def _note(self, now: datetime, unit: Unit) -> None:
        session = unit.people.session(self._caller.token_sha256)
        # A process that was stopped for long is not to open it again.
        if session is not None and session.is_open(now):
            unit.people.touch_session(session.token_sha256, stamp(now))


def logout(database: Database, token: str, *, everywhere: bool) -> int:
    """End the token's session, or every session of its owner; returns how many are sure to have ended."""
    for attempt in database.attempts():
        with attempt as unit:
            session = unit.people.session(sha256_of(token))
            if session is not None and session.service is not None:
                raise BadUsage(problem=N_("This is a service token: `custmerge token revoke` ends it."))
            if session is None:
                ended = 0
            elif not everywhere:
                ended = unit.people.end_session(session.token_sha256)
            elif session.person is not None:
                ended = unit.people.end_sessions_of_staff(session.person.id)
            else:
                ended = unit.people.end_sessions_of_numbers([session.number or ""])
    return ended


def _open(unit: Unit, session: Session, now: datetime) -> Caller:
    """Open a session that somebody logged in for, which the history tells too."""
    unit.people.end_sessions_outside(stamp(now - ABSOLUTE_LIMIT), stamp(now + MAY_BE_APART))
    unit.people.open_session(session)
    caller = _caller(session, session.last_used_at)
    facts = {"subject": "number" if session.person is None else "staff", "survivor": session.number}
    unit.chain.append([Draft(stamp(now), caller.actor, Action.LOGIN, facts)])
    return caller


def _caller(session: Session, used: str) -> Caller:
    end = stamp(session.ends_at(used))
    if session.service is not None:
        made = session.service
        return Caller(made.role, made.name, session.token_sha256, end, made.created_by, is_service=True)
    if session.person is not None:
        person = session.person
        return Caller(person.role, person.name, session.token_sha256, end, person.id)
    return Caller(Role.CUSTOMER, session.number or "", session.token_sha256, end)


def sha256_of(token: str) -> str:
    """Return what the database knows a token by, in hex."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
