"""Proofs of bulk rows: verified on all cores before a chunk's transaction, and counted like any others.

What they rest on is asked again inside that transaction, so that nothing that changed in between is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event
from typing import Protocol, TypeVar

from custmerge.errors import CustmergeError, DatabaseError, HostBusy, LockedOut, ProofRefused
from custmerge.rules.bulk import BulkRow
from custmerge.rules.fields import Customer
from custmerge.rules.passwords import Subject
from custmerge.services.access import Caller, demand_alive
from custmerge.services.bulk.file import chunks
from custmerge.services.people import guessing, passwords
from custmerge.storage.database import Database
from custmerge.storage.files.csv_file import SpooledFile
from custmerge.storage.unit import Unit

AT_ONCE = min(4 * passwords.AT_ONCE, 16)
"""Fewer than a caller may have under way, and few enough that the last is compared before its try counts as wrong."""
T = TypeVar("T")


class RegisterView(Protocol):
    """What rows are decided on: the register, or the register as a dry run has left it."""

    def customers(self, numbers: Collection[str], /) -> Mapping[str, Customer]:
        """Return the records of those of `numbers` that exist."""

    def domain_passwords(self, claims: Collection[tuple[str, str]], /) -> Mapping[tuple[str, str], str]:
        """Return for pairs of a number and a domain of it the hash of the password that belongs to the domain.

        Those that have none are left out.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCheck:
    """Where passwords of rows are verified, and for whom."""

    database: Database
    caller: Caller
    now: Callable[[], datetime]
    register_of: Callable[[Unit], RegisterView]
    still_at_it: Callable[[], None]
    """Called every few rows: a chunk of passwords takes a while."""
    batch: int | None = None
    """None where no batch is run: then nothing is changed, hashes neither."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What the password of a row was right for."""

    stored: str
    """The hash that it fits."""
    newest_into: int
    """The last order that had put something under the absorbed number, 0 where there was none."""


Proofs = Mapping[int, CustmergeError | Verified]
"""For each row with a password what its proof rests on, or what is wrong with it."""


class ProofsMoved(Exception):
    """What the right passwords of `rows` rest on isn't there any more, or is another hash."""

    def __init__(self, rows: Sequence[BulkRow]) -> None:
        super().__init__()
        self.rows = rows


def verified_chunks(
    check: PasswordCheck, file: SpooledFile, done: int, size: int, *, is_whole: bool
) -> Iterator[tuple[Sequence[BulkRow], Proofs]]:
    """Give the rows behind the first `done` in chunks of `size`, with the proofs of those that have a password.

    `is_whole` stands in for every proof. Raises LockedOut where the caller is locked for too many wrong passwords,
    HostBusy, SessionOver and DatabaseError.
    """
    for rows in chunks(file, done, size, split=not is_whole):
        # Before the chunk's transaction: no other command waits for its locks while passwords are hashed.
        proofs, stop = ({}, None) if is_whole else _verified_rows(check, rows)
        if stop is None:
            yield rows, proofs
        else:
            # The lock says nothing about the rows from `first` on: they are tried when it has ended.
            lock, first = stop
            yield [row for row in rows if row.row < first], proofs
            raise lock


def _verified_rows(check: PasswordCheck, rows: Sequence[BulkRow]) -> tuple[Proofs, tuple[LockedOut, int] | None]:
    """Verify the rows that have a password, up to the caller's own lock; returns it with the first row behind it.

    Rows whose numbers aren't both in use are left out: they are `not_found` whatever their password. However it
    ends, no try stays behind whose hash wasn't compared.
    """
    waiting = [row for row in rows if row.problem is None and row.password]
    if not waiting:
        return {}, None
    with check.database.reading() as unit:
        waiting = _living(check.register_of(unit), waiting)
    proofs: dict[int, CustmergeError | Verified] = {}
    with ThreadPoolExecutor(passwords.AT_ONCE) as pool:
        while waiting:
            tries = _Tries(check, waiting[:AT_ONCE])
            proofs |= tries.proofs(pool)
            waiting = [row for row in waiting if row.row not in proofs and row.row not in tries.merged_away]
            if tries.stopped_by is not None and waiting:
                return proofs, (tries.stopped_by, waiting[0].row)
            check.still_at_it()
            if tries.is_waiting:
                time.sleep(guessing.LOOK_AGAIN_AFTER_SECONDS)
    return proofs, None


