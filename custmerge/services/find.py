"""Looking customers up and comparing two of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custmerge.errors import N_, BadValue, UnknownNumber
from custmerge.rules.compare import Comparison, compare
from custmerge.rules.fields import Customer, Package
from custmerge.rules.history import Action, Draft
from custmerge.rules.mask import masked_comparison, masked_customer, masked_package
from custmerge.rules.roles import Capability
from custmerge.rules.times import stamp
from custmerge.services.access import checked_number, demand, demand_alive, demand_number, living_pair, survivor_of
from custmerge.services.transfer import approved_for
from custmerge.services.verify import demand_proof

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.rules.plan import Order
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

FOUND_AT_MOST = 50
WORDS_AT_MOST = 20
LONGEST_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Profile:
    """All there is about one number."""

    customer: Customer
    """A tombstone's `merged_into` is the end of its chain."""
    packages: tuple[Package, ...]
    orders: tuple[Order, ...]
    """Newest first."""


def find(database: Database, caller: Caller, text: str, limit: int = FOUND_AT_MOST) -> tuple[Customer, ...]:
    """Return up to `limit` customers in whose number, fields or domains every word of `text` stands.

    Raises BadValue for a text without a word, or too long a one.
    """
    demand(caller, Capability.LOOK)
    if len(text) > LONGEST_TEXT:
        raise BadValue(name="TEXT", value=f"{text[:40]}…", why=N_("give 1,000 characters at most"))
    words = text.split()
    if not words:
        raise BadValue(name="TEXT", value="''", why=N_("give a word: `export customers` gives everybody"))
    if len(words) > WORDS_AT_MOST:
        raise BadValue(name="TEXT", value=f"{text[:40]}…", why=N_("give 20 words at most"))
    with database.reading() as unit:
        return tuple(masked_customer(found) for found in unit.register.matching(words, limit))


def show(database: Database, caller: Caller, number: str, *, reveal: bool, now: datetime) -> Profile:
    """Return everything about a number, with bank data masked unless `reveal`; tombstones answer too."""
    demand_number(caller, checked_number(number))
    if reveal:
        demand(caller, Capability.REVEAL)

        def revealed(unit: Unit) -> Profile:
            demand_alive(unit, caller, now)
            profile = _profile(unit, number)
            _note_reveal(unit, caller, now, number)
            return profile

        return database.attempt(revealed)
    with database.reading() as unit:
        profile = _profile(unit, number)
    return Profile(
        masked_customer(profile.customer),
        tuple(masked_package(package) for package in profile.packages),
        profile.orders,
    )


def diff(
    database: Database, caller: Caller, absorbed: str, *, into: str | None, reveal: bool, now: datetime
) -> Comparison:
    """Compare two numbers, with bank data masked unless `reveal`.

    A customer needs the proof for `absorbed` first and learns nothing without (rule 3).
    """
    demand(caller, Capability.MERGE_OWN if caller.is_customer else Capability.LOOK)
    survivor = survivor_of(caller, into, absorbed)
    if reveal:
        demand(caller, Capability.REVEAL)

        def revealed(unit: Unit) -> Comparison:
            demand_alive(unit, caller, now)
            comparison = _compared(unit, caller, survivor, absorbed, now)
            _note_reveal(unit, caller, now, survivor, absorbed)
            return comparison

        return database.attempt(revealed)
    with database.reading() as unit:
        comparison = _compared(unit, caller, survivor, absorbed, now)
    return masked_comparison(comparison)


def _compared(unit: Unit, caller: Caller, survivor: str, absorbed: str, now: datetime) -> Comparison:
    if caller.is_customer:
        demand_proof(unit, caller, survivor, absorbed, now)
    records = unit.register.customers((survivor, absorbed))
    pair = living_pair(caller, (survivor, absorbed), records, unit.register.end_of_chain)
    return replace(compare(*pair), transfer=approved_for(unit, *pair))


def _profile(unit: Unit, number: str) -> Profile:
    record = unit.register.customer(number)
    if record is None:
        raise UnknownNumber(number=number)
    if record.merged_into is not None:
        record = Customer(record.number, record.values, unit.register.end_of_chain(number))
    return Profile(record, unit.register.packages_of(number), unit.ledger.orders_of(number))


def _note_reveal(unit: Unit, caller: Caller, now: datetime, survivor: str, absorbed: str | None = None) -> None:
    facts = {"survivor": survivor, "absorbed": absorbed}
    unit.chain.append([Draft(stamp(now), caller.actor, Action.REVEAL, facts)])
