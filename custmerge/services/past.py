"""The history as it is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custmerge.errors import UnknownNumber, UnknownOrder
from custmerge.rules.history import Action
from custmerge.rules.roles import Capability
from custmerge.services.access import checked_number, demand, demand_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from custmerge.rules.history import Entry
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; None leaves a condition out."""

    number: str | None = None
    order: int | None = None
    action: Action | None = None
    since: str | None = None
    """The first moment that counts, see `times.stamp`."""
    until: str | None = None
    """The first moment that doesn't count any more."""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An entry, read."""

    seq: int
    at: str
    by: str
    action: str
    order: int | None
    survivor: str | None
    absorbed: str | None
    choice: str | None
    hash: str


def events(database: Database, caller: Caller, wanted: Filter) -> Iterator[Event]:
    """Give the entries that fit, newest first, streamed; a customer sees those of the own number.

    Raises UnknownNumber, UnknownOrder where there is no such thing to tell of.
    """
    number = caller.name if caller.is_customer and wanted.number is None else wanted.number
    if number is not None:
        demand_number(caller, checked_number(number))
    else:
        demand(caller, Capability.LOOK)
    with database.reading() as unit:
        if number is not None and unit.register.customer(number) is None:
            raise UnknownNumber(number=number)
        if wanted.order is not None and not unit.ledger.has_order(wanted.order):
            raise UnknownOrder(order=wanted.order)
    return _streamed(
        database, replace(wanted, number=number), without=_NOT_FOR_CUSTOMERS if caller.is_customer else ()
    )


# A wrong proof would tell whether the number that somebody named is there (rule 3).
_NOT_FOR_CUSTOMERS = (Action.LOGIN_FAILED.value, Action.LOCKED.value)


def _streamed(database: Database, wanted: Filter, *, without: Collection[str]) -> Iterator[Event]:
    with database.reading() as unit:
        for entry in unit.chain.newest(
            number=wanted.number,
            order=wanted.order,
            action=wanted.action.value if wanted.action else None,
            since=wanted.since,
            until=wanted.until,
            limit=wanted.limit,
            without=without,
        ):
            yield _event(entry)


def _event(entry: Entry) -> Event:
    body = json.loads(entry.body)
    return Event(
        entry.seq,
        body["at"],
        body["by"],
        body["action"],
        body["order"],
        body["survivor"],
        body["absorbed"],
        body["choice"],
        entry.hash,
    )
