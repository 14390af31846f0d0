"""Long work: its inputs and its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

CHUNK = 500


class Progress(Protocol):
    """Receives the progress of long work."""

    def advanced(self, done: int, total: int) -> None:
        """Receive that `done` of `total` rows, orders or bytes are done: at the start, then from time to time."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of long work."""

    clock: Callable[[], datetime]
    new_salt: Callable[[], bytes]
    progress: Progress
    chunk: int = CHUNK
    """The number of rows or orders in one transaction."""
