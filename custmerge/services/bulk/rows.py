"""Rows of a bulk file, decided one after the other by the rules of every other order."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from custmerge.errors import CustmergeError, MergedAway
from custmerge.rules.bulk import BulkRow, Outcome, Result, outcome_of
from custmerge.services.merge.orders import Orders

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from custmerge.rules.fields import Pair
    from custmerge.rules.plan import Plan
    from custmerge.services.access import Caller
    from custmerge.services.bulk.passwords import Proofs
    from custmerge.storage.ledger.changed_records import ChangedRecords
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
        outcome = decided(self.orders, row, proofs, is_whole=is_whole)
        if not isinstance(outcome, Outcome):
            self.orders.execute(outcome, new_salt())
            self._merged.append(len(self._outcomes))
            outcome = Outcome(row.row, row.survivor, row.absorbed, Result.MERGED, 0, None, None)
        self._outcomes.append(outcome)
        return outcome

    def outcomes(self) -> list[Outcome]:
        """Return what was decided."""
        return with_orders(self._unit, [*map(self._known, self._outcomes)] if self._executed else self._outcomes)

    def _known(self, outcome: Outcome) -> Outcome:
        """Return as `already` what an earlier run has executed and whose survivor has gone elsewhere since."""
        row, survivor, absorbed = outcome.row, outcome.survivor, outcome.absorbed
        is_known = isinstance(outcome.error, MergedAway) and (survivor, absorbed) in self._executed
        if not is_known or not self.orders.leads_to(absorbed, survivor):
            return outcome
        return Outcome(row, survivor, absorbed, Result.ALREADY, 0, None, None)

    @cached_property
    def _executed(self) -> set[Pair]:
        """The pairs among what went elsewhere that an earlier run of this file has executed."""
        moved = {one.absorbed for one in self._outcomes if isinstance(one.error, MergedAway)}
        if not moved or not self._earlier:
            return set()
        orders = [order for order, _survivor in self._unit.ledger.newest_orders(moved).values()]
        bodies = [json.loads(entry.body) for entry in self._unit.chain.of_orders(orders)]
        # An undo of one by itself names no batch.
        return {(body["survivor"], body["absorbed"]) for body in bodies if body.get("batch") in self._earlier}

    def written(self, batch: int) -> list[Outcome]:
        """Write what was decided; returns the outcomes with the orders' numbers."""
        places = self._merged
        receipts = self.orders.write(
            facts=lambda place: {"batch": batch, "row": self._outcomes[places[place]].row},
        )
        for place, receipt in zip(places, receipts, strict=True):
            row = self._outcomes[place].row
            survivor, absorbed = receipt.survivor, receipt.absorbed
            self._outcomes[place] = Outcome(row, survivor, absorbed, Result.MERGED, 0, receipt.order, None)
        return self.outcomes()


def decided(orders: Orders, row: BulkRow, proofs: Proofs, *, is_whole: bool) -> Outcome | Plan:
    """Return the plan of a row, or its outcome where it isn't to be executed: the first that holds (contract §6)."""
    if row.problem is not None:
        return outcome_of(row, row.problem)
    pair = row.survivor, row.absorbed
    # A survivor that went elsewhere itself is told of: the row isn't as somebody wanted it.
    if orders.leads_to(row.absorbed, row.survivor) and not orders.is_retired(row.survivor):
        return Outcome(row.row, row.survivor, row.absorbed, Result.ALREADY, 0, None, None)
    try:
        orders.living_pair(pair)
        proof = proofs.get(row.row)
        if isinstance(proof, CustmergeError):
            raise proof
        return orders.decide(pair, row.wishes, is_authorised=is_whole or proof is not None)
    except CustmergeError as error:
        return outcome_of(row, error)


def with_orders(unit: Unit, outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes with the order that executed what is `already` so, where it was an order for that pair."""
    open_ones = {one.absorbed for one in outcomes if one.result is Result.ALREADY}
    if not open_ones:
        return outcomes
    orders = unit.ledger.newest_orders(open_ones)

    def named(one: Outcome) -> Outcome:
        order, survivor = orders.get(one.absorbed, (None, ""))
        return replace(one, order=order) if one.result is Result.ALREADY and survivor == one.survivor else one

    return [named(one) for one in outcomes]
