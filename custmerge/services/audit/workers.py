"""The tasks of an audit, which run in several processes; a row that can't be read ends only its own task.

Processes instead of threads, because hashing and parsing hold Python's lock: threads would wait for each other.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from custmerge.errors import N_, CustmergeError, ProcessLost
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.history import Head
from custmerge.storage.database import Database
from custmerge.storage.files.locks import cores
from custmerge.storage.unit import GoneError, Unit

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess


T = TypeVar("T")
_ODD = N_("holds something that custmerge never writes ({reason}): it was changed.")
_GONE = N_("can't be looked at: a table or column that it needs is gone or of another type.")
_ODD_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


@contextmanager
def readable(unit: Unit, findings: Findings, check: CheckName) -> Iterator[None]:
    """Run a part of an audit; a row that can't be read becomes a finding of `check` and ends only this part."""
    try:
        with unit.savepoint():
            yield
    except GoneError:
        findings.add(check, f"rows of {check.value}", _GONE)
    except _ODD_ERRORS as error:
        findings.add(check, f"rows of {check.value}", _ODD, reason=type(error).__name__)


class Task(Generic[T]):
    """A task of an audit, for any of the processes."""

    def __init__(self, look: Callable[[Unit], T]) -> None:
        self.look = look
        self.answers: list[T] = []


class AuditProcesses:
    """Runs the tasks of an audit: in this process, or in several processes if that is quicker."""

    ENTRIES_AT_ONCE = 5_000
    WORTH_FORKING, WORTH_SPAWNING = 0.2, 1.5
    """Seconds of work from which on more processes are quicker: a spawned one has to import everything first."""

    def __init__(self, database: Database, *, seconds: float, takes_any_text: bool) -> None:
        """Start processes if that is quicker; `seconds` is about how long one process would take for the audit.

        No connection to the database may be open: a forked process would have it open, too.
        """
        self.heads: set[Head | None] = set()
        """The ends of the chain that the processes have read."""
        # Any: each task has another type of result.
        self._waiting: deque[Task[Any]] = deque()
        self._busy: dict[Connection, Task[Any]] = {}
        self._idle: list[Connection] = []
        self._processes: list[BaseProcess] = []
        if seconds >= (self.WORTH_FORKING if _is_forkable() else self.WORTH_SPAWNING) and cores() > 1:
            database.close()
            with _uninterrupted():
                for _ in range(cores()):
                    self._start(database.url, takes_any_text=takes_any_text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The processes only read, so nothing is lost if they are ended in the middle of a task.
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        for connection in (*self._idle, *self._busy):
            connection.close()

    def ask(self, look: Callable[[Unit], T]) -> Task[T]:
        """Return a new task, which a process begins as soon as one is idle."""
        task = Task(look)
        if self._processes:
            self._waiting.append(task)
            self._hand_out()
        return task

    def answer(self, task: Task[T], unit: Unit) -> T:
        """Return the result of a task; without processes, `unit` is used to run it.

        Raises the error of the task, and ProcessLost.
        """
        if not self._processes:
            return task.look(unit)
        from multiprocessing.connection import wait

        while not task.answers:
            for connection in wait(list(self._busy)):
                # `wait` returns some of the connections that it was given.
                self._take(cast("Connection", connection))
            self._hand_out()
        return task.answers.pop()

    def _start(self, url: str, *, takes_any_text: bool) -> None:
        from multiprocessing import get_context

        context = get_context("fork") if _is_forkable() else get_context("spawn")
        parent_end, child_end = context.Pipe()
        process = context.Process(target=_work, args=(url, takes_any_text, child_end, parent_end), daemon=True)
        process.start()
        child_end.close()
        self._processes.append(process)
        self._idle.append(parent_end)

    def _hand_out(self) -> None:
        while self._idle and self._waiting:
            connection, task = self._idle.pop(), self._waiting.popleft()
            self._busy[connection] = task
            try:
                connection.send(task.look)
            except OSError:
                raise ProcessLost from None

    def _take(self, connection: Connection) -> None:
        try:
            answer, head = connection.recv()
        except (EOFError, OSError):
            raise ProcessLost from None
        if isinstance(answer, Exception):
            raise answer
        self.heads.add(head)
        self._busy.pop(connection).answers.append(answer)
        self._idle.append(connection)


def _is_forkable() -> bool:
    """Return whether a fork is safe: with threads, a lock may stay held; libraries of macOS forbid forks."""
    return sys.platform == "linux" and threading.active_count() == 1


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Block Ctrl-C during a block; processes started in it never get it, because this process ends them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _work(url: str, takes_any_text: bool, connection: Connection, parent_end: Connection) -> None:
    """Run one task after the other, each in a transaction of its own, until the audit has ended."""
    # While this process has the parent's end open, too, it would never notice that the audit has ended.
    parent_end.close()
    # Rows and values form no reference cycles, and looking for cycles takes a fifth of the time.
    gc.set_threshold(100_000)
    database = Database(url)
    try:
        while True:
            connection.send(_result(database, connection.recv(), takes_any_text=takes_any_text))
    except (EOFError, OSError):
        database.close()


def _result(
    database: Database, look: Callable[[Unit], T], *, takes_any_text: bool
) -> tuple[T | Exception, Head | None]:
    """Return the result of a task, or the error that it raised, and the end of the chain that this process read."""
    try:
        with database.reading() as unit:
            if takes_any_text:
                unit.ledger_reader.take_any_text()
            return look(unit), unit.ledger_reader.head()
    except CustmergeError as error:
        return error, None
    except Exception as error:  # noqa: BLE001 (the audit is to raise it, and not every error can be sent)
        return RuntimeError(f"{type(error).__name__} in a process of the audit"), None
