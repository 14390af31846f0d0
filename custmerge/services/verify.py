"""The proof: a domain of the absorbed number with the password that belongs to its package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custmerge.errors import MergedAway, ProofRefused, ProofRequired
from custmerge.rules.guessing import Subject
from custmerge.rules.image import read_image
from custmerge.rules.normalise import domain_in_ascii
from custmerge.rules.people import Proof, verified_sha256
from custmerge.rules.roles import Capability
from custmerge.rules.sessions import PROOF_LASTS
from custmerge.rules.times import stamp
from custmerge.services.access import checked_number, demand, demand_alive, living, survivor_of
from custmerge.services.people import guessing

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from custmerge.services.access import Caller, Pair
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says about the number to take over."""

    absorbed: str
    domain: str
    password: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """What there is of the number that a claim is about."""

    exists: bool
    went_into: str | None
    """Where a number that was merged has come to."""
    stored: str | None
    """The hash that the password is compared with: where the number was merged, the one that counted before."""
    newest: int = 0
    """The last order in which the number took another over: what came with that was not what was claimed."""


def verify(database: Database, caller: Caller, claim: Claim, *, into: str | None, now: datetime) -> Proof:
    """Check a claim and keep the proof for this pair and session.

    Raises ProofRefused, alike and after the same time for an unknown or retired number, a wrong domain and a
    wrong password (rule 3). Staff may look, so they are told of unknown and retired numbers. Raises LockedOut.
    A right password is no wrong try, whatever somebody else did with the number meanwhile.
    """
    from custmerge.services.people import passwords

    survivor = check_claim(database, caller, claim.absorbed, into=into, now=now)
    claim = replace(claim, domain=claim.domain.strip())
    subjects = [Subject("number", claim.absorbed), guesser(caller)]
    with guessing.trying(database, subjects, now) as tried:
        with database.reading() as unit:
            claimed = _claimed(unit, claim)
        # Outside of any transaction: hashing takes its time, and nobody should wait for it.
        is_right = passwords.fits(claimed.stored, claim.password)
        if is_right and claimed.went_into is not None:
            # Asked of a right password only: with a wrong one nobody is to wait longer for a number that was merged.
            with database.reading() as unit:
                is_right = _had(unit, claim)
        if is_right:
            guessing.settle_right(database, tried)
    if not is_right:
        facts = {"subject": "proof", "survivor": survivor, "absorbed": claim.absorbed if claimed.exists else None}
        guessing.wrong(database, tried, caller.actor, facts)
        raise ProofRefused
    while is_right and claimed.went_into is None:
        sha256 = verified_sha256(claimed.stored or "")
        proof = Proof(survivor, claim.absorbed, claim.domain, sha256, stamp(now + PROOF_LASTS))
        new = passwords.renewed(claimed.stored, claim.password)
        for attempt in database.attempts():
            with attempt as unit:
                stored = _kept(unit, caller=caller, claim=claim, claimed=claimed, proof=proof, new=new, now=now)
        if stored == claimed:
            return proof
        # Another hash than was verified, perhaps of the same password, or a number that has taken another over.
        claimed = stored
        with passwords.turn():
            is_right = passwords.fits(claimed.stored, claim.password)
    if claimed.went_into is not None and not caller.is_customer:
        raise MergedAway(number=claim.absorbed, merged_into=claimed.went_into)
    raise ProofRefused


def _claimed(unit: Unit, claim: Claim) -> Claimed:
    """Return what there is of a claim; asks the same whatever there is, so that it takes the same time."""
    way = unit.register.chain_from(claim.absorbed)
    holder = unit.register.domain_holders([claim.domain]).get(claim.domain)
    newest = unit.ledger.newest_into([claim.absorbed]).get(claim.absorbed, 0)
    if way is None:
        return Claimed(exists=False, went_into=None, stored=None)
    end, own = way
    went_into = None if end == claim.absorbed else end
    if holder is None or holder[0] != end:
        return Claimed(exists=True, went_into=went_into, stored=None, newest=newest)
    return Claimed(exists=True, went_into=went_into, stored=holder[1] or own, newest=newest)


def _had(unit: Unit, claim: Claim) -> bool:
    """Return whether a number that was merged had the domain then; False where the before-image is erased."""
    order, _survivor = unit.ledger.newest_orders([claim.absorbed]).get(claim.absorbed, (0, ""))
    _salt, text = unit.ledger.images([order]).get(order, (b"", ""))
    try:
        packages = read_image(text).packages if text else ()
    except (ValueError, LookupError, TypeError):
        return False
    name = domain_in_ascii(claim.domain)
    return any(domain_in_ascii(one) == name for package in packages for one in package.domains)


def _kept(
    unit: Unit, *, caller: Caller, claim: Claim, claimed: Claimed, proof: Proof, new: str | None, now: datetime
) -> Claimed:
    """Keep a proof if what was verified is there, with `new` in the place of its hash; returns what is there."""
    demand_alive(unit, caller, now)
    unit.register.customers([claim.absorbed], lock=True)
    found = _claimed(unit, claim)
    if found == claimed:
        unit.people.keep_proof(caller.token_sha256, proof)
        if new and claimed.stored:
            renew(unit, claim.absorbed, claimed.stored, new)
    return found


def renew(unit: Unit, number: str, old: str, new: str) -> None:
    """Put `new` in the place of a hash of the same password; proofs that rest on it stay good.

    The number's record has to be locked.
    """
    unit.register.rehash(number, old, new)
    unit.people.renew_proofs(number, verified_sha256(old), verified_sha256(new))


def check_claim(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> str:
    """Raise what `verify` raises whatever the password is, so that nobody types one for nothing.

    Returns the number that is kept.
    """
    demand(caller, Capability.MERGE_OWN if caller.is_customer else Capability.MERGE_ANY)
    survivor = survivor_of(caller, into, absorbed)
    with database.reading() as unit:
        demand_alive(unit, caller, now, hold=False)
        for number in () if caller.is_customer else (survivor, absorbed):
            living(number, unit.register.customer(number), unit.register.end_of_chain)
    return survivor


def check_survivor(database: Database, caller: Caller, number: str, now: datetime) -> str:
    """Return a number that staff may keep; raises BadValue, UnknownNumber, MergedAway."""
    demand(caller, Capability.MERGE_ANY)
    with database.reading() as unit:
        demand_alive(unit, caller, now, hold=False)
        living(checked_number(number), unit.register.customer(number), unit.register.end_of_chain)
    return number


def demand_proof(unit: Unit, caller: Caller, survivor: str, absorbed: str, now: datetime) -> None:
    """Raise ProofRequired unless the session has a proof for the pair that holds now."""
    if (survivor, absorbed) not in proved_pairs(unit, caller, [absorbed], now):
        raise ProofRequired(survivor=survivor, absorbed=absorbed)


def proved_pairs(unit: Unit, caller: Caller, absorbed: Collection[str], now: datetime) -> set[Pair]:
    """Return the pairs that the session has proved, as far as what the proofs rest on is there now (rule 3).

    For an order to be asked behind the locks on its records and packages.
    """
    proofs = unit.people.proofs(caller.token_sha256, absorbed)
    if not proofs:
        return set()
    stored = unit.register.domain_passwords({(proof.absorbed, proof.domain) for proof in proofs})
    return {
        (proof.survivor, proof.absorbed)
        for proof in proofs
        if proof.holds(stored.get((proof.absorbed, proof.domain)), now)
    }


def guesser(caller: Caller) -> Subject:
    """Return the caller as one whose wrong proofs are counted."""
    return Subject("customer_caller" if caller.is_customer else "staff_caller", caller.name)
