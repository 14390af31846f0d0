"""Counting of wrong passwords, across processes and restarts; too many of them lock (contract §5).

A try is stored before its hash is verified and removed if it was right. So parallel tries, and processes that are
killed, get no more tries than one after the other. Names that don't exist are counted in the same way.
Source: OWASP ASVS 5 §6.3.1, NIST SP 800-63B §5.2.2.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from custmerge.errors import LockedOut
from custmerge.rules.history import CLOCK_TOLERANCE, Action, Actor, Draft, Fact, stamp
from custmerge.rules.passwords import LOCKED_FOR, PENDING_FOR, WINDOW, Subject, Tries
from custmerge.storage.database import Clock, Database
from custmerge.storage.unit import Unit

LOOK_AGAIN_AFTER_SECONDS = 0.05
SETTLED_WITHIN_SECONDS = 25.0
"""How long the removal of an interrupted try waits for a locked database: less than PENDING_FOR."""
NOBODY = Actor("login", "system")
"""The actor if nobody is logged in."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try whose result isn't known yet."""

    ids: Mapping[int, Subject]
    """The ids of its stored rows, with their subjects."""
    clock: Clock
    """Continues from the moment at which the try was stored: its process may have been stopped meanwhile."""


@dataclass(frozen=True, slots=True)
class Locked:
    """A try that can't begin."""

    subject: Subject
    error: LockedOut


def begin(database: Database, subjects: Sequence[Subject], now: datetime) -> Try | None:
    """Store a try and return it; None while pending tries of others use up the limit. Raises LockedOut."""
    for attempt in database.attempts():
        with attempt as unit:
            (tried,) = begin_tries(unit, [subjects], now)
    if isinstance(tried, Locked):
        raise tried.error
    return tried


@contextmanager
def pending_try(database: Database, subjects: Sequence[Subject], now: datetime) -> Iterator[Try]:
    """Store a try for a block in which a hash may be verified; if the block raises, the try is removed.

    If the process is killed, the try stays and counts as wrong. Raises LockedOut, HostBusy.
    """
    from custmerge.services.people import passwords

    clock = Clock(now)
    while True:
        # The turn isn't held while this waits for other tries: they need a turn to verify their hashes.
        with passwords.turn():
            tried = begin(database, subjects, clock.now())
            if tried is not None:
                try:
                    yield tried
                except BaseException:
                    database.try_once(partial(_take_back, tried=tried), wait_seconds=SETTLED_WITHIN_SECONDS)
                    raise
                return
        time.sleep(LOOK_AGAIN_AFTER_SECONDS)


def begin_tries(
    unit: Unit,
    wanted: Sequence[Sequence[Subject]],
    now: datetime,
    *,
    batch: int | None = None,
    rows: Sequence[int | None] | None = None,
) -> list[Try | Locked | None]:
    """Store tries, each for all of its subjects; they must be committed before a hash is compared.

    Returns for each the try, or the lock that refuses it, or None if it has to wait for other tries. `rows` are the
    rows of the bulk file `batch` for which tries are made. A run that continues repeats the tries in which the run
    before was cut off. Nobody learns more by that, so a row counts once, see `Guesses.keep`.
    """
    # The process may have been stopped since `now`.
    moment = max(now, unit.now())
    clock = Clock(moment)
    # Always in the same order, so that two transactions that count never wait for each other.
    ordered = sorted({subject for subjects in wanted for subject in subjects}, key=lambda subject: subject.key)
    states = {subject: _lock_or_room(unit, subject, moment) for subject in ordered}
    locks = {subject: lock for subject, lock in states.items() if isinstance(lock, Locked)}
    rooms = {subject: room for subject, room in states.items() if isinstance(room, int)}
    begun: list[Try | Locked | None] = []
    for subjects, row in zip(wanted, rows or [None] * len(wanted), strict=True):
        locked = next((locks[subject] for subject in subjects if subject in locks), None)
        if locked is not None or any(rooms[subject] <= 0 for subject in subjects):
            begun.append(locked)
            continue
        for subject in subjects:
            rooms[subject] -= 1
        at = stamp(moment)
        ids = {unit.guesses.begin(subject.key, at, batch=batch, row=row): subject for subject in subjects}
        begun.append(Try(ids, clock))
    return begun


def settle_right(database: Database, tried: Try) -> None:
    """Remove a try that was right, in a transaction of its own, so that it is gone even if the command fails."""
    for attempt in database.attempts():
        with attempt as unit:
            _take_back(unit, tried)


def _take_back(unit: Unit, tried: Try) -> None:
    unit.guesses.forget(tried.ids)


def wrong(database: Database, tried: Try, by: Actor, facts: Mapping[str, Fact]) -> None:
    """Store that a try was wrong, also in the history, and lock the subjects that have had too many."""
    now = tried.clock.now()
    ordered = sorted(tried.ids.values(), key=lambda subject: subject.key)
    for attempt in database.attempts():
        with attempt as unit:
            for subject in ordered:
                # This locks the counter: another run of the file may have removed the try, and it has to count again.
                _tries(unit, subject, now)
            unit.guesses.keep({number: subject.key for number, subject in tried.ids.items()}, stamp(now))
            locked = [subject for subject in ordered if _tries(unit, subject, now).wrong >= subject.limit]
            for subject in locked:
                unit.guesses.lock(subject.key, stamp(now + LOCKED_FOR))
            drafts = [Draft(stamp(now), by, Action.LOGIN_FAILED, facts)]
            drafts += [Draft(stamp(now), by, Action.LOCKED, {**facts, "what": subject.kind}) for subject in locked]
            unit.chain.append(drafts)


def _lock_or_room(unit: Unit, subject: Subject, now: datetime) -> Locked | int:
    """Return the lock of a subject, or how many more tries for it may begin now."""
    tries = _tries(unit, subject, now)
    until, is_locked = tries.locked_until, tries.is_locked(now)
    if tries.wrong >= subject.limit:
        # The limit was reached by tries whose processes were killed before they could lock.
        until, is_locked = stamp(now + LOCKED_FOR), True
        unit.guesses.lock(subject.key, until)
        unit.chain.append([Draft(stamp(now), NOBODY, Action.LOCKED, {"what": subject.kind})])
    if is_locked:
        return Locked(subject, LockedOut(name=subject.name, until=until))
    return subject.limit - tries.wrong - tries.pending


def _tries(unit: Unit, subject: Subject, now: datetime) -> Tries:
    window = stamp(now - WINDOW), stamp(now + CLOCK_TOLERANCE)
    return unit.guesses.tries(subject.key, *window, pending_since=stamp(now - PENDING_FOR))
