"""Find customers, show one, compare two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import N_, BadValue, ProofRequired, ReferenceRefused, UnknownNumber
from custmerge.rules.compare import Comparison, compare
from custmerge.rules.fields import IDENTITY_FIELDS, Customer, Field, Package, Pair, chain, checked_number, living_pair
from custmerge.rules.history import Action, Draft, stamp
from custmerge.rules.mask import masked_comparison, masked_customer, masked_package
from custmerge.rules.normalise import lower
from custmerge.rules.people import Capability, demand_authority, survivor_of
from custmerge.rules.plan import Order, State
from custmerge.rules.proofs import proof_required
from custmerge.services.access import Caller, demand, demand_alive, demand_number
from custmerge.services.authority import approved_for, proved_pairs, remedied, scope_error
from custmerge.services.customer_errors import errors_for, for_caller

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

FOUND_AT_MOST = 50
LISTED_FIELDS = (*IDENTITY_FIELDS, Field.POSTCODE, Field.CITY)
"""What is listed of every customer that is found: a word found there needs no reason."""
SEARCHED_FIELDS = (Field.STREET, Field.PHONE, Field.MOBILE, Field.EMAIL)
"""What is searched besides; where a word is found there, that is the reason."""
WORDS_AT_MOST = 20
LONGEST_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Reason:
    """Where a word of a search is found, if not in a record's number, names, postcode or city."""

    field: Field | None
    """None for a domain."""
    value: str
    more: int = 0
    """How many other domains of the number contain the word."""


@dataclass(frozen=True, slots=True)
class Match:
    """A customer that a search found."""

    customer: Customer
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search."""

    matches: tuple[Match, ...]
    has_more: bool
    """Whether there are more matches than the limit."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer's record with its packages and orders."""

    customer: Customer
    """A tombstone's `merged_into` is the end of its chain."""
    packages: tuple[Package, ...]
    orders: tuple[Order, ...]
    """Newest first."""
    undone: Mapping[int, int]
    """The orders that were undone, each with the seq of the undo's entry."""


def find(database: Database, caller: Caller, text: str, limit: int = FOUND_AT_MOST) -> Found:
    """Return up to `limit` customers whose number, fields or domains contain every word of `text`, and why.

    Raises BadValue for a text without words, or one that is too long.
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
        customers = unit.register.matching(words, limit + 1)
        shown = customers[:limit]
        reasons = _reasons(unit, shown, dict.fromkeys(words))
    matches = tuple(Match(masked_customer(customer), tuple(reasons[customer.number])) for customer in shown)
    return Found(matches, has_more=len(customers) > limit)


@for_caller
def show(database: Database, caller: Caller, number: str, *, reveal: bool, now: datetime) -> Profile:
    """Return everything about a number, with bank data masked unless `reveal`; tombstones answer too."""
    demand_number(caller, checked_number(number))
    if reveal:
        demand(caller, Capability.REVEAL)
        for attempt in database.attempts():
            with attempt as unit:
                demand_alive(unit, caller, now)
                profile = _profile(unit, number)
                _note_reveal(unit, caller, now, number)
        return profile
    with database.reading() as unit:
        profile = _profile(unit, number)
    packages = tuple(masked_package(package) for package in profile.packages)
    return replace(profile, customer=masked_customer(profile.customer), packages=packages)


@for_caller
def diff(
    database: Database, caller: Caller, absorbed: str, *, into: str | None, reveal: bool, now: datetime
) -> Comparison:
    """Compare two numbers, with bank data masked unless `reveal`.

    A customer needs the proof for `absorbed` first, and learns nothing without it (rule 3).
    """
    demand(caller, Capability.MERGE_OWN if caller.is_customer else Capability.LOOK)
    pair = survivor_of(caller.own_number, into, absorbed), absorbed
    if reveal:
        demand(caller, Capability.REVEAL)
        for attempt in database.attempts():
            with attempt as unit:
                demand_alive(unit, caller, now)
                comparison = _compared(unit, caller, pair, now)
                _note_reveal(unit, caller, now, *pair)
        return comparison
    with database.reading() as unit:
        comparison = _compared(unit, caller, pair, now)
    return masked_comparison(comparison)


def _reasons(unit: Unit, customers: Sequence[Customer], words: Iterable[str]) -> dict[str, list[Reason]]:
    """Return by number the reasons why each customer matched, except those in `LISTED_FIELDS` or the number.

    Bank data is never among the reasons, because it isn't searched.
    """
    reasons: dict[str, list[Reason]] = {customer.number: [] for customer in customers}
    for word in words:
        elsewhere = []
        for customer in customers:
            if any(
                _stands_in(word, text) for text in (customer.number, *(customer[field] for field in LISTED_FIELDS))
            ):
                continue
            field = next((field for field in SEARCHED_FIELDS if _stands_in(word, customer[field])), None)
            if field is None:
                elsewhere.append(customer.number)
            else:
                reasons[customer.number].append(Reason(field, customer[field]))
        for number, (name, count) in (unit.register.domains_like(word, elsewhere) if elsewhere else {}).items():
            reasons[number].append(Reason(None, name, count - 1))
    return {number: list(dict.fromkeys(why)) for number, why in reasons.items()}


def _stands_in(word: str, value: str) -> bool:
    return lower(word) in lower(value)


def _compared(unit: Unit, caller: Caller, pair: Pair, now: datetime) -> Comparison:
    try:
        if caller.is_customer:
            demand_authority(pair, is_proved=pair in proved_pairs(unit, caller, [pair[1]], now), is_customer=True)
        records = unit.register.customers_with_chains(pair)
        survivor, absorbed = living_pair(pair, records, is_customer=caller.is_customer)
    except ProofRequired as error:
        by = unit.register.proof_by
        raise proof_required(error, by, is_customer=caller.is_customer, to_see=True) from None
    refusal = scope_error(unit, caller, survivor, absorbed) or _refused_by_rows(unit, caller, survivor, absorbed, now)
    transfer = approved_for(unit, pair, records)
    comparison = replace(compare(survivor, absorbed), transfer=transfer, refusal=refusal)
    return remedied(unit, caller, comparison)


def _refused_by_rows(
    unit: Unit, caller: Caller, survivor: Customer, absorbed: Customer, now: datetime
) -> ReferenceRefused | None:
    """Return the error if rows of a host's tables don't allow the order, whatever is chosen; None if they do."""
    if not unit.references.tables:
        return None
    from custmerge.services.references import OrderReferences, undecided

    records, number = {survivor.number: survivor, absorbed.number: absorbed}, absorbed.number
    references = OrderReferences(unit, records, {number}, now, lock=False, earlier=None)
    state = State(records, unit.register.packages_of(number), references)
    try:
        with errors_for(caller):
            undecided(state, survivor, absorbed)
    except ReferenceRefused as error:
        return error
    return None


def _profile(unit: Unit, number: str) -> Profile:
    records = unit.register.customers_with_chains([number])
    record = records.get(number)
    if record is None:
        raise UnknownNumber(number=number)
    if record.merged_into is not None:
        record = replace(record, merged_into=chain(number, records)[-1])
    orders = unit.ledger.orders_of(number)
    undone = unit.chain.undone([order.order for order in orders]) if orders else {}
    return Profile(record, unit.register.packages_of(number), orders, undone)


def _note_reveal(unit: Unit, caller: Caller, now: datetime, survivor: str, absorbed: str | None = None) -> None:
    facts = {"survivor": survivor, "absorbed": absorbed}
    unit.chain.append([Draft(stamp(now), caller.actor, Action.REVEAL, facts)])
