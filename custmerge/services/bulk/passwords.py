"""Proofs of bulk rows: verified on all cores before a chunk's transaction, and counted like any others.

What they rest on is asked again inside that transaction, so that nothing that changed in between is taken.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Protocol, TypeVar

from custmerge.errors import CustmergeError, DatabaseError, HostBusy, LockedOut, ProofRefused
from custmerge.rules.guessing import Subject
from custmerge.services.access import demand_alive
from custmerge.services.people import guessing, passwords
from custmerge.services.verify import guesser

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from custmerge.rules.bulk import BulkRow
    from custmerge.rules.fields import Customer
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

AT_ONCE = min(4 * passwords.AT_ONCE, 16)
"""Fewer than a caller may have under way; more only to keep the cores busy."""
T = TypeVar("T")


class RegisterView(Protocol):
    """What the rows stand on: the register, or the register as a run would have left it."""

    def customers(self, unit: Unit, numbers: Collection[str]) -> Mapping[str, Customer]:
        """Return the records of those of `numbers` that exist."""

    def domain_passwords(self, unit: Unit, claims: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """Return for pairs of a number and a domain of it the hash of the password that belongs to the domain.

        Those that have none are left out.
        """


class PresentRegister:
    """The register."""

    def customers(self, unit: Unit, numbers: Collection[str]) -> Mapping[str, Customer]:
        """Return the records of those of `numbers` that exist."""
        return unit.register.customers(numbers)

    def domain_passwords(self, unit: Unit, claims: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """Return for pairs of a number and a domain of it the hash of the password that belongs to the domain."""
        return unit.register.domain_passwords(claims)


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Where proofs are verified, and for whom."""

    database: Database
    caller: Caller
    now: Callable[[], datetime]
    register: RegisterView
    still_at_it: Callable[[], None]
    """Called every few rows: a chunk of passwords takes a while."""
    batch: int | None = None
    """None where no batch is run."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What the password of a row was right for."""

    stored: str
    """The hash that it fits."""
    newest_into: int
    """The last order that had put something under the absorbed number, 0 where there was none."""


Proofs = Mapping[int, CustmergeError | Verified]
"""For each row whose password was verified what it rests on, else what is wrong; rows without one are left out."""


class ProofsMoved(Exception):
    """What the right passwords of `rows` rest on isn't there any more, or is another hash."""

    def __init__(self, rows: Sequence[BulkRow]) -> None:
        super().__init__()
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Proved:
    """What came of a chunk's passwords."""

    verdicts: Proofs
    stopped_by: LockedOut | None = None
    """The caller's own lock, which says nothing about the rows."""
    first_open: int | None = None
    """The first row that it leaves without a verdict."""

    def closed(self, rows: Sequence[BulkRow]) -> Sequence[BulkRow]:
        """Return those of the rows, in their order, that can be decided now."""
        return rows if self.first_open is None else [row for row in rows if row.row < self.first_open]


def proved(check: PasswordCheck, rows: Sequence[BulkRow]) -> Proved:
    """Verify the rows that have a password; stops where the caller is locked for too many wrong ones.

    Rows whose numbers aren't both in use are left out: that is said of them before any proof. Raises HostBusy and
    DatabaseError. However it ends, no try stays behind that nobody has compared.
    """
    waiting = _with_living_numbers(check, [row for row in rows if row.problem is None and row.password])
    verdicts: dict[int, CustmergeError | Verified] = {}
    while waiting:
        with check.database.reading() as unit:
            demand_alive(unit, check.caller, check.now(), hold=False)
        some = _VerifiedRows(check, waiting[:AT_ONCE])
        verdicts |= some.verdicts()
        waiting = [row for row in waiting if row.row not in verdicts and row.row not in some.merged_away]
        if some.stopped_by is not None and waiting:
            return Proved(verdicts, some.stopped_by, waiting[0].row)
        check.still_at_it()
        if some.is_waiting:
            time.sleep(guessing.LOOK_AGAIN_AFTER_SECONDS)
    return Proved(verdicts)


