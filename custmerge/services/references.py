"""The rows of a host's tables that follow the customers of orders and undos, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from custmerge.errors import FieldNotWritable, ReferenceRefused, RefusedByMapping
from custmerge.rules.fields import Customer
from custmerge.rules.plan import Choice, Plan, State, readable_image
from custmerge.rules.references.nothing import HostRows, RowChanges

if TYPE_CHECKING:
    from custmerge.rules.references.changes import Step
    from custmerge.storage.files.temporary import ChangedRecords, EarlierOrder
    from custmerge.storage.unit import Unit


class OrderReferences(HostRows):
    """What follows the customers of a transaction's orders, read when an order is planned or when it is locked."""

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
    def rows(self) -> HostRows:
        """The rows after the executed orders."""
        unit, records, absorbed, earlier = self._unit, self._records, self._absorbed, self._earlier
        before = earlier.orders_about(records) if earlier is not None and unit.references.tables else []
        if not before:
            return unit.references.for_orders(records, absorbed, self._now, lock=self._lock)
        gone = {order.absorbed for order in before}
        records = unit.register.customers({*records, *gone, *(order.survivor for order in before)})
        rows = unit.references.for_orders(records, {*absorbed, *gone}, self._now, lock=self._lock)
        self._replay(rows, records, before)
        return rows

    def _replay(self, rows: HostRows, records: Mapping[str, Customer], before: Sequence[EarlierOrder]) -> None:
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

    def planned(self, plan: Plan, place: int) -> Plan:
        """See `HostRows`."""
        rows = self.rows
        survivors, absorbed = self._with_origins(plan.survivor), self._with_origins(plan.absorbed)
        if (reason := self._unit.references.refusal(survivors, absorbed)) is not None:
            raise RefusedByMapping(survivor=plan.survivor.number, absorbed=plan.absorbed.number, rule=reason)
        return rows.planned(plan, place)

    def execute(self, plan: Plan) -> None:
        """Change the rows as an order does, which isn't written yet."""
        self.rows.execute(plan)
        self._note(plan)

    def steps(self, first_order: int = 0) -> Sequence[Step]:
        """See `HostRows`."""
        return self.rows.steps(first_order)

    def _note(self, plan: Plan) -> None:
        self._origins.setdefault(plan.survivor.number, []).append(plan.absorbed)

    def _with_origins(self, customer: Customer) -> Iterator[Customer]:
        """Yield a customer and those that went into it in this transaction: the database has their rows unchanged."""
        yield customer
        for gone in self._origins.get(customer.number, ()):
            yield from self._with_origins(gone)


def undecided(state: State, survivor: Customer, absorbed: Customer) -> Plan:
    """Return the plan of an order before a choice is made, with what it does in a host's tables.

    That is the same whatever is chosen. Raises ReferenceRefused.
    """
    packages = tuple(state.packages_of(absorbed.number))
    return state.with_references(Plan(survivor, absorbed, Choice.IDENTICAL, {}, packages))


def after_undos(
    unit: Unit, numbers: Collection[str], changes: Iterable[RowChanges], earlier: ChangedRecords
) -> HostRows:
    """Return the rows on which undoing orders depends that made `changes`, as a dry run has left them.

    `numbers` are those of the orders, `earlier` has the orders that the dry run has undone.
    """
    undone = [order.order for order in earlier.orders_about(numbers) if order.order is not None]
    images = {order: readable_image(text) for order, (_salt, text) in unit.ledger.images(undone).items()}
    before = [image.references for order in undone if (image := images.get(order))]
    rows = unit.references.for_undos([*before, *changes], lock=False)
    for change in before:
        given_back, _in_the_way = rows.undo_plan(change, ())
        rows.undo(given_back)
    return rows
