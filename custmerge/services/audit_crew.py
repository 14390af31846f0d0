"""Processes that look at a stretch each: hashing holds Python's lock, so threads would wait for each other."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from custmerge.storage.unit import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ProcessPoolExecutor

    from custmerge.rules.history import Head
    from custmerge.storage.unit import Unit

T = TypeVar("T")


class Crew:
    """Whoever is asked to look at something: this process, or several where that is quicker."""

    ENTRIES_AT_ONCE = 25_000
    WORTH_STARTING = 1.5
    """Seconds of work from which on further processes pay: to start one takes half a second."""

    def __init__(self, database: Database, unit: Unit, head: Head, *, seconds: float) -> None:
        """Take what a look at everything takes about as long as, done by one process."""
        self._url = database.url
        self._unit = unit
        self._head = head
        self._pool = _pool() if seconds >= self.WORTH_STARTING and _cores() > 1 else None
        self.was_disturbed = False
        """Whether somebody wrote while one of the crew looked."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def ask(self, look: Callable[[Unit], T]) -> Callable[[], T]:
        """Have something looked at; what is returned waits for the result and gives it."""
        if self._pool is None:
            return partial(look, self._unit)
        return partial(self._result, self._pool.submit(_look, self._url, look))

    def _result(self, future: Future[tuple[T, Head | None]]) -> T:
        result, head = future.result()
        self.was_disturbed |= head != self._head
        return result


def _pool() -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Spawned, not forked: an open connection has one owner.
    return ProcessPoolExecutor(_cores(), get_context("spawn"), initializer=_leave_interrupts_to_parent)


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _look(url: str, look: Callable[[Unit], T]) -> tuple[T, Head | None]:
    """Look in a transaction of this process's own; returns where the chain ended then, too."""
    database = Database(url)
    try:
        with database.reading() as unit:
            return look(unit), unit.evidence.head()
    finally:
        database.close()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
