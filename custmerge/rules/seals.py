"""Seals: digests in history entries, by which an audit knows a row again that somebody else could have changed.

A seal tells nothing of what it was made of: everything personal in it comes with a random salt, which in a
password's hash is the hash's own.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custmerge.rules.bulk import Batch
    from custmerge.rules.people import Person, Service
    from custmerge.rules.transfers import Decision, Transfer


def of_person(person: Person) -> str:
    """Return the seal of somebody who works here: name, role, password and whether they are disabled."""
    return _seal(
        "person",
        person.id,
        person.name,
        person.role.value,
        person.password_hash,
        person.created_at,
        person.disabled_at,
    )


def of_service(service: Service, token_sha256: str | None) -> str:
    """Return the seal of a service token; `token_sha256` is what the database knows it by, None once it has ended."""
    return _seal(
        "service",
        service.id,
        service.name,
        service.role.value,
        service.created_by,
        service.created_at,
        service.expires_at,
        service.revoked_at,
        token_sha256,
    )


def of_filing(transfer: Transfer) -> str:
    """Return the seal of a contract transfer as it was filed."""
    return _seal(
        "transfer",
        transfer.id,
        transfer.survivor,
        transfer.absorbed,
        transfer.filed_by,
        transfer.filed_by_person,
        transfer.at,
        transfer.form.sha256,
        transfer.form.size,
        transfer.form.type,
        transfer.salt.hex(),
        transfer.identity_sha256,
    )


def of_decision(transfer: Transfer, decision: Decision) -> str:
    """Return the seal of what somebody decided about a transfer, with the reason that they gave."""
    return _seal(
        "decision",
        transfer.id,
        transfer.salt.hex(),
        decision.status.value,
        decision.by,
        decision.person,
        decision.at,
        decision.reason,
    )


def of_approval(batch: Batch) -> str:
    """Return the seal of a bulk file's approval."""
    return _seal(
        "approval",
        batch.id,
        batch.sha256,
        batch.rows,
        batch.approved_by,
        batch.approved_by_person,
        batch.approved_at,
    )


def _seal(*cells: str | int | None) -> str:
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()