def with_standing(check: PasswordCheck, proofs: Proofs, work: Callable[[Proofs], T]) -> T:
    """Return what `work` does with proofs; begun anew where it raises ProofsMoved.

    Then their passwords are compared with what is there now. They were right, so that isn't counted as a try.
    """
    while True:
        try:
            return work(proofs)
        except ProofsMoved as moved:
            proofs = {**proofs, **_again(check, moved.rows, proofs)}


def demand_standing(unit: Unit, register: RegisterView, rows: Iterable[BulkRow], proofs: Proofs) -> None:
    """Raise ProofsMoved unless everything that was verified for rows is there now; to be asked behind locks."""
    verified = [row for row in rows if isinstance(proofs.get(row.row), Verified)]
    found = _standing(unit, register, verified)
    if moved := [row for row in verified if found[row.row] != proofs[row.row]]:
        raise ProofsMoved(moved)


def _standing(unit: Unit, register: RegisterView, rows: Sequence[BulkRow]) -> dict[int, Verified | None]:
    """Return for each row what its password is to be compared with now; None where there is nothing."""
    if not rows:
        return {}
    claims = {row.row: (row.absorbed, row.domain.strip()) for row in rows}
    stored = register.domain_passwords(unit, set(claims.values()))
    newest = unit.ledger.newest_into({row.absorbed for row in rows})
    return {
        row.row: Verified(stored[claims[row.row]], newest.get(row.absorbed, 0)) if claims[row.row] in stored else None
        for row in rows
    }


def _again(check: PasswordCheck, rows: Sequence[BulkRow], proofs: Proofs) -> dict[int, CustmergeError | Verified]:
    with check.database.reading() as unit:
        found = _standing(unit, check.register, rows)
    verdicts: dict[int, CustmergeError | Verified] = {}
    for row in rows:
        before, now = proofs[row.row], found[row.row]
        # Only a hash may have become another one: of a password that was renewed, in a number that took over none.
        is_candidate = now is not None and isinstance(before, Verified) and now.newest_into == before.newest_into
        with passwords.turn():
            is_right = now is not None and is_candidate and passwords.fits(now.stored, row.password)
        verdicts[row.row] = now if is_right and now is not None else ProofRefused()
        check.still_at_it()
    return verdicts


