"""At most so many at once on this machine, whoever started them."""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from custmerge import files
from custmerge.errors import HostBusy, NoHome
from custmerge.settings import data_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOK_AGAIN_AFTER_SECONDS = 0.02
WAIT_AT_MOST_SECONDS = 30


def cores() -> int:
    """Return how many processors this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def slot(name: str, count: int, gives_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold one of `count` places of that name during the block; waits for one until it gives up. Raises HostBusy.

    A place is a lock on a file of the user's, which the system lets go of when a process dies. Where no such
    file can be made (no home, a read-only one) there is no limit.
    """
    try:
        folder = _folder()
    except OSError:
        yield
        return
    with _any_of([folder / f"{name}-{number}" for number in range(count)], gives_up):
        yield


class Turn:
    """Somebody's time inside a block that only one of a user's processes may be in, see `only_one`."""

    def __init__(self, marks: Path | None, *, is_alone: bool) -> None:
        self.is_alone = is_alone
        self._marks = marks
        self.dead: frozenset[str] = frozenset()
        """Marks of processes that were inside and aren't any more, though they never came to the end."""
        if marks is not None:
            with suppress(OSError):
                self.dead = frozenset(marks.read_text().split())

    def enter(self, mark: str) -> None:
        """Leave a mark, to be found by the next one if this process dies inside."""
        self._write("".join(f"{one}\n" for one in (*self.dead, mark)))

    def settle(self, mark: str) -> None:
        """Leave this mark alone: those of the dead have been taken care of."""
        self._write(f"{mark}\n")

    def leave(self) -> None:
        """Take every mark away: nothing is left for the next one to take care of."""
        if self._marks is not None:
            with suppress(OSError):
                self._marks.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        if self._marks is None:
            return
        # Where no file can be written nobody is known to be dead, and whoever comes next waits a little longer.
        with suppress(OSError):
            new = self._marks.with_suffix(".new")
            new.write_text(text)
            new.replace(self._marks)


@contextmanager
def only_one(name: str) -> Iterator[Turn]:
    """Say whether nobody else of this user is inside such a block of that name; a death ends it."""
    from filelock import FileLock, Timeout

    try:
        folder = _folder()
        lock = FileLock(folder / name, mode=0o600)
        lock.acquire(blocking=False)
    except Timeout:
        yield Turn(None, is_alone=False)
        return
    except OSError:
        yield Turn(None, is_alone=True)
        return
    try:
        yield Turn(folder / f"{name}.marks", is_alone=True)
    finally:
        lock.release()


def _folder() -> Path:
    """Return the folder of the user's lock files; raises OSError where there can be none."""
    try:
        folder = data_directory() / "slots"
    except NoHome:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
    files.make_folder(folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return folder


@contextmanager
def _any_of(paths: list[Path], gives_up: Callable[[], bool]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    until = time.monotonic() + WAIT_AT_MOST_SECONDS
    usable = list(paths)
    while usable:
        if time.monotonic() > until or gives_up():
            raise HostBusy(seconds=WAIT_AT_MOST_SECONDS)
        for path in list(usable):
            lock = FileLock(path, mode=0o600)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            except OSError:
                # Made by somebody else, who ran the program with this user's home.
                usable.remove(path)
                continue
            try:
                yield
            finally:
                lock.release()
            return
        time.sleep(LOOK_AGAIN_AFTER_SECONDS)
    yield
