"""Temporary files, and private copies of what people send, which have a largest size."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from custmerge.errors import N_, BadFile, TemporaryFilesFailed
from custmerge.files import size, too_large, unreadable

LONGEST_LINE = 1 << 20
"""In bytes. What has no line end for longer isn't read on: a device may never have one."""
LARGEST_COPY = 1 << 30
"""In bytes: so much of the temporary directory a copy takes at most."""
BYTES_AT_ONCE = 65_536


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

    SQLite's own temporary tables are there too, and its error doesn't say which disk is full.
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


@contextmanager
def copied(path: str, source: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """Copy an open file to its end and give the copy, at its beginning, and its SHA-256 in hex.

    Raises BadFile where it can't be read or is too large, TemporaryFilesFailed where there is no room.
    """
    with temporary_file() as file:
        copy, digest = Copy(path, cast("BinaryIO", file)), hashlib.sha256()
        for block in _blocks(path, source):
            digest.update(block)
            copy.write(block)
        yield copy.reopened(), digest.hexdigest()


class Copy:
    """A copy that is being made of a file, which may be one that never ends."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._bytes = self._lines = self._in_line = 0

    def write(self, block: bytes) -> None:
        """Write what was read next; raises BadFile where the file, or a line of it, is longer than it may be."""
        self._bytes += len(block)
        if self._bytes > LARGEST_COPY:
            raise too_large(self._path, LARGEST_COPY)
        self._lines += block.count(b"\n")
        behind = len(block) - 1 - block.rfind(b"\n")
        self._in_line = behind if behind < len(block) else self._in_line + behind
        if self._in_line > LONGEST_LINE:
            raise too_long(self._path, self._lines + 1)
        with temporary_room():
            self._file.write(block)

    def reopened(self) -> BinaryIO:
        """Return the file at its beginning, with all in it that was written."""
        with temporary_room():
            self._file.seek(0)
        return self._file


def too_long(path: str, line: int) -> BadFile:
    """Return the error of a line that doesn't end."""
    return BadFile(
        file=f"{path}:{line}", why=N_("a line has more than {limit}: this is no CSV"), limit=size(LONGEST_LINE)
    )


def _made(mode: str) -> IO[Any]:
    with temporary_room():
        return tempfile.TemporaryFile(mode)


def _directory() -> str:
    """Return the directory that is used, or the one that was asked for where none can be."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 (named, not used)


def _blocks(path: str, source: BinaryIO) -> Iterator[bytes]:
    try:
        while block := source.read(BYTES_AT_ONCE):
            yield block
    except OSError as error:
        raise unreadable(path, error) from None
