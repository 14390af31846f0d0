"""What authorises a merge: proofs, contract transfers and approvals that count now (contract §2, rules 3 and 5).

A transfer or an approval counts by the history and by the people as they are now, not by its row alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.rules.bulk import UNFINISHED, Batch, State, approval_digest, approval_holds
from custmerge.rules.compare import Comparison, Decision, Waiting
from custmerge.rules.fields import Customer, Pair, Records
from custmerge.rules.history import Action, Fact, Facts, seq_of
from custmerge.rules.people import Capability, may
from custmerge.rules.transfers import (
    OPEN,
    Life,
    Status,
    Transfer,
    approved_now,
    decision_digest,
    filing_digest,
    is_as_filed,
    life_of,
    status_now,
)
from custmerge.services.access import Caller, Staff

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit


def proved_pairs(unit: Unit, caller: Caller, absorbed: Collection[str], now: datetime) -> set[Pair]:
    """Return the pairs that the caller's session has proved, if what the proofs rest on is still there (rule 3).

    An order asks for them after it has locked its records and packages.
    """
    proofs = unit.people.proofs(caller.token_sha256, absorbed)
    if not proofs:
        return set()
    stored = unit.register.domain_passwords({(proof.absorbed, proof.domain) for proof in proofs})
    return {
        (proof.survivor, proof.absorbed)
        for proof in proofs
        if proof.holds(stored.get((proof.absorbed, proof.domain)), now)
    }


def approved(unit: Unit, transfers: Mapping[Pair, Transfer]) -> dict[Pair, Transfer]:
    """Return those of some transfers that the history has as approved, by people who may, with the form as filed.

    An order asks for them after it has locked their rows.
    """
    return {
        (transfer.survivor, transfer.absorbed): transfer
        for transfer in standing(unit, transfers.values())
        if transfer.status is Status.APPROVED
        and is_as_filed(unit.transfers.form_of(transfer.id), transfer.form.sha256)
    }


def approved_for(unit: Unit, pair: Pair, records: Records) -> int | None:
    """Return the id of the approved, unused transfer for exactly this pair in this direction, or None."""
    transfers = approved(unit, unit.transfers.open_for_all([pair[1]], lock=False))
    return approved_now(transfers.get(pair), records)


def remedied(unit: Unit, caller: Caller, comparison: Comparison) -> Comparison:
    """Return a comparison with what the caller can do about its block, if they may file a contract transfer."""
    if comparison.decision is not Decision.BLOCKED or not may(caller.role, Capability.TRANSFER_FILE):
        return comparison
    pair = comparison.survivor, comparison.absorbed
    stored = unit.transfers.open_for_all([comparison.absorbed]).get(pair)
    filed = None if stored is None else as_it_is_with_its_form(unit, stored)
    if filed is None or filed.status is not Status.FILED:
        return replace(comparison, may_file=True)
    return replace(comparison, may_file=True, waiting=Waiting(filed.id, filed.filed_by))


def as_it_is_with_its_form(unit: Unit, stored: Transfer) -> Transfer:
    """Return a transfer with the status that it has now: void, too, if its form isn't the one that was filed."""
    (transfer,) = as_they_are(unit, [stored])
    if transfer.status in OPEN and not is_as_filed(unit.transfers.form_of(transfer.id), transfer.form.sha256):
        return replace(transfer, status=Status.VOID)
    return transfer


def as_they_are(unit: Unit, stored: Iterable[Transfer]) -> list[Transfer]:
    """Return transfers with the status that they have now, by the history and by their pairs' records."""
    transfers = standing(unit, stored)
    records = records_of(unit, [transfer for transfer in transfers if transfer.status in OPEN])
    return [replace(transfer, status=status_now(transfer, records)) for transfer in transfers]


def records_of(unit: Unit, transfers: Iterable[Transfer]) -> dict[str, Customer]:
    """Return the records of the pairs of some transfers."""
    numbers = {number for transfer in transfers for number in (transfer.survivor, transfer.absorbed)}
    return unit.register.customers(numbers) if numbers else {}


def standing(unit: Unit, stored: Iterable[Transfer]) -> list[Transfer]:
    """Return transfers with the status that each has by the history.

    A transfer that is open in its row is void if its row, filer or approver isn't as the history has them; any other
    has the status of its row.
    """
    stored = list(stored)
    open_ones = [transfer for transfer in stored if transfer.status in OPEN]
    lives, staff = lives_of(unit, open_ones), staff_of(unit, open_ones)
    return [
        replace(transfer, status=_status(staff, transfer, lives[transfer.id])) if transfer.id in lives else transfer
        for transfer in stored
    ]


def as_it_is(unit: Unit, batch: Batch, now: datetime) -> Batch:
    """Return a batch with the state that it has by the history: finished if its approval doesn't count any more."""
    if batch.approved_at is None or batch.state not in UNFINISHED:
        return batch
    # The entries since the approval are read only while it can still be used: until then they are few.
    if approval_counts(unit, batch) and (not approval_holds(batch, now) or _is_where_it_was(unit, batch)):
        return batch
    return replace(batch, state=State.FINISHED)


