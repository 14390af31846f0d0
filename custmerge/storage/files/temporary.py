"""Temporary files: private copies of people's files, with a largest size, and the changes of a dry run."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from custmerge.errors import N_, BadFile, TemporaryFilesFailed
from custmerge.files import size, too_large, unreadable
from custmerge.rules.fields import Customer, Field, Package

if TYPE_CHECKING:
    from custmerge.rules.plan import Choice

LONGEST_LINE = 1 << 20
"""In bytes. After so many bytes without a line end, reading stops: a device may never have one."""
LARGEST_COPY = 1 << 30
"""In bytes: the largest copy in the temporary directory."""
BYTES_AT_ONCE = 65_536
_ANY_STEP = "SELECT 1 FROM step WHERE survivor = ? LIMIT 1"
_LEADING_TO = """
WITH RECURSIVE source (number) AS (
  SELECT ? UNION SELECT absorbed FROM step JOIN source ON survivor = source.number)
SELECT number FROM source
"""
_ORDERS_ABOUT = """
WITH RECURSIVE about (number) AS (
  SELECT value FROM json_each(?)
  UNION SELECT e.absorbed FROM about a JOIN earlier e ON e.survivor = a.number
  UNION SELECT e.survivor FROM about a JOIN earlier e ON e.absorbed = a.number
)
SELECT survivor, absorbed, body FROM earlier WHERE survivor IN (SELECT number FROM about) ORDER BY place
"""


@contextmanager
def temporary_room() -> Iterator[None]:
    """Raise TemporaryFilesFailed if a block, which writes only temporary files, can't write them."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise TemporaryFilesFailed(directory=_directory(), reason=reason) from None
    except sqlite3.Error as error:
        raise TemporaryFilesFailed(directory=_directory(), reason=str(error)) from None


def fuller_than(folder: Path) -> str | None:
    """Return the directory of temporary files if it is on another disk than `folder` and has less room.

    SQLite's own temporary tables are there, too, and its error doesn't say which disk is full.
    """
    directory = _directory()
    try:
        here, there = os.statvfs(directory), os.statvfs(folder)
        is_other = Path(directory).stat().st_dev != folder.stat().st_dev
    except OSError:
        return None
    has_less = here.f_bavail * here.f_frsize < there.f_bavail * there.f_frsize
    return directory if is_other and has_less else None


# Any: a file of bytes or of text.
@contextmanager
def temporary_file(mode: str = "w+b") -> Iterator[IO[Any]]:
    """Yield a new file without a name, which is deleted when it is closed; raises TemporaryFilesFailed."""
    with temporary_room():
        file = tempfile.TemporaryFile(mode)  # noqa: SIM115 (closed below)
    try:
        yield file
    finally:
        # Closing tries once more to write buffered data; the error was reported already.
        with suppress(OSError):
            file.close()


