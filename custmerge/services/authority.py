"""Whether transfers and approvals count, asked of the history and of the people as they are, not only of the rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from custmerge.rules import row_digests
from custmerge.rules.authority import Life, life_of, still_may, why_lost
from custmerge.rules.bulk import UNFINISHED, State, approval_holds
from custmerge.rules.history import Action
from custmerge.rules.roles import Capability
from custmerge.rules.transfers import OPEN, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from custmerge.rules.bulk import Batch
    from custmerge.rules.history import Fact
    from custmerge.rules.people import Session
    from custmerge.rules.transfers import Transfer, Why
    from custmerge.storage.unit import Unit


class Staff:
    """Some people, with what the history tells of them, read once."""

    def __init__(self, unit: Unit, ids: Collection[int | None]) -> None:
        self._unit = unit
        self._told: dict[str, list[dict[str, Fact]]] = {}
        known = [one for one in ids if one is not None]
        self._cells = {cells[0]: (cells, body) for cells, body in unit.digested_rows.people(known)} if known else {}

    def is_as_told(self, person: int | None) -> bool:
        """Return whether somebody's row is the one that the newest entry of that name has a digest of."""
        cells, body = self._cells.get(person or 0, ((), None))
        return body is not None and json.loads(body)["row_sha256"] == row_digests.person_row_digest(*cells)

    def has_digest(self, person: int) -> bool:
        """Return whether any entry has a digest of somebody's row."""
        return self._cells.get(person, ((), None))[1] is not None

    def name_of(self, person: int | None) -> str:
        """Return somebody's name, an empty one where there is no such person."""
        cells, _body = self._cells.get(person or 0, ((), None))
        return str(cells[1]) if cells else ""

    def why_not(self, person: int | None, capability: Capability, since: int) -> Why | None:
        """Return why what somebody did in the entry `since` doesn't count any more, None where it does.

        `capability` is what it took.
        """
        cells, _body = self._cells.get(person or 0, ((), None))
        role, disabled_at = (cells[2], cells[5]) if cells else ("", None)
        told = self._told_of(str(cells[1])) if cells else ()
        if still_may(role, disabled_at, capability, since, told):
            return None
        is_approver = capability is not Capability.TRANSFER_FILE
        return why_lost(None if disabled_at is not None else role, is_approver=is_approver)

    def holds(self, person: int | None, capability: Capability, since: int) -> bool:
        """Return whether somebody is as the history has them, and what they did in the entry `since` counts."""
        return self.is_as_told(person) and self.why_not(person, capability, since) is None

    def _told_of(self, name: str) -> list[dict[str, Fact]]:
        if name not in self._told:
            self._told[name] = [json.loads(entry.body) for entry in self._unit.chain.about(Action.USER, "name", name)]
        return self._told[name]


def is_as_told(unit: Unit, session: Session) -> bool:
    """Return whether whoever works with a session is as the newest entry about them has them.

    A role, a password or an end that somebody wrote into the row would else open what it says, and leave no trace
    once it is put back. No entry has a digest of a customer: that is the host's register.
    """
    if session.person is not None:
        return Staff(unit, {session.person.id}).is_as_told(session.person.id)
    if session.service is not None:
        told = [json.loads(entry.body) for entry in unit.chain.about(Action.TOKEN, "name", session.service.name)]
        keys = unit.digested_rows.keys_of(session.service.id)
        digest = row_digests.service_digest(session.service, session.token_sha256)
        return keys == [session.token_sha256] and bool(told) and told[-1].get("row_sha256") == digest
    return True


def standing(unit: Unit, transfers: Iterable[Transfer]) -> dict[int, Status]:
    """Return by its id what each transfer is by the history; one that isn't open in its row is what that says.

    An open one whose row, filer or approver isn't as the history has them is void.
    """
    found = list(transfers)
    asked = [one for one in found if one.status in OPEN]
    lives = lives_of(unit, asked)
    staff = Staff(unit, {person for one in asked for person in (one.filed_by_person, one.decided_by_person)})
    return {one.id: _status(staff, one, lives.get(one.id)) if one.status in OPEN else one.status for one in found}


