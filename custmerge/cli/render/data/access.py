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


def whoami(caller: Caller) -> Shape:
    """Return who is logged in."""
    return {
        "kind": "customer" if caller.is_customer else "staff",
        "number": caller.name if caller.is_customer else None,
        "name": None if caller.is_customer else caller.name,
        "role": caller.role.value,
        "expires_at": caller.expires_at,
    }


def verified(proof: Proof) -> Shape:
    """Return a proof that holds."""
    return {
        "survivor": proof.survivor,
        "absorbed": proof.absorbed,
        "domain": proof.domain,
        "verified": True,
        "valid_until": proof.valid_until,
    }


def person(found: Person) -> Shape:
    """Return somebody who works here."""
    return {
        "name": found.name,
        "role": found.role.value,
        "created_at": found.created_at,
        "disabled_at": found.disabled_at,
    }


def service(found: Service) -> Shape:
    """Return a service token."""
    return {
        "name": found.name,
        "role": found.role.value,
        "created_by": found.created_by_name,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "revoked_at": found.revoked_at,
    }


def created_service(made: Service, token: str) -> Shape:
    """Return a service token that was just made, with the token itself: the only copy that there is."""
    return {
        "name": made.name,
        "role": made.role.value,
        "created_by": made.created_by_name,
        "created_at": made.created_at,
        "expires_at": made.expires_at,
        "token": token,
    }


def transfer(found: Transfer) -> Shape:
    """Return a contract transfer."""
    return {
        "id": found.id,
        "survivor": found.survivor,
        "absorbed": found.absorbed,
        "status": found.status.value,
        "filed_by": found.filed_by,
        "decided_by": found.decided_by,
        "reason": found.reason,
        "sha256": found.form.sha256,
        "size": found.form.size,
        "type": found.form.type,
        "at": found.at,
    }
