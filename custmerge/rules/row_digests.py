"""Digests of rows, kept in history entries: an audit knows by them whether somebody else changed the row.

A digest tells nothing of what it was made of: everything personal in it comes with a random salt, which in a
password's hash is the hash's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from custmerge.rules.bulk import Batch
from custmerge.rules.history import Action, Actor, Draft
from custmerge.rules.people import Person, Service
from custmerge.rules.transfers import Decision, Status, Transfer, Why

Cell = str | int | bytes | None
# Columns, in the order of `filing_digest` and of what somebody said in `decision_digest`.
FILED = (
    *("id", "survivor", "absorbed", "filed_by", "filed_by_person", "at"),
    *("sha256", "size", "type", "salt", "identity_sha256"),
)
DECIDED = ("decided_by", "decided_by_person", "decided_at", "reason")
STATUS_OF: Mapping[Action, Status] = {
    Action.TRANSFER_APPROVE: Status.APPROVED,
    Action.TRANSFER_REJECT: Status.REJECTED,
}
"""What a decision's entry says that it was."""


def person_digest(person: Person) -> str:
    """Return the digest of a member of staff: name, role, password, who chose it, whether they are disabled."""
    cells = (person.password_hash, person.created_at, person.disabled_at, person.password_chosen_by)
    return person_row_digest(person.id, person.name, person.role.value, *cells)


def person_row_digest(*cells: Cell) -> str:
    """Return the digest of the cells of a person's row, in the order in which `person_digest` names them."""
    *others, chosen_by = cells
    # Left out where it is empty: then the digests that older versions wrote, without this column, stay right.
    return row_digest("person", *others, *(() if chosen_by is None else (chosen_by,)))


def service_digest(service: Service, key: str | None) -> str:
    """Return the digest of a service token; `key` is what the database knows it by, None once it has ended."""
    cells = (service.created_by, service.created_at, service.expires_at, service.revoked_at)
    return row_digest("service", service.id, service.name, service.role.value, *cells, key)


def filing_digest(transfer: Transfer) -> str:
    """Return the digest of a contract transfer as it was filed."""
    form = transfer.form
    filed = (transfer.filed_by, transfer.filed_by_person, transfer.at)
    cells = (*filed, form.sha256, form.size, form.type, _salt(transfer.salt), transfer.identity_sha256)
    return row_digest("transfer", transfer.id, transfer.survivor, transfer.absorbed, *cells)


def filing_row_digest(row: Mapping[str, Cell]) -> str:
    """Return what `filing_digest` returns, of a row of cells by column."""
    return row_digest("transfer", *(_salt(row[name]) if name == "salt" else row[name] for name in FILED))


def decision_digest(transfer: Transfer, decision: Decision) -> str:
    """Return the digest of a decision about a transfer, with its reason."""
    said = (decision.by, decision.person, decision.at, decision.reason)
    return row_digest("decision", transfer.id, _salt(transfer.salt), decision.status.value, *said)


def decision_row_digest(row: Mapping[str, Cell], status: Status) -> str:
    """Return what `decision_digest` returns where `status` was decided, of a row of cells by column."""
    return row_digest("decision", row["id"], _salt(row["salt"]), status.value, *(row[name] for name in DECIDED))


def kept_decision_digest(transfer: Transfer) -> str | None:
    """Return the digest of the decision that a transfer's row holds, None where it holds none."""
    by, person, at = transfer.decided_by, transfer.decided_by_person, transfer.decided_at
    if by is None or person is None or at is None:
        return None
    return decision_digest(transfer, Decision(transfer.status, by, person, at, transfer.reason))


def void_digest(transfer: Transfer, why: Why) -> str:
    """Return the digest of a contract transfer that became void."""
    return row_digest("void", transfer.id, transfer.survivor, transfer.absorbed, _salt(transfer.salt), why.value)


def void_entries(transfers: Iterable[Transfer], why: Why, by: Actor, at: str) -> list[Draft]:
    """Return the history entries of transfers that became void, one each, in the order of their ids."""
    drafts = []
    for transfer in sorted(transfers, key=lambda transfer: transfer.id):
        facts = {**transfer.facts, "why": why.value, "row_sha256": void_digest(transfer, why)}
        drafts.append(Draft(at, by, Action.TRANSFER_VOID, facts))
    return drafts


def void_row_digest(row: Mapping[str, Cell], why: str | None) -> str:
    """Return what `void_digest` returns, of a row of cells by column."""
    return row_digest("void", row["id"], row["survivor"], row["absorbed"], _salt(row["salt"]), why)


def approval_digest(batch: Batch) -> str:
    """Return the digest of a bulk file's approval."""
    approved = (batch.approved_by, batch.approved_by_person, batch.approved_at)
    return row_digest("approval", batch.id, batch.sha256, batch.rows, *approved)


def row_digest(kind: str, *cells: Cell) -> str:
    """Return the SHA-256, in hex, of a row's cells in the order in which the functions above name them.

    Bytes get another digest than any text: a file of SQLite's takes either, and the program knows a text alone.
    """
    return hashlib.sha256(json.dumps([kind, *cells], default=repr).encode()).hexdigest()


def _salt(cell: Cell) -> Cell:
    """Return how a salt goes into a digest: it is bytes, and anything else counts as none."""
    return cell.hex() if isinstance(cell, bytes) else f"no bytes: {cell!r}"
