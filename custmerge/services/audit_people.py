"""An audit of staff, service tokens, transfers and approvals: each row as its last history entry sealed it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules import seals
from custmerge.rules.audit import CheckName
from custmerge.rules.history import Action
from custmerge.rules.ledger_check import Findings
from custmerge.rules.transfers import Status, form_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custmerge.rules.history import Fact
    from custmerge.storage.filings import Filed
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
    if CheckName.STAFF in checks:
        _staff(unit, findings)
    if CheckName.TOKENS in checks:
        _tokens(unit, findings)
    if CheckName.TRANSFERS in checks:
        _transfers(unit, findings, used)
    if CheckName.FORMS in checks:
        _forms(unit, findings)
    if CheckName.BATCHES in checks:
        _batches(unit, findings)
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
    for entry in unit.chain.newest(action=action.value):
        yield json.loads(entry.body)


def _staff(unit: Unit, findings: Findings) -> None:
    told = _told(unit, "name", Action.USER)
    for person in unit.people.all_staff():
        _hold(findings, CheckName.STAFF, f"user {person.name}", seals.of_person(person), told.pop(person.name, None))
    _report_gone(findings, CheckName.STAFF, "user", told)


def _tokens(unit: Unit, findings: Findings) -> None:
    told = _told(unit, "name", Action.TOKEN)
    for made in unit.people.all_services():
        subject = f"token {made.name}"
        opened_by = unit.people.tokens_of_service(made.id)
        seal = seals.of_service(made, opened_by[0] if opened_by else None)
        _hold(findings, CheckName.TOKENS, subject, seal, told.pop(made.name, None))
        if len(opened_by) > 1:
            findings.add(CheckName.TOKENS, subject, _TOKENS, count=len(opened_by))
    _report_gone(findings, CheckName.TOKENS, "token", told)


def _transfers(unit: Unit, findings: Findings, used: Mapping[int, int]) -> None:
    filed = _told(unit, "transfer", Action.TRANSFER_FILE)
    decided: Told = {}
    decisions = (Action.TRANSFER_APPROVE, Action.TRANSFER_REJECT)
    for facts in sorted((f for action in decisions for f in _facts(unit, action)), key=_seq, reverse=True):
        if "row_sha256" in facts:
            decided.setdefault(facts["transfer"], facts)
    for row in unit.filings.all():
        subject = f"transfer {row.transfer.id}"
        _hold(findings, CheckName.TRANSFERS, subject, seals.of_filing(row.transfer), filed.pop(row.transfer.id, None))
        _hold_decision(findings, subject, row, decided.pop(row.transfer.id, None))
        _hold_use(unit, findings, subject, row, used)
        if row.decision is not None and row.decision.person == row.transfer.filed_by_person:
            findings.add(CheckName.TRANSFERS, subject, _SAME_PERSON)
    _report_gone(findings, CheckName.TRANSFERS, "transfer", filed)


def _seq(facts: Mapping[str, Fact]) -> int:
    return int(str(facts["seq"]))


def _hold_decision(findings: Findings, subject: str, row: Filed, told: Mapping[str, Fact] | None) -> None:
    if told is None:
        if row.decision is not None:
            findings.add(CheckName.TRANSFERS, subject, _NO_ENTRY)
        expected: tuple[Status, ...] = (Status.FILED, Status.VOID)
    else:
        is_approved = told["action"] == Action.TRANSFER_APPROVE
        status = Status.APPROVED if is_approved else Status.REJECTED
        decision = row.decision
        kept = decision and replace(decision, status=status)
        if kept is None or seals.of_decision(row.transfer, kept) != told["row_sha256"]:
            findings.add(CheckName.TRANSFERS, subject, _CHANGED, seq=_seq(told))
        expected = (Status.APPROVED, Status.USED, Status.VOID) if is_approved else (Status.REJECTED,)
    if row.transfer.status not in expected:
        findings.add(
            CheckName.TRANSFERS, subject, _STATUS, status=row.transfer.status.value, expected=expected[0].value
        )


def _hold_use(unit: Unit, findings: Findings, subject: str, row: Filed, used: Mapping[int, int]) -> None:
    order = used.get(row.transfer.id)
    if order is not None and (row.order != order or row.transfer.status is not Status.USED):
        findings.add(CheckName.TRANSFERS, subject, _NOT_USED, order=order)
    elif order is None and (row.order is not None or row.transfer.status is Status.USED):
        entries = unit.chain.newest(order=row.order or 0, action=Action.MERGE.value)
        if row.transfer.id not in [json.loads(entry.body).get("transfer") for entry in entries]:
            findings.add(CheckName.TRANSFERS, subject, _FALSELY_USED, order=row.order or 0)


def _forms(unit: Unit, findings: Findings) -> None:
    for row in unit.filings.all():
        subject = f"transfer {row.transfer.id}"
        content = unit.filings.form_of(row.transfer.id)
        if content is None:
            findings.add(CheckName.FORMS, subject, _FORM_GONE)
            continue
        form = row.transfer.form
        is_it = (hashlib.sha256(content).hexdigest(), len(content), form_type(content))
        if is_it != (form.sha256, form.size, form.type):
            findings.add(CheckName.FORMS, subject, _FORM_CHANGED)


def _batches(unit: Unit, findings: Findings) -> None:
    told = _told(unit, "batch", Action.BULK_APPROVE)
    for batch in unit.batches.all():
        entry = told.pop(batch.id, None)
        if entry is not None or batch.approved_at is not None or batch.approved_by is not None:
            _hold(findings, CheckName.BATCHES, f"batch {batch.id}", seals.of_approval(batch), entry)
    _report_gone(findings, CheckName.BATCHES, "batch", told)


def _hold(findings: Findings, check: CheckName, subject: str, seal: str, told: Mapping[str, Fact] | None) -> None:
    if told is None:
        findings.add(check, subject, _NO_ENTRY)
    elif told["row_sha256"] != seal:
        findings.add(check, subject, _CHANGED, seq=_seq(told))


def _report_gone(findings: Findings, check: CheckName, kind: str, told: Told) -> None:
    for name, facts in told.items():
        findings.add(check, f"{kind} {name}", _GONE, seq=_seq(facts))
