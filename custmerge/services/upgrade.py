"""History entries that older versions didn't write: digests of rows, void transfers, who chose a password.

Each row of staff, tokens, transfers and approvals gets one more entry of the action that wrote it, by `init`. A row
that has no entry, or differs from it, gets no digest, and a row that has one is left alone: an audit has to find what
was added or changed by hand.

Versions before 0006 made transfers void without an entry. These get one in the transaction that upgrades the
database, which happens once: a row that is made void by hand later never gets one. They didn't keep who chose a
password either, but the history does: people whose password another person chose change it at their next login.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from custmerge.rules.history import Action, Actor, Draft, Fact, row_digest, seq_of, stamp
from custmerge.rules.people import Capability, person_digest, person_row_digest
from custmerge.rules.transfers import (
    DECISIONS,
    OPEN,
    STATUS_AFTER,
    Status,
    Transfer,
    TransferHistory,
    Why,
    decision_digest,
    filing_digest,
    void_entries,
)
from custmerge.services.access import Staff
from custmerge.services.approvals import approved_in, lost_approvals
from custmerge.services.authority import last_update, staff_of, transfer_histories
from custmerge.storage.database import Database
from custmerge.storage.unit import Unit

RowEntry = tuple[Action, Mapping[str, Fact]]
"""The action that wrote a row, and the facts of the entry with its digest."""

INIT = Actor("init", "system")
NOTED_SINCE = "0006"
"""The first version that writes entries of void transfers and keeps who chose a password."""


def write_missing_digests(database: Database, now: datetime) -> int:
    """Write an entry with the digest of each row that has none, and return their number."""
    with database.reading() as unit:
        if not any(_missing_digests(unit)):
            return 0
    for attempt in database.attempts():
        with attempt as unit:
            # The lock comes before the rows are read: every change of such a row appends an entry.
            head = unit.chain.lock()
            drafts = [Draft(stamp(now), INIT, action, facts) for action, facts in _missing_digests(unit)]
            if drafts:
                unit.chain.append(drafts, locked=head)
    return len(drafts)


def catch_up(unit: Unit, version: str, now: datetime) -> None:
    """Write what versions before 0006 didn't: entries of void transfers, and who chose which password."""
    if version >= NOTED_SINCE:
        return
    head = unit.chain.lock()
    drafts = [*_void(unit, stamp(now)), *_chosen_by_others(unit, stamp(now))]
    if drafts:
        unit.chain.append(drafts, locked=head)
    for batch, _approver in lost_approvals(unit):
        if approved_in(unit, batch):
            unit.batches.finish(batch)


def _void(unit: Unit, at: str) -> Iterator[Draft]:
    """Yield the entries of transfers that an older version made void, if its history explains why.

    Open transfers become void, too, if the older version had made them void or their people lost the right.
    """
    void = unit.transfers.stored_as(Status.VOID)
    histories, updated = transfer_histories(unit, void), last_update(unit, "customers") if void else 0
    for transfer in void:
        history = histories[transfer.id]
        if history is None or history.status not in OPEN:
            continue
        # An entry after the filing has to say why: an import that may have changed the pair, or an order.
        if updated > history.filed or _was_overtaken(unit, transfer, history):
            yield from void_entries([transfer], Why.OLDER_VERSION, INIT, at)
    for transfer, why in list(_left_open(unit)):
        unit.transfers.void(transfer.id)
        yield from void_entries([transfer], why, INIT, at)


def _chosen_by_others(unit: Unit, at: str) -> Iterator[Draft]:
    """Write who chose the passwords of other people, and yield the entries with new digests of their rows.

    A row whose digest differs from its entry stays, for the audit to find; a row without a digest gets one later.
    """
    chosen = _who_chose(unit)
    people = [person for person in unit.people.all_staff() if chosen.get(person.name)]
    rows = Staff(unit, {person.id for person in people})
    for person in people:
        if rows.has_digest(person.id) and not rows.matches_history(person.id):
            continue
        unit.people.change_password(person.id, person.password_hash, chosen_by=chosen[person.name])
        unit.people.end_sessions_of_staff(person.id)
        if rows.has_digest(person.id):
            digest = person_digest(replace(person, password_chosen_by=chosen[person.name]))
            yield Draft(at, INIT, Action.USER, {"did": "seal", "name": person.name, "row_sha256": digest})


