"""Proofs of bulk rows: verified on all cores before a chunk's transaction, and counted like other proofs.

The chunk's transaction checks again that the hashes haven't changed since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event
from typing import TypeVar

from custmerge.errors import CustmergeError, DatabaseError, HostBusy, LockedOut
from custmerge.rules.bulk import BulkRow
from custmerge.rules.passwords import Subject
from custmerge.rules.proofs import Hashing, ProofBy, proof_refused
from custmerge.services.access import Caller, demand_alive
from custmerge.services.authority import RegisterView, proof_passwords
from custmerge.services.bulk.file import chunks
from custmerge.services.people import guessing, passwords
from custmerge.storage.database import Database
from custmerge.storage.files.csv_file import SpooledFile
from custmerge.storage.unit import Unit

AT_ONCE = min(4 * passwords.AT_ONCE, 16)
"""Fewer tries than a caller may have pending, and so few that the last one is compared before it counts as wrong."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCheck:
    """The database, caller and clock with which passwords of rows are verified."""

    database: Database
    caller: Caller
    now: Callable[[], datetime]
    register_of: Callable[[Unit], RegisterView]
    keep_alive: Callable[[], None]
    """Called every few rows, because a chunk of passwords takes a while."""
    batch: int | None = None
    """None for a dry run, which changes nothing, not even hashes."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The state for which the password of a row was right."""

    stored: str
    """The hash that it fits."""
    newest_into: int
    """The last order that had merged a number into the absorbed number, 0 if there was none."""


Proofs = Mapping[int, CustmergeError | Verified]
"""For each row with a password: the state for which it was right, or what is wrong with it."""


class ProofsMoved(Exception):
    """The state for which the passwords of `rows` were right has changed."""

    def __init__(self, rows: Sequence[BulkRow]) -> None:
        super().__init__()
        self.rows = rows


def verified_chunks(
    check: PasswordCheck, file: SpooledFile, done: int, size: int, *, is_whole: bool, apart: bool
) -> Iterator[tuple[Sequence[BulkRow], Proofs]]:
    """Yield the rows after the first `done` in chunks of `size`, with the proofs of rows that have a password.

    `is_whole` replaces every proof, `apart` is as in `chunks`. Raises LockedOut if the caller is locked for too many
    wrong passwords, HostBusy, SessionOver and DatabaseError.
    """
    for rows in chunks(file, done, size, split=not is_whole, apart=apart):
        # Verified before the chunk's transaction, so that no other command waits for its locks during the hashing.
        proofs, stop = ({}, None) if is_whole else _verified_rows(check, rows)
        if stop is None:
            yield rows, proofs
        else:
            # The rows from `first` on aren't decided: they are tried when the lock has ended.
            lock, first = stop
            yield [row for row in rows if row.row < first], proofs
            raise lock


