"""Files that a person named: they are opened without waiting and never written through a link."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from custmerge.errors import N_, BadFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer, WriteableBuffer


# The first bytes of a database and of its WAL. Source: https://sqlite.org/fileformat2.html §1.3 and §4.1.
_SQLITE = (b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")

_BESIDE = ("wal", "shm", "journal")


class NotRegular(OSError):
    """A pipe, a device or a socket was named, but only a file makes sense."""


class WaitingFile(io.FileIO):
    """A file descriptor whose reads and writes block even if another program has made it non-blocking.

    The commands of a shell share the open file and its mode, and ssh, node and others leave it non-blocking. Python
    would take "nothing yet" (None) for the end of the file.
    """

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer` and return the number of bytes: at least one, 0 at the end."""
        while (read := super().readinto(buffer)) is None:
            self._wait(select.POLLIN)
        return read

    def readall(self) -> bytes:
        """Return all bytes up to the end."""
        blocks = bytearray()
        block = bytearray(io.DEFAULT_BUFFER_SIZE)
        while read := self.readinto(block):
            blocks += block[:read]
        return bytes(blocks)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write at least one byte and return the number of bytes."""
        while (written := super().write(data)) is None:
            self._wait(select.POLLOUT)
        return written

    def _wait(self, event: int) -> None:
        waiting = select.poll()
        waiting.register(self.fileno(), event)
        waiting.poll()


def regular(path: str | Path, *, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading; raises OSError, and NotRegular for a pipe, a device or a socket.

    Without `follow` a symbolic link is an OSError (ELOOP). The check is made after opening, so a pipe that replaces
    the file in between doesn't hang.
    """
    # Without O_NONBLOCK, opening a pipe waits for a writer.
    number = os.open(
        path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    )
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(number, "rb")
    os.close(number)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise NotRegular


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents for this user only, whatever the umask is; raises OSError."""
    for missing in reversed([parent for parent in folder.parents if not parent.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def beside(path: str | Path) -> tuple[int, Path]:
    """Make a file of mode 0600 that can replace `path` later, by `Path.replace`; raises OSError, BadFile.

    Returns its descriptor and its temporary name. A process that has the old file open, whatever its mode, can't
    read the new one.
    """
    import tempfile

    demand_place(path)
    target = Path(path)
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    return number, Path(name)


def write_new(path: str, content: Callable[[], bytes]) -> int:
    """Write a new file that only its owner can read, wholly or not at all; returns its size in bytes.

    `content` is called once the file is there, and may raise. Raises BadFile.
    """
    demand_place(path)
    try:
        # A file or a link that has the name already stays as it is.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise BadFile(file=path, why=N_("is there already: name another file")) from None
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        with os.fdopen(number, "wb") as stream:
            written = stream.write(content())
            stream.flush()
            os.fsync(number)
    except BaseException as error:
        Path(path).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from None
        raise
    return written


def demand_place(path: str | Path) -> None:
    """Raise BadFile if `path` is a link, a folder, a pipe, a device or a database, which a file can't replace.

    Only for a clear error: a written file gets its name by a rename, which never follows a link.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        demand_no_database(path)
        return
    except OSError as error:
        raise unwritable(path, error) from None
    if stat.S_ISLNK(mode):
        raise BadFile(file=str(path), why=N_("is a symbolic link: name the file itself"))
    if stat.S_ISDIR(mode):
        raise BadFile(file=str(path), why=N_("is a folder: name a file"))
    if not stat.S_ISREG(mode):
        raise BadFile(file=str(path), why=N_("isn't a regular file: name another, or redirect standard output"))
    demand_no_database(path)


def demand_no_database(path: str | Path) -> None:
    """Raise BadFile if a file is an SQLite database, or has the name of a file that SQLite keeps beside one."""
    stem, dash, part = str(path).rpartition("-")
    if _is_database(path) or (dash and part in _BESIDE and _is_database(stem)):
        raise BadFile(file=str(path), why=N_("is an SQLite database: name another file"))


def _is_database(path: str | Path) -> bool:
    try:
        with regular(path, follow=False) as file:
            return file.read(16).startswith(_SQLITE)
    except OSError:
        # An unreadable file can't be a database in use either.
        return False


def unreadable(path: str | Path, error: OSError) -> BadFile:
    """Return the error for a file that can't be read."""
    if isinstance(error, NotRegular):
        return BadFile(file=str(path), why=N_("isn't a regular file: pipes and devices aren't read here"))
    return BadFile(file=str(path), why=N_("can't be read ({reason})"), reason=os.strerror(error.errno or 0))


def unwritable(path: str | Path, error: OSError) -> BadFile:
    """Return the error for a file that can't be written."""
    folder = Path(path).absolute().parent
    if error.errno == errno.ENOENT and not folder.is_dir():
        why = N_("can't be written, because its folder {folder} isn't there: make that first")
        return BadFile(file=str(path), why=why, folder=str(folder))
    return BadFile(file=str(path), why=N_("can't be written ({reason})"), reason=os.strerror(error.errno or 0))


def too_large(path: str | Path, largest: int) -> BadFile:
    """Return the error for a file that has more than `largest` bytes."""
    return BadFile(file=str(path), why=N_("has more than {limit}"), limit=size(largest))


def size(limit: int) -> str:
    """Return a size in bytes, a multiple of 1,024, as people write it."""
    for shift, unit in ((30, "GiB"), (20, "MiB")):
        if limit >= 1 << shift and not limit % (1 << shift):
            return f"{limit >> shift} {unit}"
    return f"{limit >> 10} KiB"