@contextmanager
def copied(path: str, source: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """Copy an open file to its end; yield the copy, at its beginning, and its SHA-256 in hex.

    Raises BadFile if the file can't be read or is too large, TemporaryFilesFailed if there is no room.
    """
    with temporary_file() as file:
        copy, digest = Copy(path, cast("BinaryIO", file)), hashlib.sha256()
        for block in _blocks(path, source):
            digest.update(block)
            copy.write(block)
        yield copy.reopened(), digest.hexdigest()


class Copy:
    """A copy that is being made of a file, which may never end."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._bytes = self._lines = self._in_line = 0

    def write(self, block: bytes) -> None:
        """Write the next block; raises BadFile if the file, or a line of it, is longer than allowed."""
        self._bytes += len(block)
        if self._bytes > LARGEST_COPY:
            raise too_large(self._path, LARGEST_COPY)
        self._lines += block.count(b"\n")
        tail = len(block) - 1 - block.rfind(b"\n")
        self._in_line = tail if tail < len(block) else self._in_line + tail
        if self._in_line > LONGEST_LINE:
            raise too_long(self._path, self._lines + 1)
        with temporary_room():
            self._file.write(block)

    def reopened(self) -> BinaryIO:
        """Return the copy at its beginning, with everything that was written."""
        with temporary_room():
            self._file.seek(0)
        return self._file


def too_long(path: str, line: int) -> BadFile:
    """Return the error for a line that is too long."""
    return BadFile(
        file=f"{path}:{line}", why=N_("a line has more than {limit}: this is no CSV"), limit=size(LONGEST_LINE)
    )


def _directory() -> str:
    """Return the directory that is used; if none can be used, the one that was asked for."""
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


@dataclass(frozen=True, slots=True)
class EarlierOrder:
    """An order that a dry run has executed or undone: what follows its customers is found by doing so again."""

    survivor: str
    absorbed: str
    choice: Choice | None = None
    """None if it was undone."""
    changes: Mapping[Field, str] = field(default_factory=dict)
    """New values of the survivor."""
    order: int | None = None
    """Its number if it was undone."""


class ChangedRecords:
    """Customers and packages as a dry run would leave them, in a file, so that memory doesn't grow with them.

    Every method raises TemporaryFilesFailed if there is no room for the file.
    """

    def __init__(self) -> None:
        # An empty name means a temporary file that SQLite deletes itself, and keeps in memory while it is small.
        self._connection = sqlite3.connect("")
        with temporary_room():
            for table in ("record", "package"):
                self._connection.execute(
                    f"CREATE TABLE {table} (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID"
                )
            self._connection.execute(
                "CREATE TABLE earlier (place INTEGER PRIMARY KEY, survivor TEXT, absorbed TEXT, body TEXT NOT NULL)"
            )
            for column in ("survivor", "absorbed"):
                self._connection.execute(f"CREATE INDEX earlier_{column} ON earlier ({column})")
            self._connection.execute(
                "CREATE TABLE step (survivor TEXT, absorbed TEXT, PRIMARY KEY (survivor, absorbed)) WITHOUT ROWID"
            )

    def records(self, numbers: Collection[str]) -> dict[str, Customer]:
        """Return the changed records among `numbers`."""
        return {
            number: Customer(number, tuple(values), merged_into, tuple(keys), tuple(scope))
            for number, (values, merged_into, keys, scope) in self._bodies("record", numbers)
        }

    def packages(self, keys: Collection[str]) -> dict[str, Package]:
        """Return the changed packages among `keys`."""
        return {
            key: Package(
                package=key,
                number=number,
                name=name,
                domains=tuple(domains),
                contact=None if contact is None else tuple(contact),
            )
            for key, (number, name, domains, contact) in self._bodies("package", keys)
        }

    def survivors(self, numbers: Collection[str]) -> set[str]:
        """Return those of `numbers` into which another number was merged."""
        with temporary_room():
            return {number for number in numbers if self._connection.execute(_ANY_STEP, (number,)).fetchone()}

    def leading_to(self, number: str) -> list[str]:
        """Return `number` and those that were merged into it, over others too; none if it was merged away itself."""
        record = self.records([number]).get(number)
        if record is not None and record.merged_into is not None:
            return []
        with temporary_room():
            return [step for (step,) in self._connection.execute(_LEADING_TO, (number,))]

    def keep(self, records: Iterable[Customer], packages: Iterable[Package] = ()) -> None:
        """Store records and packages; each replaces an earlier one with its number or key."""
        records = list(records)
        bodies = ((r.number, json.dumps([r.values, r.merged_into, r.keys, r.scope])) for r in records)
        self._put("record", bodies)
        self._put("step", ((r.merged_into, r.number) for r in records if r.merged_into is not None))
        bodies = ((p.package, json.dumps([p.number, p.name, p.domains, p.contact])) for p in packages)
        self._put("package", bodies)

    def keep_orders(self, orders: Iterable[EarlierOrder]) -> None:
        """Store orders, in their order."""
        rows = ((o.survivor, o.absorbed, json.dumps([o.choice, dict(o.changes), o.order])) for o in orders)
        with temporary_room():
            self._connection.executemany("INSERT INTO earlier (survivor, absorbed, body) VALUES (?, ?, ?)", rows)

    def orders_about(self, numbers: Collection[str]) -> list[EarlierOrder]:
        """Return the stored orders of `numbers`, and of the numbers in these orders, in their order."""
        from custmerge.rules.plan import Choice

        with temporary_room():
            rows = self._connection.execute(_ORDERS_ABOUT, (json.dumps(list(numbers)),)).fetchall()
        return [
            EarlierOrder(
                survivor,
                absorbed,
                None if choice is None else Choice(choice),
                {Field(name): text for name, text in changes.items()},
                order,
            )
            for survivor, absorbed, (choice, changes, order) in ((s, a, json.loads(body)) for s, a, body in rows)
        ]

    # Any: JSON as `keep` wrote it.
    def _bodies(self, table: str, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        for key in keys:
            with temporary_room():
                row = self._connection.execute(f"SELECT body FROM {table} WHERE key = ?", (key,)).fetchone()  # noqa: S608 (a name of ours)
            if row is not None:
                (body,) = row
                yield key, json.loads(body)

    def _put(self, table: str, rows: Iterable[tuple[str, str]]) -> None:
        with temporary_room():
            self._connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows)  # noqa: S608 (a name of ours)

    def close(self) -> None:
        """Delete everything."""
        self._connection.close()
