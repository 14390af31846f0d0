"""Locks on files of the user: a limit for parallel hashes, and one run of a bulk file at a time."""

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
    """Return how many processors this process may use, perhaps fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def slot(name: str, count: int, gives_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold one of `count` locks of that name during the block; waits until `gives_up`. Raises HostBusy.

    Each is a lock on a file of the user, which the system releases if the process is killed. There is no limit if
    no such file can be made (no home, or a read-only one).
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
                # The file was made by another user who ran the program with this user's home.
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
    """The lock with which only one process of a user at a time runs or undoes a bulk file, see `file_run_lock`."""

    is_free: bool
    """Whether no other process of this user holds it; also True if no file can be locked."""
    mark: str
    """Stays in the lock's file until no lease has it any more: the next holder of the lock reads the same mark."""
    file: int | None = None
    """The descriptor of the lock's file; None if it isn't locked."""

    def forget_mark(self) -> None:
        """Remove the mark from the file when no lease has it any more, so that a copy of the file proves nothing."""
        if self.file is not None:
            with suppress(OSError):
                os.ftruncate(self.file, 0)


@contextmanager
def file_run_lock(name: str, new_mark: str) -> Iterator[FileRunLock]:
    """Hold the lock of that name during the block, if it is free; doesn't wait.

    The system releases the lock when its process ends, however it ends. So a lease with the lock's mark was left over
    by a process that has ended. `new_mark` becomes the mark of a new file; if no file can be made or locked, it is a
    mark of this process only.
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
        # The file system has no locks or no room: then no lease is known to be left over.
        return FileRunLock(is_free=True, mark=mark)
    return FileRunLock(is_free=True, mark=mark, file=file)


def _folder() -> Path:
    """Return the folder of the user's lock files; raises OSError if there can be none."""
    try:
        folder = data_directory() / "slots"
    except NoHome:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
    files.make_folder(folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return folder
