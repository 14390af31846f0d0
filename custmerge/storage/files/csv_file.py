"""CSV files as people send them: read and hashed line by line.

Source: RFC 4180; UTF-8 with or without a BOM, comma or semicolon.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import stat
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import BinaryIO

from custmerge.errors import N_, BadFile
from custmerge.files import WaitingFile, size, unreadable
from custmerge.rules.records import shortened
from custmerge.storage.files.temporary import BYTES_AT_ONCE, LONGEST_LINE, Copy, copied, too_long

STDIN = "-"
LONGEST_CELL = 1_000_000
LONGEST_SPOOLED_CELL = 10_000
"""Shorter, because many cells are held in memory at once."""
LONGEST_RECORD = 16 << 20
"""In bytes, checked by blocks of lines: quoted line ends make one record of many lines."""


class CsvFile:
    """An open CSV file with a valid header."""

    def __init__(self, path: str, stream: BinaryIO, known: Collection[str], required: Collection[str]) -> None:
        self.path = path
        self.size = os.fstat(stream.fileno()).st_size
        self._begin = stream.tell()
        self.bytes_read = 0
        self._digest = hashlib.sha256()
        self._stream = stream
        self._known, self._required = known, required
        self._last_run = b""
        self._copy: Copy | None = None
        self._record_starts = 1
        lines = chain.from_iterable(self._decoded())
        try:
            header = next(lines, "")
        except UnicodeDecodeError as error:
            raise self._not_utf8(1, error) from None
        if not header.strip():
            raise BadFile(file=path, why=N_("the file is empty, a header line with column names is needed"))
        self._reader = csv.reader(lines, delimiter=_delimiter(header), strict=True)
        names = _checked_header(path, header, known, required)
        self.columns = [name for name in names if name]
        self._named = [place for place, name in enumerate(names) if name]
        self._nameless = [place for place, name in enumerate(names) if not name]

    @property
    def sha256(self) -> str:
        """The digest of the blocks read so far, in hex; of the whole file once `rows` has ended."""
        return self._digest.hexdigest()

    def copy_to(self, copy: BinaryIO) -> None:
        """Write the file into another one while it is read; to be called before any row is read.

        Raises BadFile, now or as rows are read, if the file is larger than a copy may be.
        """
        self._copy = Copy(self.path, copy)
        self._copy.write(self._last_run)

    def again(self) -> CsvFile:
        """Return the copy at its beginning, so that exactly the same data is read again."""
        if self._copy is None:
            raise LookupError(self.path)
        return CsvFile(self.path, self._copy.reopened(), self._known, self._required)

    def from_beginning(self) -> CsvFile:
        """Return the file again, at its first line; this object yields no further rows then."""
        self._stream.seek(self._begin)
        return CsvFile(self.path, self._stream, self._known, self._required)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (number of the first line, cells) of each record; raises BadFile if the text is no CSV or no UTF-8.

        Columns without a name are left out.
        """
        return self._without_nameless(self._records()) if self._nameless else self._records()

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        reader = self._reader
        self._record_starts = self._next_line()
        try:
            for cells in reader:
                if cells:
                    yield self._record_starts, cells
                self._record_starts = self._next_line()
        except csv.Error as error:
            raise BadFile(
                file=f"{self.path}:{self._record_starts}", why=N_("not CSV ({reason})"), reason=str(error)
            ) from None
        except UnicodeDecodeError as error:
            raise self._not_utf8(self._next_line(), error) from None

    def _without_nameless(self, records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
        """Remove the columns without a name from records; raises BadFile if such a column isn't empty."""
        width = len(self._named) + len(self._nameless)
        for line, cells in records:
            # A spreadsheet may leave out empty cells at the end of a line.
            if not self._named[-1] < len(cells) <= width:
                given = len(cells)
                raise BadFile(file=f"{self.path}:{line}", why=wrong_width(given), value=given, other=width)
            for place in self._nameless:
                if place < len(cells) and cells[place]:
                    why = N_("cell {number} isn't empty, and its column has no name")
                    raise BadFile(file=f"{self.path}:{line}", why=why, number=place + 1)
            yield line, [cells[place] for place in self._named]

    def _next_line(self) -> int:
        # The reader counts the lines that it has read, without the header.
        return self._reader.line_num + 2

    def _decoded(self) -> Iterator[Iterator[str]]:
        """Yield the lines in runs: each run is read and hashed at once, each line is decoded when it is used.

        Raises BadFile for a line or a record that is too long.
        """
        bom = codecs.BOM_UTF8
        read = in_record = 0
        record = self._record_starts
        while block := self._stream.read(BYTES_AT_ONCE):
            if not block.endswith(b"\n"):
                block += self._stream.readline(LONGEST_LINE)
            self.bytes_read += len(block)
            self._digest.update(block)
            if self._copy is not None:
                self._copy.write(block)
            self._last_run = block
            run = io.BytesIO(block.removeprefix(bom)).readlines()
            bom = b""
            read += len(run)
            if run and len(run[-1]) > LONGEST_LINE:
                raise too_long(self.path, read)
            in_record = len(block) if record != self._record_starts else in_record + len(block)
            record = self._record_starts
            if in_record > LONGEST_RECORD:
                why = N_("the record has more than {limit}: is a quotation mark missing?")
                raise BadFile(file=f"{self.path}:{record}", why=why, limit=size(LONGEST_RECORD))
            yield map(bytes.decode, run)

    def _not_utf8(self, line: int, error: UnicodeDecodeError) -> BadFile:
        return BadFile(
            file=f"{self.path}:{line}",
            why=N_("not UTF-8 (byte {byte}): save the file as UTF-8 (in Excel: CSV UTF-8)"),
            byte=f"0x{error.object[error.start]:02x}",
        )


@contextmanager
def opened(path: str, known: Collection[str], required: Collection[str]) -> Iterator[CsvFile]:
    """Open a CSV file whose columns are all `known` and include the `required` ones; raises BadFile.

    `-` is standard input. Anything but a regular file is copied first, because rows are read inside a transaction and
    a pipe may be slow. That raises TemporaryFilesFailed if there is no room.
    """
    csv.field_size_limit(LONGEST_CELL)
    with (
        _source(path) as source,
        nullcontext((source, "")) if _is_regular(source) else copied(path, source) as (stream, _sha256),
    ):
        try:
            yield CsvFile(path, stream, known, required)
        except OSError as error:
            if error.filename is None and error.errno is not None:
                raise unreadable(path, error) from None
            raise


@contextmanager
def spooled(path: str, known: Collection[str], required: Collection[str]) -> Iterator[SpooledFile]:
    """Copy a CSV file to where nobody else can change it, and open the copy; `-` is standard input.

    So the rows that are read are those that were hashed, even if the file changes. Raises BadFile, and
    TemporaryFilesFailed if there is no room for the copy.
    """
    csv.field_size_limit(LONGEST_SPOOLED_CELL)
    with _source(path) as source, copied(path, source) as (copy, sha256):
        # The data of a pipe can't be read by others.
        mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode) if _is_regular(source) else 0
        yield SpooledFile(CsvFile(path, copy, known, required), sha256, mode)


