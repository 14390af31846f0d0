"""The errors that say what proves whose a number is: a domain, the customer's own password, or nothing.

Contract §2, rule 3; which proof a register has is said by its mapping.
"""

from __future__ import annotations

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
from custmerge.rules.mapping import ProofBy

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
