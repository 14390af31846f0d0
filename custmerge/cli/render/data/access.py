"""Sessions, proofs, staff, service tokens and contract transfers."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.people import Person, Proof, Service
from custmerge.rules.transfers import Transfer
from custmerge.services.access import Caller

SERVICE_COLUMNS = ("name", "role", "created_by", "created_at", "expires_at", "revoked_at")
TRANSFER_COLUMNS = (
    *("id", "survivor", "absorbed", "status", "filed_by", "decided_by", "reason"),
    *("sha256", "size", "type", "at"),
)


def caller_shape(caller: Caller) -> Shape:
    """Return who is logged in."""
    return {
        "kind": "customer" if caller.is_customer else "staff",
        "number": caller.name if caller.is_customer else None,
        "name": None if caller.is_customer else caller.name,
        "role": caller.role.value,
        "expires_at": caller.expires_at,
    }


def proof_shape(proof: Proof) -> Shape:
    """Return a proof that holds."""
    return {
        "survivor": proof.survivor,
        "absorbed": proof.absorbed,
        "domain": proof.domain or None,
        "verified": True,
        "valid_until": proof.valid_until,
    }


def person_shape(person: Person) -> Shape:
    """Return somebody who works here."""
    return {
        "name": person.name,
        "role": person.role.value,
        "created_at": person.created_at,
        "disabled_at": person.disabled_at,
    }


def service_shape(service: Service) -> Shape:
    """Return a service token."""
    return {
        "name": service.name,
        "role": service.role.value,
        "created_by": service.created_by_name,
        "created_at": service.created_at,
        "expires_at": service.expires_at,
        "revoked_at": service.revoked_at,
    }


def created_service_shape(service: Service, token: str) -> Shape:
    """Return a service token that was just created, with the token itself, which is kept nowhere else."""
    shape = service_shape(service)
    del shape["revoked_at"]
    return {**shape, "token": token}


def transfer_shape(transfer: Transfer) -> Shape:
    """Return a contract transfer."""
    return {
        "id": transfer.id,
        "survivor": transfer.survivor,
        "absorbed": transfer.absorbed,
        "status": transfer.status.value,
        "filed_by": transfer.filed_by,
        "decided_by": transfer.decided_by,
        "reason": transfer.reason,
        "sha256": transfer.form.sha256,
        "size": transfer.form.size,
        "type": transfer.form.type,
        "at": transfer.at,
    }
