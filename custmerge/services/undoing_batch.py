"""A whole bulk run is taken back: newest order first, a chunk in one transaction, gone on with after a cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from custmerge.errors import BatchBusy, UndoChanged, UnknownBatch
from custmerge.rules.bulk import State
from custmerge.rules.roles import Capability
from custmerge.services.access import demand, demand_alive
from custmerge.services.bulk_lease import is_free, turn_at
from custmerge.services.undo_desk import UndoDesk
from custmerge.storage.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from custmerge.rules.bulk import Batch
    from custmerge.services.access import Caller
    from custmerge.storage.slots import Turn
    from custmerge.storage.unit import Database, Unit

CHUNK = 500
"""Orders of one transaction."""


class Watcher(Protocol):
    """Whoever wants to know how it goes."""

    def advanced(self, done: int, total: int) -> None:
        """Take note that `done` of `total` orders are undone."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an undo gets from outside."""

    clock: Callable[[], datetime]
    watcher: Watcher
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True)
class Extent:
    """What an undo of a batch did, or would do."""

    batch: int
    orders: int = 0
    already: int = 0
    """Orders of the batch that were undone before."""
    packages: int = 0
    domains: int = 0

    def with_chunk(self, other: Extent) -> Extent:
        """Return both together."""
        return Extent(
            self.batch,
            self.orders + other.orders,
            self.already + other.already,
            self.packages + other.packages,
            self.domains + other.domains,
        )


def preview(database: Database, caller: Caller, number: int, means: Means) -> Extent:
    """Return what undoing a batch would do; changes nothing.

    Raises NotAllowed, UnknownBatch, and of the newest order that can't be undone what `undoing.undo` raises.
    """
    demand(caller, Capability.UNDO)
    with database.reading() as unit:
        _demand_batch(unit, number)
        orders = unit.batches.orders(number)
    extent, undone, overlay = Extent(number), set[int](), Overlay()
    try:
        for chunk in _chunks(orders, means.chunk):
            with database.reading() as unit:
                desk = UndoDesk(unit, caller, chunk, means.clock(), lock=False)
                desk.assume(overlay.records, overlay.packages, undone)
                extent = extent.with_chunk(_taken_back(desk, chunk, number))
            overlay.keep(*desk.changed())
            undone.update(chunk)
            means.watcher.advanced(len(undone), len(orders))
    finally:
        overlay.close()
    return extent


def undo_batch(database: Database, caller: Caller, number: int, means: Means, seen: Extent | None) -> Extent:
    """Take back what a batch has merged, or go on where an earlier undo was cut off, and return what was done now.

    `seen` is what was shown to the person. Raises NotAllowed, UnknownBatch, BatchBusy, UndoChanged, and of the
    newest order that can't be undone what `undoing.undo` raises; what was committed before stays undone.
    """
    demand(caller, Capability.UNDO)
    with database.reading() as unit:
        sha256 = _demand_batch(unit, number).sha256
    with turn_at(database, sha256) as turn:
        if not turn.is_alone:
            raise BatchBusy(batch=number)
        orders = database.attempt(lambda unit: _begun(unit, caller, number, turn, means.clock()))
        extent, done = Extent(number), 0
        if seen is not None and len(orders) != seen.orders + seen.already:
            raise UndoChanged(orders=f"--batch {number}", obstacles=[])
        for chunk in _chunks(orders, means.chunk):
            extent = extent.with_chunk(_committed(database, caller, number, chunk, means))
            done += len(chunk)
            means.watcher.advanced(done, len(orders))
        database.attempt(lambda unit: unit.batches.undone(number))
    return extent


def _begun(unit: Unit, caller: Caller, number: int, turn: Turn, now: datetime) -> list[int]:
    """Return the orders of a batch, newest first; from now on nobody runs it on, here or elsewhere."""
    batch = unit.batches.one(number, lock=True)
    demand_alive(unit, caller)
    if batch is not None and not is_free([batch], turn, now):
        raise BatchBusy(batch=number)
    if batch is not None and batch.state in (State.APPROVED, State.RUNNING):
        unit.batches.finish(number)
    return unit.batches.orders(number)


def _committed(database: Database, caller: Caller, number: int, chunk: Sequence[int], means: Means) -> Extent:
    def take_back(unit: Unit) -> Extent:
        desk = UndoDesk(unit, caller, chunk, means.clock(), lock=True)
        extent = _taken_back(desk, chunk, number)
        desk.write({"batch": number})
        return extent

    return database.attempt(take_back)


def _taken_back(desk: UndoDesk, chunk: Sequence[int], number: int) -> Extent:
    already = packages = domains = 0
    for order in chunk:
        if desk.is_undone(order):
            already += 1
            continue
        desk.demand_batch(order, number)
        plan = desk.decide(order)
        desk.take_back(plan)
        packages, domains = packages + len(plan.packages), domains + len(plan.domains)
    return Extent(number, len(chunk) - already, already, packages, domains)


def _demand_batch(unit: Unit, number: int) -> Batch:
    batch = unit.batches.one(number)
    if batch is None:
        raise UnknownBatch(batch=number)
    return batch


def _chunks(orders: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(orders), size):
        yield orders[start : start + size]
