"""Work that waits for a supervisor: contract transfers to decide, approved bulk files to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.rules.bulk import UNFINISHED, Batch, approval_holds
from custmerge.rules.history import stamp
from custmerge.rules.people import Capability, may
from custmerge.rules.transfers import Status
from custmerge.services.access import Caller
from custmerge.services.approvals import with_present_state
from custmerge.services.authority import with_present_status

if TYPE_CHECKING:
    from custmerge.storage.database import Database


@dataclass(frozen=True, slots=True)
class OpenWork:
    """The numbers of things that wait for a person."""

    transfers: int = 0
    """Contract transfers that others filed and nobody decided."""
    batches: int = 0
    """Bulk files that others approved and nobody has run to the end."""


def waiting(database: Database, caller: Caller, now: datetime) -> OpenWork:
    """Return the number of things that the caller may decide or run; 0 unless the caller is a supervisor."""
    if not may(caller.role, Capability.TRANSFER_DECIDE):
        return OpenWork()
    with database.reading() as unit:
        filed = with_present_status(unit, unit.transfers.stored_as(Status.FILED))
        batches = [with_present_state(unit, batch, now) for batch in unit.batches.unfinished()]
    return OpenWork(
        sum(transfer.status is Status.FILED and transfer.filed_by_person != caller.person for transfer in filed),
        sum(_is_runnable(batch, caller, now) for batch in batches),
    )


def _is_runnable(batch: Batch, caller: Caller, now: datetime) -> bool:
    """Return whether the caller can run an approved bulk file that nobody is running."""
    if batch.state not in UNFINISHED or batch.approved_at is None or batch.approved_by_person == caller.person:
        return False
    is_running = batch.alive_until is not None and batch.alive_until >= stamp(now)
    return not is_running and approval_holds(batch, now)