def with_standing(
    check: PasswordCheck, rows: Sequence[BulkRow], proofs: Proofs, work: Callable[[Sequence[BulkRow], Proofs], T]
) -> T:
    """Return what `work` does with rows and their proofs; repeated where it raises ProofsMoved.

    Then their passwords are compared with what is there now. They were right, so that isn't counted as a try.
    """
    while True:
        try:
            return work(rows, proofs)
        except ProofsMoved as moved:
            proofs = {**proofs, **_verified_again(check, moved.rows, proofs)}


def demand_standing(unit: Unit, register: RegisterView, rows: Iterable[BulkRow], proofs: Proofs) -> None:
    """Raise ProofsMoved unless everything that was verified for rows is there now; to be asked behind locks."""
    verified = [row for row in rows if isinstance(proofs.get(row.row), Verified)]
    present = _present(unit, register, verified)
    if moved := [row for row in verified if present[row.row] != proofs[row.row]]:
        raise ProofsMoved(moved)


def _present(unit: Unit, register: RegisterView, rows: Sequence[BulkRow]) -> dict[int, Verified | None]:
    """Return for each row what its password is to be compared with now; None where there is nothing."""
    if not rows:
        return {}
    claims = {row.row: (row.absorbed, row.domain.strip()) for row in rows}
    stored = register.domain_passwords(set(claims.values()))
    newest = unit.ledger.newest_into({row.absorbed for row in rows})
    return {
        row.row: Verified(stored[claims[row.row]], newest.get(row.absorbed, 0)) if claims[row.row] in stored else None
        for row in rows
    }


def _living(register: RegisterView, rows: Sequence[BulkRow]) -> list[BulkRow]:
    """Return those of the rows whose numbers are both in use."""
    records = register.customers({number for row in rows for number in (row.survivor, row.absorbed)})
    living = {number for number, record in records.items() if record.merged_into is None}
    return [row for row in rows if row.absorbed in living and row.survivor in living]


def _verified_again(
    check: PasswordCheck, rows: Sequence[BulkRow], proofs: Proofs
) -> dict[int, CustmergeError | Verified]:
    with check.database.reading() as unit:
        present = _present(unit, check.register_of(unit), rows)
    again: dict[int, CustmergeError | Verified] = {}
    for row in rows:
        before, now = proofs[row.row], present[row.row]
        # Only the hash may have changed, where the password's kind was renewed and the number took no other over.
        is_candidate = now is not None and isinstance(before, Verified) and now.newest_into == before.newest_into
        with passwords.turn():
            is_right = now is not None and is_candidate and passwords.fits(now.stored, row.password)
        again[row.row] = now if is_right and now is not None else ProofRefused()
        check.still_at_it()
    return again


@dataclass(frozen=True, slots=True)
class _RowTry:
    row: BulkRow
    tried: guessing.Try
    present: Verified | None
    """What the password is compared with; None where there is nothing."""


