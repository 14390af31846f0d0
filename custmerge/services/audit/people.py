"""The audit of what people decide: each row of staff, tokens, transfers, approvals is compared with its entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from typing import Any, cast

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.history import Action, Facts, row_digest, seq_of
from custmerge.rules.people import Capability, person_row_digest
from custmerge.rules.transfers import (
    DECIDED,
    DECISIONS,
    OPEN,
    STATUS_AFTER,
    Status,
    TransferHistory,
    decision_digest,
    filing_digest,
    form_type,
    transfer_history,
    void_digest,
)
from custmerge.services.access import Staff
from custmerge.services.approvals import lost_approvals
from custmerge.services.audit.dismissals import check_dismissals
from custmerge.services.audit.ledger import ERASED_OTHERWISE, purged
from custmerge.services.audit.workers import readable
from custmerge.services.authority import entries_of
from custmerge.storage.unit import Unit

TRANSFERS_AT_ONCE = 200
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
_FORM_TWICE = N_("has {count} signed forms: one was put in.")
_FORM_OF_NOTHING = N_("has a signed form, and there is no such transfer: it was put in, or the transfer was deleted.")
_FORM_CHANGED = N_("its signed form isn't the one that was filed: it was changed.")


def examine(unit: Unit, checks: frozenset[CheckName], used: Mapping[int, int]) -> Findings:
    """Check staff, tokens, transfers, forms and approvals; `used` maps transfers to the orders that used them."""
    findings = Findings()
    looks: dict[CheckName, Callable[[Unit, Findings], None]] = {
        CheckName.STAFF: _check_staff,
        CheckName.TOKENS: _check_tokens,
        CheckName.TRANSFERS: partial(_check_transfers, used=used),
        CheckName.FORMS: _check_forms,
        CheckName.BATCHES: _check_approvals,
        CheckName.DISMISSALS: check_dismissals,
    }
    for check, look in looks.items():
        if check in checks:
            with readable(unit, findings, check):
                look(unit, findings)
    return findings


@contextmanager
def _newest_entries(
    unit: Unit, findings: Findings, check: CheckName, key: str, *actions: Action, kind: str | None = None
) -> Iterator[Callable[[str | int], Facts | None]]:
    """Yield a function that returns the newest entry with a row's digest, of the given actions, for a name or number.

    It returns None if there is no such entry, or if it was returned before. Call it in the order of the keys' bytes,
    as `DigestedRows` yields the rows: it holds only one entry in memory. An entry that is skipped has no row: with
    `kind`, the word for such a row, that is a finding.
    """
    # Closed, because a cursor that is still open when an odd row ends this part would end the rest as well.
    with closing(unit.digested_rows.entries(key, [action.value for action in actions])) as entries:
        ahead = next(entries, None)

        def pass_over(end: str | None) -> None:
            nonlocal ahead
            while ahead is not None and (end is None or ahead[0] < end):
                facts = json.loads(ahead[1])
                if kind is not None:
                    findings.add(check, f"{kind} {ahead[0]}", _GONE, seq=seq_of(facts))
                ahead = next(entries, None)

        def newest_of(wanted: str | int) -> Facts | None:
            nonlocal ahead
            pass_over(str(wanted))
            if ahead is None or ahead[0] != str(wanted):
                return None
            facts: Facts = json.loads(ahead[1])
            ahead = next(entries, None)
            return facts

        yield newest_of
        pass_over(None)


def _check_staff(unit: Unit, findings: Findings) -> None:
    with (
        _newest_entries(unit, findings, CheckName.STAFF, "name", Action.USER, kind="user") as newest_of,
        closing(unit.digested_rows.staff()) as people,
    ):
        for cells in people:
            name = cells[1]
            digest = person_row_digest(*cells)
            _check_digest(findings, CheckName.STAFF, f"user {name}", digest, newest_of(name))


def _check_tokens(unit: Unit, findings: Findings) -> None:
    with (
        _newest_entries(unit, findings, CheckName.TOKENS, "name", Action.TOKEN, kind="token") as newest_of,
        closing(unit.digested_rows.services()) as services,
    ):
        for cells in services:
            name = cells[1]
            keys = unit.people.keys_of(cells[0])
            digest = row_digest("service", *cells, keys[0] if keys else None)
            _check_digest(findings, CheckName.TOKENS, f"token {name}", digest, newest_of(name))
            if len(keys) > 1:
                findings.add(CheckName.TOKENS, f"token {name}", _TOKENS, count=len(keys))


def _check_transfers(unit: Unit, findings: Findings, used: Mapping[int, int]) -> None:
    newest = partial(_newest_entries, unit, findings, CheckName.TRANSFERS, "transfer")
    with (
        newest(Action.TRANSFER_FILE, kind="transfer") as filed_of,
        newest(*DECISIONS) as decided_of,
        newest(Action.TRANSFER_VOID) as void_of,
        closing(unit.digested_rows.transfers()) as rows,
    ):
        while group := list(islice(rows, TRANSFERS_AT_ONCE)):
            # From the whole history: an audit since a checkpoint has read only its end.
            named = entries_of(unit, {row["id"]: row["absorbed"] for row in group})
            histories = {
                number: transfer_history(facts for facts in entries if not _is_merge(facts))
                for number, entries in named.items()
            }
            used_before = {
                number: cast("int", facts["order"])
                for number, entries in named.items()
                for facts in entries
                if _is_merge(facts)
            }
            staff = Staff(unit, {row[who] for row in group for who in ("filed_by_person", "decided_by_person")})
            for row in group:
                number, subject = row["id"], f"transfer {row['id']}"
                digest = filing_digest(row)
                _check_digest(findings, CheckName.TRANSFERS, subject, digest, filed_of(number))
                _check_decision(findings, subject, row, decided_of(number))
                order = used.get(number, used_before.get(number))
                _check_use(unit, findings, subject, row, order)
                past, entry = histories[number], void_of(number)
                if order is None and row["status"] != Status.USED:
                    _check_status(findings, subject, row, past, entry)
                if past is not None and row["status"] in OPEN:
                    _check_people(findings, subject, row, past, staff)
                if row["decided_by_person"] == row["filed_by_person"]:
                    findings.add(CheckName.TRANSFERS, subject, _SAME_PERSON)


def _is_merge(facts: Facts) -> bool:
    return facts["action"] == Action.MERGE


def _check_decision(findings: Findings, subject: str, row: Mapping[str, Any], entry: Facts | None) -> None:
    if entry is not None:
        status = STATUS_AFTER[Action(str(entry["action"]))]
        digest = decision_digest(row, status)
        _check_digest(findings, CheckName.TRANSFERS, subject, digest, entry)
    elif any(row[name] is not None for name in DECIDED):
        findings.add(CheckName.TRANSFERS, subject, _NO_ENTRY)


def _check_status(
    findings: Findings, subject: str, row: Mapping[str, Any], past: TransferHistory | None, void: Facts | None
) -> None:
    """Compare the status of a transfer that no order used with its newest entry."""
    expected = Status.FILED if past is None else past.status
    if row["status"] != expected:
        findings.add(CheckName.TRANSFERS, subject, _STATUS, status=str(row["status"]), expected=expected.value)
    elif expected is Status.VOID:
        why = None if void is None else str(void["why"])
        _check_digest(findings, CheckName.TRANSFERS, subject, void_digest(row, why), void)


def _check_people(
    findings: Findings, subject: str, row: Mapping[str, Any], past: TransferHistory, staff: Staff
) -> None:
    """Report an open transfer whose filer or approver is disabled or has a role that doesn't allow it."""
    if staff.why_not(row["filed_by_person"], Capability.TRANSFER_FILE, past.filed) is not None:
        name = staff.name_of(row["filed_by_person"])
        findings.add(CheckName.TRANSFERS, subject, _FILER_GONE, status=str(row["status"]), name=name)
    is_approved = row["status"] == Status.APPROVED
    if is_approved and staff.why_not(row["decided_by_person"], Capability.TRANSFER_DECIDE, past.decided) is not None:
        name = staff.name_of(row["decided_by_person"])
        findings.add(CheckName.TRANSFERS, subject, _APPROVER_GONE, name=name)


