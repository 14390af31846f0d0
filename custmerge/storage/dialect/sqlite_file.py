"""The file of an SQLite database: made for its owner alone, or read where nobody can write to it."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from custmerge import files
from custmerge.errors import DatabaseUnreachable
from custmerge.settings import shown_url


def make_file(url: str, path: Path) -> None:
    """Make a file of mode 0600, and the folders above it, unless it exists; raises DatabaseUnreachable."""
    try:
        # What a link leads to may have to be made, and nobody else would make it private.
        path = path.resolve()
        files.make_folder(path.parent)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A device is everybody's.
            raise DatabaseUnreachable(database=shown_url(url), reason="it isn't a file")
        if status.st_size == 0 and status.st_uid == os.geteuid():
            # Whatever the umask says, or the mode of an empty file that was there; SQLite gives the files beside it
            # the same rights.
            path.chmod(0o600)
    except OSError as error:
        raise DatabaseUnreachable(database=shown_url(url), reason=os.strerror(error.errno or 0)) from None


class FrozenConnection(sqlite3.Connection):
    """A connection to a file that can't be written to from here, and so can't be locked either."""

    path: Path
    state: tuple[int, ...]
    """What the file was when it was opened."""

    def is_changed(self) -> bool:
        """Return whether somebody else has written to the file since."""
        return _state(self.path) != self.state or _has_log(self.path)


def open_frozen(path: Path) -> FrozenConnection:
    """Open a file for reading, without a lock."""
    state = _state(path)
    target = f"file:{quote(str(path))}?mode=ro&immutable=1"
    connection = sqlite3.connect(
        target, uri=True, isolation_level=None, check_same_thread=False, factory=FrozenConnection
    )
    connection.path, connection.state = path, state
    return connection


def is_quiet(path: Path) -> bool:
    """Return whether nobody is writing to a file now, for whom SQLite would keep a log beside it."""
    try:
        return path.is_file() and not _has_log(path)
    except OSError:
        # A name that is too long: SQLite says what is wrong with it.
        return False


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0
