"""How many wrong passwords are too many (contract §5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from custmerge.rules.times import MAY_BE_APART, stamp

WINDOW = timedelta(minutes=15)
"""In which wrong tries are counted."""
LOCKED_FOR = timedelta(minutes=15)
TRIES = 5
CALLER_TRIES = 20
PENDING_FOR = timedelta(seconds=30)
"""So long a try is pending; whose process was killed meanwhile counts as wrong."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is guessed at, or who guesses."""

    kind: Literal["number", "staff", "customer_caller", "staff_caller"]
    name: str

    @property
    def limit(self) -> int:
        """How many wrong tries lock it."""
        return TRIES if self.kind in ("number", "staff") else CALLER_TRIES

    @property
    def key(self) -> str:
        """What the database knows it by: a digest, for people type a password where their name belongs."""
        return hashlib.sha256(f"{self.kind}:{self.name}".encode()).hexdigest()


def subjects_named(name: str) -> tuple[Subject, ...]:
    """Return everything of that name that can be locked."""
    return tuple(Subject(kind, name) for kind in ("number", "staff", "customer_caller", "staff_caller"))


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries at one subject inside the window."""

    wrong: int
    pending: int
    locked_until: str
    """See `times.stamp`; in the past where it isn't locked."""

    def is_locked(self, now: datetime) -> bool:
        """Return whether it is locked: not by a lock that began in the future."""
        return stamp(now) < self.locked_until <= stamp(now + LOCKED_FOR + MAY_BE_APART)
