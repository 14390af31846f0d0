"""Undo: orders are undone exactly, and either all that were named or none.

Each undo of a transaction sees the changes of those before it. `Undos` is the only way to undo an order.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import (
    AlreadyUndone,
    ImageChanged,
    NotOwnOrder,
    ReferenceRefused,
    UndoBlocked,
    UndoChanged,
    UndoTooLate,
    UnknownOrder,
)
from custmerge.rules.fields import Package
from custmerge.rules.history import Action, Draft, Fact, stamp
from custmerge.rules.people import Capability, may
from custmerge.rules.plan import Image, State, readable_image
from custmerge.rules.references.nothing import NO_CHANGES, RowChanges
from custmerge.rules.undo import (
    LaterOrder,
    MergeEntry,
    PresentState,
    UndoPlan,
    blocking_orders,
    demand_image,
    plan_undo,
    read_merge_entry,
    refused_by_database,
)
from custmerge.rules.undo_limits import OWN_ORDERS_FOR
from custmerge.services.access import Caller, demand, demand_alive
from custmerge.services.references import after_undos

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.files.temporary import ChangedRecords, EarlierOrder
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Request:
    """The undo that is asked for."""

    orders: frozenset[int]
    cascade: bool = False
    """Whether later orders that block it are undone too."""
    shown: tuple[UndoPlan, ...] | None = None
    """The plans that the person saw; nothing is undone if the plans are different now."""


def preview(database: Database, caller: Caller, request: Request, now: datetime) -> tuple[UndoPlan, ...]:
    """Return what the undo would do, newest order first; changes nothing. Raises the errors of `undo`."""
    demand(caller, Capability.UNDO_OWN)
    with database.reading() as unit:
        orders = _with_later(unit, caller, request, now)
        return Undos(unit, caller, orders, now, lock=False).take_back(orders)


def undo(database: Database, caller: Caller, request: Request, now: datetime) -> tuple[UndoPlan, ...]:
    """Undo orders in one transaction, newest first, and return what was done.

    Raises NotAllowed, NotOwnOrder, UndoTooLate, UnknownOrder, AlreadyUndone, Purged, ImageChanged, UndoBlocked,
    or UndoChanged; then nothing is changed.
    """
    demand(caller, Capability.UNDO_OWN)
    with refusals_named(request.orders):
        for attempt in database.attempts():
            with attempt as unit:
                orders = _with_later(unit, caller, request, now)
                undos = Undos(unit, caller, orders, now, lock=True)
                plans = _demanded(undos, orders, request.shown)
                undos.write({})
    return plans


@contextmanager
def refusals_named(orders: Collection[int]) -> Iterator[None]:
    """Give a block for transactions that undo orders; raises UndoBlocked where the database takes rows not back.

    SQLite looks at foreign keys at the end of a transaction.
    """
    try:
        yield
    except ReferenceRefused as error:
        raise refused_by_database(max(orders), error) from None


def _demanded(undos: Undos, orders: Sequence[int], shown: tuple[UndoPlan, ...] | None) -> tuple[UndoPlan, ...]:
    """Return the plans for undoing `orders`; raises UndoChanged if they aren't those that the person saw."""
    try:
        plans = undos.take_back(orders)
    except UndoBlocked as error:
        if shown is None:
            raise
        raise UndoChanged(orders=orders, obstacles=error.details["obstacles"]) from None
    if shown is not None and [plan.shown for plan in plans] != [plan.shown for plan in shown]:
        raise UndoChanged(orders=orders, obstacles=[])
    return plans


def _with_later(unit: Unit, caller: Caller, request: Request, now: datetime) -> list[int]:
    """Return the orders to undo, newest first: the named ones, with a cascade also those that block them."""
    wanted = set(request.orders)
    while request.cascade:
        undos = Undos(unit, caller, wanted, now, lock=False)
        later = {first for order in wanted for first in undos.undo_first(order)}
        if later <= wanted:
            break
        wanted |= later
    return sorted(wanted, reverse=True)