def has_its_form(unit: Unit, transfer: Transfer) -> bool:
    """Return whether the form of a transfer is, byte for byte, the one that was filed."""
    content = unit.digested_rows.form_of(transfer.id)
    return isinstance(content, bytes) and hashlib.sha256(content).hexdigest() == transfer.form.sha256


def as_it_is(unit: Unit, batch: Batch, now: datetime) -> Batch:
    """Return a batch as it is: one whose approval doesn't count, or not any more, can't be run any further.

    Whatever its row says.
    """
    if batch.approved_at is None or batch.state not in UNFINISHED:
        return batch
    # Entries since an approval are few while it holds, and don't matter afterwards: it can't be used.
    if approval_counts(unit, batch) and (not approval_holds(batch, now) or _is_where_it_was(unit, batch)):
        return batch
    return replace(batch, state=State.FINISHED)


def _is_where_it_was(unit: Unit, batch: Batch) -> bool:
    """Return whether the history has an approved batch as far as its row, and nothing of it undone.

    An approval that a run or an undo has used up would else be good again once somebody sets the row back.
    """
    merges, last, undone = told_of_batch(unit, batch.id, batch.merged)
    # Rows, orders and their entries are one transaction, and an undo ends a batch before its first order.
    return merges == batch.merged and last <= batch.done and not undone


def told_of_batch(unit: Unit, number: int, merged: int) -> tuple[int, int, int]:
    """Return what the history tells of an approved bulk file whose row says that so many were merged.

    These are how many of its rows were merged, the highest of them, and how many orders its undo took back. Versions
    before 0004 approved a file that was running already, so where the entries since the approval aren't all, all are.
    """
    since = unit.chain.of_batch(number, behind=approved_in(unit, number))
    return since if since[0] == merged else unit.chain.of_batch(number, behind=0)


def approval_counts(unit: Unit, batch: Batch) -> bool:
    """Return whether the history has a batch's approval as its row has it, and whoever gave it may still do so."""
    told = _approvals(unit, batch.id)
    digests = [facts["row_sha256"] for facts in told if "row_sha256" in facts]
    if not digests or digests[-1] != row_digests.approval_digest(batch):
        return False
    staff = Staff(unit, {batch.approved_by_person})
    return staff.holds(batch.approved_by_person, Capability.BULK_APPROVE, int(str(told[0]["seq"])))


def approved_in(unit: Unit, batch: int) -> int:
    """Return the seq of the entry that tells of a batch's approval, 0 where there is none."""
    told = _approvals(unit, batch)
    return int(str(told[0]["seq"])) if told else 0


def _approvals(unit: Unit, batch: int) -> list[dict[str, Fact]]:
    """Return the entries of a batch's approval, oldest first: one, and where that has no digest, one that has."""
    return [json.loads(entry.body) for entry in unit.chain.about(Action.BULK_APPROVE, "batch", batch)]


def lives_of(unit: Unit, transfers: Collection[Transfer]) -> dict[int, Life | None]:
    """Return by its id what the history tells of each transfer."""
    if not transfers:
        return {}
    told: dict[int, list[dict[str, Fact]]] = {one.id: [] for one in transfers}
    pairs = {one.id: (one.survivor, one.absorbed) for one in transfers}
    for entry in unit.chain.of_transfers({one.absorbed for one in transfers}):
        facts = json.loads(entry.body)
        number = facts.get("transfer")
        if number in told and (facts["survivor"], facts["absorbed"]) == pairs[number]:
            told[number].append(facts)
    return {number: life_of(entries) for number, entries in told.items()}


def _status(staff: Staff, transfer: Transfer, life: Life | None) -> Status:
    """Return what an open transfer is."""
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
