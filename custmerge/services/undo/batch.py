"""Undo of a whole bulk run: newest order first, a chunk in one transaction, continued by the same command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import (
    BatchBusy,
    BatchUndone,
    UndoBlocked,
    UndoBlockedByOrders,
    UndoChanged,
    UndoStopped,
    UndoStoppedByOrders,
    UnknownBatch,
)
from custmerge.rules.bulk import UNFINISHED, Batch, State
from custmerge.rules.history import Action, Draft, stamp
from custmerge.rules.people import Capability
from custmerge.rules.undo import Extent, UndoPlan
from custmerge.services.access import Caller, SessionUse, demand, demand_alive
from custmerge.services.bulk.lease import Lease, expiry, in_parts, leased
from custmerge.services.progress import Inputs
from custmerge.services.undo import Undos, refusals_named
from custmerge.storage.files.temporary import ChangedRecords

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


def preview(database: Database, caller: Caller, number: int, inputs: Inputs) -> Extent:
    """Return what undoing a batch would do; changes nothing.

    Raises NotAllowed, UnknownBatch, BatchUndone, and the error of `undo.undo` for the newest order that can't be
    undone.
    """
    demand(caller, Capability.UNDO)
    with database.reading() as unit:
        _demand_not_undone(unit, _demand_batch(unit, number))
        orders = unit.chain.orders_of_batch(number)
    extent, undone, changed = Extent(number), set[int](), ChangedRecords()
    try:
        for chunk in _chunks(orders, inputs.chunk):
            with database.reading() as unit:
                undos = Undos(unit, caller, chunk, inputs.clock(), lock=False)
                undos.assume(changed, undone)
                extent = extent.with_chunk(chunk, undos.take_back(chunk, of_batch=number))
                has_following = bool(unit.references.tables)
            changed.keep(undos.state.changed_records, undos.state.changed_packages)
            if has_following:
                changed.keep_orders(undos.undone())
            undone.update(chunk)
            inputs.progress.advanced(len(undone), len(orders))
    finally:
        changed.close()
    return extent


def undo_batch(database: Database, caller: Caller, number: int, inputs: Inputs, shown: Extent | None) -> Extent:
    """Undo the orders of a batch, or continue an earlier undo that was cut off, and return what was done now.

    `shown` is what the person saw. Raises NotAllowed, UnknownBatch, BatchUndone, BatchBusy, UndoChanged, and the
    error of `undo.undo` for the newest order that can't be undone; orders that were committed before stay undone.
    """
    demand(caller, Capability.UNDO)
    with database.reading() as unit:
        sha256 = _demand_batch(unit, number).sha256
    with leased(database, sha256, inputs.new_salt().hex()) as lease:
        undo = _BatchUndo(database, caller, number, inputs, lease)
        undo.begin()
        return undo.to_the_end(shown)


class _BatchUndo:
    """One undo of a batch; it takes the same lease as a run of the batch's file."""

    def __init__(self, database: Database, caller: Caller, number: int, inputs: Inputs, lease: Lease) -> None:
        self._database = database
        self._caller = caller
        self._number = number
        self._inputs = inputs
        self._lease = lease
        self._use = SessionUse(database, caller, inputs.clock())
        self._orders: list[int] = []
        """Newest first."""
        self._done = 0
        self._ends = False
        """Whether this undo still has to end the batch with an entry of its own: the file can still be run, or none
        of its orders is left to undo."""

    def begin(self) -> None:
        """Take the lease of the batch's file; raises BatchBusy, and BatchUndone if there is nothing to undo."""
        now = self._inputs.clock()
        # Checked before anything is locked: a run that waits for a lock keeps its batch locked too.
        with self._database.reading() as unit:
            self._demand_free(unit, now, lock=False)
        for attempt in self._database.attempts():
            with attempt as unit:
                # From here on nobody else can run the batch's file or undo the batch.
                batch, batches = self._demand_free(unit, now, lock=True)
                demand_alive(unit, self._caller, now)
                self._orders = unit.chain.orders_of_batch(batch.id)
                stands = len(unit.chain.undone(self._orders)) < len(self._orders)
                is_recorded = next(unit.chain.about(Action.UNDO, "batch", batch.id), None) is not None
                self._ends = batch.state in UNFINISHED or not (stands or is_recorded)
                unit.batches.hold(batch.id, self._lease.runner, expiry(now))
                self._lease.taken(unit, batch, batches)

    def to_the_end(self, shown: Extent | None) -> Extent:
        """Undo the remaining orders; raises PartNotCommitted or PartUnknown if the connection is lost."""
        number, total = self._number, len(self._orders)
        if shown is not None and total != shown.orders + shown.already:
            raise UndoChanged(orders=f"--batch {number}", obstacles=[])
        extent = Extent(number)
        try:
            with in_parts(lambda: (self._done, total)):
                for chunk in _chunks(self._orders, self._inputs.chunk):
                    with refusals_named(chunk):
                        for attempt in self._database.attempts():
                            with attempt as unit:
                                plans = self._take_back(unit, chunk)
                    extent = extent.with_chunk(chunk, plans)
                    self._done += len(chunk)
                    self._ends = False
                    self._use.note(self._inputs.clock())
                    self._inputs.progress.advanced(self._done, total)
                for attempt in self._database.attempts():
                    with attempt as unit:
                        self._demand_held(unit)
                        self._end(unit, self._inputs.clock())
                        unit.batches.undone(self._number)
        except UndoBlocked as error:
            if not self._done:
                raise
            stopped = UndoStoppedByOrders if isinstance(error, UndoBlockedByOrders) else UndoStopped
            raise stopped(**error.details) from None
        return extent

    def _demand_free(self, unit: Unit, now: datetime, *, lock: bool) -> tuple[Batch, Sequence[Batch]]:
        """Return the batch and all batches of its file; raises BatchBusy if another process runs or undoes one."""
        batches = unit.batches.of_file(_demand_batch(unit, self._number).sha256, lock=lock)
        if not self._lease.is_free(batches, now):
            raise BatchBusy(batch=self._number)
        batch = next(batch for batch in batches if batch.id == self._number)
        _demand_not_undone(unit, batch)
        return batch, batches

    def _take_back(self, unit: Unit, chunk: Sequence[int]) -> Sequence[UndoPlan]:
        self._demand_held(unit)
        unit.find_by_index()
        now = self._inputs.clock()
        undos = Undos(unit, self._caller, chunk, now, lock=True)
        plans = undos.take_back(chunk, of_batch=self._number)
        self._end(unit, now)
        undos.write({"batch": self._number})
        unit.batches.hold(self._number, self._lease.runner, expiry(now))
        return plans

    def _end(self, unit: Unit, now: datetime) -> None:
        """End the batch, in its row and by an entry, unless that is done; then its file can't be run any more."""
        if self._ends:
            unit.batches.finish(self._number)
            unit.chain.append([Draft(stamp(now), self._caller.actor, Action.UNDO, {"batch": self._number})])

    def _demand_held(self, unit: Unit) -> None:
        """Raise BatchBusy if another process has taken the batch over while this one was stopped."""
        if not self._lease.holds(unit.batches.batch(self._number, lock=True)):
            raise BatchBusy(batch=self._number)


def _demand_batch(unit: Unit, number: int) -> Batch:
    batch = unit.batches.batch(number)
    if batch is None:
        raise UnknownBatch(batch=number)
    return batch


def _demand_not_undone(unit: Unit, batch: Batch) -> None:
    """Raise BatchUndone if a batch was undone completely, with the person who undid its last order."""
    if batch.state is not State.UNDONE:
        return
    orders = unit.chain.orders_of_batch(batch.id)
    if len(unit.chain.undone(orders)) < len(orders):
        # Not undone, whatever its row says.
        return
    entries = [*unit.chain.of_orders(orders), *unit.chain.about(Action.UNDO, "batch", batch.id)]
    bodies = [json.loads(entry.body) for entry in sorted(entries, key=lambda entry: entry.seq)]
    undone = [(body["at"], body["by"]) for body in bodies if body["action"] == Action.UNDO]
    # Earlier versions wrote no entry for a batch that had merged nothing.
    if undone:
        at, by = undone[-1]
        raise BatchUndone(batch=batch.id, by=by, at=at)


def _chunks(orders: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(orders), size):
        yield orders[start : start + size]