class SpooledFile:
    """A private copy of a CSV file."""

    def __init__(self, file: CsvFile, sha256: str, mode: int) -> None:
        self.path, self.columns = file.path, file.columns
        self.sha256 = sha256
        self.others_can_read = bool(mode & 0o077)
        self._file = file

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield (number of the record from 1, cells by column), from the first on; raises BadFile."""
        for number, cells in enumerate(self._cells(), start=1):
            yield number, dict(zip(self.columns, cells, strict=True))

    def count(self) -> int:
        """Return how many records there are; raises BadFile if the file is no CSV."""
        return sum(1 for _ in self._cells())

    def _cells(self) -> Iterator[list[str]]:
        width = len(self.columns)
        for line, cells in self._file.from_beginning().rows():
            if len(cells) != width:
                given = len(cells)
                raise BadFile(file=f"{self.path}:{line}", why=wrong_width(given), value=given, other=width)
            yield cells


def wrong_width(cells: int) -> str:
    """Return the error text for a line with `cells` cells (`value`) and a header with `other` cells."""
    return N_("1 cell, the header has {other}") if cells == 1 else N_("{value} cells, the header has {other}")


def _source(path: str) -> BinaryIO:
    """Return a file, or for `-` standard input, opened; raises BadFile."""
    try:
        number = os.dup(sys.stdin.fileno()) if path == STDIN else os.open(path, os.O_RDONLY)
        return io.BufferedReader(WaitingFile(number))
    except OSError as error:
        raise unreadable(path, error) from None


def _is_regular(source: BinaryIO) -> bool:
    """Return whether an open file is a regular one: reading it never waits for a writer."""
    return stat.S_ISREG(os.fstat(source.fileno()).st_mode)


def _delimiter(header: str) -> str:
    return ";" if header.count(";") > header.count(",") else ","


def _checked_header(path: str, header: str, known: Collection[str], required: Collection[str]) -> list[str]:
    """Return the names of the columns, empty for a column that a spreadsheet left without one; raises BadFile."""
    try:
        (cells,) = csv.reader([header], delimiter=_delimiter(header), strict=True)
    except (csv.Error, ValueError):
        raise BadFile(file=path, why=N_("the header line isn't one line of CSV")) from None
    columns = [cell.strip() for cell in cells]
    if not any(column in known for column in columns):
        # The line isn't shown: without a header it is a record, which may have a password.
        why = N_("the first line has none of the columns {columns}: the header seems to be missing")
        raise BadFile(file=path, why=why, columns=list(known))
    for column in filter(None, columns):
        if column not in known:
            raise BadFile(
                file=path,
                why=N_("unknown column {column}, the columns are {columns}"),
                column=shortened(column),
                columns=list(known),
            )
        if columns.count(column) > 1:
            raise BadFile(file=path, why=N_("the column {column} stands twice in the header"), column=column)
    for column in required:
        if column not in columns:
            raise BadFile(file=path, why=N_("the column {column} is missing from the header"), column=column)
    return columns