class Undos:
    """Executed orders, the present state of everything that they changed, and one caller's undos of them."""

    def __init__(self, unit: Unit, caller: Caller, orders: Collection[int], now: datetime, *, lock: bool) -> None:
        """Read everything that undoing `orders` needs; with `lock` nobody else can change it before the end.

        Raises UnknownOrder, and SessionOver with `lock`.
        """
        if lock:
            demand_alive(unit, caller, now)
        self._unit, self._caller, self._now = unit, caller, now
        self._rows = unit.ledger.orders(orders)
        for order in orders:
            if order not in self._rows:
                raise UnknownOrder(order=order)
        self._kept = unit.ledger.images(orders)
        self._images = {order: readable_image(text) for order, (_salt, text) in self._kept.items()}
        numbers = {number for row in self._rows.values() for number in (row.survivor, row.absorbed)}
        # Locked in the order of a merge: customers, then packages, then the end of the history.
        records = unit.register.customers(numbers, lock=lock)
        moved = [package for image in self._images.values() if image is not None for package in image.packages]
        packages = unit.register.packages({package.package for package in moved}, lock=lock)
        self._changes = [image.references for image in self._images.values() if image is not None]
        self.state = State(records, packages.values(), unit.references.for_undos(self._changes, lock=lock))
        """The records and packages after the undos."""
        if lock:
            # The time has passed if this waited for the locks.
            self._now = max(now, unit.now())
        self._entries: dict[int, MergeEntry] = {}
        self._undone: dict[int, tuple[str, str]] = {}
        self._read_entries(orders)
        survivors = {row.survivor for row in self._rows.values()}
        self._later = [
            LaterOrder(row.order, row.survivor, row.absorbed, row.taken, *_moved(text))
            for row, text in unit.ledger.orders_not_undone(survivors, min(self._rows, default=0))
        ]
        self._holders = self._new_holders(moved)
        self._plans: list[UndoPlan] = []

    def _read_entries(self, orders: Collection[int]) -> None:
        """Read the entries of the orders and their undos; after the locks, so that nobody undoes them meanwhile."""
        for entry in self._unit.chain.of_orders(orders):
            body = json.loads(entry.body)
            if body["action"] == Action.UNDO:
                self._undone[body["order"]] = body["by"], body["at"]
            else:
                self._entries[body["order"]] = read_merge_entry(body)

    def assume(self, earlier: ChangedRecords, undone: Collection[int]) -> None:
        """Take over the state after earlier undos of a dry run; `undone` are their orders."""
        state = self.state
        state.assume(earlier.records(state.records), earlier.packages(state.packages).values())
        state.references = after_undos(self._unit, state.records, self._changes, earlier)
        self._later = [later for later in self._later if later.order not in undone]

    def _demand_may(self, order: int) -> None:
        """Raise unless the caller may undo an order: NotOwnOrder or UndoTooLate (contract §5)."""
        if may(self._caller.role, Capability.UNDO):
            return
        entry = self._entry_of(order)
        if entry.by != self._caller.actor:
            raise NotOwnOrder(order=order, by=entry.by.name)
        if not entry.is_of(self._caller.actor, self._now):
            raise UndoTooLate(order=order, minutes=OWN_ORDERS_FOR.seconds // 60)

    def take_back(self, orders: Iterable[int], *, of_batch: int | None = None) -> tuple[UndoPlan, ...]:
        """Return the plans for undoing orders, one after the other; `write` writes them.

        With `of_batch`, orders that are undone already are skipped. Raises NotOwnOrder, UndoTooLate, AlreadyUndone,
        Purged, UndoBlocked, and ImageChanged, also if the history has the order in another batch.
        """
        plans = []
        for order in orders:
            if of_batch is not None:
                if order in self._undone:
                    continue
                if self._entry_of(order).batch != of_batch:
                    raise ImageChanged(order=order)
            plan = self._decide(order)
            self.state.undo(plan)
            self._undone[order] = self._caller.name, stamp(self._now)
            self._later = [later for later in self._later if later.order != order]
            plans.append(plan)
        self._plans += plans
        return tuple(plans)

    def _decide(self, order: int) -> UndoPlan:
        self._demand_may(order)
        if order in self._undone:
            by, at = self._undone[order]
            raise AlreadyUndone(order=order, by=by, at=at)
        entry, image = self._entry_of(order), self._image(order)
        present = PresentState(
            self.state.records.get(entry.survivor),
            self.state.records.get(entry.absorbed),
            self.state.packages,
            self._holders,
            self._later,
            self.state.references,
        )
        return plan_undo(entry, image, present)

    def undone(self) -> Iterator[EarlierOrder]:
        """Yield the orders of the plans for a dry run of the undos after these."""
        from custmerge.storage.files.temporary import EarlierOrder

        for plan in self._plans:
            yield EarlierOrder(plan.survivor.number, plan.absorbed.number, order=plan.order)

    def undo_first(self, order: int) -> set[int]:
        """Return the later orders that must be undone before an order.

        Raises NotOwnOrder, UndoTooLate, Purged, ImageChanged.
        """
        self._demand_may(order)
        if order in self._undone:
            return set()
        return {later.order for later in blocking_orders(self._entry_of(order), self._image(order), self._later)}

    def write(self, facts: Mapping[str, Fact]) -> None:
        """Write what the plans restore, and an entry for each plan; `facts` are further values of every entry."""
        if not self._plans:
            return
        unit, state = self._unit, self.state
        revived = {plan.absorbed.number for plan in self._plans}
        refilled = {plan.survivor.number for plan in self._plans if plan.fields} - revived
        records = state.changed_records
        unit.references.write(state.references)
        unit.register.revive([record for record in records if record.number in revived])
        unit.register.write([record for record in records if record.number in refilled])
        unit.register.place(state.changed_packages, contacts=state.contacts)
        # A survivor may have been proved by a domain that leaves it now.
        unit.people.drop_proofs_of({record.number for record in records})
        at, actor = stamp(self._now), self._caller.actor
        unit.chain.append([Draft(at, actor, Action.UNDO, {**_facts(plan), **facts}) for plan in self._plans])

    def _entry_of(self, order: int) -> MergeEntry:
        """Return the entry of an order; raises ImageChanged if its row differs."""
        entry = self._entries.get(order)
        if entry is None or not entry.matches(self._rows[order]):
            raise ImageChanged(order=order)
        return entry

    def _image(self, order: int) -> Image:
        """Return an order's before-image; raises Purged, and ImageChanged if it doesn't match its entry."""
        image = self._images.get(order)
        demand_image(self._entry_of(order), *self._kept.get(order, (b"?", "")))
        if image is None:
            raise ImageChanged(order=order)
        return image

    def _new_holders(self, moved: Iterable[Package]) -> dict[str, str]:
        """Return the present package of each domain that its package has lost since; mostly there are none."""
        lost = set[str]()
        for package in moved:
            now = self.state.packages.get(package.package)
            # A domain in another writing is looked up too, and found in its old package.
            lost |= {name for name in package.domains if now is None or name not in now.domains}
        return self._unit.register.holders(lost) if lost else {}


def _facts(plan: UndoPlan) -> dict[str, Fact]:
    return {
        "order": plan.order,
        "survivor": plan.survivor.number,
        "absorbed": plan.absorbed.number,
        "packages": len(plan.packages),
        "domains": len(plan.domains),
    }


def _moved(text: str) -> tuple[frozenset[str], RowChanges]:
    """Return the keys of the packages in a before-image, and a host's rows; none if it can't be read."""
    image = readable_image(text)
    if image is None:
        return frozenset(), NO_CHANGES
    return frozenset(package.package for package in image.packages), image.references
