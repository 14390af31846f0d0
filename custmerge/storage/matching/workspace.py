"""A private temporary folder with a DuckDB database: it holds personal data, and is gone when the search ends."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custmerge.errors import N_, BadValue, CustmergeError, TemporaryFilesFailed
from custmerge.files import size
from custmerge.storage.files.locks import cores
from custmerge.storage.files.temporary import temporary_room
from custmerge.storage.matching.interrupting import interruptible

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyarrow import Table

PAIRS = "pairs"
"""The table of the pairs to compare."""
THREADS = 2
"""Each more makes a search quicker and needs more memory."""
_INTERRUPTED = "Query interrupted"
"""What DuckDB says where it notices Ctrl-C itself, between two tasks of a statement."""
_REMOVING = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"
"""What a process does that outlives this one: its input ends when this process ends, be it by `kill -9`."""


class Workspace:
    """The folder, and the connection to the database in it."""

    def __init__(self, folder: Path, connection: DuckDBPyConnection) -> None:
        self.folder = folder
        self.connection = connection

    def run(self, sql: str, parameters: Sequence[object] | None = None) -> None:
        """Execute a statement whose rows nobody wants."""
        self.rows(sql, parameters)

    def keep(self, name: str, rows: Table) -> None:
        """Make a table of rows that are in memory."""
        self.connection.register("rows_in_memory", rows)
        self.run(f"create or replace table {name} as select * from rows_in_memory")
        self.connection.unregister("rows_in_memory")

    def keep_rows_of(self, name: str, sql: str) -> None:
        """Make a table of the rows of a statement."""
        self.run(f"create or replace table {name} as {sql}")

    # Any: rows of different kinds.
    def rows(self, sql: str, parameters: Sequence[object] | None = None) -> list[Any]:
        """Return all rows of a statement: an unread rest would block the next one."""
        return self.connection.execute(sql, parameters).fetchall()

    # Any: as above.
    def value(self, sql: str) -> Any:  # noqa: ANN401 (as above)
        """Return the one value that a statement gives."""
        ((value,),) = self.rows(sql)
        return value


@contextmanager
def workspace(memory: int | None) -> Iterator[Workspace]:
    """Give a workspace for a block; DuckDB uses so many bytes of memory at most, or what it finds right.

    The folder is removed at the end, also if the process is killed. Raises TemporaryFilesFailed, and BadValue where
    the memory isn't enough.
    """
    import duckdb
    from splink.internals.exceptions import SplinkException

    with temporary_room():
        folder = Path(tempfile.mkdtemp(prefix="custmerge-"))
    guard = None
    try:
        guard = subprocess.Popen(  # noqa: S603 (this program's own interpreter)
            [sys.executable, "-I", "-S", "-c", _REMOVING, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": min(THREADS, cores()),
            "temp_directory": str(folder / "spilled"),
        }
        if memory is not None:
            settings["memory_limit"] = f"{memory * 3 // 4 >> 20}MiB"
        with (
            duckdb.connect(folder / "matching.duckdb", config=settings) as connection,
            interruptible(connection.interrupt),
        ):
            yield Workspace(folder, connection)
    except (duckdb.Error, SplinkException, RuntimeError) as error:
        if _is_interrupted(error):
            raise KeyboardInterrupt from None
        known = _known(error, folder, memory)
        if known is None:
            raise
        raise known from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if guard is not None:
            guard.communicate()


def _is_interrupted(error: BaseException) -> bool:
    """Return whether somebody has pressed Ctrl-C while DuckDB executed a statement, perhaps one of Splink's."""
    import duckdb

    causes = (error, error.__cause__ or error.__context__)
    return any(
        isinstance(cause, duckdb.InterruptException)
        or (isinstance(cause, RuntimeError) and str(cause) == _INTERRUPTED)
        for cause in causes
    )


def _known(error: BaseException, folder: Path, memory: int | None) -> CustmergeError | None:
    """Return what an error of DuckDB means to who searches, also one that Splink has wrapped; None for another."""
    import duckdb

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, duckdb.Error):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, duckdb.OutOfMemoryException):
        if memory is None:
            # DuckDB takes 80 % of it.
            why = N_(
                "isn't given, and this machine's memory is too little for so many customers: use a larger one, or "
                "--engine spark"
            )
            return BadValue(name="--memory", value="", why=why)
        why = N_("is too little for so many customers: give more")
        return BadValue(name="--memory", value=size(memory), why=why)
    # A database that couldn't be written is closed: what comes next only quotes the first error.
    if isinstance(cause, duckdb.IOException) or "No space left" in str(cause):
        return TemporaryFilesFailed(directory=str(folder.parent), reason=str(cause).partition("\n")[0])
    return None
