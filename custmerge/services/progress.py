"""Long work, committed in parts: what it gets from its caller, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from custmerge.errors import NotCommitted, OutcomeUnknown, PartNotCommitted, PartUnknown

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


@contextmanager
def in_parts(how_far: Callable[[], tuple[int, int]]) -> Iterator[None]:
    """Say how much is done, of how much, where a block loses the connection: PartNotCommitted or PartUnknown."""
    try:
        yield
    except (NotCommitted, OutcomeUnknown) as error:
        done, total = how_far()
        part = PartNotCommitted if isinstance(error, NotCommitted) else PartUnknown
        raise part(**error.details, done=done, total=total) from None
