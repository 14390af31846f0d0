"""Bulk merges: a file is checked, approved, run in chunks, and continued after an interruption (contract §6)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import BatchApproved
from custmerge.rules.bulk import COLUMNS, REQUIRED, Batch, State, approval_digest, approval_holds, can_continue
from custmerge.rules.history import Action, Draft, Fact, stamp
from custmerge.rules.people import Capability
from custmerge.rules.proofs import ProofBy
from custmerge.services.access import Caller, demand, demand_alive, person_of
from custmerge.services.approvals import with_present_state
from custmerge.services.bulk.file import RunOptions, RunSummary, opened
from custmerge.services.bulk.lease import leased
from custmerge.storage.files.csv_file import spooled

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

LISTED_AT_MOST = 100


def check(database: Database, caller: Caller, path: str, options: RunOptions) -> RunSummary:
    """Return what a run would return, changing nothing; a file without passwords is treated as approved.

    Raises NotAllowed, BadFile, LockedOut and DatabaseError as a run would.
    """
    demand(caller, Capability.MERGE_ANY)
    with opened(path) as file:
        with database.reading() as unit:
            now = options.clock()
            batch = _newest_of(unit, file.sha256, now)
            has_proofs = "password" in file.columns and unit.register.proof_by is not ProofBy.NOTHING
        is_whole = not has_proofs or (batch is not None and approval_holds(batch, now))
        has_begun = batch is not None and can_continue(batch, now) and is_whole == approval_holds(batch, now)
        # Imported here: only checks and runs need the libraries of password hashes.
        from custmerge.services.bulk.dry_run import dry_run

        return dry_run(database, caller, file, options, batch if has_begun else None, is_whole=is_whole)


def approvable(database: Database, caller: Caller, path: str, options: RunOptions) -> RunSummary:
    """Return what a run of the file would return if it were approved; verifies no passwords.

    Raises NotAllowed, BadFile, DatabaseError, and BatchApproved if the file is approved already.
    """
    demand(caller, Capability.BULK_APPROVE)
    with opened(path) as file:
        with database.reading() as unit:
            _demand_unapproved(unit, file.sha256, path, options.clock())
        from custmerge.services.bulk.dry_run import dry_run

        return dry_run(database, caller, file, options, None, is_whole=True)


def approve(database: Database, caller: Caller, path: str, ran: RunSummary, now: datetime) -> Batch:
    """Approve the file that was checked, byte for byte, so that another person can run it within 7 days."""
    demand(caller, Capability.BULK_APPROVE)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            # If two people approve a file at once, the second has to see the batch of the first.
            unit.chain.lock()
            _demand_unapproved(unit, ran.sha256, path, now, lock=True)
            # Always a new batch: in a run that began without an approval, rows that it has refused would stay so.
            new = Batch(
                sha256=ran.sha256,
                state=State.APPROVED,
                rows=ran.rows,
                approved_by=caller.name,
                approved_by_person=person_of(caller),
                approved_at=stamp(now),
                at=stamp(now),
            )
            batch = unit.batches.add(new)
            facts: dict[str, Fact] = {
                "batch": batch.id,
                "rows": batch.rows,
                "file_sha256": batch.sha256,
                "row_sha256": approval_digest(batch),
            }
            unit.chain.append([Draft(stamp(now), caller.actor, Action.BULK_APPROVE, facts)])
    return batch


def _newest_of(unit: Unit, sha256: str, now: datetime, *, lock: bool = False) -> Batch | None:
    batch = unit.batches.newest_of(sha256, lock=lock)
    return None if batch is None else with_present_state(unit, batch, now)


def _demand_unapproved(unit: Unit, sha256: str, path: str, now: datetime, *, lock: bool = False) -> None:
    batch = _newest_of(unit, sha256, now, lock=lock)
    if batch is not None and approval_holds(batch, now):
        raise BatchApproved(file=path, approved_by=batch.approved_by)


def run(database: Database, caller: Caller, path: str, options: RunOptions) -> RunSummary:
    """Execute a file's rows, or continue an earlier run that was cut off.

    Raises BadFile, NotApproved, OwnBatch, BatchMoved if another process runs it, DatabaseError; committed rows
    stay executed.
    """
    demand(caller, Capability.MERGE_ANY)
    from custmerge.services.bulk.file_run import FileRun

    with opened(path) as file, leased(database, file.sha256, options.new_salt().hex()) as lease:
        file_run = FileRun(database, caller, file, options, lease)
        file_run.begin()
        return file_run.to_the_end()


def status(database: Database, caller: Caller, path: str | None, now: datetime) -> tuple[Batch, ...]:
    """Return the newest batches, of one file or of all files, newest first."""
    demand(caller, Capability.MERGE_ANY)
    sha256 = None
    if path is not None:
        with spooled(path, COLUMNS, REQUIRED) as file:
            sha256 = file.sha256
    with database.reading() as unit:
        return tuple(with_present_state(unit, batch, now) for batch in unit.batches.newest(sha256, LISTED_AT_MOST))
