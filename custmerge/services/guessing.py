"""Wrong passwords are counted, across processes and restarts, and too many of them lock (contract §5).

A try is written down before its hash is verified and taken back when it was right, so that many at once, or
processes that are killed, get no more tries than one after the other. What doesn't exist is counted alike.
Source: OWASP ASVS 5 §6.3.1, NIST SP 800-63B §5.2.2.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from custmerge.errors import LockedOut
from custmerge.rules.guessing import LOCKED_FOR, PENDING_FOR, WINDOW, Subject
from custmerge.rules.history import Action, Actor, Draft
from custmerge.rules.times import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from custmerge.rules.guessing import Tries
    from custmerge.rules.history import Fact
    from custmerge.storage.unit import Database, Unit

LOOK_AGAIN_AFTER_SECONDS = 0.05
NOBODY = Actor("login", "system")
"""Who acts where nobody is logged in."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try whose outcome isn't known yet."""

    subjects: tuple[Subject, ...]
    """In the order in which they are locked."""
    ids: tuple[int, ...]


def begin(database: Database, subjects: Sequence[Subject], now: datetime) -> Try:
    """Write a try down; waits while others are under way that would be the last. Raises LockedOut."""
    ordered = tuple(sorted(subjects, key=lambda subject: subject.key))
    began = time.monotonic()
    while True:
        moment = now + timedelta(seconds=time.monotonic() - began)
        with database.writing() as unit:
            locked, has_room = _state(unit, ordered, moment)
            if locked is None and has_room:
                return Try(ordered, tuple(unit.guesses.begin(subject.key, stamp(moment)) for subject in ordered))
        if locked is not None:
            raise locked
        time.sleep(LOOK_AGAIN_AFTER_SECONDS)


def right(unit: Unit, tried: Try) -> None:
    """Take a try back that was right."""
    unit.guesses.forget(tried.ids)


def wrong(database: Database, tried: Try, by: Actor, facts: Mapping[str, Fact], now: datetime) -> None:
    """Write down that a try was wrong, in the history too, and lock what has had too many."""
    with database.writing() as unit:
        unit.guesses.keep(tried.ids)
        locked = [subject for subject in tried.subjects if _tries(unit, subject, now).wrong >= subject.limit]
        for subject in locked:
            unit.guesses.lock(subject.key, stamp(now + LOCKED_FOR))
        drafts = [Draft(stamp(now), by, Action.LOGIN_FAILED, facts)]
        drafts += [Draft(stamp(now), by, Action.LOCKED, {**facts, "what": subject.kind}) for subject in locked]
        unit.chain.append(drafts)


def _state(unit: Unit, subjects: Sequence[Subject], now: datetime) -> tuple[LockedOut | None, bool]:
    """Return the error where one of the subjects is locked, and whether there is room for one more try."""
    has_room = True
    for subject in subjects:
        tries = _tries(unit, subject, now)
        until = tries.locked_until
        if tries.wrong >= subject.limit:
            # Reached by tries whose processes were killed before they could lock.
            until = stamp(now + LOCKED_FOR)
            unit.guesses.lock(subject.key, until)
        if stamp(now) < until:
            return LockedOut(name=subject.name, until=until), False
        has_room = has_room and tries.wrong + tries.pending < subject.limit
    return None, has_room


def _tries(unit: Unit, subject: Subject, now: datetime) -> Tries:
    return unit.guesses.tries(subject.key, since=stamp(now - WINDOW), pending_since=stamp(now - PENDING_FOR))
