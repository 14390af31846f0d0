"""The proof: a domain of the absorbed number with the password that belongs to its package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import ProofRefused, ProofRequired
from custmerge.rules.guessing import Subject
from custmerge.rules.people import Proof, verified_sha256
from custmerge.rules.roles import Capability
from custmerge.rules.sessions import PROOF_LASTS
from custmerge.rules.times import stamp
from custmerge.services import guessing
from custmerge.services.access import checked_number, demand, demand_alive, living, survivor_of

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database, Unit


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says about the number to take over."""

    absorbed: str
    domain: str
    password: str


def verify(database: Database, caller: Caller, claim: Claim, *, into: str | None, now: datetime) -> Proof:
    """Check a claim and keep the proof for this pair and session.

    Raises ProofRefused, alike and after the same time for an unknown or retired number, a wrong domain and a
    wrong password (rule 3). Staff may look, so they are told of unknown and retired numbers. Raises LockedOut.
    """
    from custmerge.services import passwords

    survivor = check_claim(database, caller, claim.absorbed, into=into)
    domain = claim.domain.strip()
    with passwords.turn():
        tried = guessing.begin(database, [Subject("number", claim.absorbed), guesser(caller)], now)
        with database.reading() as unit:
            exists = unit.register.customer(claim.absorbed) is not None
            stored = unit.register.domain_password(claim.absorbed, domain)
        # Outside of any transaction: hashing takes its time, and nobody should wait for it.
        is_right = passwords.fits(stored, claim.password)
    if not is_right:
        facts = {"subject": "proof", "survivor": survivor, "absorbed": claim.absorbed if exists else None}
        guessing.wrong(database, tried, caller.actor, facts, now)
        raise ProofRefused
    proof = Proof(survivor, claim.absorbed, domain, verified_sha256(stored or ""), stamp(now + PROOF_LASTS))
    new = passwords.renewed(stored, claim.password)

    def keep(unit: Unit) -> None:
        demand_alive(unit, caller)
        unit.register.customers([claim.absorbed], lock=True)
        if unit.register.domain_password(claim.absorbed, domain) != stored:
            raise ProofRefused
        guessing.right(unit, tried)
        unit.people.keep_proof(caller.token_sha256, proof)
        if new and stored:
            unit.register.rehash_domain(claim.absorbed, domain, stored, new)

    database.attempt(keep)
    return proof


def check_claim(database: Database, caller: Caller, absorbed: str, *, into: str | None) -> str:
    """Raise what `verify` raises whatever the password is, so that nobody types one for nothing.

    Returns the number that is kept.
    """
    demand(caller, Capability.MERGE_OWN if caller.is_customer else Capability.MERGE_ANY)
    survivor = survivor_of(caller, into, absorbed)
    if not caller.is_customer:
        with database.reading() as unit:
            for number in (survivor, absorbed):
                living(number, unit.register.customer(number), unit.register.end_of_chain)
    return survivor


def check_survivor(database: Database, caller: Caller, number: str) -> str:
    """Return a number that staff may keep; raises BadValue, UnknownNumber, MergedAway."""
    demand(caller, Capability.MERGE_ANY)
    with database.reading() as unit:
        living(checked_number(number), unit.register.customer(number), unit.register.end_of_chain)
    return number


def demand_proof(unit: Unit, caller: Caller, survivor: str, absorbed: str, now: datetime) -> None:
    """Raise ProofRequired unless the session has a proof for the pair that still holds."""
    if not holds(unit, caller, survivor, absorbed, now):
        raise ProofRequired(survivor=survivor, absorbed=absorbed)


def holds(unit: Unit, caller: Caller, survivor: str, absorbed: str, now: datetime) -> bool:
    """Return whether the session has a proof for the pair that still holds."""
    proof = unit.people.proof(caller.token_sha256, survivor, absorbed)
    return proof is not None and stamp(now) < proof.valid_until


def guesser(caller: Caller) -> Subject:
    """Return the caller as one whose wrong proofs are counted."""
    return Subject("customer_caller" if caller.is_customer else "staff_caller", caller.name)
