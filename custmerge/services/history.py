"""History entries as they are shown: by a filter, with the undos of their orders, or as new ones come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from custmerge.errors import UnknownNumber, UnknownOrder
from custmerge.rules.fields import Package, checked_number
from custmerge.rules.history import FOR_CUSTOMERS, Action, Entry
from custmerge.rules.people import Capability
from custmerge.rules.plan import readable_image
from custmerge.services.access import Caller, demand, demand_number
from custmerge.services.customer_errors import errors_for, for_caller

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.ledger.history import Conditions
    from custmerge.storage.unit import Unit

_SHOWN = {
    *("v", "seq", "at", "by", "by_kind", "action", "order", "survivor", "absorbed", "choice"),
    *("packages", "domains", "taken"),
}
FOLLOWED_AT_ONCE = 10_000
"""The most new entries that `follow` holds in memory."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The conditions for entries; None leaves a condition out."""

    number: str | None = None
    order: int | None = None
    action: Action | None = None
    since: str | None = None
    """The first moment that is included, see `history.stamp`."""
    until: str | None = None
    """The first moment that is no longer included."""
    limit: int | None = None
    without: tuple[Action, ...] = ()
    """Actions that are left out."""

    @property
    def is_everything(self) -> bool:
        """Whether there is no condition but the limit."""
        return replace(self, limit=None) == Filter()


@dataclass(frozen=True, slots=True)
class Event:
    """A history entry with its body parsed."""

    seq: int
    at: str
    by: str
    action: str
    order: int | None
    survivor: str | None
    absorbed: str | None
    choice: str | None
    hash: str
    packages: int | None
    """Number of packages that a merge or an undo moved; None for other actions."""
    domains: int | None
    """Number of domains that moved with them."""
    taken: tuple[str, ...]
    """Names of the fields that a merge wrote into the survivor's record."""
    facts: tuple[tuple[str, str], ...]
    """Names and values of the other facts in the body, without digests."""

    @property
    def is_merge(self) -> bool:
        """Whether this is the entry of an executed order."""
        return self.action == Action.MERGE


@dataclass(frozen=True, slots=True)
class Page:
    """Entries for a screen, and the undos of their orders, read at one moment."""

    events: tuple[Event, ...]
    """Newest first."""
    undone: dict[int, int]
    """Order → the seq of the entry that undid it."""
    moved: tuple[Package, ...] | None = None
    """The packages that the filter's order moved, if its merge is among the entries.

    None if the before-image was purged, or was changed by hand and can't be read.
    """
    is_purged: bool = False
    """Whether the before-image of that order has been purged, and with it the packages that it moved."""


@for_caller
def events(database: Database, caller: Caller, wanted: Filter) -> Iterator[Event]:
    """Yield the entries that match, newest first; a customer sees merges and undos of their own number.

    Raises UnknownNumber, UnknownOrder for a number or order that doesn't exist, NotAllowed, OwnNumberOnly.
    """
    wanted = _allowed(caller, wanted)
    with database.reading() as unit:
        _demand_existing(unit, caller, wanted)
    return _streamed(database, caller, wanted)


@for_caller
def page(database: Database, caller: Caller, wanted: Filter) -> Page:
    """Return the entries that match with the undos of their orders, read at one moment.

    `wanted` should have a limit: the entries are held in memory. Raises the errors of `events`.
    """
    wanted = _allowed(caller, wanted)
    with database.reading() as unit:
        _demand_existing(unit, caller, wanted)
        newest = tuple(_newest(unit, caller, wanted))
        orders = {event.order for event in newest if event.is_merge and event.order is not None}
        undone = unit.chain.undone(orders) if orders else {}
        images = unit.ledger.images([wanted.order]) if wanted.order in orders and wanted.order is not None else {}
    _salt, text = next(iter(images.values()), (b"", None))
    image = readable_image(text or "")
    return Page(newest, undone, image.packages if image else None, is_purged=text == "")


