"""What an older version left untold: seals of its rows, transfers that it made void, who chose a password.

Each row of staff, tokens, transfers and approvals gets one more entry of the action that wrote it, by `init`. A row
that no entry tells of, or that isn't what they tell, stays without, and a row that any entry has sealed is left
alone: an audit is to find what was put in or changed.

Versions before 0006 made transfers void without an entry. Those get theirs inside the transaction that upgrades the
database, which happens once: a row that is made void by hand later never gets one. Nor did they know who chose a
password: the history does, and whoever has one that somebody else chose is asked for another at the next login.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custmerge.rules import row_digests
from custmerge.rules.authority import DECISIONS, void_entries
from custmerge.rules.history import Action, Actor, Draft
from custmerge.rules.people import Capability
from custmerge.rules.times import stamp
from custmerge.rules.transfers import OPEN, Status, Why
from custmerge.services.authority import Staff, approved_in, lives_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from custmerge.rules.authority import Life
    from custmerge.rules.history import Fact
    from custmerge.rules.transfers import Transfer
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

    Sealable = tuple[Action, Mapping[str, Fact]]
    """The action that tells of a row, and what the entry says."""

INIT = Actor("init", "system")
NOTED_SINCE = "0006"
"""The first version that notes what it makes void, and who chose a password."""


def seal_what_is_not(database: Database, now: datetime) -> int:
    """Seal what older versions wrote, and return how many rows; nothing is written where there are none."""
    with database.reading() as unit:
        if not any(_unsealed(unit)):
            return 0
    for attempt in database.attempts():
        with attempt as unit:
            # The lock comes before the rows are read: every change of a sealed row appends an entry.
            head = unit.chain.lock()
            drafts = [Draft(stamp(now), INIT, action, facts) for action, facts in _unsealed(unit)]
            if drafts:
                unit.chain.append(drafts, behind=head)
    return len(drafts)


def catch_up(unit: Unit, version: str, now: datetime) -> None:
    """Write down what versions before 0006 didn't: transfers that they made void, and who chose which password."""
    if version >= NOTED_SINCE:
        return
    head = unit.chain.lock()
    drafts = [*_void(unit, stamp(now)), *_chosen_by_others(unit, stamp(now))]
    if drafts:
        unit.chain.append(drafts, behind=head)
    _finish_left_behind(unit)


def _void(unit: Unit, at: str) -> Iterator[Draft]:
    """Give the entries of transfers that an older version made void, where its history explains why.

    Open ones that it must have made void, too, and those of people who may no longer, become void.
    """
    void = unit.transfers.stored_as(Status.VOID)
    lives, updated = lives_of(unit, void), _last_update(unit) if void else 0
    for one in void:
        life = lives[one.id]
        if life is not None and life.status in OPEN and _is_explained(unit, one, life, updated):
            yield from void_entries([one], Why.OLDER_VERSION, INIT, at)
    for one, why in list(_left_behind(unit)):
        unit.transfers.void(one.id)
        yield from void_entries([one], why, INIT, at)


def _chosen_by_others(unit: Unit, at: str) -> Iterator[Draft]:
    """Note who chose the passwords of others, and give the entries that seal those rows anew.

    A row that isn't as its seal has it stays as it is, for the audit to find; one without any is sealed later.
    """
    chosen = _who_chose(unit)
    everybody = [one for one in unit.people.all_staff() if chosen.get(one.name)]
    sealed = Staff(unit, {one.id for one in everybody})
    for person in everybody:
        if sealed.has_digest(person.id) and not sealed.is_as_told(person.id):
            continue
        unit.people.change_password(person.id, person.password_hash, chosen_by=chosen[person.name])
        unit.people.end_sessions_of_staff(person.id)
        if sealed.has_digest(person.id):
            seal = row_digests.person_digest(replace(person, password_chosen_by=chosen[person.name]))
            yield Draft(at, INIT, Action.USER, {"did": "seal", "name": person.name, "row_sha256": seal})


def _who_chose(unit: Unit) -> dict[str, str | None]:
    """Return for each name who chose its present password, None where that was nobody else."""
    found: dict[str, str | None] = {}
    for entry in unit.chain.newest(action=Action.USER.value):
        told = json.loads(entry.body)
        if told.get("did") in ("add", "password") and told["name"] not in found:
            is_other = told["by_kind"] != "system" and (told["by_kind"] != "staff" or told["by"] != told["name"])
            found[told["name"]] = told["by"] if is_other else None
    return found


