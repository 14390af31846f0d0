"""Undo: orders are taken back exactly, all that were named or none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import UndoBlocked, UndoChanged
from custmerge.rules.people import Capability
from custmerge.rules.undo import UndoPlan
from custmerge.services.access import Caller, demand
from custmerge.services.undo.undos import Undos

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Request:
    """An undo as somebody asks for it."""

    orders: frozenset[int]
    cascade: bool = False
    """Whether later orders in the way are undone too."""
    seen: tuple[UndoPlan, ...] | None = None
    """What was shown to the person; nothing is undone if it would be something else now."""


def preview(database: Database, caller: Caller, request: Request, now: datetime) -> tuple[UndoPlan, ...]:
    """Return what the undo would do, newest order first; changes nothing. Raises what `undo` would raise."""
    demand(caller, Capability.UNDO_OWN)
    with database.reading() as unit:
        orders = _with_later(unit, caller, request, now)
        return _decided(Undos(unit, caller, orders, now, lock=False), orders)


def undo(database: Database, caller: Caller, request: Request, now: datetime) -> tuple[UndoPlan, ...]:
    """Take orders back in one transaction, newest first, and return what was done.

    Raises NotAllowed, NotOwnOrder, UndoTooLate, UnknownOrder, AlreadyUndone, Purged, ImageChanged, UndoBlocked,
    or UndoChanged; then nothing is changed.
    """
    demand(caller, Capability.UNDO_OWN)
    for attempt in database.attempts():
        with attempt as unit:
            orders = _with_later(unit, caller, request, now)
            undos = Undos(unit, caller, orders, now, lock=True)
            plans = _demanded(undos, orders, request.seen)
            undos.write({})
    return plans


def _demanded(undos: Undos, orders: Sequence[int], seen: tuple[UndoPlan, ...] | None) -> tuple[UndoPlan, ...]:
    """Decide the undos of `orders`; raises UndoChanged where they aren't what was shown to the person."""
    try:
        plans = _decided(undos, orders)
    except UndoBlocked as error:
        if seen is None:
            raise
        raise UndoChanged(orders=orders, obstacles=error.details["obstacles"]) from None
    if seen is not None and not _same(plans, seen):
        raise UndoChanged(orders=orders, obstacles=[])
    return plans


def _with_later(unit: Unit, caller: Caller, request: Request, now: datetime) -> list[int]:
    """Return the orders to undo, newest first: those that were named, with a cascade also those in their way."""
    wanted = set(request.orders)
    while request.cascade:
        undos = Undos(unit, caller, wanted, now, lock=False)
        later = {first for order in wanted for first in undos.first(order)}
        if later <= wanted:
            break
        wanted |= later
    return sorted(wanted, reverse=True)


def _decided(undos: Undos, orders: Collection[int]) -> tuple[UndoPlan, ...]:
    plans = []
    for order in orders:
        plan = undos.decide(order)
        undos.execute(plan)
        plans.append(plan)
    return tuple(plans)


def _same(plans: Sequence[UndoPlan], seen: Sequence[UndoPlan]) -> bool:
    return len(plans) == len(seen) and all(
        plan.shows_the_same_as(shown) for plan, shown in zip(plans, seen, strict=True)
    )
