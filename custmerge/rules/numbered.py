"""What has numbers of its own that a shell completes; a file of its own, because every command loads it."""

from __future__ import annotations

from enum import Enum, auto


class Numbered(Enum):
    """The kinds of numbers."""

    ORDERS = auto()
    STANDING_ORDERS = auto()
    """Those that weren't undone."""
    BATCHES = auto()
    TRANSFERS = auto()
    FILED_TRANSFERS = auto()
    """Those that wait for a decision."""
    OPEN_TRANSFERS = auto()
    """Filed and approved ones."""
