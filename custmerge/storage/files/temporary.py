"""Where files of this process's own are kept while it works."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from custmerge.errors import TemporaryFilesFailed

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def temporary_room() -> Iterator[None]:
    """Raise TemporaryFilesFailed where a block that writes nothing but temporary files can't."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise TemporaryFilesFailed(directory=_directory(), reason=reason) from None
    except sqlite3.Error as error:
        raise TemporaryFilesFailed(directory=_directory(), reason=str(error)) from None


def fuller_than(folder: Path) -> str | None:
    """Return the directory of temporary files where it lies on another disk than `folder`, with less room.

    SQLite's own temporary tables are there too, and it says of no disk that is full which one that is.
    """
    directory = _directory()
    try:
        mine, theirs = os.statvfs(directory), os.statvfs(folder)
        is_other = Path(directory).stat().st_dev != folder.stat().st_dev
    except OSError:
        return None
    has_less = mine.f_bavail * mine.f_frsize < theirs.f_bavail * theirs.f_frsize
    return directory if is_other and has_less else None


# Any: a file of bytes or of text.
@contextmanager
def temporary_file(mode: str = "w+b") -> Iterator[IO[Any]]:
    """Give a new file without a name that is gone when it is closed; raises TemporaryFilesFailed."""
    file = _made(mode)
    try:
        yield file
    finally:
        # Closing writes once more what couldn't be written: that was said already.
        with suppress(OSError):
            file.close()


def _made(mode: str) -> IO[Any]:
    with temporary_room():
        return tempfile.TemporaryFile(mode)


def _directory() -> str:
    """Return the directory that is used, or the one that was asked for where none can be."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 (named, not used)
