"""CSV files as people send them: read line by line, hashed on the way.

Source: RFC 4180; UTF-8 with or without a BOM, comma or semicolon.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import os
import stat
import tempfile
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from custmerge.errors import N_, BadFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import BinaryIO

LONGEST_CELL = 1_000_000
LONGEST_SPOOLED_CELL = 10_000
"""Less, because what is in many cells at once is held in memory together."""
BYTES_AT_ONCE = 65_536


class CsvFile:
    """An open file whose header is right."""

    def __init__(self, path: str, stream: BinaryIO, known: Collection[str], required: Collection[str]) -> None:
        self.path = path
        self.size = os.fstat(stream.fileno()).st_size
        self.bytes_read = 0
        self._digest = hashlib.sha256()
        self._stream = stream
        self._known, self._required = known, required
        self._last_run = b""
        self._copy: BinaryIO | None = None
        lines = chain.from_iterable(self._decoded())
        try:
            header = next(lines, "")
        except UnicodeDecodeError as error:
            raise self._not_utf8(1, error) from None
        if not header.strip():
            raise BadFile(file=path, why=N_("the file is empty, a header line with column names is needed"))
        self._reader = csv.reader(lines, delimiter=_delimiter(header), strict=True)
        self.columns = _checked_header(path, header, known, required)

    @property
    def sha256(self) -> str:
        """The digest of what was read so far, in hex; of the whole file once `rows` has ended."""
        return self._digest.hexdigest()

    def copy_to(self, copy: BinaryIO) -> None:
        """Write the file into another one as it is read; to be called before any row is asked for."""
        copy.write(self._last_run)
        self._copy = copy

    def again(self) -> CsvFile:
        """Return the copy, from its beginning: what was read is what is read again, whatever the file was."""
        if self._copy is None:
            raise LookupError(self.path)
        self._copy.seek(0)
        return CsvFile(self.path, self._copy, self._known, self._required)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give (number of the first line, cells) of each record; raises BadFile where the text breaks off."""
        reader = self._reader
        first = self._next_line()
        try:
            for cells in reader:
                if cells:
                    yield first, cells
                first = self._next_line()
        except csv.Error as error:
            raise BadFile(file=f"{self.path}:{first}", why=N_("not CSV ({reason})"), reason=str(error)) from None
        except UnicodeDecodeError as error:
            raise self._not_utf8(self._next_line(), error) from None

    def _next_line(self) -> int:
        # The reader counts the lines that it has taken; the header isn't among them.
        return self._reader.line_num + 2

    def _decoded(self) -> Iterator[Iterator[str]]:
        """Give the lines in runs: a run is read and hashed at once, a line is decoded when it is asked for."""
        bom = codecs.BOM_UTF8
        while run := self._stream.readlines(BYTES_AT_ONCE):
            raw = b"".join(run)
            self.bytes_read += len(raw)
            self._digest.update(raw)
            if self._copy is not None:
                self._copy.write(raw)
            self._last_run = raw
            run[0], bom = run[0].removeprefix(bom), b""
            yield map(bytes.decode, run)

    def _not_utf8(self, line: int, error: UnicodeDecodeError) -> BadFile:
        return BadFile(
            file=f"{self.path}:{line}",
            why=N_("not UTF-8 (byte {byte}): save the file as UTF-8"),
            byte=f"0x{error.object[error.start]:02x}",
        )


@contextmanager
def opened(path: str, known: Collection[str], required: Collection[str]) -> Iterator[CsvFile]:
    """Open a CSV file whose columns are all `known` and include the `required` ones; raises BadFile."""
    csv.field_size_limit(LONGEST_CELL)
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 (closed by the with below)
    except OSError as error:
        raise BadFile(file=path, why=N_("can't be read ({reason})"), reason=os.strerror(error.errno or 0)) from None
    with stream:
        try:
            yield CsvFile(path, stream, known, required)
        except OSError as error:
            if error.filename is None and error.errno is not None:
                raise BadFile(
                    file=path, why=N_("can't be read ({reason})"), reason=os.strerror(error.errno)
                ) from None
            raise


@contextmanager
def spooled(path: str, known: Collection[str], required: Collection[str]) -> Iterator[SpooledFile]:
    """Copy a CSV file to where nobody else can change it, and open the copy; raises BadFile.

    What was hashed is then what is read, whatever happens to the file meanwhile.
    """
    try:
        source = Path(path).open("rb")  # noqa: SIM115 (closed by the with below)
    except OSError as error:
        raise BadFile(file=path, why=N_("can't be read ({reason})"), reason=os.strerror(error.errno or 0)) from None
    csv.field_size_limit(LONGEST_SPOOLED_CELL)
    with source, tempfile.TemporaryFile() as copy:
        digest = hashlib.sha256()
        try:
            while block := source.read(BYTES_AT_ONCE):
                digest.update(block)
                copy.write(block)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise BadFile(file=path, why=N_("can't be read ({reason})"), reason=reason) from None
        mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
        yield SpooledFile(path, copy, digest.hexdigest(), mode, known, required)


class SpooledFile:
    """A private copy of a CSV file."""

    def __init__(
        self,
        path: str,
        copy: BinaryIO,
        sha256: str,
        mode: int,
        known: Collection[str],
        required: Collection[str],
    ) -> None:
        self.path = path
        self.sha256 = sha256
        self.others_can_read = bool(mode & 0o077)
        self._copy = copy
        self._known = known
        self._required = required
        self.columns = self._open().columns

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Give (number of the record from 1, cells by column), from the first on; raises BadFile."""
        for number, cells in enumerate(self._cells(), start=1):
            yield number, dict(zip(self.columns, cells, strict=True))

    def count(self) -> int:
        """Return how many records there are; raises BadFile where the file breaks off."""
        return sum(1 for _ in self._cells())

    def _cells(self) -> Iterator[list[str]]:
        file, width = self._open(), len(self.columns)
        for line, cells in file.rows():
            if len(cells) != width:
                raise BadFile(
                    file=f"{self.path}:{line}",
                    why=N_("the line has {value} cells, the header {other}"),
                    value=len(cells),
                    other=width,
                )
            yield cells

    def _open(self) -> CsvFile:
        self._copy.seek(0)
        return CsvFile(self.path, self._copy, self._known, self._required)


def _delimiter(header: str) -> str:
    return ";" if header.count(";") > header.count(",") else ","


def _checked_header(path: str, header: str, known: Collection[str], required: Collection[str]) -> list[str]:
    try:
        (cells,) = csv.reader([header], delimiter=_delimiter(header), strict=True)
    except (csv.Error, ValueError):
        raise BadFile(file=path, why=N_("the header line isn't one line of CSV")) from None
    columns = [cell.strip() for cell in cells]
    for column in columns:
        if column not in known:
            raise BadFile(
                file=path,
                why=N_("unknown column {column}, the columns are {columns}"),
                column=column or "(empty)",
                columns=list(known),
            )
        if columns.count(column) > 1:
            raise BadFile(file=path, why=N_("the column {column} stands twice in the header"), column=column)
    for column in required:
        if column not in columns:
            raise BadFile(file=path, why=N_("the column {column} is missing from the header"), column=column)
    return columns
