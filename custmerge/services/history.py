"""The history as it is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from custmerge.errors import UnknownNumber, UnknownOrder
from custmerge.rules.history import FOR_CUSTOMERS, Action
from custmerge.rules.image import read_image
from custmerge.rules.roles import Capability
from custmerge.services.access import checked_number, demand, demand_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from custmerge.rules.history import Entry
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database
    from custmerge.storage.ledger.history import Conditions
    from custmerge.storage.unit import Unit

_SHOWN = {
    *("v", "seq", "at", "by", "by_kind", "action", "order", "survivor", "absorbed", "choice"),
    *("packages", "domains", "taken"),
}
LOOKED_AT_ONCE = 10_000
"""So many new entries at most are held in memory while they are followed."""


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
    without: tuple[Action, ...] = ()
    """Actions that are left out."""

    @property
    def is_everything(self) -> bool:
        """Whether no condition is made, however many entries are wanted."""
        return replace(self, limit=None) == Filter()


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
    packages: int | None
    """How many packages a merge moved, or went back with an undo; None for other actions."""
    domains: int | None
    """How many domains moved with them."""
    taken: tuple[str, ...]
    """Names of the fields that a merge wrote into the kept record."""
    facts: tuple[tuple[str, str], ...]
    """What else it tells, name and value; without digests."""

    @property
    def is_merge(self) -> bool:
        """Whether this tells of an executed order."""
        return self.action == Action.MERGE


@dataclass(frozen=True, slots=True)
class Moved:
    """What an order moved, by name."""

    packages: tuple[str, ...]
    domains: tuple[str, ...]
    """Sorted."""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries for a screen, and what is known about their orders at the same moment."""

    events: tuple[Event, ...]
    """Newest first."""
    undone: dict[int, int]
    """Order → the number of the later entry that took it back."""
    moved: Moved | None = None
    """Where one order was asked for and its merge is among the entries; None also when that was purged."""
    is_purged: bool = False
    """Whether the names of what that order moved have been erased."""


def events(database: Database, caller: Caller, wanted: Filter) -> Iterator[Event]:
    """Give the entries that fit, newest first, streamed; a customer sees merges and undos of the own number.

    Raises UnknownNumber, UnknownOrder where there is no such thing to tell of, NotAllowed, OwnNumberOnly.
    """
    wanted = _allowed(caller, wanted)
    with database.reading() as unit:
        _demand_there(unit, caller, wanted)
    return _streamed(database, caller, wanted)


def page(database: Database, caller: Caller, wanted: Filter) -> Page:
    """Return the entries that fit with what became of their orders, all as of one moment.

    `wanted` should have a limit: the entries are held in memory. Raises what `events` raises.
    """
    wanted = _allowed(caller, wanted)
    with database.reading() as unit:
        _demand_there(unit, caller, wanted)
        found = tuple(_newest(unit, caller, wanted))
        orders = {event.order for event in found if event.is_merge and event.order is not None}
        undone = unit.chain.undone(orders) if orders else {}
        images = unit.ledger.images([wanted.order]) if wanted.order in orders and wanted.order is not None else {}
    _salt, image = next(iter(images.values()), (b"", None))
    return Page(found, undone, _moved(image) if image else None, is_purged=image == "")


def follow(
    database: Database, resume: Callable[[], Caller], wanted: Filter, pause: Callable[[], None]
) -> Iterator[Event]:
    """Give the newest entries that fit, oldest of them first, and then new ones as they come, without end.

    `resume` returns the caller, each time anew, so that nobody goes on watching whose session has ended;
    `pause` waits between two looks. Raises at once what `events` raises; later what `resume` and `pause` raise,
    and DatabaseError when the database goes away.
    """
    caller = resume()
    wanted = _allowed(caller, wanted)
    with database.reading() as unit:
        _demand_there(unit, caller, wanted)
        seen = unit.chain.last()
        found = list(_newest(unit, caller, wanted))
    return chain(reversed(found), _coming(database, resume, wanted, pause, seen))


def _coming(
    database: Database, resume: Callable[[], Caller], wanted: Filter, pause: Callable[[], None], seen: int
) -> Iterator[Event]:
    is_behind = False
    while True:
        if not is_behind:
            pause()
            if database.is_sqlite:
                # A file that is open can still be read after it was deleted or another took its name.
                database.close()
        caller = resume()
        # Read in pieces and held meanwhile, so that no transaction is as slow as whoever reads what is printed.
        with database.reading() as unit:
            last = unit.chain.last()
            end = min(last, seen + LOOKED_AT_ONCE)
            new = [_event(entry) for entry in unit.chain.after(seen, end, **_conditions(caller, wanted))]
        yield from new
        seen, is_behind = max(seen, end), end < last


def _allowed(caller: Caller, wanted: Filter) -> Filter:
    number = caller.name if caller.is_customer and wanted.number is None else wanted.number
    if number is not None:
        demand_number(caller, checked_number(number))
    else:
        demand(caller, Capability.LOOK)
    return replace(wanted, number=number)


def _demand_there(unit: Unit, caller: Caller, wanted: Filter) -> None:
    if wanted.number is not None and unit.register.customer(wanted.number) is None:
        raise UnknownNumber(number=wanted.number)
    # To a customer an order of others isn't there either.
    own = caller.name if caller.is_customer else None
    if wanted.order is not None and not unit.ledger.has_order(wanted.order, own):
        raise UnknownOrder(order=wanted.order)


def _streamed(database: Database, caller: Caller, wanted: Filter) -> Iterator[Event]:
    with database.reading() as unit:
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
        entry.seq,
        body["at"],
        body["by"],
        body["action"],
        body["order"],
        body["survivor"],
        body["absorbed"],
        body["choice"],
        entry.hash,
        body.get("packages"),
        body.get("domains"),
        tuple(body.get("taken", ())),
        tuple((key, str(body[key])) for key in body.keys() - _SHOWN if not key.endswith("_sha256")),
    )


def _moved(image: str) -> Moved | None:
    """Return what an order moved; None where somebody has changed its before-image into something else."""
    try:
        packages = read_image(image).packages
    except (ValueError, LookupError, TypeError):
        return None
    domains = sorted(name for package in packages for name in package.domains)
    return Moved(tuple(package.package for package in packages), tuple(domains))