def _who_chose(unit: Unit) -> dict[str, str | None]:
    """Return for each staff name the other person who chose the present password, None if no other person did."""
    chosen: dict[str, str | None] = {}
    for entry in unit.chain.newest(action=Action.USER.value):
        facts = json.loads(entry.body)
        if facts.get("did") in ("add", "password") and facts["name"] not in chosen:
            is_other = facts["by_kind"] != "system" and (facts["by_kind"] != "staff" or facts["by"] != facts["name"])
            chosen[facts["name"]] = facts["by"] if is_other else None
    return chosen


def _was_overtaken(unit: Unit, transfer: Transfer, history: TransferHistory) -> bool:
    """Return whether a number of the pair was merged after the filing, or the pair was filed again."""
    pair = (transfer.survivor, transfer.absorbed)
    for entry in (entry for number in pair for entry in unit.chain.newest(number=number)):
        facts = json.loads(entry.body)
        was_merged = facts["action"] == Action.MERGE and facts["absorbed"] in pair
        was_replaced = facts["action"] == Action.TRANSFER_FILE and (facts["survivor"], facts["absorbed"]) == pair
        if entry.seq > history.filed and (was_merged or (was_replaced and facts.get("did") != "seal")):
            return True
    return False


def _left_open(unit: Unit) -> Iterator[tuple[Transfer, Why]]:
    """Yield the open transfers that have to become void, and why."""
    transfers = unit.transfers.stored_as(*OPEN)
    histories, staff = transfer_histories(unit, transfers), staff_of(unit, transfers)
    for transfer in transfers:
        history = histories[transfer.id]
        if history is None:
            continue
        if history.status in OPEN and _was_overtaken(unit, transfer, history):
            # The older version had made it void, and its row was opened again by hand.
            yield transfer, Why.OLDER_VERSION
            continue
        why = staff.why_not(transfer.filed_by_person, Capability.TRANSFER_FILE, history.filed)
        if why is None and transfer.status is Status.APPROVED:
            why = staff.why_not(transfer.decided_by_person, Capability.TRANSFER_DECIDE, history.decided)
        if why is not None:
            yield transfer, why


def _missing_digests(unit: Unit) -> Iterator[RowEntry]:
    """Yield the entries with the digests of rows of older versions that have none."""
    return chain(_people(unit), _tokens(unit), _transfers(unit), _approvals(unit))


def _people(unit: Unit) -> Iterator[RowEntry]:
    histories = _histories(unit, "name", Action.USER)
    for cells in unit.digested_rows.staff() if histories else ():
        _id, name, role, _hash, _created_at, disabled_at, _chosen_by = cells
        history = histories.get(name)
        if history and history.fits(role=role) and (disabled_at or "disable" not in history.did):
            yield Action.USER, {"did": "seal", "name": name, "row_sha256": person_row_digest(*cells)}


def _tokens(unit: Unit) -> Iterator[RowEntry]:
    histories = _histories(unit, "name", Action.TOKEN)
    people, lost = (_ids(unit), _lost_role_in(unit)) if histories else ({}, {})
    for cells in unit.digested_rows.services() if histories else ():
        number, name, role, maker, _created_at, expires_at, revoked_at = cells
        history = histories.get(name)
        if history is None or not history.fits(role=role, expires_at=expires_at):
            continue
        # In every version a token ended with the role of the person who made it.
        stands = history.is_by(maker, people) and lost.get(maker, 0) < history.seq and "revoke" not in history.did
        if revoked_at or stands:
            key = next(iter(unit.people.keys_of(number)), None)
            digest = row_digest("service", *cells, key)
            yield Action.TOKEN, {"did": "seal", "name": name, "row_sha256": digest}