def _last_update(unit: Unit) -> int:
    """Return the seq of the last import that may have changed identity fields, 0 where there is none."""
    for entry in unit.chain.newest(action=Action.IMPORT.value):
        told = json.loads(entry.body)
        if told.get("kind") == "customers" and told.get("updated"):
            return entry.seq
    return 0


def _is_explained(unit: Unit, one: Transfer, life: Life, updated: int) -> bool:
    """Return whether something happened after a filing that made it void: else somebody wrote it into the row."""
    return updated > life.filed or _was_overtaken(unit, one, life)


def _was_overtaken(unit: Unit, one: Transfer, life: Life) -> bool:
    """Return whether one of the numbers was merged after a filing, or the pair was filed anew."""
    pair = (one.survivor, one.absorbed)
    for entry in (entry for number in pair for entry in unit.chain.newest(number=number)):
        told = json.loads(entry.body)
        was_merged = told["action"] == Action.MERGE and told["absorbed"] in pair
        was_replaced = told["action"] == Action.TRANSFER_FILE and (told["survivor"], told["absorbed"]) == pair
        if entry.seq > life.filed and (was_merged or (was_replaced and told.get("did") != "seal")):
            return True
    return False


def _left_behind(unit: Unit) -> Iterator[tuple[Transfer, Why]]:
    """Give the open transfers that were void before, or whose filer or approver may no longer, and why."""
    found = unit.transfers.stored_as(*OPEN)
    lives = lives_of(unit, found)
    staff = Staff(unit, {person for one in found for person in (one.filed_by_person, one.decided_by_person)})
    for one in found:
        life = lives[one.id]
        if life is None:
            continue
        if life.status in OPEN and _was_overtaken(unit, one, life):
            # Its row was void, and somebody has made it open again.
            yield one, Why.OLDER_VERSION
            continue
        why = staff.why_not(one.filed_by_person, Capability.TRANSFER_FILE, life.filed)
        if why is None and one.status is Status.APPROVED:
            why = staff.why_not(one.decided_by_person, Capability.TRANSFER_DECIDE, life.decided)
        if why is not None:
            yield one, why


def _finish_left_behind(unit: Unit) -> None:
    """End the approvals of bulk files by people who may no longer."""
    approved = [one for one in unit.batches.unfinished() if one.approved_at is not None]
    staff = Staff(unit, {one.approved_by_person for one in approved})
    for one in approved:
        since = approved_in(unit, one.id)
        if since and staff.why_not(one.approved_by_person, Capability.BULK_APPROVE, since) is not None:
            unit.batches.finish(one.id)


def _unsealed(unit: Unit) -> Iterator[Sealable]:
    yield from _people(unit)
    yield from _tokens(unit)
    yield from _transfers(unit)
    yield from _approvals(unit)


def _people(unit: Unit) -> Iterator[Sealable]:
    told = _told_without(unit, "name", Action.USER)
    for cells in unit.digested_rows.staff() if told else ():
        _id, name, role, _hash, _created_at, disabled_at, _chosen_by = cells
        if name in told and told[name].fits(role=role) and (disabled_at or "disable" not in told[name].did):
            yield Action.USER, {"did": "seal", "name": name, "row_sha256": row_digests.person_row_digest(*cells)}


def _tokens(unit: Unit) -> Iterator[Sealable]:
    told = _told_without(unit, "name", Action.TOKEN)
    people, lost = (_ids(unit), _lost_role_in(unit)) if told else ({}, {})
    for cells in unit.digested_rows.services() if told else ():
        number, name, role, maker, _created_at, expires_at, revoked_at = cells
        if name not in told or not told[name].fits(role=role, expires_at=expires_at):
            continue
        # With a role of whoever made it a token ended, in every version.
        stands = (
            told[name].is_by(maker, people) and lost.get(maker, 0) < told[name].seq and "revoke" not in told[name].did
        )
        if revoked_at or stands:
            key = next(iter(unit.digested_rows.keys_of(number)), None)
            yield (
                Action.TOKEN,
                {"did": "seal", "name": name, "row_sha256": row_digests.row_digest("service", *cells, key)},
            )


