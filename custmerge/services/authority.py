"""What authorises a merge: proofs, contract transfers and approvals that count now (contract §2, rules 3 and 5).

A transfer or an approval counts by the history and by the people as they are now, not by its row alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from custmerge.rules import row_digests
from custmerge.rules.authority import Life, life_of, still_may, why_lost
from custmerge.rules.bulk import UNFINISHED, Batch, State, approval_holds
from custmerge.rules.fields import Customer, Pair
from custmerge.rules.history import Action, Fact
from custmerge.rules.people import Capability, Session
from custmerge.rules.transfers import OPEN, Status, Transfer, Why, approved_now

if TYPE_CHECKING:
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Unit


class Staff:
    """The rows of some members of staff, and the newest entries with digests of them, read once."""

    def __init__(self, unit: Unit, ids: Collection[int | None]) -> None:
        self._unit = unit
        self._entries: dict[str, list[dict[str, Fact]]] = {}
        known = [person for person in ids if person is not None]
        self._rows = {row.id: (row, body) for row, body in unit.people.rows_with_entries(known)} if known else {}

    def is_as_told(self, person: int | None) -> bool:
        """Return whether a person's row is the one that the newest entry of that name has a digest of."""
        row, body = self._row_of(person)
        return (
            row is not None
            and body is not None
            and json.loads(body)["row_sha256"] == row_digests.person_row_digest(*row)
        )

    def has_digest(self, person: int) -> bool:
        """Return whether any entry has a digest of a person's row."""
        return self._row_of(person)[1] is not None

    def name_of(self, person: int | None) -> str:
        """Return a person's name, an empty one where there is no such person."""
        row, _body = self._row_of(person)
        return "" if row is None else str(row.name)

    def why_not(self, person: int | None, capability: Capability, since: int) -> Why | None:
        """Return why what a person did in the entry `since` doesn't count any more, None where it does.

        `capability` is the one that they needed for it.
        """
        row, _body = self._row_of(person)
        role, disabled_at = ("", None) if row is None else (row.role, row.disabled_at)
        entries = () if row is None else self._entries_of(str(row.name))
        if still_may(role, disabled_at, capability, since, entries):
            return None
        is_approver = capability is not Capability.TRANSFER_FILE
        return why_lost(None if disabled_at is not None else role, is_approver=is_approver)

    def holds(self, person: int | None, capability: Capability, since: int) -> bool:
        """Return whether a person's row is as the history has it, and what they did in the entry `since` counts."""
        return self.is_as_told(person) and self.why_not(person, capability, since) is None

    # Any: a row as it is stored, with columns of every type.
    def _row_of(self, person: int | None) -> tuple[Any, str | None]:
        return self._rows.get(person or 0, (None, None))

    def _entries_of(self, name: str) -> list[dict[str, Fact]]:
        if name not in self._entries:
            entries = self._unit.chain.about(Action.USER, "name", name)
            self._entries[name] = [json.loads(entry.body) for entry in entries]
        return self._entries[name]


def is_as_told(unit: Unit, session: Session) -> bool:
    """Return whether the row of a session's person or service token has the digest that its newest entry tells.

    Otherwise a role, a password or an end could be written into the row, used, and put back without a trace. No entry
    has a digest of a customer: the register belongs to the host.
    """
    if session.person is not None:
        return Staff(unit, {session.person.id}).is_as_told(session.person.id)
    if session.service is not None:
        entries = [json.loads(entry.body) for entry in unit.chain.about(Action.TOKEN, "name", session.service.name)]
        keys = unit.people.keys_of(session.service.id)
        digest = row_digests.service_digest(session.service, session.token_sha256)
        return keys == [session.token_sha256] and bool(entries) and entries[-1].get("row_sha256") == digest
    return True


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
    statuses = standing(unit, transfers.values())
    return {
        pair: transfer
        for pair, transfer in transfers.items()
        if statuses[transfer.id] is Status.APPROVED and has_its_form(unit, transfer)
    }