def _transfers(unit: Unit) -> Iterator[RowEntry]:
    filed = _histories(unit, "transfer", Action.TRANSFER_FILE)
    decided = _histories(unit, "transfer", *DECISIONS)
    people = _ids(unit) if filed or decided else {}
    for row in unit.digested_rows.transfers() if filed or decided else ():
        pair = {"survivor": row["survivor"], "absorbed": row["absorbed"]}
        facts = {"did": "seal", **pair, "transfer": row["id"], "form_sha256": row["sha256"]}
        filing, decision = filed.get(row["id"]), decided.get(row["id"])
        is_filed = filing and filing.fits(**pair, form_sha256=row["sha256"], by=row["filed_by"], at=row["at"])
        if filing and is_filed and filing.is_by(row["filed_by_person"], people):
            yield Action.TRANSFER_FILE, {**facts, "row_sha256": filing_digest(row)}
        is_decided = decision and decision.fits(by=row["decided_by"], at=row["decided_at"])
        if decision and is_decided and decision.is_by(row["decided_by_person"], people):
            status = STATUS_AFTER[decision.action]
            yield decision.action, {**facts, "row_sha256": decision_digest(row, status)}


def _approvals(unit: Unit) -> Iterator[RowEntry]:
    histories = _histories(unit, "batch", Action.BULK_APPROVE)
    people = _ids(unit) if histories else {}
    for cells in unit.digested_rows.approvals() if histories else ():
        number, sha256, rows, approved_by, person, at = cells
        history = histories.get(number)
        is_recorded = history and history.fits(file_sha256=sha256, rows=rows, by=approved_by, at=at)
        if history and is_recorded and history.is_by(person, people):
            facts = {"did": "seal", "batch": number, "rows": rows, "file_sha256": sha256}
            yield Action.BULK_APPROVE, {**facts, "row_sha256": row_digest("approval", *cells)}


def _ids(unit: Unit) -> dict[tuple[Fact, Fact], int]:
    """Return for each (kind, name) of an actor the id of the person, for a service token of the one who made it."""
    ids: dict[tuple[Fact, Fact], int] = {("staff", person.name): person.id for person in unit.people.all_staff()}
    return ids | {("service", service.name): service.created_by for service in unit.people.all_services()}


def _lost_role_in(unit: Unit) -> dict[int, int]:
    """Return by person the seq of the newest entry that disabled them or gave them another role."""
    ids = {person.name: person.id for person in unit.people.all_staff()}
    lost: dict[int, int] = {}
    for entry in unit.chain.newest(action=Action.USER.value):
        facts = json.loads(entry.body)
        if facts.get("did") in ("disable", "role") and facts["name"] in ids:
            lost.setdefault(ids[facts["name"]], entry.seq)
    return lost


@dataclass(frozen=True, slots=True)
class _RowHistory:
    """The facts of the entries of a row, none of which has its digest."""

    facts: Mapping[str, Fact]
    """Each fact from the newest entry that has it."""
    did: frozenset[Fact]
    """The `did` of all entries."""

    @property
    def action(self) -> Action:
        """The action of the newest entry."""
        return Action(str(self.facts["action"]))

    @property
    def seq(self) -> int:
        """The seq of the newest entry."""
        return seq_of(self.facts)

    def is_by(self, person: Fact, people: Mapping[tuple[Fact, Fact], int]) -> bool:
        """Return whether the newest entry is by a person, given by their id, or by one of their service tokens."""
        return people.get((self.facts["by_kind"], self.facts["by"])) == person

    def fits(self, **cells: Fact) -> bool:
        """Return whether a row's cells equal the facts of the same names, as far as there are any."""
        return all(self.facts.get(name, cell) == cell for name, cell in cells.items())


def _histories(unit: Unit, key: str, *actions: Action) -> dict[Fact, _RowHistory]:
    """Return for each value of `key` the history of its row by `actions`, without the rows that have a digest."""
    entries: dict[Fact, list[dict[str, Fact]]] = {}
    have_digest: set[Fact] = set()
    for action in actions:
        for entry in unit.chain.newest(action=action.value):
            facts = json.loads(entry.body)
            # The name in an unlock needn't be a person's.
            if facts.get("did") == "unlock":
                continue
            value = facts.get(key)
            if "row_sha256" in facts:
                have_digest.add(value)
            entries.setdefault(value, []).append(facts)
    histories = {}
    for value in entries.keys() - have_digest:
        oldest_first = sorted(entries[value], key=seq_of)
        known = {name: fact for facts in oldest_first for name, fact in facts.items()}
        histories[value] = _RowHistory(known, frozenset(facts.get("did") for facts in oldest_first))
    return histories
