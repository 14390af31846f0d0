"""Processes that look at a stretch each: hashing holds Python's lock, so threads would wait for each other."""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import cache
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

    ENTRIES_AT_ONCE = 5_000
    WORTH_FORKING, WORTH_SPAWNING = 0.2, 1.5
    """Seconds of work from which on further processes pay: one that is spawned has to import everything first."""

    def __init__(self, database: Database, *, seconds: float, takes_any_text: bool) -> None:
        """Take what a look at everything takes about as long as, done by one process.

        Nothing may be open in the database: a process that is forked would have it open, too.
        """
        self._url = database.url
        self._takes_any_text = takes_any_text
        self._pool = None
        self.heads: set[Head | None] = set()
        """Where the chain ended when the crew looked."""
        if seconds >= (self.WORTH_FORKING if _is_forkable() else self.WORTH_SPAWNING) and _cores() > 1:
            database.close()
            self._pool = _pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def ask(self, look: Callable[[Unit], T]) -> Callable[[Unit], T]:
        """Have something looked at; what is returned waits for the result, or looks itself if nobody else does."""
        if self._pool is None:
            return look
        future = self._pool.submit(_look, self._url, look, takes_any_text=self._takes_any_text)
        return lambda _unit: self._result(future)

    def _result(self, future: Future[tuple[T, Head | None]]) -> T:
        result, head = future.result()
        self.heads.add(head)
        return result


def _pool() -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    context = get_context("fork" if _is_forkable() else "spawn")
    pool = ProcessPoolExecutor(_cores(), context, initializer=_leave_interrupts_to_parent)
    # Forks them now, before anything is opened again.
    pool.submit(_cores)
    return pool


def _is_forkable() -> bool:
    """Return whether a fork is safe: one with threads may find a lock held for ever, and macOS doesn't bear any."""
    return sys.platform == "linux" and threading.active_count() == 1


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _look(url: str, look: Callable[[Unit], T], *, takes_any_text: bool) -> tuple[T, Head | None]:
    """Look in a transaction of this process's own; returns where the chain ended then, too."""
    with _opened(url).reading() as unit:
        if takes_any_text:
            unit.evidence.take_any_text()
        return look(unit), unit.evidence.head()


@cache
def _opened(url: str) -> Database:
    """Return a database whose connection is kept until the process ends: a server takes a while to know a new one."""
    from multiprocessing.util import Finalize

    database = Database(url)
    Finalize(None, database.close, exitpriority=0)
    return database


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
