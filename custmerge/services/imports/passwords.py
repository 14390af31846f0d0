"""Passwords of a file that is imported, hashed before anything is locked.

The file is read twice for that and may be a pipe, so a private copy is made of it. The hashes go to a second
temporary file, so that memory doesn't grow with the file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from custmerge.storage.files.temporary import temporary_file, temporary_room

if TYPE_CHECKING:
    from custmerge.services.imports import Line
    from custmerge.storage.files.csv_file import CsvFile

COLUMN = "password"


class Hashes:
    """The hashes of a file's passwords, in the order of its lines."""

    def __init__(self, kept: IO[str]) -> None:
        self._kept = kept

    def of(self, line: int) -> str:
        """Return the hash of the password in a line; afterwards those of earlier lines can't be read any more."""
        for kept in self._kept:
            number, _, password_hash = kept.rstrip("\n").partition(" ")
            if int(number) == line:
                return password_hash
        raise LookupError(line)


@contextmanager
def hashed(
    file: CsvFile, batches: Callable[[CsvFile], Iterable[list[Line]]], advanced: Callable[[int, int], None]
) -> Iterator[tuple[CsvFile, Hashes]]:
    """Yield a newly opened file, or a copy of it, ready to read from its first row, and the hashes of its passwords.

    `batches` reads records from it; `advanced` is called with how many bytes of how many are done.
    """
    if COLUMN not in file.columns:
        yield file, Hashes(io.StringIO())
        return
    from custmerge.services.people import passwords

    place = file.columns.index(COLUMN)
    with temporary_file() as copy, temporary_file("w+") as kept:
        file.copy_to(cast("BinaryIO", copy))
        for batch in batches(file):
            filled = [(line, cells[place]) for line, cells in batch if cells[place]]
            hashes = passwords.all_hashed([password for _, password in filled])
            with temporary_room():
                kept.writelines(f"{line} {made}\n" for (line, _), made in zip(filled, hashes, strict=True))
            advanced(file.bytes_read, file.size)
        with temporary_room():
            copy.flush()
            kept.seek(0)
        yield file.again(), Hashes(kept)
