"""Export: all rows, streamed, in the order of their keys; an export of personal data is recorded before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from custmerge.rules.fields import Customer, Package
from custmerge.rules.history import Action, Draft, Entry, Fact, stamp
from custmerge.rules.people import Capability
from custmerge.services.access import Caller, demand, demand_alive

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

T = TypeVar("T")


def customers(
    database: Database, caller: Caller, *, with_hashes: bool, now: datetime
) -> Iterator[tuple[Customer, str | None]]:
    """Yield every record, unmasked, with its password hash; the entry of the export is committed before."""
    _begin(database, caller, "customers", now, with_hashes=with_hashes)
    return _streamed(database, lambda unit: unit.register.all_customers())


def packages(
    database: Database, caller: Caller, *, with_hashes: bool, now: datetime
) -> Iterator[tuple[Package, str | None]]:
    """Yield every package with its domains, contact (unmasked) and password hash; see `customers`."""
    _begin(database, caller, "packages", now, with_hashes=with_hashes)
    return _streamed(database, lambda unit: unit.register.all_packages())


def history(database: Database, caller: Caller) -> Iterator[Entry]:
    """Yield the whole chain, oldest entry first."""
    demand(caller, Capability.EXPORT_HISTORY)
    return _streamed(database, lambda unit: unit.chain.oldest())


def _begin(database: Database, caller: Caller, kind: str, now: datetime, *, with_hashes: bool) -> None:
    """Write the history entry of an export that is about to begin; raises NotAllowed."""
    demand(caller, Capability.EXPORT)
    facts: dict[str, Fact] = {"kind": kind, "with_hashes": int(with_hashes)}
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            unit.chain.append([Draft(stamp(now), caller.actor, Action.EXPORT, facts)])


def _streamed(database: Database, rows: Callable[[Unit], Iterator[T]]) -> Iterator[T]:
    # A generator of its own: its callers check the rights when they are called, not when the first row is read.
    with database.reading() as unit:
        yield from rows(unit)
