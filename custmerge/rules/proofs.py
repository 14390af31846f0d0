"""What proves whose a number is: a domain, the customer's own password, or nothing; and the errors that say so.

Contract §2, rule 3; which proof a register has is said by its mapping. Every command loads this, so it is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from custmerge.errors import (
    NoProof,
    NoProofForCustomers,
    OwnPasswordRefused,
    OwnPasswordRequired,
    OwnPasswordRequiredToSee,
    ProofRefused,
    ProofRequired,
    ProofRequiredToSee,
)


class ProofBy(StrEnum):
    """What proves that a number is somebody's."""

    DOMAIN = "domain"
    PASSWORD = "password"  # noqa: S105 (no secret)
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Hashing:
    """What is done with the hashes of a register."""

    renews: bool = True
    """Whether a hash of an older kind is replaced by one of today's when its password is known."""
    kind: str | None = None
    """The `HashKind.key` of most hashes: a number without a hash takes the time of one of these. None for today's."""


BY_PASSWORD = {"proof": ProofBy.PASSWORD.value}
"""The details by which a stored error is told from one about a domain."""


def proof_refused(by: ProofBy) -> ProofRefused:
    """Return the error for a claim that doesn't hold: the same whatever is wrong with it."""
    return OwnPasswordRefused(**BY_PASSWORD) if by is ProofBy.PASSWORD else ProofRefused()


def proof_required(missing: ProofRequired, by: ProofBy, *, is_customer: bool, to_see: bool = False) -> ProofRequired:
    """Return the error for a pair without a proof, with what the person can do; `to_see` for a command that looks."""
    match by:
        case ProofBy.DOMAIN:
            return ProofRequiredToSee(**missing.details) if to_see else missing
        case ProofBy.PASSWORD:
            kind = OwnPasswordRequiredToSee if to_see else OwnPasswordRequired
            return kind(**missing.details, **BY_PASSWORD)
        case ProofBy.NOTHING:
            return (NoProofForCustomers if is_customer else NoProof)(**missing.details)
