"""The rows of a host's tables that follow the customers of orders and undos, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from custmerge.errors import FieldNotWritable, ReferenceRefused, RefusedByMapping
from custmerge.rules.fields import Customer
from custmerge.rules.plan import Choice, Plan, State, readable_image

if TYPE_CHECKING:
    from custmerge.rules.references.changes import Changes
    from custmerge.rules.references.counts import ReferenceCount
    from custmerge.rules.references.state import References
    from custmerge.storage.files.temporary import ChangedRecords, EarlierOrder
    from custmerge.storage.unit import Unit


class OrderReferences:
    """What follows the customers of a transaction's orders; nothing of custmerge's own tables does."""

    def __init__(
        self,
        unit: Unit,
        records: Mapping[str, Customer],
        absorbed: Collection[str],
        now: datetime,
        *,
        lock: bool,
        earlier: ChangedRecords | None,
    ) -> None:
        """Lock the rows with `lock`, else read them when an order is planned.

        `records` are as they were read, `earlier` has the earlier orders of a dry run.
        """
        self._unit = unit
        self._origins: dict[str, list[Customer]] = {}
        self._records, self._absorbed, self._now, self._earlier = records, absorbed, now, earlier
        self._lock = lock
        if lock:
            _ = self.rows

    @cached_property
    def rows(self) -> References | None:
        """The rows after the executed orders."""
        unit, records, absorbed, earlier = self._unit, self._records, self._absorbed, self._earlier
        before = [] if earlier is None or unit.followed is None else earlier.orders_about(records)
        if not before:
            return unit.references.for_orders(records, absorbed, self._now, lock=self._lock)
        gone = {order.absorbed for order in before}
        records = unit.register.customers({*records, *gone, *(order.survivor for order in before)})
        rows = unit.references.for_orders(records, {*absorbed, *gone}, self._now, lock=self._lock)
        self._replay(rows, records, before)
        return rows

    def _replay(
        self, rows: References | None, records: Mapping[str, Customer], before: Sequence[EarlierOrder]
    ) -> None:
        packages = self._unit.register.packages_of_all([order.absorbed for order in before])
        state = State(records, [package for held in packages.values() for package in held], rows)
        for order in before:
            survivor, absorbed = state.records[order.survivor], state.records[order.absorbed]
            choice, packages_there = order.choice or Choice.IDENTICAL, tuple(state.packages_of(absorbed.number))
            plan = Plan(survivor, absorbed, choice, dict(order.changes), packages_there)
            # A row that has changed since may refuse now; the dry run has reported its order.
            try:
                plan = state.with_references(plan)
            except (ReferenceRefused, FieldNotWritable):
                continue
            state.execute(plan)
            self._note(plan)

    def planned(self, state: State, plan: Plan) -> Plan:
        """Return a plan with what it changes in these rows.

        Raises ReferenceRefused, FieldNotWritable.
        """
        state.references = self.rows
        if self.rows is None:
            return plan
        survivors, absorbed = [*self._with_origins(plan.survivor)], [*self._with_origins(plan.absorbed)]
        if (reason := self._unit.references.refusal(survivors, absorbed)) is not None:
            raise RefusedByMapping(survivor=plan.survivor.number, absorbed=plan.absorbed.number, rule=reason)
        return state.with_references(plan)

    @property
    def have_order_numbers(self) -> bool:
        """Whether a row gets the number of its order."""
        return self._unit.followed is not None and self._unit.followed.have_order_numbers

    def write(self, first_order: int = 0) -> None:
        """Write what the executed orders change; raises RowsRefused."""
        self._unit.references.write(self.rows, first_order)

    def counts(self, plan: Plan) -> tuple[ReferenceCount, ...] | None:
        """Return how many rows of each reference a plan changes and drops; None if nothing follows."""
        if plan.references is None or self._unit.followed is None:
            return None
        from custmerge.rules.references.counts import reference_counts

        return reference_counts(self._unit.followed.by_table, plan)

    def executed(self, plan: Plan) -> None:
        """Note that an order was executed, which isn't written yet."""
        if self.rows is not None:
            self._note(plan)

    def _note(self, plan: Plan) -> None:
        self._origins.setdefault(plan.survivor.number, []).append(plan.absorbed)

    def _with_origins(self, customer: Customer) -> Iterator[Customer]:
        """Yield a customer and those that went into it in this transaction: the database has their rows unchanged."""
        yield customer
        for gone in self._origins.get(customer.number, ()):
            yield from self._with_origins(gone)


def after_undos(
    unit: Unit, numbers: Collection[str], changes: Iterable[Changes], earlier: ChangedRecords
) -> References | None:
    """Return the rows on which undoing orders depends that made `changes`, as a dry run has left them.

    `numbers` are those of the orders, `earlier` has the orders that the dry run has undone.
    """
    if unit.followed is None:
        return None
    from custmerge.rules.references.undo import plan_undo_references

    undone = [order.order for order in earlier.orders_about(numbers) if order.order is not None]
    images = {order: readable_image(text) for order, (_salt, text) in unit.ledger.images(undone).items()}
    before = [image.references for order in undone if (image := images.get(order)) and image.references is not None]
    references = unit.references.for_undos([*before, *changes], lock=False)
    if references is not None:
        for change in before:
            given_back, _in_the_way = plan_undo_references(change, references)
            references.undo(given_back)
    return references
