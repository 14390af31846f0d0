"""What a run would say: rows decided on the records as the rows before them would leave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial

from custmerge.rules.bulk import Batch, BulkRow, Outcome, Result
from custmerge.rules.fields import Customer
from custmerge.services.access import Caller
from custmerge.services.bulk.file import Rows, RunOptions, RunSummary, decided, tell
from custmerge.services.bulk.passwords import PasswordCheck, Proofs, demand_standing, verified_chunks, with_standing
from custmerge.storage.database import Database
from custmerge.storage.files.csv_file import SpooledFile
from custmerge.storage.files.temporary import ChangedRecords
from custmerge.storage.register.records import Register

_NO_SALT = bytes(16)


def dry_run(
    database: Database, caller: Caller, file: SpooledFile, options: RunOptions, begun: Batch | None, *, is_whole: bool
) -> RunSummary:
    """Say what a run of a file would say, writing nothing: what its orders would change is kept aside.

    Every row goes to the progress, those that `begun` has decided as it has. Raises LockedOut.
    """
    total, done = file.count(), begun.done if begun else 0
    progress, counts = options.progress, Counter[Result]()
    progress.accepted()
    progress.advanced(done, total)
    with database.reading() as unit:
        earlier = frozenset(batch.id for batch in unit.batches.of_file(file.sha256) if batch != begun)
        if begun is not None:
            tell(progress, counts, decided(unit, begun, file))
    with closing(ChangedRecords()) as changed:
        check = PasswordCheck(
            database=database,
            caller=caller,
            now=options.clock,
            register_of=lambda unit: _RegisterLeft(unit.register, changed),
            still_at_it=lambda: progress.advanced(done, total),
        )
        decide = partial(_outcomes, check, changed, earlier, options.clock(), is_whole)
        for rows, proofs in verified_chunks(check, file, done, options.chunk, is_whole=is_whole):
            tell(progress, counts, with_standing(check, rows, proofs, decide))
            done += len(rows)
            progress.advanced(done, total)
    return RunSummary(None, file.sha256, total, counts)


def _outcomes(
    check: PasswordCheck,
    changed: ChangedRecords,
    earlier: frozenset[int],
    now: datetime,
    is_whole: bool,
    rows: Sequence[BulkRow],
    proofs: Proofs,
) -> list[Outcome]:
    """Return what would become of rows that come after those that `changed` tells of."""
    with check.database.reading() as unit:
        orders = Rows(unit, check.caller, rows, now, batch=None, earlier=earlier, changed=changed)
        demand_standing(unit, check.register_of(unit), rows, proofs)
        for row in rows:
            orders.decide(row, proofs, lambda: _NO_SALT, is_whole=is_whole)
        changed.keep(orders.state.changed_records)
        return orders.outcomes()


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
