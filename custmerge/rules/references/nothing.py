"""References of custmerge's own register, whose customers nothing but packages follows; a host's are subclasses.

Nothing here loads what decides about a host's rows, for most registers have no host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custmerge.rules.obstacles import Obstacle
    from custmerge.rules.plan import Plan
    from custmerge.rules.references.cells import Keys
    from custmerge.rules.references.changes import RowDropped, RowsChanged, RowsWritten, Step


class RowChanges:
    """What an order changes in a host's tables: nothing, unless it is `Changes`."""

    __slots__ = ()

    @property
    def changed(self) -> tuple[RowsChanged, ...]:
        """Rows with new cells."""
        return ()

    @property
    def dropped(self) -> tuple[RowDropped, ...]:
        """Rows that are dropped."""
        return ()

    @property
    def rows_left(self) -> Mapping[str, Keys]:
        """See `Changes.rows_left`."""
        return {}

    def again(self, _earlier: RowChanges, /) -> Mapping[str, Keys]:
        """See `Changes.again`."""
        return {}

    def hides(self, _earlier: RowChanges, /) -> Mapping[str, Keys]:
        """See `Changes.hides`."""
        return {}

    def in_image(self, _first_order: int, /) -> Mapping[str, object]:
        """Return what a before-image holds of it, given the number of the transaction's first order."""
        return {}


class RowsBack:
    """What an undo gives back in a host's tables: nothing, unless it is `GivenBack`."""

    __slots__ = ()

    @property
    def changed(self) -> tuple[RowsWritten, ...]:
        """Rows with their old cells."""
        return ()

    @property
    def restored(self) -> tuple[RowDropped, ...]:
        """Rows that are there again."""
        return ()

    @property
    def counts(self) -> tuple[tuple[str, int, int], ...]:
        """See `GivenBack.counts`."""
        return ()


class HostRows:
    """A host's rows that orders or undos of one transaction may change: none, unless it is `References`."""

    def planned(self, plan: Plan, _place: int, /) -> Plan:
        """Return a plan with what it changes in these rows, given the order's place in the transaction, from 0.

        Raises ReferenceRefused, FieldNotWritable.
        """
        return plan

    def execute(self, plan: Plan) -> None:
        """Change the rows as an order does."""

    def undo_plan(
        self,
        _changes: RowChanges,
        _keys: Sequence[str],
        /,
        *,
        gone: int = 0,  # noqa: ARG002 (nothing is in the way)
    ) -> tuple[RowsBack, Sequence[Obstacle]]:
        """Return what undoing an order's changes gives back, and what is in the way.

        Given are the absorbed's keys, and how many of the two customers are gone and so are named already.
        """
        return NOTHING_BACK, ()

    def undo(self, given_back: RowsBack) -> None:
        """Change the rows as the undo of an order does."""

    def steps(self, _first_order: int = 0, /) -> Sequence[Step]:
        """Return what the storage has to write, given the number of the transaction's first order."""
        return ()


NO_CHANGES = RowChanges()
NOTHING_BACK = RowsBack()
NO_ROWS = HostRows()
