"""Rows of a bulk file, decided one after the other by the rules of every other order."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from custmerge.errors import CustmergeError, MergedAway
from custmerge.rules.bulk import BulkRow, Outcome, Result, outcome_of
from custmerge.rules.fields import Pair
from custmerge.rules.plan import Plan
from custmerge.services.access import Caller
from custmerge.services.merge import Orders

if TYPE_CHECKING:
    from custmerge.services.bulk.passwords import Proofs
    from custmerge.storage.files.temporary import ChangedRecords
    from custmerge.storage.unit import Unit


class Rows:
    """Rows decided one after the other, in their order."""

    def __init__(
        self,
        unit: Unit,
        caller: Caller,
        rows: Sequence[BulkRow],
        now: datetime,
        *,
        earlier: Collection[int],
        lock: bool,
        changed: ChangedRecords | None = None,
    ) -> None:
        """Read what rows need; with `lock` nobody else can change it meanwhile.

        `earlier` are the batches of earlier runs of the file, `changed` what a dry run has left before.
        """
        pairs = [(row.survivor, row.absorbed) for row in rows if row.problem is None]
        self._unit = unit
        self.orders = Orders(unit, caller, pairs, now, lock=lock, earlier=changed)
        self._outcomes: list[Outcome] = []
        self._merged: list[int] = []
        """Places of those outcomes that are to become orders."""
        self._earlier = earlier

    def decide(
        self,
        row: BulkRow,
        proofs: Proofs,
        new_salt: Callable[[], bytes],
        *,
        is_whole: bool,
    ) -> Outcome:
        """Decide a row on what the rows before it have left, and take it into account."""
        outcome = _decided(self.orders, row, proofs, is_whole=is_whole)
        if not isinstance(outcome, Outcome):
            self.orders.execute(outcome, new_salt())
            self._merged.append(len(self._outcomes))
            outcome = Outcome(row.row, row.survivor, row.absorbed, Result.MERGED)
        self._outcomes.append(outcome)
        return outcome

    def outcomes(self) -> list[Outcome]:
        """Return what was decided; what is `already` so with the order that executed it for that pair."""
        outcomes = [*map(self._executed_before, self._outcomes)] if self._executed else self._outcomes
        already = {outcome.absorbed for outcome in outcomes if outcome.result is Result.ALREADY}
        if not already:
            return outcomes
        orders = self._unit.ledger.newest_orders(already)
        return [_with_order(outcome, orders) for outcome in outcomes]

    def _executed_before(self, outcome: Outcome) -> Outcome:
        """Return as `already` what an earlier run has executed and whose survivor has gone elsewhere since."""
        pair = outcome.survivor, outcome.absorbed
        is_known = isinstance(outcome.error, MergedAway) and pair in self._executed
        if not is_known or not self.orders.leads_to(outcome.absorbed, outcome.survivor):
            return outcome
        return Outcome(outcome.row, outcome.survivor, outcome.absorbed, Result.ALREADY)

    @cached_property
    def _executed(self) -> set[Pair]:
        """The pairs among what went elsewhere that an earlier run of this file has executed."""
        moved = {outcome.absorbed for outcome in self._outcomes if isinstance(outcome.error, MergedAway)}
        if not moved or not self._earlier:
            return set()
        orders = [order for order, _survivor in self._unit.ledger.newest_orders(moved).values()]
        bodies = [json.loads(entry.body) for entry in self._unit.chain.of_orders(orders)]
        # The undo of a single order names no batch.
        return {(body["survivor"], body["absorbed"]) for body in bodies if body.get("batch") in self._earlier}

    def written(self, batch: int) -> list[Outcome]:
        """Write what was decided; returns the outcomes with the orders' numbers."""
        merged = self._merged
        receipts = self.orders.write(
            facts=lambda place: {"batch": batch, "row": self._outcomes[merged[place]].row},
        )
        for place, receipt in zip(merged, receipts, strict=True):
            self._outcomes[place] = replace(self._outcomes[place], order=receipt.order)
        return self.outcomes()


def _decided(orders: Orders, row: BulkRow, proofs: Proofs, *, is_whole: bool) -> Outcome | Plan:
    """Return the plan of a row, or its outcome where it isn't to be executed: the first that holds (contract §6)."""
    if row.problem is not None:
        return outcome_of(row, row.problem)
    pair = row.survivor, row.absorbed
    # Not where the survivor went elsewhere itself: that is what the report has to say.
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
    """Return an outcome that is `already` so with its number's newest order, if that was for this pair."""
    order, survivor = orders.get(outcome.absorbed, (None, ""))
    is_that_pair = outcome.result is Result.ALREADY and survivor == outcome.survivor
    return replace(outcome, order=order) if is_that_pair else outcome
