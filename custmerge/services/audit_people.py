"""An audit of staff, service tokens, transfers and approvals: each row as its last history entry sealed it."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from custmerge.errors import N_
from custmerge.rules import seals
from custmerge.rules.audit import CheckName
from custmerge.rules.authority import DECISIONS, life_of
from custmerge.rules.history import Action
from custmerge.rules.ledger_check import Findings
from custmerge.rules.roles import Capability
from custmerge.rules.transfers import OPEN, Status, form_type
from custmerge.services.audit_guard import readable
from custmerge.services.authority import Staff, approved_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from custmerge.rules.authority import Life
    from custmerge.rules.history import Fact
    from custmerge.storage.unit import Unit

    Told = dict[Fact, Mapping[str, Fact]]
    """The newest entry of each name or number."""

_OF_TRANSFERS = (Action.TRANSFER_FILE, *DECISIONS, Action.TRANSFER_VOID)
_CHANGED = N_("isn't as history entry {seq} has it: it was changed.")
_NO_ENTRY = N_("no history entry tells of it: it was put in.")
_GONE = N_("is gone, and history entry {seq} tells of it: it was deleted.")
_TOKENS = N_("is opened by {count} tokens: one was put in.")
_SAME_PERSON = N_("was filed and approved by the same person.")
_STATUS = N_("is stored as {status}, and the history has {expected}: it was changed.")
_FILER_GONE = N_("is {status}, and {name}, who filed it, may not do that any more: it should be void.")
_APPROVER_GONE = N_("is approved, and {name}, who approved it, may not do that any more: it should be void.")
_NOT_USED = N_("was used by order {order} and doesn't say so: it was changed.")
_FALSELY_USED = N_("says that order {order} used it, and the history doesn't: it was changed.")
_FORM_GONE = N_("its signed form is gone.")
_FORM_CHANGED = N_("its signed form isn't the one that was filed: it was changed.")


def examine(unit: Unit, checks: frozenset[CheckName], used: Mapping[int, int]) -> Findings:
    """Look at everybody and everything that can open a door; `used` are transfers with the orders that used them."""
    findings = Findings()
    looks: dict[CheckName, Callable[[Unit, Findings], None]] = {
        CheckName.STAFF: _staff,
        CheckName.TOKENS: _tokens,
        CheckName.TRANSFERS: partial(_transfers, used=used),
        CheckName.FORMS: _forms,
        CheckName.BATCHES: _batches,
    }
    for check, look in looks.items():
        if check in checks:
            with readable(unit, findings, check):
                look(unit, findings)
    return findings


def _told(unit: Unit, key: str, *actions: Action) -> Told:
    """Return for each value of `key` what the newest entry of `actions` says that sealed a row."""
    newest: Told = {}
    for action in actions:
        for facts in _facts(unit, action):
            if "row_sha256" in facts:
                newest.setdefault(facts[key], facts)
    return newest


def _facts(unit: Unit, action: Action) -> Iterator[Mapping[str, Fact]]:
    # Read to the end first: a cursor that is open when an odd entry ends this part would take the rest with it.
    for entry in list(unit.chain.newest(action=action.value)):
        yield json.loads(entry.body)


def _staff(unit: Unit, findings: Findings) -> None:
    told = _told(unit, "name", Action.USER)
    for cells in list(unit.sealed.staff()):
        name = cells[1]
        _hold(findings, CheckName.STAFF, f"user {name}", seals.of_person_cells(*cells), told.pop(name, None))
    _report_gone(findings, CheckName.STAFF, "user", told)


def _tokens(unit: Unit, findings: Findings) -> None:
    told = _told(unit, "name", Action.TOKEN)
    for cells in list(unit.sealed.services()):
        name = cells[1]
        keys = unit.sealed.keys_of(cells[0])
        seal = seals.seal("service", *cells, keys[0] if keys else None)
        _hold(findings, CheckName.TOKENS, f"token {name}", seal, told.pop(name, None))
        if len(keys) > 1:
            findings.add(CheckName.TOKENS, f"token {name}", _TOKENS, count=len(keys))
    _report_gone(findings, CheckName.TOKENS, "token", told)


def _transfers(unit: Unit, findings: Findings, used: Mapping[int, int]) -> None:
    told = sorted((f for action in _OF_TRANSFERS for f in _facts(unit, action)), key=_seq)
    filed, decided, void = (
        {f["transfer"]: f for f in told if f["action"] in actions and "row_sha256" in f}
        for actions in ((Action.TRANSFER_FILE,), DECISIONS, (Action.TRANSFER_VOID,))
    )
    lives = _lives(told)
    rows = list(unit.sealed.transfers())
    used = {**_used_before(unit, rows, lives), **used}
    staff = Staff(unit, {row[who] for row in rows for who in ("filed_by_person", "decided_by_person")})
    for row in rows:
        subject = f"transfer {row['id']}"
        seal = seals.seal("transfer", *(row[name] for name in seals.FILED))
        if not isinstance(row["salt"], bytes):
            # A text of the same digits would give the same seal.
            seal = ""
        _hold(findings, CheckName.TRANSFERS, subject, seal, filed.pop(row["id"], None))
        _hold_decision(findings, subject, row, decided.get(row["id"]))
        _hold_use(unit, findings, subject, row, used.get(row["id"]))
        life = lives.get(row["id"])
        if row["id"] not in used and row["status"] != Status.USED:
            _hold_status(findings, subject, row, life, void.get(row["id"]))
        if life is not None and row["status"] in OPEN:
            _hold_people(findings, subject, row, life, staff)
        if row["decided_by_person"] == row["filed_by_person"]:
            findings.add(CheckName.TRANSFERS, subject, _SAME_PERSON)
    _report_gone(findings, CheckName.TRANSFERS, "transfer", filed)


def _seq(facts: Mapping[str, Fact]) -> int:
    return int(str(facts["seq"]))


def _hold_decision(findings: Findings, subject: str, row: Mapping[str, Any], told: Mapping[str, Fact] | None) -> None:
    said = [row[name] for name in seals.DECIDED]
    if told is None:
        if any(cell is not None for cell in said):
            findings.add(CheckName.TRANSFERS, subject, _NO_ENTRY)
        return
    decided = seals.STATUS_OF[Action(str(told["action"]))].value
    if seals.seal("decision", row["id"], row["salt"], decided, *said) != told["row_sha256"]:
        findings.add(CheckName.TRANSFERS, subject, _CHANGED, seq=_seq(told))


def _hold_status(
    findings: Findings, subject: str, row: Mapping[str, Any], life: Life | None, void: Mapping[str, Fact] | None
) -> None:
    """Hold the status of a transfer that no order used against its newest entry."""
    expected = Status.FILED if life is None else life.status
    if row["status"] != expected:
        findings.add(CheckName.TRANSFERS, subject, _STATUS, status=str(row["status"]), expected=expected.value)
    elif expected is Status.VOID:
        why = None if void is None else str(void["why"])
        seal = seals.seal("void", row["id"], row["survivor"], row["absorbed"], row["salt"], why)
        _hold(findings, CheckName.TRANSFERS, subject, seal, void)


def _hold_people(findings: Findings, subject: str, row: Mapping[str, Any], life: Life, staff: Staff) -> None:
    """Look for an open transfer whose filer or approver is disabled or has a role that may not."""
    if staff.why_not(row["filed_by_person"], Capability.TRANSFER_FILE, life.filed) is not None:
        name = staff.name_of(row["filed_by_person"])
        findings.add(CheckName.TRANSFERS, subject, _FILER_GONE, status=str(row["status"]), name=name)
    is_approved = row["status"] == Status.APPROVED
    if is_approved and staff.why_not(row["decided_by_person"], Capability.TRANSFER_DECIDE, life.decided) is not None:
        name = staff.name_of(row["decided_by_person"])
        findings.add(CheckName.TRANSFERS, subject, _APPROVER_GONE, name=name)


def _lives(told: Iterable[Mapping[str, Fact]]) -> dict[Fact, Life | None]:
    """Return what entries, oldest first, tell of each transfer."""
    each: dict[Fact, list[Mapping[str, Fact]]] = {}
    for facts in told:
        each.setdefault(facts["transfer"], []).append(facts)
    return {number: life_of(entries) for number, entries in each.items()}


def _used_before(unit: Unit, rows: Iterable[Mapping[str, Any]], lives: Mapping[Fact, Life | None]) -> dict[int, int]:
    """Return the transfers, with their orders, that were used by the history and don't say so in their rows.

    They are looked for in the whole history: an audit since a checkpoint has read its end alone.
    """
    doubtful = {
        row["id"]: row["absorbed"]
        for row in rows
        if row["status"] != Status.USED
        and (life := lives.get(row["id"])) is not None
        and life.status is Status.APPROVED
    }
    found: dict[int, int] = {}
    for entry in list(unit.chain.of_transfers(set(doubtful.values()))) if doubtful else ():
        facts = json.loads(entry.body)
        if facts["action"] == Action.MERGE and facts.get("transfer") in doubtful:
            found[facts["transfer"]] = facts["order"]
    return found


def _hold_use(unit: Unit, findings: Findings, subject: str, row: Mapping[str, Any], order: int | None) -> None:
    says_so = row["order"], row["status"]
    if order is not None and says_so != (order, Status.USED):
        findings.add(CheckName.TRANSFERS, subject, _NOT_USED, order=order)
    elif order is None and (says_so[0] is not None or says_so[1] == Status.USED):
        entries = unit.chain.newest(order=says_so[0] or 0, action=Action.MERGE.value)
        if row["id"] not in [json.loads(entry.body).get("transfer") for entry in entries]:
            findings.add(CheckName.TRANSFERS, subject, _FALSELY_USED, order=says_so[0] or 0)


def _forms(unit: Unit, findings: Findings) -> None:
    for row in list(unit.sealed.transfers()):
        content = unit.sealed.form_of(row["id"])
        if content is None:
            findings.add(CheckName.FORMS, f"transfer {row['id']}", _FORM_GONE)
            continue
        is_it = (hashlib.sha256(content).hexdigest(), len(content), form_type(content))
        if is_it != (row["sha256"], row["size"], row["type"]):
            findings.add(CheckName.FORMS, f"transfer {row['id']}", _FORM_CHANGED)


def _batches(unit: Unit, findings: Findings) -> None:
    _hold_approvers(unit, findings)
    told = _told(unit, "batch", Action.BULK_APPROVE)
    for cells in list(unit.sealed.approvals()):
        entry = told.pop(cells[0], None)
        if entry is not None or any(cell is not None for cell in cells[3:]):
            _hold(findings, CheckName.BATCHES, f"batch {cells[0]}", seals.seal("approval", *cells), entry)
    _report_gone(findings, CheckName.BATCHES, "batch", told)


def _hold_approvers(unit: Unit, findings: Findings) -> None:
    """Look for bulk files that can be run as a whole, by the approval of somebody who may not give it any more."""
    found = unit.sealed.open_approvals()
    staff = Staff(unit, {person for _batch, person in found})
    for batch, person in found:
        if staff.why_not(person, Capability.BULK_APPROVE, approved_in(unit, batch)) is not None:
            name = staff.name_of(person)
            findings.add(CheckName.BATCHES, f"batch {batch}", _APPROVER_GONE, name=name)


def _hold(findings: Findings, check: CheckName, subject: str, seal: str, told: Mapping[str, Fact] | None) -> None:
    if told is None:
        findings.add(check, subject, _NO_ENTRY)
    elif told["row_sha256"] != seal:
        findings.add(check, subject, _CHANGED, seq=_seq(told))


def _report_gone(findings: Findings, check: CheckName, kind: str, told: Told) -> None:
    for name, facts in told.items():
        findings.add(check, f"{kind} {name}", _GONE, seq=_seq(facts))