def _is_where_it_was(unit: Unit, batch: Batch) -> bool:
    """Return whether the history has as many merges of an approved batch as its row, and nothing of it undone.

    Otherwise a row that is set back by hand would renew an approval that a run or an undo has used up.
    """
    merges, last, undone = told_of_batch(unit, batch.id, batch.merged)
    # A chunk's rows, orders and entries are one transaction, and an undo ends a batch before its first order.
    return merges == batch.merged and last <= batch.done and not undone


def told_of_batch(unit: Unit, number: int, merged: int) -> tuple[int, int, int]:
    """Return what the history tells of an approved batch whose row says that `merged` of its rows were merged.

    That is (number of merged rows, the highest of these rows, number of orders taken back by its undo), counted since
    the approval. Versions before 0004 approved files that were running already: if the numbers differ, all count.
    """
    since = unit.chain.of_batch(number, behind=approved_in(unit, number))
    return since if since[0] == merged else unit.chain.of_batch(number, behind=0)


def approval_counts(unit: Unit, batch: Batch) -> bool:
    """Return whether the history has a batch's approval as its row has it, and its approver may still approve."""
    told = _approvals(unit, batch.id)
    digests = [facts["row_sha256"] for facts in told if "row_sha256" in facts]
    if not digests or digests[-1] != approval_digest(batch):
        return False
    staff = Staff(unit, {batch.approved_by_person})
    return staff.holds(batch.approved_by_person, Capability.BULK_APPROVE, seq_of(told[0]))


def lost_approvals(unit: Unit) -> Iterator[tuple[int, str]]:
    """Give (batch, name of the approver) of unfinished bulk files whose approver may not approve any more."""
    approvals = unit.batches.open_approvals()
    staff = Staff(unit, {person for _batch, person in approvals})
    for batch, person in approvals:
        if staff.why_not(person, Capability.BULK_APPROVE, approved_in(unit, batch)) is not None:
            yield batch, staff.name_of(person)


def approved_in(unit: Unit, batch: int) -> int:
    """Return the seq of the entry that tells of a batch's approval, 0 where there is no such entry."""
    told = _approvals(unit, batch)
    return seq_of(told[0]) if told else 0


def _approvals(unit: Unit, batch: int) -> list[dict[str, Fact]]:
    """Return the entries of a batch's approval, oldest first: a second one adds the digest that the first lacks."""
    return [json.loads(entry.body) for entry in unit.chain.about(Action.BULK_APPROVE, "batch", batch)]


def staff_of(unit: Unit, transfers: Iterable[Transfer]) -> Staff:
    """Return the people who filed and decided some transfers."""
    return Staff(
        unit, {person for transfer in transfers for person in (transfer.filed_by_person, transfer.decided_by_person)}
    )


def lives_of(unit: Unit, transfers: Collection[Transfer]) -> dict[int, Life | None]:
    """Return by its id what the history tells of each transfer, None where it tells nothing."""
    if not transfers:
        return {}
    entries = entries_of(unit, {transfer.id: transfer.absorbed for transfer in transfers})
    return {
        transfer.id: life_of(
            facts
            for facts in entries[transfer.id]
            if (facts["survivor"], facts["absorbed"]) == (transfer.survivor, transfer.absorbed)
        )
        for transfer in transfers
    }


def entries_of(unit: Unit, transfers: Mapping[int, str]) -> dict[int, list[Facts]]:
    """Return the entries that name each of some transfers, oldest first, by its id.

    `transfers` are ids, each with the number that would be absorbed.
    """
    told: dict[int, list[Facts]] = {number: [] for number in transfers}
    # All are read before one is parsed: an audit goes on behind an odd one, and an open cursor would end with it.
    for entry in list(unit.chain.of_transfers(set(transfers.values()))):
        facts = json.loads(entry.body)
        if facts.get("transfer") in told:
            told[facts["transfer"]].append(facts)
    return told


def _status(staff: Staff, transfer: Transfer, life: Life | None) -> Status:
    """Return the status of a transfer that is open in its row, see `standing`."""
    if life is None:
        return Status.VOID
    if life.status not in OPEN:
        return life.status
    holds = (
        life.status is transfer.status
        and life.filing_digest == filing_digest(transfer.row)
        and staff.holds(transfer.filed_by_person, Capability.TRANSFER_FILE, life.filed)
    )
    if holds and transfer.status is Status.APPROVED:
        holds = (
            transfer.decided_by_person != transfer.filed_by_person
            and life.decision_digest == decision_digest(transfer.row, transfer.status)
            and staff.holds(transfer.decided_by_person, Capability.TRANSFER_DECIDE, life.decided)
        )
    return transfer.status if holds else Status.VOID


def last_update(unit: Unit, kind: str) -> int:
    """Return the seq of the newest entry of an import that changed rows of a kind, 0 where there is none."""
    with closing(unit.chain.newest(action=Action.IMPORT.value)) as entries:
        for entry in entries:
            facts = json.loads(entry.body)
            if facts.get("kind") == kind and facts.get("updated"):
                return entry.seq
    return 0