def _check_use(unit: Unit, findings: Findings, subject: str, row: Mapping[str, Any], order: int | None) -> None:
    by_row, is_used = row["order"], row["status"] == Status.USED
    if order is not None and not (by_row == order and is_used):
        findings.add(CheckName.TRANSFERS, subject, _NOT_USED, order=order)
    elif order is None and (by_row is not None or is_used):
        entries = unit.chain.newest(order=by_row or 0, action=Action.MERGE.value)
        if row["id"] not in [json.loads(entry.body).get("transfer") for entry in entries]:
            findings.add(CheckName.TRANSFERS, subject, _FALSELY_USED, order=by_row or 0)


def _check_forms(unit: Unit, findings: Findings) -> None:
    (erased_until, by_purges), erased = purged(unit, "forms"), 0
    with closing(unit.digested_rows.transfers()) as rows:
        for row in rows:
            erased += _check_form(unit, findings, row, erased_until)
    if erased > by_purges:
        findings.add(CheckName.FORMS, "signed forms", ERASED_OTHERWISE, count=erased, told=by_purges)
    with closing(unit.digested_rows.strange_forms()) as strange:
        for number, count, is_known in strange:
            message = _FORM_TWICE if is_known else _FORM_OF_NOTHING
            findings.add(CheckName.FORMS, f"transfer {number}", message, count=count)


def _check_form(unit: Unit, findings: Findings, row: Mapping[str, Any], erased_until: str) -> bool:
    """Compare a transfer's form with the filed digest; returns whether the form was erased."""
    content = unit.transfers.form_of(row["id"])
    if content is None:
        findings.add(CheckName.FORMS, f"transfer {row['id']}", _FORM_GONE)
        return False
    if content == b"" and unit.transfers.has_ended_before(row["id"], erased_until):
        return True
    stored: tuple[str, int, str | None] | None = None
    if isinstance(content, bytes):
        stored = (hashlib.sha256(content).hexdigest(), len(content), form_type(content))
    if stored != (row["sha256"], row["size"], row["type"]):
        findings.add(CheckName.FORMS, f"transfer {row['id']}", _FORM_CHANGED)
    return False


def _check_approvals(unit: Unit, findings: Findings) -> None:
    # Batches that could be run by the approval of a person who may no longer approve.
    for batch, name in lost_approvals(unit):
        findings.add(CheckName.BATCHES, f"batch {batch}", _APPROVER_GONE, name=name)
    with (
        _newest_entries(unit, findings, CheckName.BATCHES, "batch", Action.BULK_APPROVE, kind="batch") as newest_of,
        closing(unit.digested_rows.approvals()) as approvals,
    ):
        for cells in approvals:
            entry = newest_of(cells[0])
            if entry is not None or any(cell is not None for cell in cells[3:]):
                digest = row_digest("approval", *cells)
                _check_digest(findings, CheckName.BATCHES, f"batch {cells[0]}", digest, entry)


def _check_digest(findings: Findings, check: CheckName, subject: str, digest: str, entry: Facts | None) -> None:
    if entry is None:
        findings.add(check, subject, _NO_ENTRY)
    elif entry["row_sha256"] != digest:
        findings.add(check, subject, _CHANGED, seq=seq_of(entry))
