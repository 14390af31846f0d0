"""Until when an order can be undone, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from custmerge.rules.history import moment, stamp
from custmerge.rules.people import Capability, Role, may

OWN_ORDERS_FOR = timedelta(minutes=15)
"""An agent may undo an own order within this time."""


@dataclass(frozen=True, slots=True)
class UndoLimits:
    """Until when an order can be undone, as stamps."""

    own_until: str | None
    """For whoever may only undo what they ordered themselves; None for everybody else."""
    kept_until: str
    """When its before-image is old enough to be purged."""


def undo_limits(role: Role, at: str, retention_days: int) -> UndoLimits:
    """Return the limits of an order that somebody with `role` made at the moment `at`."""
    is_own_only = may(role, Capability.UNDO_OWN) and not may(role, Capability.UNDO)
    own_until = stamp(moment(at) + OWN_ORDERS_FOR) if is_own_only else None
    return UndoLimits(own_until, stamp(moment(at) + timedelta(days=retention_days)))
