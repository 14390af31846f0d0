"""The order that a caller asks for: its data, what it would do, and its execution in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import Changed, IdentityBlocked, NoProof, ProofRequired
from custmerge.rules.compare import Comparison, Decision, compare
from custmerge.rules.fields import Field, Package, Pair
from custmerge.rules.people import survivor_of
from custmerge.rules.plan import Plan, Wishes, missing_details
from custmerge.rules.proofs import ProofBy
from custmerge.services.access import Caller, demand_may_merge
from custmerge.services.authority import remedied, scope_error
from custmerge.services.customer_errors import for_caller
from custmerge.services.orders import Orders, Receipt

if TYPE_CHECKING:
    from custmerge.rules.references.counts import ReferenceCount
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Offer:
    """The data for deciding about an order, for a caller with a valid proof."""

    comparison: Comparison
    packages: tuple[Package, ...]
    """The packages of the absorbed number, in the order of their keys."""
    missing: tuple[Field, ...]
    """The details that the survivor's record lacks, which `Wishes.fill` would take."""
    proved_until: str | None
    """When the proof ends, see `history.stamp`; None if a contract transfer replaces it."""
    references: tuple[ReferenceCount, ...] | None = None
    """As in `Receipt`, before a choice is made."""


@dataclass(frozen=True, slots=True)
class Request:
    """The order that is asked for."""

    absorbed: str
    into: str | None
    """The number that is kept; None for a customer's own."""
    wishes: Wishes = Wishes()  # noqa: RUF009 (frozen)
    shown: Offer | None = None
    """The offer that the person saw; the order is refused if the records or packages have changed since."""


@for_caller
def preview(database: Database, caller: Caller, request: Request, now: datetime) -> Receipt:
    """Return what the order would do; changes nothing. Raises the errors of `merge`."""
    pair = _demanded(caller, request)
    with database.reading() as unit:
        orders = Orders(unit, caller, [pair], now, lock=False)
        return orders.receipt(_plan(unit, orders, pair, request, caller), None)


@for_caller
def offered(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> Offer:
    """Return the offer for two numbers, with their bank data: staff need the proof, too."""
    pair = _demanded(caller, Request(absorbed, into))
    with database.reading() as unit:
        orders = Orders(unit, caller, [pair], now, lock=False)
        records = orders.living_pair(pair)
        orders.demand_authority(pair)
        comparison = replace(compare(*records), transfer=orders.transfer_for(pair))
        comparison = remedied(unit, caller, replace(comparison, refusal=scope_error(unit, caller, *records)))
        packages = tuple(orders.state.packages_of(absorbed))
        is_blocked = comparison.decision is Decision.BLOCKED
        references = None if is_blocked or caller.is_customer else orders.references_of(*records)
        return Offer(comparison, packages, missing_details(*records), orders.proved_until(pair), references)


@for_caller
def needed_proof(
    database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime
) -> ProofBy | None:
    """Return how the caller has to verify `absorbed` before an order, None if they needn't.

    Not with a valid proof of this session; staff also not with an approved contract transfer. Raises NoProof where
    nothing can be verified.
    """
    pair = _demanded(caller, Request(absorbed, into))
    with database.reading() as unit:
        try:
            Orders(unit, caller, [pair], now, lock=False).demand_authority(pair)
        except NoProof:
            raise
        except ProofRequired:
            return unit.register.proof_by
    return None


@for_caller
def merge(database: Database, caller: Caller, request: Request, *, salt: bytes, now: datetime) -> Receipt:
    """Execute an order and return its receipt (contract §2).

    `salt` is 16 fresh random bytes for the before-image. Raises ProofRequired, UnknownNumber, MergedAway,
    SelfMerge, IdentityBlocked, DetailsDiffer, or Changed; then nothing is changed.
    """
    pair = _demanded(caller, request)
    for attempt in database.attempts():
        with attempt as unit:
            orders = Orders(unit, caller, [pair], now, lock=True)
            plan = _plan(unit, orders, pair, request, caller)
            orders.execute(plan, salt)
            (written,) = orders.write()
            receipt = replace(orders.receipt(plan, written.order), shifted=orders.shifted(pair[0]))
    return receipt


def _demanded(caller: Caller, request: Request) -> Pair:
    demand_may_merge(caller)
    return survivor_of(caller.own_number, request.into, request.absorbed), request.absorbed


def _plan(unit: Unit, orders: Orders, pair: Pair, request: Request, caller: Caller) -> Plan:
    """Return what an order does; a blocked pair is refused with what the caller can do about it."""
    if request.shown is not None:
        # Compared first, so that a person sees the new difference and not an error that follows from it.
        records = orders.living_pair(pair)
        orders.demand_authority(pair)
        packages = tuple(orders.state.packages_of(pair[1]))
        shown = request.shown
        if (compare(*records).fields, packages) != (shown.comparison.fields, shown.packages):
            raise Changed(survivor=pair[0], absorbed=pair[1])
        if shown.references is not None and orders.references_of(*records) != shown.references:
            raise Changed(survivor=pair[0], absorbed=pair[1])
    try:
        return orders.decide(pair, request.wishes)
    except IdentityBlocked:
        raise remedied(unit, caller, compare(*orders.living_pair(pair))).block from None