def approved_for(unit: Unit, survivor: Customer, absorbed: Customer) -> int | None:
    """Return the id of the approved, unused transfer for exactly this pair in this direction, or None."""
    transfers = approved(unit, unit.transfers.open_for_all([absorbed.number], lock=False))
    return approved_now(transfers.get((survivor.number, absorbed.number)), survivor, absorbed)


def standing(unit: Unit, transfers: Iterable[Transfer]) -> dict[int, Status]:
    """Return by its id the status that each transfer has by the history.

    A transfer that is open in its row is void if its row, filer or approver isn't as the history has them; any other
    has the status of its row.
    """
    transfers = list(transfers)
    open_ones = [transfer for transfer in transfers if transfer.status in OPEN]
    lives = lives_of(unit, open_ones)
    staff = Staff(
        unit, {person for transfer in open_ones for person in (transfer.filed_by_person, transfer.decided_by_person)}
    )
    return {
        transfer.id: _status(staff, transfer, lives[transfer.id]) if transfer.id in lives else transfer.status
        for transfer in transfers
    }


def has_its_form(unit: Unit, transfer: Transfer) -> bool:
    """Return whether the form of a transfer is, byte for byte, the one that was filed."""
    content = unit.transfers.form_of(transfer.id)
    return isinstance(content, bytes) and hashlib.sha256(content).hexdigest() == transfer.form.sha256


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
    if not digests or digests[-1] != row_digests.approval_digest(batch):
        return False
    staff = Staff(unit, {batch.approved_by_person})
    return staff.holds(batch.approved_by_person, Capability.BULK_APPROVE, int(str(told[0]["seq"])))


def approved_in(unit: Unit, batch: int) -> int:
    """Return the seq of the entry that tells of a batch's approval, 0 where there is no such entry."""
    told = _approvals(unit, batch)
    return int(str(told[0]["seq"])) if told else 0


def _approvals(unit: Unit, batch: int) -> list[dict[str, Fact]]:
    """Return the entries of a batch's approval, oldest first: a second one adds the digest that the first lacks."""
    return [json.loads(entry.body) for entry in unit.chain.about(Action.BULK_APPROVE, "batch", batch)]


def lives_of(unit: Unit, transfers: Collection[Transfer]) -> dict[int, Life | None]:
    """Return by its id what the history tells of each transfer, None where it tells nothing."""
    if not transfers:
        return {}
    told: dict[int, list[dict[str, Fact]]] = {transfer.id: [] for transfer in transfers}
    pairs = {transfer.id: (transfer.survivor, transfer.absorbed) for transfer in transfers}
    for entry in unit.chain.of_transfers({transfer.absorbed for transfer in transfers}):
        facts = json.loads(entry.body)
        number = facts.get("transfer")
        if number in told and (facts["survivor"], facts["absorbed"]) == pairs[number]:
            told[number].append(facts)
    return {number: life_of(entries) for number, entries in told.items()}


def _status(staff: Staff, transfer: Transfer, life: Life | None) -> Status:
    """Return the status of a transfer that is open in its row, see `standing`."""
    if life is None:
        return Status.VOID
    if life.status not in OPEN:
        return life.status
    is_as_told = life.status is transfer.status and life.filing_digest == row_digests.filing_digest(transfer)
    if not is_as_told or not staff.holds(transfer.filed_by_person, Capability.TRANSFER_FILE, life.filed):
        return Status.VOID
    return Status.FILED if transfer.status is Status.FILED else _of_approved(staff, transfer, life)


def _of_approved(staff: Staff, transfer: Transfer, life: Life) -> Status:
    holds = (
        transfer.decided_by_person != transfer.filed_by_person
        and life.decision_digest == row_digests.kept_decision_digest(transfer)
        and staff.holds(transfer.decided_by_person, Capability.TRANSFER_DECIDE, life.decided)
    )
    return Status.APPROVED if holds else Status.VOID
