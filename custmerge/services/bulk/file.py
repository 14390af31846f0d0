"""A bulk file in a command: its options, its rows in chunks, and their outcomes.

Rows are decided one after the other by the same rules as single orders.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from custmerge.errors import N_, BadFile, CustmergeError, MergedAway, ResultsChanged
from custmerge.rules.bulk import (
    COLUMNS,
    REQUIRED,
    SUCCESSES,
    Batch,
    BulkRow,
    Outcome,
    Result,
    outcome_of,
    read_row,
    unpacked,
)
from custmerge.rules.fields import Pair
from custmerge.rules.plan import Plan
from custmerge.services.access import Caller
from custmerge.services.orders import Orders
from custmerge.services.progress import Inputs, Progress
from custmerge.storage.files.csv_file import SpooledFile, spooled

if TYPE_CHECKING:
    from custmerge.services.bulk.passwords import Proofs
    from custmerge.storage.files.temporary import ChangedRecords, EarlierOrder
    from custmerge.storage.unit import Unit


class RunProgress(Progress, Protocol):
    """Receives the progress of a check or a run, and the outcome of each row."""

    def accepted(self) -> None:
        """Get ready: the command is accepted, and nothing is written yet. An error raised here ends the command."""

    def outcome(self, outcome: Outcome) -> None:
        """Receive the outcome of a row; rows come in their order."""


@dataclass(frozen=True, slots=True)
class RunOptions(Inputs):
    """The inputs of a check or a run of a file."""

    progress: RunProgress
    stop_on_error: bool = False


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of a check or a run."""

    batch: int | None
    """None for a check."""
    sha256: str
    rows: int
    counts: Mapping[Result, int]

    @property
    def is_well(self) -> bool:
        """Whether every row is merged, now or before."""
        return all(result in SUCCESSES for result in self.counts)


def report(progress: RunProgress, counts: Counter[Result], outcomes: Iterable[Outcome]) -> None:
    """Report the outcomes of rows, in their order, and count them."""
    for outcome in outcomes:
        counts[outcome.result] += 1
        progress.outcome(outcome)


@contextmanager
def opened(path: str) -> Iterator[SpooledFile]:
    """Open a bulk file; raises BadFile if it is none, or if others can read the passwords in it."""
    with spooled(path, COLUMNS, REQUIRED) as file:
        if "password" in file.columns and file.others_can_read:
            raise BadFile(file=path, why=N_("has passwords in it and can be read by others: run `chmod 600` on it"))
        yield file


def decided(unit: Unit, batch: Batch, file: SpooledFile) -> Iterator[Outcome]:
    """Yield the outcomes of the rows that a batch has decided; merged rows are `already` now."""
    records = file.records()
    rows = 0
    for kept in unit.batches.results(batch.id):
        number, cells = next(records)
        rows += 1
        yield unpacked(read_row(number, cells), kept)
    if rows != batch.done:
        raise ResultsChanged(batch=batch.id)


def chunks(file: SpooledFile, done: int, size: int, *, split: bool, apart: bool) -> Iterator[list[BulkRow]]:
    """Yield the rows after the first `done` in chunks of `size`.

    With `split`, a row begins a new chunk if its password can only be verified after the rows before it are executed;
    with `apart`, if its records may read otherwise after them.
    """
    rows: list[BulkRow] = []
    # A survivor gets domains of other numbers; an absorbed number isn't in use any more, so its password isn't tried.
    kept, absorbed = set[str](), set[str]()
    for number, cells in file.records():
        if number <= done:
            continue
        row = read_row(number, cells)
        depends = row.absorbed in kept or row.absorbed in absorbed or row.survivor in absorbed
        reads_otherwise = apart and (row.survivor in kept or row.absorbed in kept)
        if rows and (len(rows) >= size or (split and row.password and depends) or reads_otherwise):
            yield rows
            rows, kept, absorbed = [], set(), set()
        rows.append(row)
        kept.add(row.survivor)
        absorbed.add(row.absorbed)
    if rows:
        yield rows