class _Tries:
    """The tries of a few rows, whose hashes are compared at once."""

    def __init__(self, check: PasswordCheck, rows: Sequence[BulkRow]) -> None:
        """Write the tries down, in one transaction with the look at what they are compared with."""
        self._check = check
        self._caller = check.caller.guesser
        self._open: dict[int, _RowTry] = {}
        """By row; without those that are settled."""
        self._locked: dict[int, guessing.Locked] = {}
        self.merged_away = frozenset[int]()
        """Rows of which a number isn't in use any more: their passwords aren't verified."""
        for attempt in check.database.attempts():
            with attempt as unit:
                self._begin(unit, rows)
        self.is_waiting = not (self._open or self._locked or self.merged_away)
        """Whether others are under way that may come to lock the numbers, or the caller."""

    def _begin(self, unit: Unit, rows: Sequence[BulkRow]) -> None:
        check = self._check
        demand_alive(unit, check.caller, check.now(), hold=False)
        subjects = [(Subject("number", row.absorbed), self._caller) for row in rows]
        numbers = None if check.batch is None else [row.row for row in rows]
        noted = guessing.begin_all(unit, subjects, check.now(), batch=check.batch, rows=numbers)
        tries = list(zip(rows, noted, strict=True))
        self._locked = {row.row: tried for row, tried in tries if isinstance(tried, guessing.Locked)}
        # Read behind the locks of those who count, for which this may have waited.
        begun = [(row, tried) for row, tried in tries if isinstance(tried, guessing.Try)]
        living = _living(check.register_of(unit), [row for row, _ in begun])
        present = _present(unit, check.register_of(unit), living)
        self._open = {row.row: _RowTry(row, tried, present[row.row]) for row, tried in begun if row.row in present}
        self.merged_away = frozenset(row.row for row, _ in begun) - present.keys()
        unit.guesses.forget([number for row, tried in begun if row.row in self.merged_away for number in tried.ids])

    @property
    def stopped_by(self) -> LockedOut | None:
        """The lock of the caller, if that is one."""
        return next((locked.error for locked in self._locked.values() if locked.subject == self._caller), None)

    def proofs(self, pool: ThreadPoolExecutor) -> dict[int, CustmergeError | Verified]:
        """Compare the hashes and settle the tries; returns what is known of which rows."""
        stop = Event()
        compared: dict[int, Future[str | None]] = {}
        present = {number: row_try.present for number, row_try in self._open.items()}
        try:
            for number, row_try in self._open.items():
                compared[number] = pool.submit(self._compared, row_try, stop)
            fitting = {number: future.result() for number, future in compared.items()}
            self._settle(fitting)
        except BaseException:
            # Ctrl-C or a lost connection: tries that are decided count, the others are forgotten.
            stop.set()
            self._break_off(compared)
            raise
        proofs: dict[int, CustmergeError | Verified] = {
            number: locked.error for number, locked in self._locked.items() if locked.subject != self._caller
        }
        for number, stored in fitting.items():
            before = present[number]
            proofs[number] = ProofRefused() if stored is None or before is None else replace(before, stored=stored)
        return proofs

    def _compared(self, row_try: _RowTry, stop: Event) -> str | None:
        """Return the hash that a row's password fits, today's where the stored one is of an older kind, or None."""
        stored, password = row_try.present.stored if row_try.present else None, row_try.row.password
        with passwords.turn(stop.is_set):
            if stop.is_set():
                raise CancelledError
            if not passwords.fits(stored, password):
                return None
            renewed = passwords.renewed(stored, password) if self._check.batch is not None else None
            return renewed or stored

    def _break_off(self, compared: Mapping[int, Future[str | None]]) -> None:
        fitting: dict[int, str | None] = {}
        for number, future in compared.items():
            with suppress(CancelledError, HostBusy, DatabaseError):
                if number in self._open and not future.cancel():
                    fitting[number] = future.result()
        uncompared = [row_try for number, row_try in self._open.items() if number not in fitting]
        with suppress(DatabaseError):
            self._settle(fitting)
            for attempt in self._check.database.attempts():
                with attempt as unit:
                    unit.guesses.forget([number for row_try in uncompared for number in row_try.tried.ids])

    def _settle(self, fitting: Mapping[int, str | None]) -> None:
        """Write down how tries ended; those that are written are open no more."""
        right = [(self._open[number], stored) for number, stored in fitting.items() if stored is not None]
        if right:
            for attempt in self._check.database.attempts():
                with attempt as unit:
                    self._take_back(unit, right)
        for row_try, _ in right:
            del self._open[row_try.row.row]
        for number in [number for number, stored in fitting.items() if stored is None]:
            row, tried = self._open[number].row, self._open[number].tried
            facts = {"subject": "proof", "survivor": row.survivor, "absorbed": row.absorbed}
            guessing.wrong(self._check.database, tried, self._check.caller.actor, facts)
            del self._open[number]

    @staticmethod
    def _take_back(unit: Unit, right: Sequence[tuple[_RowTry, str]]) -> None:
        """Forget tries that were right, and put today's hashes in the place of older ones."""
        renewed = [
            (row_try.row.absorbed, row_try.present.stored, stored)
            for row_try, stored in right
            if row_try.present is not None and row_try.present.stored != stored
        ]
        if renewed:
            unit.register.customers({absorbed for absorbed, _, _ in renewed}, lock=True)
        unit.guesses.forget([number for row_try, _ in right for number in row_try.tried.ids])
        for absorbed, old, new in renewed:
            passwords.renew(unit, absorbed, old, new)
