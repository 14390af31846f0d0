"""Seals for what an older version wrote without: rows of staff, tokens, transfers and approvals.

Each gets one more entry of the action that wrote it, by `init`. A row that no entry tells of stays without, and a row
that any entry has sealed is left alone: an audit is to find what was put in or changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from custmerge.rules import seals
from custmerge.rules.history import Action, Actor, Draft
from custmerge.rules.times import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from custmerge.rules.history import Fact
    from custmerge.storage.unit import Database, Unit

    Sealable = tuple[Action, Mapping[str, Fact]]
    """The action that tells of a row, and what the entry says."""

INIT = Actor("init", "system")
DECISIONS = (Action.TRANSFER_APPROVE, Action.TRANSFER_REJECT)


def seal_what_is_not(database: Database, now: datetime) -> int:
    """Seal what older versions wrote, and return how many rows; nothing is written where there are none."""
    with database.reading() as unit:
        if not any(_unsealed(unit)):
            return 0

    def write(unit: Unit) -> int:
        # The end of the chain comes first: everybody who changes a sealed row appends an entry in that transaction.
        head = unit.chain.lock()
        drafts = [Draft(stamp(now), INIT, action, facts) for action, facts in _unsealed(unit)]
        if drafts:
            unit.chain.append(drafts, behind=head)
        return len(drafts)

    return database.attempt(write)


def _unsealed(unit: Unit) -> Iterator[Sealable]:
    yield from _people(unit)
    yield from _tokens(unit)
    yield from _transfers(unit)
    yield from _approvals(unit)


def _people(unit: Unit) -> Iterator[Sealable]:
    told = _told_without(unit, "name", Action.USER)
    for cells in unit.sealed.staff() if told else ():
        if cells[1] in told:
            yield Action.USER, {"did": "seal", "name": cells[1], "row_sha256": seals.seal("person", *cells)}


def _tokens(unit: Unit) -> Iterator[Sealable]:
    told = _told_without(unit, "name", Action.TOKEN)
    for cells in unit.sealed.services() if told else ():
        if cells[1] in told:
            key = next(iter(unit.sealed.keys_of(cells[0])), None)
            yield Action.TOKEN, {"did": "seal", "name": cells[1], "row_sha256": seals.seal("service", *cells, key)}


def _transfers(unit: Unit) -> Iterator[Sealable]:
    filed = _told_without(unit, "transfer", Action.TRANSFER_FILE)
    decided = _told_without(unit, "transfer", *DECISIONS)
    for row in unit.sealed.transfers() if filed or decided else ():
        facts = {"did": "seal", "survivor": row["survivor"], "absorbed": row["absorbed"], "transfer": row["id"]}
        facts |= {"form_sha256": row["sha256"]}
        if row["id"] in filed:
            seal = seals.seal("transfer", *(row[name] for name in seals.FILED))
            yield Action.TRANSFER_FILE, {**facts, "row_sha256": seal}
        if row["id"] in decided:
            action = decided[row["id"]]
            said = [row[name] for name in seals.DECIDED]
            seal = seals.seal("decision", row["id"], row["salt"], seals.STATUS_OF[action].value, *said)
            yield action, {**facts, "row_sha256": seal}


def _approvals(unit: Unit) -> Iterator[Sealable]:
    told = _told_without(unit, "batch", Action.BULK_APPROVE)
    for cells in unit.sealed.approvals() if told else ():
        if cells[0] in told:
            facts = {"did": "seal", "batch": cells[0], "rows": cells[2], "file_sha256": cells[1]}
            yield Action.BULK_APPROVE, {**facts, "row_sha256": seals.seal("approval", *cells)}


def _told_without(unit: Unit, key: str, *actions: Action) -> dict[Fact, Action]:
    """Return for each value of `key` that entries of `actions` tell of, none with a seal, the newest one's action."""
    newest: dict[Fact, tuple[int, Action]] = {}
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
            newest[row] = max(newest.get(row, (0, action)), (entry.seq, action))
    return {row: action for row, (_seq, action) in newest.items() if row not in sealed}