class _VerifiedRows:
    """A few rows that are verified at once."""

    def __init__(self, check: PasswordCheck, rows: Sequence[BulkRow]) -> None:
        self._check = check
        self._caller = guesser(check.caller)
        self._now = check.now()
        subjects = [(Subject("number", row.absorbed), self._caller) for row in rows]
        origin = None if check.batch is None else guessing.Origin(check.batch, [row.row for row in rows])
        tries = guessing.begin_all(check.database, subjects, self._now, origin)
        both = list(zip(rows, tries, strict=True))
        self._locked = {row.row: tried for row, tried in both if isinstance(tried, guessing.Locked)}
        self._open = {row.row: (row, tried) for row, tried in both if isinstance(tried, guessing.Try)}
        self._renewed: dict[int, tuple[str, str]] = {}
        """The hash that there is and today's, of rows whose hash isn't of today's kind."""
        self.is_waiting = not self._open and not self._locked
        self.merged_away = set[int]()
        """Rows of which a number isn't in use any more: nothing is verified, for that is said of them before."""

    @property
    def stopped_by(self) -> LockedOut | None:
        """The lock of the caller, if that is one."""
        return next((one.error for one in self._locked.values() if one.subject == self._caller), None)

    def verdicts(self) -> dict[int, CustmergeError | Verified]:
        """Compare the hashes and settle the tries; returns what is known of which rows."""
        found: dict[int, CustmergeError | Verified] = {
            row: one.error for row, one in self._locked.items() if one.subject != self._caller
        }
        standing: dict[int, Verified | None] = {}
        fits: dict[int, bool] = {}
        stop = Event()
        with ThreadPoolExecutor(passwords.AT_ONCE) as pool:
            compared: dict[int, Future[bool]] = {}
            try:
                standing = self._read()
                for number, one in standing.items():
                    compared[number] = pool.submit(self._compared, self._open[number][0], one, stop)
                for number, future in compared.items():
                    fits[number] = future.result()
                self._settle(fits)
            except BaseException:
                # Ctrl-C or a lost connection: what is known counts, and a hash that nobody compared is no guess.
                stop.set()
                self._break_off(compared)
                raise
        for number, is_right in fits.items():
            one = standing[number]
            if not is_right or one is None:
                found[number] = ProofRefused()
            elif number in self._renewed:
                found[number] = replace(one, stored=self._renewed[number][1])
            else:
                found[number] = one
        return found

    def _read(self) -> dict[int, Verified | None]:
        """Return what the passwords are to be compared with; takes tries back where numbers are merged by now."""
        rows = [row for row, _tried in self._open.values()]
        with self._check.database.reading() as unit:
            living = _living(unit, self._check.register, rows)
            standing = _standing(unit, self._check.register, living)
        self.merged_away = {row.row for row in rows} - standing.keys()
        self._forget(self._open[number][1] for number in self.merged_away)
        for number in self.merged_away:
            del self._open[number]
        return standing

    def _forget(self, uncompared: Iterable[guessing.Try]) -> None:
        if ids := [number for tried in uncompared for number in tried.ids]:
            for attempt in self._check.database.attempts():
                with attempt as unit:
                    unit.guesses.forget(ids)

    def _compared(self, row: BulkRow, standing: Verified | None, stop: Event) -> bool:
        stored = standing.stored if standing else None
        with passwords.turn(stop.is_set):
            if stop.is_set():
                raise CancelledError
            is_right = passwords.fits(stored, row.password)
            # A check changes nothing, hashes neither.
            if (
                is_right
                and stored
                and self._check.batch is not None
                and (new := passwords.renewed(stored, row.password))
            ):
                self._renewed[row.row] = (stored, new)
            return is_right

    def _taken_back(self, unit: Unit, right: Sequence[int]) -> None:
        """Forget tries that were right, and put today's hashes in the place of older ones."""
        renewed = [(self._open[number][0], *self._renewed[number]) for number in right if number in self._renewed]
        if renewed:
            unit.register.customers({row.absorbed for row, _, _ in renewed}, lock=True)
        unit.guesses.forget([one for number in right for one in self._open[number][1].ids])
        for row, old, new in renewed:
            passwords.renew(unit, row.absorbed, old, new)

    def _break_off(self, compared: Mapping[int, Future[bool]]) -> None:
        fits: dict[int, bool] = {}
        for number, one in compared.items():
            with suppress(CancelledError, HostBusy, DatabaseError):
                if not one.cancel():
                    fits[number] = one.result()
        uncompared = [tried for row, (_, tried) in self._open.items() if row not in fits]
        with suppress(DatabaseError):
            self._settle({row: is_right for row, is_right in fits.items() if row in self._open})
            self._forget(uncompared)

    def _settle(self, fits: Mapping[int, bool]) -> None:
        """Write down how tries ended; those that are written are open no more."""
        database, caller = self._check.database, self._check.caller
        right = [row for row, is_right in fits.items() if is_right]
        if right:
            for attempt in database.attempts():
                with attempt as unit:
                    self._taken_back(unit, right)
        for number in right:
            del self._open[number]
        for number in fits:
            if number in self._open:
                row, tried = self._open[number]
                facts = {"subject": "proof", "survivor": row.survivor, "absorbed": row.absorbed}
                guessing.wrong(database, tried, caller.actor, facts)
                del self._open[number]


def _with_living_numbers(check: PasswordCheck, rows: list[BulkRow]) -> list[BulkRow]:
    if not rows:
        return []
    with check.database.reading() as unit:
        return _living(unit, check.register, rows)


def _living(unit: Unit, register: RegisterView, rows: list[BulkRow]) -> list[BulkRow]:
    records = register.customers(unit, {number for row in rows for number in (row.survivor, row.absorbed)})
    living = {number for number, record in records.items() if record.merged_into is None}
    return [row for row in rows if row.absorbed in living and row.survivor in living]
