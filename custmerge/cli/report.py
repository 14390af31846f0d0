"""What became of each row of a bulk file, as a file of its own."""

from __future__ import annotations

import csv
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from custmerge import files
from custmerge.cli.language import sentence
from custmerge.cli.render.data.writing import guarded
from custmerge.errors import ReportLost

if TYPE_CHECKING:
    from custmerge.rules.bulk import Outcome

COLUMNS = ("row", "survivor", "absorbed", "status", "code", "order", "message")


class Report:
    """A new file that only its owner can read, written as it goes.

    It is made before anything is written to the database, and gets its name with its first line: until the service
    is the only one that runs the file, an older report stays as it is. One that can't be written any further is
    taken away, which is said at the end: the rows go on, and nobody takes a half for the whole.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._made: Path | None = None
        """What it is called until it gets its name."""
        self._lost: OSError | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            files.demand_place(self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._lose(error)
        if self._made is not None:
            self._made.unlink(missing_ok=True)
        if self._lost is not None and kind is None:
            raise ReportLost(file=str(self._path), reason=os.strerror(self._lost.errno or 0))

    def open(self) -> None:
        """Make the file, where somebody wants it, and leave an older one as it is; raises BadFile."""
        if self._path is None or self._file is not None:
            return
        try:
            number, self._made = files.beside(self._path)
        except OSError as error:
            raise files.unwritable(self._path, error) from None
        self._file = os.fdopen(number, "w", encoding="utf-8", newline="")

    def begin(self) -> None:
        """Give the file its name and its header, unless it has them or nobody wants it; raises BadFile."""
        if self._file is None or self._path is None or self._made is None:
            return
        try:
            self._made.replace(self._path)
        except OSError as error:
            raise files.unwritable(self._path, error) from None
        self._made = None
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Write a line."""
        self.begin()
        if self._file is None:
            return
        message = "" if outcome.error is None else sentence(outcome.error)
        line = (outcome.survivor, outcome.absorbed, outcome.result.value, outcome.code, outcome.order, message)
        try:
            self._writer.writerow((outcome.row, *(guarded(cell) for cell in line)))
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self._lost = error
        file, self._file = self._file, None
        with suppress(OSError):
            if self._path is not None and self._made is None:
                Path(self._path).unlink()
        with suppress(OSError):
            # Closing writes once more what couldn't be written.
            if file is not None:
                file.close()
