"""An audit of staff, service tokens, transfers and approvals: each row as its last history entry sealed it."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from custmerge.errors import N_
from custmerge.rules import seals
from custmerge.rules.audit import CheckName
from custmerge.rules.history import Action
from custmerge.rules.ledger_check import Findings
from custmerge.rules.transfers import Status, form_type
from custmerge.services.audit_guard import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from custmerge.rules.history import Fact
    from custmerge.storage.unit import Unit

    Told = dict[Fact, Mapping[str, Fact]]
    """The newest entry of each name or number."""

_CHANGED = N_("isn't as history entry {seq} has it: it was changed.")
_NO_ENTRY = N_("no history entry tells of it: it was put in.")
_GONE = N_("is gone, and history entry {seq} tells of it: it was deleted.")
_TOKENS = N_("is opened by {count} tokens: one was put in.")
_SAME_PERSON = N_("was filed and approved by the same person.")
_STATUS = N_("is stored as {status}, and the history has {expected}: it was changed.")
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
        _hold(findings, CheckName.STAFF, f"user {name}", seals.seal("person", *cells), told.pop(name, None))
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
    filed = _told(unit, "transfer", Action.TRANSFER_FILE)
    decided: Told = {}
    decisions = (Action.TRANSFER_APPROVE, Action.TRANSFER_REJECT)
    for facts in sorted((f for action in decisions for f in _facts(unit, action)), key=_seq, reverse=True):
        if "row_sha256" in facts:
            decided.setdefault(facts["transfer"], facts)
    for row in list(unit.sealed.transfers()):
        subject = f"transfer {row['id']}"
        seal = seals.seal("transfer", *(row[name] for name in seals.FILED))
        if not isinstance(row["salt"], bytes):
            # A text of the same digits would give the same seal.
            seal = ""
        _hold(findings, CheckName.TRANSFERS, subject, seal, filed.pop(row["id"], None))
        _hold_decision(findings, subject, row, decided.pop(row["id"], None))
        _hold_use(unit, findings, subject, row, used.get(row["id"]))
        if row["decided_by_person"] == row["filed_by_person"]:
            findings.add(CheckName.TRANSFERS, subject, _SAME_PERSON)
    _report_gone(findings, CheckName.TRANSFERS, "transfer", filed)


def _seq(facts: Mapping[str, Fact]) -> int:
    return int(str(facts["seq"]))


def _hold_decision(findings: Findings, subject: str, row: Mapping[str, Any], told: Mapping[str, Fact] | None) -> None:
    said = [row[name] for name in seals.DECIDED]
    expected: tuple[Status, ...] = (Status.FILED, Status.VOID)
    if told is None:
        if any(cell is not None for cell in said):
            findings.add(CheckName.TRANSFERS, subject, _NO_ENTRY)
    else:
        is_approved = told["action"] == Action.TRANSFER_APPROVE
        expected = (Status.APPROVED, Status.USED, Status.VOID) if is_approved else (Status.REJECTED,)
        if seals.seal("decision", row["id"], row["salt"], expected[0].value, *said) != told["row_sha256"]:
            findings.add(CheckName.TRANSFERS, subject, _CHANGED, seq=_seq(told))
    if row["status"] not in expected:
        findings.add(CheckName.TRANSFERS, subject, _STATUS, status=str(row["status"]), expected=expected[0].value)


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
    told = _told(unit, "batch", Action.BULK_APPROVE)
    for cells in list(unit.sealed.approvals()):
        entry = told.pop(cells[0], None)
        if entry is not None or any(cell is not None for cell in cells[3:]):
            _hold(findings, CheckName.BATCHES, f"batch {cells[0]}", seals.seal("approval", *cells), entry)
    _report_gone(findings, CheckName.BATCHES, "batch", told)


def _hold(findings: Findings, check: CheckName, subject: str, seal: str, told: Mapping[str, Fact] | None) -> None:
    if told is None:
        findings.add(check, subject, _NO_ENTRY)
    elif told["row_sha256"] != seal:
        findings.add(check, subject, _CHANGED, seq=_seq(told))


def _report_gone(findings: Findings, check: CheckName, kind: str, told: Told) -> None:
    for name, facts in told.items():
        findings.add(check, f"{kind} {name}", _GONE, seq=_seq(facts))
