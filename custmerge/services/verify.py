"""The proof: a domain of the absorbed number with the password that belongs to its package.

A host's mapping may say that the password of the number itself is the proof, or that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import DomainNotAsked, MergedAway, ProofRequired
from custmerge.rules.fields import Pair, checked_number
from custmerge.rules.history import stamp
from custmerge.rules.normalise import domain_in_ascii
from custmerge.rules.passwords import Subject
from custmerge.rules.people import PROOF_LASTS, Capability, Proof, survivor_of, verified_sha256
from custmerge.rules.plan import readable_image
from custmerge.rules.proofs import Hashing, ProofBy, proof_refused, proof_required
from custmerge.services.access import Caller, demand, demand_alive, demand_living, demand_may_merge
from custmerge.services.customer_errors import for_caller

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Claim:
    """What a caller claims to know about the absorbed number."""

    absorbed: str
    domain: str
    """Empty where the proof isn't a domain."""
    password: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The stored state of the number that a claim is about."""

    exists: bool
    went_into: str | None
    """The end of the number's chain if it was merged away, None if it is in use."""
    stored: str | None
    """The hash to compare the password with; for a number that was merged away, the hash from before that."""
    newest: int = 0
    """The newest order that merged another number into this one: a claim doesn't cover what came with it."""


@dataclass(frozen=True, slots=True)
class _ProofRules:
    """What a register has as proofs, and how its hashes are verified."""

    by: ProofBy
    hashing: Hashing


@for_caller
def verify(database: Database, caller: Caller, claim: Claim, *, into: str | None, now: datetime) -> Proof:
    """Check a claim, store the proof for this pair and session, and return it.

    Raises ProofRefused: the same and after the same time for an unknown or merged number, a wrong domain and a wrong
    password (rule 3). Staff, who may look, get UnknownNumber and MergedAway. Raises LockedOut, and what `check_proof`
    raises. A right password never counts as a wrong try, even if another process changes the number meanwhile.
    """
    # Imported here: argon2 and the database take long to load, and a merge without a proof needs neither.
    from custmerge.services.people import guessing, passwords

    survivor, rules = _checked(database, caller, claim.absorbed, into=into, now=now)
    by, hashing = rules.by, rules.hashing
    _demand_proof(caller, (survivor, claim.absorbed), by, claim.domain)
    claim = replace(claim, domain=claim.domain.strip())
    subjects = [Subject("number", claim.absorbed), caller.guesser]
    with guessing.pending_try(database, subjects, now) as tried:
        with database.reading() as unit:
            claimed = _claimed(unit, claim, by)
        # Outside of any transaction, so that nobody else waits while the password is hashed.
        is_right = passwords.fits(claimed.stored, claim.password, hashing)
        if is_right and by is ProofBy.DOMAIN and claimed.went_into is not None:
            # Only for a right password: a wrong one must take the same time for every number.
            with database.reading() as unit:
                is_right = _had_domain(unit, claim)
        if is_right:
            guessing.settle_right(database, tried)
    if not is_right:
        facts = {"subject": "proof", "survivor": survivor, "absorbed": claim.absorbed if claimed.exists else None}
        guessing.wrong(database, tried, caller.actor, facts)
        raise proof_refused(by)
    while is_right and claimed.went_into is None:
        sha256 = verified_sha256(claimed.stored or "")
        proof = Proof(survivor, claim.absorbed, claim.domain, sha256, stamp(now + PROOF_LASTS))
        new = passwords.renewed(claimed.stored, claim.password, hashing)
        for attempt in database.attempts():
            with attempt as unit:
                demand_alive(unit, caller, now)
                unit.register.customers([claim.absorbed], lock=True)
                stored = _claimed(unit, claim, by)
                if stored == claimed:
                    unit.people.keep_proof(caller.token_sha256, proof)
                    if new and claimed.stored:
                        passwords.renew(unit, claim.absorbed, claimed.stored, new)
        if stored == claimed:
            return proof
        # Another process has merged the number or changed the hash, perhaps to another hash of the same password.
        claimed = stored
        with passwords.turn():
            is_right = passwords.fits(claimed.stored, claim.password, hashing)
    if claimed.went_into is not None and not caller.is_customer:
        raise MergedAway(number=claim.absorbed, merged_into=claimed.went_into)
    raise proof_refused(by)


def _claimed(unit: Unit, claim: Claim, by: ProofBy) -> Claimed:
    """Return the state of a claim's number; runs the same statements for every claim, to take the same time."""
    way = unit.register.chain_from(claim.absorbed)
    end, own = way or (claim.absorbed, None)
    claimed, stored = (end, claim.domain), own
    if by is ProofBy.DOMAIN:
        holders = unit.register.domain_holders([claimed])
        stored = (holders[claimed] or own) if claimed in holders else None
    newest = unit.ledger.newest_into([claim.absorbed]).get(claim.absorbed, 0)
    if way is None:
        return Claimed(exists=False, went_into=None, stored=None)
    return Claimed(exists=True, went_into=None if end == claim.absorbed else end, stored=stored, newest=newest)


def _had_domain(unit: Unit, claim: Claim) -> bool:
    """Return whether the claimed domain was under the number when it was merged away; False after a purge."""
    order, _survivor = unit.ledger.newest_orders([claim.absorbed]).get(claim.absorbed, (0, ""))
    _salt, text = unit.ledger.images([order]).get(order, (b"", ""))
    image, name = readable_image(text), domain_in_ascii(claim.domain)
    domains = [domain for package in image.packages for domain in package.domains] if image else []
    return any(domain_in_ascii(domain) == name for domain in domains)


def proof_by(database: Database) -> ProofBy:
    """Return what proves whose a number is."""
    with database.reading() as unit:
        return unit.register.proof_by


@for_caller
def check_claim(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> str:
    """Return the number that is kept; raises what needs no password, before one is asked for.

    That is UnknownNumber, MergedAway, SelfMerge and other errors about the two numbers and the caller.
    """
    return _checked(database, caller, absorbed, into=into, now=now)[0]


@for_caller
def check_proof(
    database: Database, caller: Caller, absorbed: str, domain: str | None, *, into: str | None, now: datetime
) -> None:
    """Raise the errors of `verify` that need no password, before one is asked for.

    Besides those of `check_claim` these are NoProof where there is no proof, and DomainNotAsked for a `domain` where
    the proof is another one.
    """
    survivor, rules = _checked(database, caller, absorbed, into=into, now=now)
    _demand_proof(caller, (survivor, absorbed), rules.by, domain)


def _demand_proof(caller: Caller, pair: Pair, by: ProofBy, domain: str | None) -> None:
    if by is ProofBy.NOTHING:
        missing = ProofRequired(survivor=pair[0], absorbed=pair[1])
        raise proof_required(missing, by, is_customer=caller.is_customer)
    if by is ProofBy.PASSWORD and domain:
        raise DomainNotAsked


def _checked(
    database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime
) -> tuple[str, _ProofRules]:
    demand_may_merge(caller)
    survivor = survivor_of(caller.own_number, into, absorbed)
    with database.reading() as unit:
        demand_alive(unit, caller, now, hold=False)
        if not caller.is_customer:
            demand_living(unit, survivor, absorbed)
        return survivor, _ProofRules(unit.register.proof_by, unit.register.hashing)


def check_survivor(database: Database, caller: Caller, number: str, now: datetime) -> str:
    """Return a number that staff may keep; raises BadValue, UnknownNumber, MergedAway."""
    demand(caller, Capability.MERGE_ANY)
    with database.reading() as unit:
        demand_alive(unit, caller, now, hold=False)
        demand_living(unit, checked_number(number))
    return number
