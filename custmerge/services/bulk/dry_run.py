"""What a run would say: rows decided on the records as the rows before them would leave them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Self

from custmerge.rules.bulk import Batch, BulkRow, Outcome
from custmerge.rules.fields import Customer
from custmerge.services.access import Caller, demand_alive
from custmerge.services.bulk.file import ResultCounter, RunOptions, RunSummary, chunks, decided
from custmerge.services.bulk.passwords import (
    PasswordCheck,
    Proofs,
    RegisterView,
    VerifiedRows,
    demand_standing,
    verified_rows,
    with_standing,
)
from custmerge.services.bulk.rows import Rows
from custmerge.storage.database import Database
from custmerge.storage.files.csv_file import SpooledFile
from custmerge.storage.files.temporary import ChangedRecords
from custmerge.storage.register.records import Register
from custmerge.storage.unit import Unit

_NO_SALT = bytes(16)


class DryRun:
    """A run that writes nothing: what its orders would change is kept aside."""

    def __init__(self, database: Database, caller: Caller, batches: frozenset[int], now: datetime) -> None:
        self._database = database
        self._caller = caller
        self._batches = batches
        self._now = now
        self._changed = ChangedRecords()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._changed.close()

    def outcomes(self, rows: Sequence[BulkRow], proofs: Proofs, *, is_whole: bool) -> list[Outcome]:
        """Return what would become of rows that come after those that were asked about before."""
        with self._database.reading() as unit:
            demand_alive(unit, self._caller, self._now, hold=False)
            decided_rows = Rows(
                unit, self._caller, rows, self._now, earlier=self._batches, lock=False, changed=self._changed
            )
            demand_standing(unit, self.register_of(unit), rows, proofs)
            for row in rows:
                decided_rows.decide(row, proofs, lambda: _NO_SALT, is_whole=is_whole)
            self._changed.keep(decided_rows.orders.changed_records)
            return decided_rows.outcomes()

    def register_of(self, unit: Unit) -> RegisterView:
        """Return the register as the rows that were decided so far would leave it."""
        return _RegisterLeft(unit.register, self._changed)


class _RegisterLeft:
    """The register as the orders of a dry run would have left it."""

    def __init__(self, register: Register, changed: ChangedRecords) -> None:
        self._register = register
        self._changed = changed

    def customers(self, numbers: Collection[str]) -> Mapping[str, Customer]:
        """See `RegisterView`."""
        return {**self._register.customers(numbers), **self._changed.records(numbers)}

    def domain_passwords(self, claims: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """See `RegisterView`; the passwords are those of rule 4."""
        holders = self._register.domain_holders({name for _, name in claims})
        own = self._register.number_passwords({number for number, _ in claims})
        passwords = {}
        for number, name in claims:
            holder, password = holders.get(name, ("", None))
            if self._end_of_chain(holder) == number and (stored := password or own.get(number)):
                passwords[number, name] = stored
        return passwords

    def _end_of_chain(self, number: str) -> str:
        # What was a tombstone before has no packages, so only those of this dry run count.
        while (record := self._changed.records([number]).get(number)) and record.merged_into is not None:
            number = record.merged_into
        return number


class Check:
    """What a run of a file would say."""

    def __init__(self, database: Database, caller: Caller, file: SpooledFile, inputs: RunOptions) -> None:
        self._database = database
        self._caller = caller
        self._file = file
        self._inputs = inputs
        self._counter = ResultCounter(inputs.progress)

    def told(self, begun: Batch | None, *, is_whole: bool) -> RunSummary:
        """Report every row to the progress, those that `begun` has decided as it has; raises LockedOut."""
        total, done = self._file.count(), begun.done if begun else 0
        self._inputs.progress.accepted()
        self._inputs.progress.advanced(done, total)
        with self._database.reading() as unit:
            earlier = frozenset(one.id for one in unit.batches.of_file(self._file.sha256) if one != begun)
            if begun is not None:
                self._counter.tell(decided(unit, begun, self._file))
        with DryRun(self._database, self._caller, earlier, self._inputs.clock()) as dry_run:
            for rows in chunks(self._file, done, self._inputs.chunk, split=not is_whole):
                check = PasswordCheck(
                    database=self._database,
                    caller=self._caller,
                    now=self._inputs.clock,
                    register_of=dry_run.register_of,
                    still_at_it=partial(self._inputs.progress.advanced, done, total),
                )
                found = VerifiedRows({}) if is_whole else verified_rows(check, rows)
                decide = partial(dry_run.outcomes, found.closed(rows), is_whole=is_whole)
                self._counter.tell(with_standing(check, found.proofs, decide))
                if found.stopped_by is not None:
                    raise found.stopped_by
                done = rows[-1].row
                self._inputs.progress.advanced(done, total)
        return self._counter.summary(None, self._file.sha256, total)