def follow(
    database: Database, resume: Callable[[], Caller], wanted: Filter, pause: Callable[[], None]
) -> Iterator[Event]:
    """Yield the newest entries that match, the oldest of them first, and then new ones as they come, without end.

    `resume` returns the caller and is called before every query, so that this ends with the session; `pause` waits
    between two queries. Raises the errors of `events` at once; later those of `resume` and `pause`, and DatabaseError
    if the database can't be reached any more.
    """
    caller = resume()
    wanted = _allowed(caller, wanted)
    with errors_for(caller), database.reading() as unit:
        _demand_existing(unit, caller, wanted)
        last = unit.chain.last()
        newest = list(_newest(unit, caller, wanted))
    return chain(reversed(newest), _coming(database, resume, wanted, pause, last))


def _coming(
    database: Database, resume: Callable[[], Caller], wanted: Filter, pause: Callable[[], None], shown: int
) -> Iterator[Event]:
    """Yield the entries after the seq `shown` that match, as they come."""
    is_behind = False
    while True:
        if not is_behind:
            pause()
            if database.is_sqlite:
                # An open file can still be read after it was deleted or replaced, so it is opened by its name again.
                database.close()
        caller = resume()
        # Read into a list first, so that the transaction ends before the terminal or pipe has printed the entries.
        with errors_for(caller), database.reading() as unit:
            last = unit.chain.last()
            end = min(last, shown + FOLLOWED_AT_ONCE)
            new = [_event(entry) for entry in unit.chain.after(shown, end, **_conditions(caller, wanted))]
        yield from new
        shown, is_behind = max(shown, end), end < last


def _allowed(caller: Caller, wanted: Filter) -> Filter:
    """Return the filter, with a customer's own number; raises NotAllowed, OwnNumberOnly, BadValue."""
    number = caller.name if caller.is_customer and wanted.number is None else wanted.number
    if number is not None:
        demand_number(caller, checked_number(number))
    else:
        demand(caller, Capability.LOOK)
    return replace(wanted, number=number)


def _demand_existing(unit: Unit, caller: Caller, wanted: Filter) -> None:
    if wanted.number is not None and unit.register.customer(wanted.number) is None:
        raise UnknownNumber(number=wanted.number)
    # For a customer the orders of other customers don't exist.
    own = caller.name if caller.is_customer else None
    if wanted.order is not None and not unit.ledger.has_order(wanted.order, own):
        raise UnknownOrder(order=wanted.order)


def _streamed(database: Database, caller: Caller, wanted: Filter) -> Iterator[Event]:
    with errors_for(caller), database.reading() as unit:
        yield from _newest(unit, caller, wanted)


def _newest(unit: Unit, caller: Caller, wanted: Filter) -> Iterator[Event]:
    for entry in unit.chain.newest(limit=wanted.limit, **_conditions(caller, wanted)):
        yield _event(entry)


def _conditions(caller: Caller, wanted: Filter) -> Conditions:
    return {
        "number": wanted.number,
        "order": wanted.order,
        "action": wanted.action.value if wanted.action else None,
        "since": wanted.since,
        "until": wanted.until,
        "only": [action.value for action in FOR_CUSTOMERS] if caller.is_customer else (),
        "without": [action.value for action in wanted.without],
    }


def _event(entry: Entry) -> Event:
    body = json.loads(entry.body)
    return Event(
        seq=entry.seq,
        at=body["at"],
        by=body["by"],
        action=body["action"],
        order=body["order"],
        survivor=body["survivor"],
        absorbed=body["absorbed"],
        choice=body["choice"],
        hash=entry.hash,
        packages=body.get("packages"),
        domains=body.get("domains"),
        taken=tuple(body.get("taken", ())),
        facts=tuple(
            (key, str(body[key]))
            for key in body.keys() - _SHOWN
            if body[key] is not None and not key.endswith("_sha256")
        ),
    )
