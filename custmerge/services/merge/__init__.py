"""The order: two customer numbers become one, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import Changed, ProofRequired
from custmerge.rules.authority import survivor_of
from custmerge.rules.compare import Comparison, compare
from custmerge.rules.fields import Pair
from custmerge.rules.plan import Plan, Wishes
from custmerge.services.access import Caller, demand_alive, demand_may_merge
from custmerge.services.merge.orders import Orders, Receipt

if TYPE_CHECKING:
    from custmerge.storage.database import Database


@dataclass(frozen=True, slots=True)
class Request:
    """An order as somebody asks for it."""

    absorbed: str
    into: str | None
    """The number that is kept; None for a customer's own."""
    wishes: Wishes = Wishes()  # noqa: RUF009 (frozen)
    seen: Comparison | None = None
    """What was shown to the person; the order is refused if the records say something else now."""


def preview(database: Database, caller: Caller, request: Request, now: datetime) -> Receipt:
    """Return what the order would do; changes nothing. Raises what `merge` would raise."""
    pair = _demanded(caller, request)
    with database.reading() as unit:
        demand_alive(unit, caller, now, hold=False)
        orders = Orders(unit, caller, [pair], now, lock=False)
        return orders.receipt(_plan(orders, pair, request), None)


def compared(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> Comparison:
    """Compare two numbers for an order, with their bank data: the caller needs the proof, staff too."""
    pair = _demanded(caller, Request(absorbed, into))
    with database.reading() as unit:
        demand_alive(unit, caller, now, hold=False)
        orders = Orders(unit, caller, [pair], now, lock=False)
        records = orders.living_pair(pair)
        orders.demand_authority(pair)
        return replace(compare(*records), transfer=orders.transfer_for(pair))


def needs_proof(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> bool:
    """Return whether the caller has to verify `absorbed` before an order.

    Not while a proof of this session holds, and for staff not where an approved contract transfer stands in.
    """
    pair = _demanded(caller, Request(absorbed, into))
    with database.reading() as unit:
        demand_alive(unit, caller, now, hold=False)
        try:
            Orders(unit, caller, [pair], now, lock=False).demand_authority(pair)
        except ProofRequired:
            return True
    return False


def merge(database: Database, caller: Caller, request: Request, *, salt: bytes, now: datetime) -> Receipt:
    """Execute an order and return its receipt (contract §2).

    `salt` is 16 fresh random bytes for the before-image. Raises ProofRequired, UnknownNumber, MergedAway,
    SelfMerge, IdentityBlocked, DetailsDiffer, or Changed; then nothing is changed.
    """
    pair = _demanded(caller, request)
    for attempt in database.attempts():
        with attempt as unit:
            orders = Orders(unit, caller, [pair], now, lock=True)
            orders.execute(_plan(orders, pair, request), salt)
            receipts = orders.write()
    return receipts[0]


def _demanded(caller: Caller, request: Request) -> Pair:
    demand_may_merge(caller)
    return survivor_of(caller.own_number, request.into, request.absorbed), request.absorbed


def _plan(orders: Orders, pair: Pair, request: Request) -> Plan:
    if request.seen is not None:
        # Looked at first: a person is to see the new difference, not what follows from it.
        records = orders.living_pair(pair)
        orders.demand_authority(pair)
        if compare(*records).fields != request.seen.fields:
            raise Changed(survivor=pair[0], absorbed=pair[1])
    return orders.decide(pair, request.wishes)
