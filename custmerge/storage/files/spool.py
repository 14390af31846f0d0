"""Private copies of what people send: nobody can change one, and none fills the disk."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from custmerge.errors import N_, BadFile
from custmerge.files import WaitingFile, size, too_large, unreadable
from custmerge.storage.files.temporary import temporary_file, temporary_room

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

STDIN = "-"
LONGEST_LINE = 1 << 20
"""In bytes. What has no line end for longer isn't read on: a device may never have one."""
LARGEST_SPOOL = 1 << 30
"""In bytes: so much of the temporary directory a copy takes at most."""
BYTES_AT_ONCE = 65_536


def source_of(path: str) -> BinaryIO:
    """Return a file, or for `-` standard input, opened; raises BadFile."""
    try:
        number = os.dup(sys.stdin.fileno()) if path == STDIN else os.open(path, os.O_RDONLY)
        return io.BufferedReader(WaitingFile(number))
    except OSError as error:
        raise unreadable(path, error) from None


def is_regular(source: BinaryIO) -> bool:
    """Return whether an open file is one that is all there: reading it never waits for somebody to write it."""
    return stat.S_ISREG(os.fstat(source.fileno()).st_mode)


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
        if self._bytes > LARGEST_SPOOL:
            raise too_large(self._path, LARGEST_SPOOL)
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
    """Return what is to be said of a line that doesn't end."""
    return BadFile(
        file=f"{path}:{line}", why=N_("a line has more than {limit}: this is no CSV"), limit=size(LONGEST_LINE)
    )


def _blocks(path: str, source: BinaryIO) -> Iterator[bytes]:
    try:
        while block := source.read(BYTES_AT_ONCE):
            yield block
    except OSError as error:
        raise unreadable(path, error) from None