def _transfers(unit: Unit) -> Iterator[Sealable]:
    filed = _told_without(unit, "transfer", Action.TRANSFER_FILE)
    decided = _told_without(unit, "transfer", *DECISIONS)
    people = _ids(unit) if filed or decided else {}
    for row in unit.digested_rows.transfers() if filed or decided else ():
        pair = {"survivor": row["survivor"], "absorbed": row["absorbed"]}
        facts = {"did": "seal", **pair, "transfer": row["id"], "form_sha256": row["sha256"]}
        filing, decision = filed.get(row["id"]), decided.get(row["id"])
        is_filed = filing and filing.fits(**pair, form_sha256=row["sha256"], by=row["filed_by"], at=row["at"])
        if filing and is_filed and filing.is_by(row["filed_by_person"], people):
            yield Action.TRANSFER_FILE, {**facts, "row_sha256": row_digests.filing_row_digest(row)}
        is_decided = decision and decision.fits(by=row["decided_by"], at=row["decided_at"])
        if decision and is_decided and decision.is_by(row["decided_by_person"], people):
            status = row_digests.STATUS_OF[decision.action]
            yield decision.action, {**facts, "row_sha256": row_digests.decision_row_digest(row, status)}


def _approvals(unit: Unit) -> Iterator[Sealable]:
    told = _told_without(unit, "batch", Action.BULK_APPROVE)
    people = _ids(unit) if told else {}
    for cells in unit.digested_rows.approvals() if told else ():
        number, sha256, rows, approved_by, person, at = cells
        if number not in told or not told[number].is_by(person, people):
            continue
        if told[number].fits(file_sha256=sha256, rows=rows, by=approved_by, at=at):
            facts = {"did": "seal", "batch": number, "rows": rows, "file_sha256": sha256}
            yield Action.BULK_APPROVE, {**facts, "row_sha256": row_digests.row_digest("approval", *cells)}


def _ids(unit: Unit) -> dict[tuple[Fact, Fact], int]:
    """Return for each (kind, name) of somebody who acts the id of the person who is or made them."""
    ids: dict[tuple[Fact, Fact], int] = {("staff", one.name): one.id for one in unit.people.all_staff()}
    return ids | {("service", one.name): one.created_by for one in unit.people.all_services()}


def _lost_role_in(unit: Unit) -> dict[int, int]:
    """Return for people the seq of the newest entry that disabled them or gave them another role."""
    ids = {person.name: person.id for person in unit.people.all_staff()}
    found: dict[int, int] = {}
    for entry in unit.chain.newest(action=Action.USER.value):
        told = json.loads(entry.body)
        if told.get("did") in ("disable", "role") and told["name"] in ids:
            found.setdefault(ids[told["name"]], entry.seq)
    return found


@dataclass(frozen=True, slots=True)
class _Told:
    """What entries tell of a row that none of them seals."""

    action: Action
    """The newest entry's."""
    facts: Mapping[str, Fact]
    """The newest word on each fact."""
    did: frozenset[Fact]

    @property
    def seq(self) -> int:
        """The newest entry's."""
        return int(str(self.facts["seq"]))

    def is_by(self, person: Fact, people: Mapping[tuple[Fact, Fact], int]) -> bool:
        """Return whether the newest entry is by a person, given by their id, or by a token of theirs."""
        return people.get((self.facts["by_kind"], self.facts["by"])) == person

    def fits(self, **cells: Fact) -> bool:
        """Return whether a row's cells are what the entries say, as far as they say anything."""
        return all(self.facts.get(name, cell) == cell for name, cell in cells.items())


def _told_without(unit: Unit, key: str, *actions: Action) -> dict[Fact, _Told]:
    """Return for each value of `key` what entries of `actions` tell of it; of those that have a seal nothing."""
    told: dict[Fact, list[dict[str, Fact]]] = {}
    sealed: set[Fact] = set()
    for action in actions:
        for entry in unit.chain.newest(action=action.value):
            facts = json.loads(entry.body)
            # What is unlocked may be anybody's name, of a person or not.
            if facts.get("did") == "unlock":
                continue
            row = facts.get(key)
            if "row_sha256" in facts:
                sealed.add(row)
            told.setdefault(row, []).append(facts)
    return {row: _joined(entries) for row, entries in told.items() if row not in sealed}


def _joined(entries: list[dict[str, Fact]]) -> _Told:
    entries = sorted(entries, key=lambda facts: int(str(facts["seq"])))
    known = {name: fact for facts in entries for name, fact in facts.items()}
    return _Told(Action(str(known["action"])), known, frozenset(facts.get("did") for facts in entries))
