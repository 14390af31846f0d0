"""Locks on files of a user's: so many hashes at once, one run of a bulk file at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from custmerge import files
from custmerge.errors import HostBusy, NoHome
from custmerge.settings import data_directory

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
    from filelock import FileLock, Timeout

    until = time.monotonic() + WAIT_AT_MOST_SECONDS
    usable = [folder / f"{name}-{number}" for number in range(count)]
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


@dataclass(frozen=True, slots=True)
class FileRunLock:
    """The lock under which one process of a user at a time runs, or undoes, a bulk file, see `file_run_lock`."""

    is_free: bool
    """Whether no other process of this user holds it; True as well where no file can be locked."""
    mark: str
    """Kept in the lock's file until nothing carries it any more: who holds the lock next reads the same mark."""
    file: int | None = None
    """The descriptor of the lock's file; None where it isn't locked."""

    def forget_mark(self) -> None:
        """Note that nothing carries the mark any more: a copy of the file says nothing of later processes."""
        if self.file is not None:
            with suppress(OSError):
                os.ftruncate(self.file, 0)


@contextmanager
def file_run_lock(name: str, new_mark: str) -> Iterator[FileRunLock]:
    """Hold the lock of that name during the block, if it is free; doesn't wait.

    The system lets go of it when its process ends, however it ends. What carries the lock's mark was therefore left
    by processes that have ended. `new_mark` becomes the mark of a new file; where no file can be made or locked, it
    is a mark of this process alone.
    """
    try:
        file = os.open(_folder() / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield FileRunLock(is_free=True, mark=new_mark)
        return
    try:
        yield _locked(file, new_mark)
    finally:
        os.close(file)


def _locked(file: int, new_mark: str) -> FileRunLock:
    mark = new_mark
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        kept = os.pread(file, len(new_mark), 0).decode(errors="replace")
        if len(kept) == len(new_mark):
            mark = kept
        else:
            os.pwrite(file, new_mark.encode(), 0)
    except (BlockingIOError, PermissionError):
        return FileRunLock(is_free=False, mark=mark)
    except OSError:
        # The file system knows no locks or has no room: then no lease is known to be left over.
        return FileRunLock(is_free=True, mark=mark)
    return FileRunLock(is_free=True, mark=mark, file=file)


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