class Rows:
    """Rows decided one after the other, in their order."""

    def __init__(
        self,
        unit: Unit,
        caller: Caller,
        rows: Sequence[BulkRow],
        now: datetime,
        *,
        batch: int | None,
        earlier: Collection[int],
        changed: ChangedRecords | None = None,
    ) -> None:
        """Read what rows need; in the run of a `batch` nobody else can change it before the end, unlike in a dry run.

        `earlier` are the batches of earlier runs of the file, `changed` has the records that a dry run has changed.
        """
        pairs = [(row.survivor, row.absorbed) for row in rows if row.problem is None]
        self._unit = unit
        self._batch = batch
        self._orders = Orders(unit, caller, pairs, now, lock=batch is not None, earlier=changed)
        self._outcomes: list[Outcome] = []
        self._earlier = earlier
        self.state = self._orders.state
        """The records after the decided rows."""

    def decide(self, row: BulkRow, proofs: Proofs, new_salt: Callable[[], bytes], *, is_whole: bool) -> Outcome:
        """Return the outcome of a row, decided on the state after the rows before it, and apply it to the state."""
        outcome = _decided(self._orders, row, proofs, is_whole=is_whole)
        if not isinstance(outcome, Outcome):
            self._orders.execute(outcome, new_salt(), batch=self._batch, row=row.row)
            outcome = Outcome(row.row, row.survivor, row.absorbed, Result.MERGED)
        self._outcomes.append(outcome)
        return outcome

    def outcomes(self) -> list[Outcome]:
        """Return the outcomes of the decided rows; those that are ALREADY have the order that merged the pair."""
        outcomes = [*map(self._executed_before, self._outcomes)] if self._executed else self._outcomes
        already = {outcome.absorbed for outcome in outcomes if outcome.result is Result.ALREADY}
        if not already:
            return outcomes
        orders = self._unit.ledger.newest_orders(already)
        return [_with_order(outcome, orders) for outcome in outcomes]

    def _executed_before(self, outcome: Outcome) -> Outcome:
        """Return an outcome, as ALREADY if an earlier run merged the pair and the survivor was merged away since."""
        pair = outcome.survivor, outcome.absorbed
        is_known = isinstance(outcome.error, MergedAway) and pair in self._executed
        if not is_known or not self._orders.leads_to(outcome.absorbed, outcome.survivor):
            return outcome
        return Outcome(outcome.row, outcome.survivor, outcome.absorbed, Result.ALREADY)

    @cached_property
    def _executed(self) -> set[Pair]:
        """The pairs of rows with MergedAway that an earlier run of this file has merged."""
        moved = {outcome.absorbed for outcome in self._outcomes if isinstance(outcome.error, MergedAway)}
        if not moved or not self._earlier:
            return set()
        orders = [order for order, _survivor in self._unit.ledger.newest_orders(moved).values()]
        bodies = [json.loads(entry.body) for entry in self._unit.chain.of_orders(orders)]
        # The undo of a single order names no batch.
        return {(body["survivor"], body["absorbed"]) for body in bodies if body.get("batch") in self._earlier}

    def earlier(self) -> Iterator[EarlierOrder]:
        """Yield the executed orders for a dry run of the rows after these."""
        from custmerge.storage.files.temporary import EarlierOrder

        for plan in self._orders.executed_plans():
            yield EarlierOrder(plan.survivor.number, plan.absorbed.number, plan.choice, plan.changes)

    def written(self) -> list[Outcome]:
        """Write the decided rows and return their outcomes with the orders' numbers."""
        merged = [place for place, outcome in enumerate(self._outcomes) if outcome.result is Result.MERGED]
        for place, receipt in zip(merged, self._orders.write(), strict=True):
            self._outcomes[place] = replace(self._outcomes[place], order=receipt.order)
        return self.outcomes()


def _decided(orders: Orders, row: BulkRow, proofs: Proofs, *, is_whole: bool) -> Outcome | Plan:
    """Return the plan of a row, or its outcome if it isn't executed: the first that applies (contract §6)."""
    if row.problem is not None:
        return outcome_of(row, row.problem)
    pair = row.survivor, row.absorbed
    # If the survivor itself was merged away, the report has to say that instead.
    if orders.leads_to(row.absorbed, row.survivor) and not orders.is_retired(row.survivor):
        return Outcome(row.row, row.survivor, row.absorbed, Result.ALREADY)
    try:
        orders.living_pair(pair)
        proof = proofs.get(row.row)
        if isinstance(proof, CustmergeError):
            raise proof
        return orders.decide(pair, row.wishes, is_authorised=is_whole or proof is not None)
    except CustmergeError as error:
        return outcome_of(row, error)


def _with_order(outcome: Outcome, orders: Mapping[str, tuple[int, str]]) -> Outcome:
    """Return an outcome; if it is ALREADY, with its number's newest order if that merged this pair."""
    order, survivor = orders.get(outcome.absorbed, (None, ""))
    is_that_pair = outcome.result is Result.ALREADY and survivor == outcome.survivor
    return replace(outcome, order=order) if is_that_pair else outcome