def _verified_rows(check: PasswordCheck, rows: Sequence[BulkRow]) -> tuple[Proofs, tuple[LockedOut, int] | None]:
    """Return the proofs of the rows that have a password; if the caller is locked, also the lock and the next row.

    Rows whose numbers aren't both in use are left out: they are `not_found` whatever their password is. In no case
    does a try remain whose hash wasn't compared.
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
            check.keep_alive()
            if tries.is_waiting:
                time.sleep(guessing.LOOK_AGAIN_AFTER_SECONDS)
    return proofs, None


def with_proofs(
    check: PasswordCheck, rows: Sequence[BulkRow], proofs: Proofs, work: Callable[[Sequence[BulkRow], Proofs], T]
) -> T:
    """Return the result of `work` for rows and their proofs; repeat it if it raises ProofsMoved.

    Before that, the passwords are compared with the present hashes. They were right, so this isn't counted as a try.
    """
    while True:
        try:
            return work(rows, proofs)
        except ProofsMoved as moved:
            proofs = {**proofs, **_verified_again(check, moved.rows, proofs)}


def demand_proofs(unit: Unit, register: RegisterView, rows: Iterable[BulkRow], proofs: Proofs) -> None:
    """Raise ProofsMoved if the state for which rows were verified has changed; to be called after the locks."""
    verified = [row for row in rows if isinstance(proofs.get(row.row), Verified)]
    present = _present(unit, register, verified)
    if moved := [row for row in verified if present[row.row] != proofs[row.row]]:
        raise ProofsMoved(moved)


def _present(unit: Unit, register: RegisterView, rows: Sequence[BulkRow]) -> dict[int, Verified | None]:
    """Return for each row the present state to compare its password with; None if there is no hash."""
    if not rows:
        return {}
    claims = {row.row: (row.absorbed, row.domain.strip()) for row in rows}
    stored = proof_passwords(register, set(claims.values()), unit.register.proof_by)
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
        by, hashing = unit.register.proof_by, unit.register.hashing
    again: dict[int, CustmergeError | Verified] = {}
    for row in rows:
        before, now = proofs[row.row], present[row.row]
        # Valid only if nothing but the hash changed (it was renewed), and no number was merged into this one.
        is_candidate = now is not None and isinstance(before, Verified) and now.newest_into == before.newest_into
        with passwords.turn():
            is_right = now is not None and is_candidate and passwords.fits(now.stored, row.password, hashing)
        again[row.row] = now if is_right and now is not None else proof_refused(by)
        check.keep_alive()
    return again


@dataclass(frozen=True, slots=True)
class _RowTry:
    row: BulkRow
    tried: guessing.Try
    present: Verified | None
    """The state to compare the password with; None if there is no hash."""


class _Tries:
    """The tries of a few rows, whose hashes are compared at the same time."""

    def __init__(self, check: PasswordCheck, rows: Sequence[BulkRow]) -> None:
        """Write the tries, and read the hashes to compare in the same transaction."""
        self._check = check
        self._caller = check.caller.guesser
        self._open: dict[int, _RowTry] = {}
        """Unsettled tries by row."""
        self._locked: dict[int, guessing.Locked] = {}
        self._by: ProofBy
        self._hashing: Hashing
        self.merged_away = frozenset[int]()
        """Rows with a number that isn't in use any more: their passwords aren't verified."""
        for attempt in check.database.attempts():
            with attempt as unit:
                self._begin(unit, rows)
        self.is_waiting = not (self._open or self._locked or self.merged_away)
        """Whether every try has to wait, because pending tries of others may lock the numbers or the caller."""

    def _begin(self, unit: Unit, rows: Sequence[BulkRow]) -> None:
        check = self._check
        demand_alive(unit, check.caller, check.now(), hold=False)
        self._by, self._hashing = unit.register.proof_by, unit.register.hashing
        subjects = [(Subject("number", row.absorbed), self._caller) for row in rows]
        numbers = None if check.batch is None else [row.row for row in rows]
        noted = guessing.begin_tries(unit, subjects, check.now(), batch=check.batch, rows=numbers)
        tries = list(zip(rows, noted, strict=True))
        self._locked = {row.row: tried for row, tried in tries if isinstance(tried, guessing.Locked)}
        # Read after the counters are locked, for which this may have waited.
        begun = [(row, tried) for row, tried in tries if isinstance(tried, guessing.Try)]
        living = _living(check.register_of(unit), [row for row, _ in begun])
        present = _present(unit, check.register_of(unit), living)
        self._open = {row.row: _RowTry(row, tried, present[row.row]) for row, tried in begun if row.row in present}
        self.merged_away = frozenset(row.row for row, _ in begun) - present.keys()
        unit.guesses.forget([number for row, tried in begun if row.row in self.merged_away for number in tried.ids])

    @property
    def stopped_by(self) -> LockedOut | None:
        """The caller's own lock, None if the caller isn't locked."""
        return next((locked.error for locked in self._locked.values() if locked.subject == self._caller), None)

    def proofs(self, pool: ThreadPoolExecutor) -> dict[int, CustmergeError | Verified]:
        """Compare the hashes and settle the tries; returns the proofs of the rows that are decided."""
        stop = Event()
        compared: dict[int, Future[str | None]] = {}
        present = {number: row_try.present for number, row_try in self._open.items()}
        try:
            for number, row_try in self._open.items():
                compared[number] = pool.submit(self._compared, row_try, stop)
            fitting = {number: future.result() for number, future in compared.items()}
            self._settle(fitting)
        except BaseException:
            # After Ctrl-C or a lost connection, compared tries count and the others are forgotten.
            stop.set()
            self._break_off(compared)
            raise
        proofs: dict[int, CustmergeError | Verified] = {
            number: locked.error for number, locked in self._locked.items() if locked.subject != self._caller
        }
        for number, stored in fitting.items():
            before = present[number]
            if stored is None or before is None:
                proofs[number] = proof_refused(self._by)
            else:
                proofs[number] = replace(before, stored=stored)
        return proofs

    def _compared(self, row_try: _RowTry, stop: Event) -> str | None:
        """Return the hash that a row's password fits, a new one if the stored one is of an older kind; else None."""
        stored, password = row_try.present.stored if row_try.present else None, row_try.row.password
        with passwords.turn(stop.is_set):
            if stop.is_set():
                raise CancelledError
            if not passwords.fits(stored, password, self._hashing):
                return None
            renewed = passwords.renewed(stored, password, self._hashing) if self._check.batch is not None else None
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
        """Write the results of tries, which are settled then."""
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
        """Forget tries that were right, and replace hashes of older kinds by new ones."""
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
