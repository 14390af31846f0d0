"""Rows of other tables that follow customers: custmerge's own register has none, a host's are a subclass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from custmerge.rules.references.nothing import NO_ROWS, HostRows, RowChanges

if TYPE_CHECKING:
    from custmerge.rules.fields import Customer
    from custmerge.rules.plan import Plan
    from custmerge.rules.references.counts import ReferenceCount
    from custmerge.rules.references.table_rules import TableRules


class FollowingRows:
    """Reads and writes the rows that follow customers in one transaction: none, unless it is `HostReferences`."""

    tables: Mapping[str, TableRules] = {}
    """The rules of the tables with such rows, by name."""
    have_order_numbers = False
    """Whether a row gets the number of its order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def for_orders(
        self,
        _records: Mapping[str, Customer],
        _absorbed: Collection[str],
        _now: datetime,
        /,
        *,
        lock: bool,  # noqa: ARG002 (nothing is read)
    ) -> HostRows:
        """Return the rows that orders among records may change; with `lock` nobody else changes them.

        Given are the records, the numbers that may be absorbed, and what `{now}` stands for.
        """
        return NO_ROWS

    def for_undos(self, _changes: Iterable[RowChanges], /, *, lock: bool) -> HostRows:  # noqa: ARG002 (likewise)
        """Return the rows on which undoing orders depends that made these changes; `lock` as above."""
        return NO_ROWS

    def write(self, rows: HostRows, first_order: int = 0) -> None:
        """Write what orders or undos have changed; `first_order` is the number of the transaction's first order.

        Raises RowsRefused, RowsLeftOut, ChildrenLeft, OrphansDropped.
        """

    def refusal(self, _survivors: Iterable[Customer], _absorbed: Iterable[Customer], /) -> str | None:
        """Return why a statement of the mapping refuses an order, None if none does.

        Given are the number that is kept and those that went into it in this transaction, whose rows the database
        still has under their own keys; likewise the absorbed.
        """
        return None

    def counts(self, _plan: Plan, /) -> tuple[ReferenceCount, ...] | None:
        """Return how many rows of each reference a plan changes and drops; None if no row ever follows."""
        return None
