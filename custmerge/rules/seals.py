"""Seals: digests in history entries, by which an audit knows a row again that somebody else could have changed.

A seal tells nothing of what it was made of: everything personal in it comes with a random salt, which in a
password's hash is the hash's own.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from custmerge.rules.history import Action
from custmerge.rules.transfers import Decision, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custmerge.rules.bulk import Batch
    from custmerge.rules.people import Person, Service
    from custmerge.rules.transfers import Transfer, Why

Cell = str | int | bytes | None
# Columns, in the order of `of_filing` and of what somebody said in `of_decision`.
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


def of_person(person: Person) -> str:
    """Return the seal of somebody who works here: name, role, password, who chose it, whether they are disabled."""
    cells = (person.password_hash, person.created_at, person.disabled_at, person.password_chosen_by)
    return of_person_cells(person.id, person.name, person.role.value, *cells)


def of_person_cells(*cells: Cell) -> str:
    """Return the seal of a person's row out of its cells, in the order in which `of_person` names them."""
    *others, chosen_by = cells
    # Left out where it is empty: then the seals that older versions wrote, without this column, stay right.
    return seal("person", *others, *(() if chosen_by is None else (chosen_by,)))


def of_service(service: Service, key: str | None) -> str:
    """Return the seal of a service token; `key` is what the database knows it by, None once it has ended."""
    cells = (service.created_by, service.created_at, service.expires_at, service.revoked_at)
    return seal("service", service.id, service.name, service.role.value, *cells, key)


def of_filing(transfer: Transfer) -> str:
    """Return the seal of a contract transfer as it was filed."""
    form = transfer.form
    filed = (transfer.filed_by, transfer.filed_by_person, transfer.at)
    cells = (*filed, form.sha256, form.size, form.type, _salt(transfer.salt), transfer.identity_sha256)
    return seal("transfer", transfer.id, transfer.survivor, transfer.absorbed, *cells)


def of_filed_row(row: Mapping[str, Cell]) -> str:
    """Return what `of_filing` returns, of a row of cells by column."""
    return seal("transfer", *(_salt(row[name]) if name == "salt" else row[name] for name in FILED))


def of_decision(transfer: Transfer, decision: Decision) -> str:
    """Return the seal of what somebody decided about a transfer, with the reason that they gave."""
    said = (decision.by, decision.person, decision.at, decision.reason)
    return seal("decision", transfer.id, _salt(transfer.salt), decision.status.value, *said)


def of_decided_row(row: Mapping[str, Cell], status: Status) -> str:
    """Return what `of_decision` returns where `status` was decided, of a row of cells by column."""
    return seal("decision", row["id"], _salt(row["salt"]), status.value, *(row[name] for name in DECIDED))


def of_kept_decision(transfer: Transfer) -> str | None:
    """Return the seal of the decision that a transfer's row holds, None where it holds none."""
    by, person, at = transfer.decided_by, transfer.decided_by_person, transfer.decided_at
    if by is None or person is None or at is None:
        return None
    return of_decision(transfer, Decision(transfer.status, by, person, at, transfer.reason))


def of_void(transfer: Transfer, why: Why) -> str:
    """Return the seal of a contract transfer that became void."""
    return seal("void", transfer.id, transfer.survivor, transfer.absorbed, _salt(transfer.salt), why.value)


def of_void_row(row: Mapping[str, Cell], why: str | None) -> str:
    """Return what `of_void` returns, of a row of cells by column."""
    return seal("void", row["id"], row["survivor"], row["absorbed"], _salt(row["salt"]), why)


def of_approval(batch: Batch) -> str:
    """Return the seal of a bulk file's approval."""
    approved = (batch.approved_by, batch.approved_by_person, batch.approved_at)
    return seal("approval", batch.id, batch.sha256, batch.rows, *approved)


def seal(kind: str, *cells: Cell) -> str:
    """Return the SHA-256, in hex, of a row's cells in the order in which the functions above name them.

    Bytes are sealed otherwise than any text: a file of SQLite's takes either, and the program knows a text alone.
    """
    return hashlib.sha256(json.dumps([kind, *cells], default=repr).encode()).hexdigest()


def _salt(cell: Cell) -> Cell:
    """Return how a salt is sealed: it is bytes, and what isn't is like none."""
    return cell.hex() if isinstance(cell, bytes) else f"no bytes: {cell!r}"
