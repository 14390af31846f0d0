"""A moment from which this machine counts on, however its clock is set meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

ASKED_EVERY_SECONDS = 60
# Linux counts the time of a suspended machine here only.
_COUNTER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class Clock:
    """What the time was at some moment, from which this machine counts on."""

    moment: datetime
    counted: float

    @property
    def is_old(self) -> bool:
        """Whether it is to be asked again."""
        return time.clock_gettime(_COUNTER) - self.counted > ASKED_EVERY_SECONDS

    def now(self) -> datetime:
        """Return this moment."""
        return self.moment + timedelta(seconds=time.clock_gettime(_COUNTER) - self.counted)


def counted_from(moment: datetime) -> Clock:
    """Return a clock that says `moment` now and counts on from there."""
    return Clock(moment, time.clock_gettime(_COUNTER))
