"""What a run would say: rows decided on the records as the rows before them would leave them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

from custmerge.services.access import demand_alive
from custmerge.services.bulk.file import ResultCounter, chunks, decided
from custmerge.services.bulk.passwords import (
    PasswordCheck,
    VerifiedRows,
    demand_standing,
    verified_rows,
    with_standing,
)
from custmerge.services.bulk.rows import Rows
from custmerge.storage.ledger.changed_records import ChangedRecords

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from custmerge.rules.bulk import Batch, BulkRow, Outcome
    from custmerge.rules.fields import Customer
    from custmerge.services.access import Caller
    from custmerge.services.bulk.file import RunOptions, RunSummary
    from custmerge.services.bulk.passwords import Proofs
    from custmerge.storage.database import Database
    from custmerge.storage.files.csv_file import SpooledFile
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
            demand_standing(unit, self, rows, proofs)
            for row in rows:
                decided_rows.decide(row, proofs, lambda: _NO_SALT, is_whole=is_whole)
            self._changed.keep(decided_rows.orders.changed_records)
            return decided_rows.outcomes()

    def customers(self, unit: Unit, numbers: Collection[str]) -> Mapping[str, Customer]:
        """Return the records of those of `numbers` that exist, as the rows before leave them."""
        return {**unit.register.customers(numbers), **self._changed.records(numbers)}

    def domain_passwords(self, unit: Unit, claims: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """Return for pairs of a number and a domain of it, as the rows before leave them, the hash of the password.

        Left out where neither the domain's package nor the number has a password (rule 4).
        """
        holders = unit.register.domain_holders({name for _, name in claims})
        own = unit.register.number_passwords({number for number, _ in claims})
        found = {}
        for number, name in claims:
            held = holders.get(name)
            if held is not None and self._end_of_chain(held[0]) == number and (stored := held[1] or own.get(number)):
                found[number, name] = stored
        return found

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
                    register=dry_run,
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
