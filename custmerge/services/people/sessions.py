"""Login and logout. A token is shown to its owner once; the database holds its SHA-256."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

from custmerge.errors import LoginRefused, MergedAway, PasswordChangeRequired, PersonChanged, ServiceToken
from custmerge.rules.history import CLOCK_TOLERANCE, Action, Actor, Draft, stamp
from custmerge.rules.passwords import Subject
from custmerge.rules.people import ABSOLUTE_LIMIT, Person, Session, token_sha256
from custmerge.services.access import Caller, caller_of, matches_history
from custmerge.services.customer_errors import errors_for_customer
from custmerge.services.people import guessing, passwords
from custmerge.services.people.staff import write_password
from custmerge.storage.database import Database
from custmerge.storage.unit import Unit


@errors_for_customer()
def login_customer(database: Database, number: str, password: str, *, token: str, now: datetime) -> Caller:
    """Open a session for a customer number and return its caller.

    `token` is the new session's, fresh from a random source. Raises LoginRefused, the same and after the same
    time whatever was wrong; MergedAway for a tombstone with its old password (rule 9); LockedOut.
    """
    with guessing.pending_try(database, [Subject("number", number)], now) as tried:
        with database.reading() as unit:
            exists = unit.register.customer(number) is not None
            stored, hashing = unit.register.number_password(number), unit.register.hashing
        is_right = passwords.fits(stored, password, hashing)
        if is_right:
            guessing.settle_right(database, tried)
    if not is_right:
        facts = {"subject": "number", "survivor": number if exists else None}
        guessing.wrong(database, tried, guessing.NOBODY, facts)
        raise LoginRefused
    session = _new_session(token, now, number=number)
    while is_right:
        new = passwords.renewed(stored, password, hashing)
        for attempt in database.attempts():
            with attempt as unit:
                opened = _opened(unit, verified=stored, new=new, session=session, now=now)
        if isinstance(opened, Caller):
            return opened
        if isinstance(opened, MergedAway):
            raise opened
        # Another process has changed the hash, perhaps to another hash of the same password: no new try is counted.
        stored = opened
        with passwords.turn():
            is_right = passwords.fits(stored, password, hashing)
    raise LoginRefused


def _opened(
    unit: Unit, *, verified: str | None, new: str | None, session: Session, now: datetime
) -> Caller | MergedAway | str | None:
    """Open a customer's session if the stored hash is the one that was verified, else return the stored hash."""
    number = session.number or ""
    unit.register.customers([number], lock=True)
    end, stored = unit.register.chain_from(number) or (number, None)
    if stored is None or stored != verified:
        return stored
    if new:
        passwords.renew(unit, number, stored, new)
    # MergedAway is returned, not raised: the transaction that renews the hash has to be committed.
    return _open(unit, session, now) if end == number else MergedAway(number=number, merged_into=end)


def verified_staff(database: Database, name: str, password: str, now: datetime) -> Person:
    """Return the member of staff with a name and password; raises LoginRefused and LockedOut as `login_customer`."""
    with guessing.pending_try(database, [Subject("staff", name)], now) as tried:
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
    """Open a session for a person whose password has been verified; no try is counted.

    `new` replaces a password that another person chose, in the transaction that opens the session. Raises
    PasswordChangeRequired if `new` is needed and None, BadPassword; LoginRefused if the password was changed since it
    was verified; PersonChanged if the row doesn't match the history.
    """
    new_hash = None
    if person.password_chosen_by is not None:
        if new is None:
            raise PasswordChangeRequired(name=person.name, chosen_by=person.password_chosen_by)
        new_hash = passwords.chosen(new, name=person.name, present=password)
    session = _new_session(token, now, person=person)
    for attempt in database.attempts():
        with attempt as unit:
            if new_hash is not None:
                # Two transactions that hold a shared lock on a row and both change it would wait for each other.
                unit.people.lock_staff()
            # The password may have been changed since it was verified.
            if unit.people.staff_named(person.name, lock=True) != person:
                raise LoginRefused
            if not matches_history(unit, session):
                raise PersonChanged(name=person.name)
            if new_hash is not None:
                write_password(unit, person, new_hash, chosen_by=None, by=Actor(person.name, "staff"), now=now)
            caller = _open(unit, session, now)
    return caller


def logout(database: Database, token: str, *, everywhere: bool) -> int:
    """End the token's session, or every session of its owner; returns how many have ended."""
    with database.reading() as unit:
        session = unit.people.session(token_sha256(token))
    if session is None:
        return 0
    if session.service is not None:
        raise ServiceToken
    with nullcontext() if session.number is None else errors_for_customer():
        for attempt in database.attempts():
            with attempt as unit:
                if not everywhere:
                    ended = unit.people.end_session(session.token_sha256)
                elif session.person is not None:
                    ended = unit.people.end_sessions_of_staff(session.person.id)
                else:
                    ended = unit.people.end_sessions_of_numbers([session.number or ""])
    return ended


def _new_session(token: str, now: datetime, *, number: str | None = None, person: Person | None = None) -> Session:
    return Session(
        token_sha256=token_sha256(token),
        number=number,
        person=person,
        created_at=stamp(now),
        last_used_at=stamp(now),
    )


def _open(unit: Unit, session: Session, now: datetime) -> Caller:
    """Write a new session and its history entry, and forget expired sessions."""
    unit.people.end_sessions_outside(stamp(now - ABSOLUTE_LIMIT), stamp(now + CLOCK_TOLERANCE))
    unit.people.open_session(session)
    caller = caller_of(session, session.last_used_at)
    facts = {"subject": "number" if session.person is None else "staff", "survivor": session.number}
    unit.chain.append([Draft(stamp(now), caller.actor, Action.LOGIN, facts)])
    return caller
