"""At most so many at once on this machine, whoever started them."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from custmerge.errors import HostBusy
from custmerge.settings import data_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOK_AGAIN_AFTER_SECONDS = 0.02
WAIT_AT_MOST_SECONDS = 30


@contextmanager
def slot(name: str, count: int) -> Iterator[None]:
    """Hold one of `count` places of that name during the block; waits for one. Raises HostBusy.

    A place is a lock on a file of the user's, which the system lets go of when a process dies. Where no such
    file can be made (no home, a read-only one) there is no limit.
    """
    folder = data_directory() / "slots"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        yield
        return
    with _any_of([folder / f"{name}-{number}" for number in range(count)]):
        yield


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Say whether nobody else of this user is inside such a block of that name; a death ends it."""
    from filelock import FileLock, Timeout

    folder = data_directory() / "slots"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(folder / name, mode=0o600)
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    except OSError:
        yield True
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def _any_of(paths: list[Path]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    until = time.monotonic() + WAIT_AT_MOST_SECONDS
    while True:
        if time.monotonic() > until:
            raise HostBusy(seconds=WAIT_AT_MOST_SECONDS)
        for path in paths:
            lock = FileLock(path, mode=0o600)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            try:
                yield
            finally:
                lock.release()
            return
        time.sleep(LOOK_AGAIN_AFTER_SECONDS)
