"""The dry run of a bulk file: each row is decided on the records as the rows before it would leave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial

from custmerge.rules.bulk import Batch, BulkRow, Outcome, Result
from custmerge.rules.fields import Customer
from custmerge.services.access import Caller
from custmerge.services.bulk.file import Rows, RunOptions, RunSummary, decided, report
from custmerge.services.bulk.passwords import PasswordCheck, Proofs, demand_proofs, verified_chunks, with_proofs
from custmerge.storage.database import Database
from custmerge.storage.files.csv_file import SpooledFile
from custmerge.storage.files.temporary import ChangedRecords
from custmerge.storage.register.records import Register

_NO_SALT = bytes(16)


def dry_run(
    database: Database, caller: Caller, file: SpooledFile, options: RunOptions, begun: Batch | None, *, is_whole: bool
) -> RunSummary:
    """Return what a run of a file would return; changed records go to temporary files, not to the database.

    Every row is reported to the progress, those that `begun` has decided with its outcome. Raises LockedOut.
    """
    total, done = file.count(), begun.done if begun else 0
    progress, counts = options.progress, Counter[Result]()
    progress.accepted()
    progress.advanced(done, total)
    with database.reading() as unit:
        earlier = frozenset(batch.id for batch in unit.batches.of_file(file.sha256) if batch != begun)
        apart = unit.mapping.records_shift
        if begun is not None:
            report(progress, counts, decided(unit, begun, file))
    with closing(ChangedRecords()) as changed:
        check = PasswordCheck(
            database=database,
            caller=caller,
            now=options.clock,
            register_of=lambda unit: _DryRunRegister(unit.register, changed),
            keep_alive=lambda: progress.advanced(done, total),
        )
        decide = partial(_outcomes, check, changed, earlier, options.clock(), is_whole)
        for rows, proofs in verified_chunks(check, file, done, options.chunk, is_whole=is_whole, apart=apart):
            report(progress, counts, with_proofs(check, rows, proofs, decide))
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
    """Return the outcomes of rows, decided after the rows whose records are in `changed`."""
    with check.database.reading() as unit:
        orders = Rows(unit, check.caller, rows, now, batch=None, earlier=earlier, changed=changed)
        demand_proofs(unit, check.register_of(unit), rows, proofs)
        for row in rows:
            orders.decide(row, proofs, lambda: _NO_SALT, is_whole=is_whole)
        changed.keep(orders.state.changed_records)
        if unit.references.tables:
            changed.keep_orders(orders.earlier())
        return orders.outcomes()


class _DryRunRegister:
    """The register after the orders of a dry run."""

    def __init__(self, register: Register, changed: ChangedRecords) -> None:
        self._register = register
        self._changed = changed

    def customers(self, numbers: Collection[str]) -> Mapping[str, Customer]:
        """See `RegisterView`."""
        return {**self._register.customers(numbers), **self._changed.records(numbers)}

    def domain_passwords(self, claims: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """See `RegisterView`; the passwords are those of rule 4."""
        # Packages that came with numbers merged in this dry run are still stored under those.
        sources = {number: self._changed.leading_to(number) for number, _ in claims}
        holders = self._register.domain_holders(
            {(source, name) for number, name in claims for source in sources[number]}
        )
        own = self._register.number_passwords({number for number, _ in claims})
        passwords = {}
        for number, name in claims:
            of_packages = [holders[source, name] for source in sources[number] if (source, name) in holders]
            if of_packages and (stored := of_packages[0] or own.get(number)):
                passwords[number, name] = stored
        return passwords

    def number_passwords(self, numbers: Collection[str]) -> Mapping[str, str | None]:
        """See `RegisterView`."""
        return self._register.number_passwords(numbers)
