"""Approvals of bulk files: they are valid by the history and by the present rights of who gave them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.rules.bulk import UNFINISHED, Batch, State, approval_digest, approval_holds
from custmerge.rules.history import Action, Fact, seq_of
from custmerge.rules.people import Capability
from custmerge.services.access import Staff

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit


def with_present_state(unit: Unit, batch: Batch, now: datetime) -> Batch:
    """Return a batch with the state that the history gives it: finished if its approval isn't valid any more."""
    if batch.approved_at is None or batch.state not in UNFINISHED:
        return batch
    # The entries since the approval are read only while it can still be used; they are few then.
    if approval_counts(unit, batch) and (not approval_holds(batch, now) or _matches_history(unit, batch)):
        return batch
    return replace(batch, state=State.FINISHED)


def _matches_history(unit: Unit, batch: Batch) -> bool:
    """Return whether the history has as many merges of an approved batch as its row, and no undo of it.

    Otherwise an approval that a run or an undo has used up could be renewed by setting the row back by hand.
    """
    merges, last, undone = batch_history(unit, batch.id, batch.merged)
    # One transaction writes rows, orders and entries of a chunk, and an undo ends a batch before its first order.
    return merges == batch.merged and last <= batch.done and not undone


def batch_history(unit: Unit, number: int, merged: int) -> tuple[int, int, int]:
    """Return what the history says about an approved batch whose row says that `merged` of its rows were merged.

    That is (number of merged rows, the highest of these rows, number of orders undone by its undo), counted since the
    approval. Versions before 0004 also approved running files: if `merged` differs, all entries are counted.
    """
    since = unit.chain.of_batch(number, after=approved_in(unit, number))
    return since if since[0] == merged else unit.chain.of_batch(number, after=0)


def approval_counts(unit: Unit, batch: Batch) -> bool:
    """Return whether a batch's approval matches the history, and its approver may still approve."""
    entries = _approvals(unit, batch.id)
    digests = [facts["row_sha256"] for facts in entries if "row_sha256" in facts]
    if not digests or digests[-1] != approval_digest(batch):
        return False
    staff = Staff(unit, {batch.approved_by_person})
    return staff.holds(batch.approved_by_person, Capability.BULK_APPROVE, seq_of(entries[0]))


def lost_approvals(unit: Unit) -> Iterator[tuple[int, str]]:
    """Yield (batch, name of the approver) of unfinished bulk files whose approver may not approve any more."""
    approvals = unit.batches.open_approvals()
    staff = Staff(unit, {person for _batch, person in approvals})
    for batch, person in approvals:
        if staff.why_not(person, Capability.BULK_APPROVE, approved_in(unit, batch)) is not None:
            yield batch, staff.name_of(person)


def approved_in(unit: Unit, batch: int) -> int:
    """Return the seq of the entry of a batch's approval, 0 if there is none."""
    entries = _approvals(unit, batch)
    return seq_of(entries[0]) if entries else 0


def _approvals(unit: Unit, batch: int) -> list[dict[str, Fact]]:
    """Return the entries of a batch's approval, oldest first; a second one adds a digest that the first lacks."""
    return [json.loads(entry.body) for entry in unit.chain.about(Action.BULK_APPROVE, "batch", batch)]
