"""Logging in and out. A token is shown to its owner once; the database holds its SHA-256."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from custmerge.errors import LoginRefused, MergedAway, SessionOver
from custmerge.rules.people import Session
from custmerge.rules.roles import Role
from custmerge.rules.sessions import ABSOLUTE_LIMIT, expires_at
from custmerge.rules.times import moment, stamp
from custmerge.services.access import Caller

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.rules.people import Person
    from custmerge.storage.unit import Database

TOKEN_BYTES = 32
"""256 random bits."""
TOUCH_EVERY_SECONDS = 60


def login_customer(database: Database, number: str, password: str, *, token: str, now: datetime) -> Caller:
    """Open a session for a customer number and return who it is for.

    `token` is the new session's, fresh from a random source. Raises LoginRefused, alike and after the same
    time whatever was wrong; MergedAway for a tombstone with its old password (rule 9).
    """
    from custmerge.services import passwords

    with database.reading() as unit:
        stored = unit.register.number_password(number)
        end = unit.register.end_of_chain(number)
    if not passwords.fits(stored, password):
        raise LoginRefused
    if end != number:
        raise MergedAway(number=number, merged_into=end)
    return _open(database, Session(_sha256(token), number, None, stamp(now), stamp(now)), now)


def login_staff(database: Database, name: str, password: str, *, token: str, now: datetime) -> Caller:
    """Open a session for somebody who works here, as `login_customer` does."""
    from custmerge.services import passwords

    with database.reading() as unit:
        person = unit.people.staff_named(name)
    stored = person.password_hash if person and person.disabled_at is None else None
    if not passwords.fits(stored, password):
        raise LoginRefused
    return _open(database, Session(_sha256(token), None, person, stamp(now), stamp(now)), now)


def resume(database: Database, token: str, now: datetime) -> Caller:
    """Return whose session a token opens; raises SessionOver where it opens none or none any more."""
    with database.reading() as unit:
        session = unit.people.session(_sha256(token))
    if session is None or (session.person and session.person.disabled_at is not None):
        raise SessionOver
    if now >= _end(session, session.last_used_at):
        with database.writing() as unit:
            unit.people.end_session(session.token_sha256)
        raise SessionOver
    used = session.last_used_at
    if (now - moment(used)).total_seconds() >= TOUCH_EVERY_SECONDS:
        used = stamp(now)
        with database.writing() as unit:
            unit.people.touch_session(session.token_sha256, used)
    return _caller(session, used)


def logout(database: Database, token: str, *, everywhere: bool) -> int:
    """End the token's session, or every session of its owner; returns how many are sure to have ended."""
    with database.writing() as unit:
        session = unit.people.session(_sha256(token))
        if session is None:
            return 0
        if not everywhere:
            return unit.people.end_session(session.token_sha256)
        if session.person is not None:
            return unit.people.end_sessions_of_staff(session.person.id)
        return unit.people.end_sessions_of_number(session.number or "")


def _open(database: Database, session: Session, now: datetime) -> Caller:
    with database.writing() as unit:
        unit.people.end_sessions_before(stamp(now - ABSOLUTE_LIMIT))
        unit.people.open_session(session)
    return _caller(session, session.last_used_at)


def _caller(session: Session, used: str) -> Caller:
    role, name = _who(session.person, session.number)
    return Caller(role, name, session.token_sha256, stamp(_end(session, used)))


def _who(person: Person | None, number: str | None) -> tuple[Role, str]:
    return (Role.CUSTOMER, number or "") if person is None else (person.role, person.name)


def _end(session: Session, used: str) -> datetime:
    role, _ = _who(session.person, session.number)
    return expires_at(role, moment(session.created_at), moment(used))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
