"""What a bulk command gets from outside, and what it comes to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from custmerge.rules.bulk import IS_WELL, Outcome, Result
from custmerge.services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

CHUNK = 500


class RunProgress(Progress, Protocol):
    """Gets how far a check or a run is, and what became of each row."""

    def accepted(self) -> None:
        """Get ready: the command is accepted, and nothing is written yet. An error raised here ends the command."""

    def outcome(self, outcome: Outcome) -> None:
        """Note what became of a row; rows come in their order."""


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run gets from outside."""

    clock: Callable[[], datetime]
    new_salt: Callable[[], bytes]
    progress: RunProgress
    chunk: int = CHUNK
    """Rows of one transaction."""
    stop_on_error: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """What a check or a run came to."""

    batch: int | None
    """None for a check."""
    sha256: str
    rows: int
    counts: Mapping[Result, int]

    @property
    def is_well(self) -> bool:
        """Whether every row is merged, now or before."""
        return all(result in IS_WELL for result in self.counts)


class ResultCounter:
    """Passes on what became of each row, and counts."""

    def __init__(self, progress: RunProgress) -> None:
        self._progress = progress
        self._counts = Counter[Result]()

    def tell(self, outcomes: Iterable[Outcome]) -> None:
        """Tell of rows, in their order."""
        for outcome in outcomes:
            self._counts[outcome.result] += 1
            self._progress.outcome(outcome)

    def ran(self, batch: int | None, sha256: str, rows: int) -> Ran:
        """Return what it has come to."""
        return Ran(batch, sha256, rows, self._counts)
