"""Long work: what it gets from its caller, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

CHUNK = 500


class Progress(Protocol):
    """Gets how far long work is."""

    def advanced(self, done: int, total: int) -> None:
        """Note that `done` of `total` rows, orders or bytes are done: at the start, and again from time to time."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What long work gets from outside."""

    clock: Callable[[], datetime]
    new_salt: Callable[[], bytes]
    progress: Progress
    chunk: int = CHUNK
    """Rows or orders of one transaction."""
