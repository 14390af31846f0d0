"""Purge: personal data in old before-images is erased; the history still verifies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from custmerge.rules.history import Action, Draft
from custmerge.rules.roles import Capability
from custmerge.rules.times import stamp
from custmerge.services.access import demand, demand_alive

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.rules.history import Fact
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database, Unit


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge erased, or would erase."""

    until: str
    """Before-images of orders before this moment."""
    orders: int
    dry_run: bool


def preview(database: Database, caller: Caller, days: int, now: datetime) -> Purged:
    """Return what a purge of everything older than `days` would erase; raises NotAllowed."""
    demand(caller, Capability.PURGE)
    until = stamp(now - timedelta(days=days))
    with database.reading() as unit:
        return Purged(until, unit.ledger.images_before(until), dry_run=True)


def purge(database: Database, caller: Caller, seen: Purged, now: datetime) -> Purged:
    """Erase the before-images of every order before `seen.until`, for good: those orders can't be undone any more.

    What was counted before is counted again. Raises NotAllowed.
    """
    demand(caller, Capability.PURGE)

    def erase(unit: Unit) -> Purged:
        demand_alive(unit, caller)
        erased = unit.ledger.erase_images_before(seen.until)
        if erased:
            facts: dict[str, Fact] = {"until": seen.until, "orders": erased}
            unit.chain.append([Draft(stamp(now), caller.actor, Action.PURGE, facts)])
        return Purged(seen.until, erased, dry_run=False)

    return database.attempt(erase)
