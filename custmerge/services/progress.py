"""How far long work is, for the caller of a service."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Gets how far long work is."""

    def advanced(self, done: int, total: int) -> None:
        """Note that `done` of `total` rows, orders or bytes are done: at the start, and again from time to time."""
