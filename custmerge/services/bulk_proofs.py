"""Proofs of bulk rows: verified on all cores before a chunk's transaction, and counted like any others."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from custmerge.errors import CustmergeError, LockedOut, ProofRefused
from custmerge.rules.guessing import Subject
from custmerge.services import guessing, passwords
from custmerge.services.proving import guesser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from custmerge.rules.bulk import BulkRow
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database

AT_ONCE = 16
"""Fewer than a caller may have under way."""


def proved(
    database: Database, caller: Caller, rows: Sequence[BulkRow], now: datetime, still_at_it: Callable[[], None]
) -> dict[int, CustmergeError | None]:
    """Return for each row that has a password None where it proves the number, else what is wrong.

    Rows whose number isn't there or was taken over are left out: that is said of them before any proof.
    `still_at_it` is called every few rows: a chunk of passwords takes a while.
    """
    waiting = _with_living_numbers(database, [row for row in rows if row.problem is None and row.password])
    verdicts: dict[int, CustmergeError | None] = {}
    began = time.monotonic()
    with ThreadPoolExecutor(passwords.AT_ONCE) as pool:
        while waiting:
            wave, moment = waiting[:AT_ONCE], now + timedelta(seconds=time.monotonic() - began)
            subjects = [(Subject("number", row.absorbed), guesser(caller)) for row in wave]
            tries = guessing.begin_all(database, subjects, moment)
            locked = {row.row: tried for row, tried in zip(wave, tries, strict=True) if isinstance(tried, LockedOut)}
            begun = [(row, tried) for row, tried in zip(wave, tries, strict=True) if isinstance(tried, guessing.Try)]
            stored = _stored(database, [row for row, _tried in begun])
            fits = list(pool.map(passwords.fits_in_turn, stored, [row.password for row, _tried in begun]))
            _settle(database, caller, begun, fits, moment)
            verdicts |= locked
            verdicts |= {
                row.row: None if is_right else ProofRefused() for (row, _), is_right in zip(begun, fits, strict=True)
            }
            waiting = [row for row in waiting if row.row not in verdicts]
            still_at_it()
            if not begun and not locked:
                time.sleep(guessing.LOOK_AGAIN_AFTER_SECONDS)
    return verdicts


def _with_living_numbers(database: Database, rows: list[BulkRow]) -> list[BulkRow]:
    if not rows:
        return []
    with database.reading() as unit:
        records = unit.register.customers({row.absorbed for row in rows})
    living = {number for number, record in records.items() if record.merged_into is None}
    return [row for row in rows if row.absorbed in living]


def _stored(database: Database, rows: Sequence[BulkRow]) -> list[str | None]:
    with database.reading() as unit:
        return [unit.register.domain_password(row.absorbed, row.domain.strip()) for row in rows]


def _settle(
    database: Database,
    caller: Caller,
    begun: Sequence[tuple[BulkRow, guessing.Try]],
    fits: Sequence[bool],
    now: datetime,
) -> None:
    right = [tried for (_row, tried), is_right in zip(begun, fits, strict=True) if is_right]
    if right:
        database.attempt(lambda unit: unit.guesses.forget([number for tried in right for number in tried.ids]))
    for (row, tried), is_right in zip(begun, fits, strict=True):
        if not is_right:
            facts = {"subject": "proof", "survivor": row.survivor, "absorbed": row.absorbed}
            guessing.wrong(database, tried, caller.actor, facts, now)
