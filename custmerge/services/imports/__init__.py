"""Import: all rows of a CSV file go into the register or none, and every bad line is reported."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from functools import partial
from typing import IO, TYPE_CHECKING, ClassVar, Protocol

from custmerge.errors import N_, BadLines, CustmergeError
from custmerge.rules.history import Action, Actor, Draft, Fact, stamp
from custmerge.rules.people import Capability
from custmerge.rules.records import NEVER_GUARDED, Problem, shortened, unguard
from custmerge.services.access import Caller, demand, demand_alive
from custmerge.services.imports.passwords import Hashes, hashed
from custmerge.services.progress import Progress
from custmerge.storage.files.csv_file import CsvFile, opened, wrong_width
from custmerge.storage.files.temporary import temporary_file, temporary_room

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.dialect import Row
    from custmerge.storage.register.imports import RegisterImport
    from custmerge.storage.unit import Unit

ROWS_AT_ONCE = 400
"""So few that they are freed before the garbage collector looks at everything that the program holds."""
BYTES_AT_ONCE = 1 << 20
"""A limit for hostile files with large records, because a batch of records is held in memory."""

Line = tuple[int, list[str]]
"""A record of the file: the line in which it starts, and its cells."""


class ImportProgress(Progress, Protocol):
    """Receives how many bytes are read, and which lines aren't imported."""

    def problem(self, file: str, line: int, problem: Problem) -> None:
        """Receive that a line can't be imported."""

    def skipped(self, file: str, line: int, problem: Problem) -> None:
        """Receive that a line is left out while the import goes on."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import."""

    kind: str
    """`customers` or `packages`."""
    rows: int
    added: int
    updated: int
    skipped: int | None
    """Number of lines of merged numbers; None if such lines may not be left out."""
    has_packages: bool
    """Whether there is any package now, without which nobody proves a number."""


class Problems:
    """Counts the bad lines and keeps their problems, which may be many, in a temporary file.

    They are reported after the transaction: the reader of the report may be slow, and nobody could write meanwhile.
    """

    def __init__(self, closing: ExitStack) -> None:
        """Start without problems; `closing` closes the temporary file."""
        self._closing = closing
        self._kept: IO[str] | None = None
        self.lines: set[int] = set()
        self.skipped = 0

    def skip(self, line: int, problem: Problem) -> None:
        """Add a line that is left out while the import goes on."""
        self.skipped += 1
        self._keep(True, line, problem)

    def add(self, line: int, problem: Problem) -> None:
        """Add a problem of a line."""
        self.lines.add(line)
        self._keep(False, line, problem)

    def tell(self, file: str, progress: ImportProgress) -> None:
        """Report every problem, in the order in which they were added."""
        if self._kept is None:
            return
        with temporary_room():
            self._kept.seek(0)
        for kept in self._kept:
            is_skipped, line, problem = json.loads(kept)
            tell = progress.skipped if is_skipped else progress.problem
            tell(file, line, Problem(*problem))

    def _keep(self, is_skipped: bool, line: int, problem: Problem) -> None:
        short = replace(problem, value=shortened(problem.value), other=shortened(problem.other))
        if self._kept is None:
            self._kept = self._closing.enter_context(temporary_file("w+"))
        with temporary_room():
            self._kept.write(json.dumps((is_skipped, line, astuple(short))) + "\n")

    def flush(self) -> None:
        """Write buffered problems; raises TemporaryFilesFailed without room, before anything is committed."""
        if self._kept is not None:
            with temporary_room():
                self._kept.flush()


class Kind(ABC):
    """A kind of file, customers or packages, on its way into the register."""

    name: ClassVar[str]
    key: ClassVar[str]
    """The column that identifies a row."""
    columns: ClassVar[Sequence[str]]
    required: ClassVar[Sequence[str]]

    def __init__(self, unit: Unit, columns: Sequence[str], hashes: Hashes, *, skip_merged: bool) -> None:
        """Prepare for a file with `columns`; with `skip_merged`, lines of tombstones are left out."""
        self._unit = unit
        self._register = unit.register_import
        self._columns = columns
        self._hashes = hashes
        self._skip_merged = skip_merged

    @abstractmethod
    def rows(self, lines: Sequence[Line], problems: Problems) -> Iterator[tuple[int, Row]]:
        """Yield (line, row for the register) of the lines that are right by themselves; the key comes first."""

    @abstractmethod
    def overwrite(self, rows: Sequence[tuple[int, Row]], stored: Mapping[str, Row], problems: Problems) -> int:
        """Overwrite rows that are `stored` and return how many; columns that the file doesn't have stay."""

    @abstractmethod
    def finish(self, problems: Problems) -> None:
        """Check what can only be checked when all rows are in the register."""

    def must_be_remembered(self, row: Row) -> bool:  # noqa: ARG002 (a kind may look at it)
        """Return whether `finish` needs to know the line of this row."""
        return False

    def entries(self, by: Actor, at: str) -> list[Draft]:  # noqa: ARG002 (a kind may use them)
        """Return the history entries besides that of the import itself."""
        return []

    def add(self, rows: Sequence[Row]) -> set[str]:
        """Add new rows, or none and return the keys that exist."""
        return self._register.add(self.name, rows)

    def add_all(self, rows: Sequence[Row]) -> set[str]:
        """Add the rows whose keys don't exist, and return the keys that exist."""
        existing = set[str]()
        while rows and (refused := self.add(rows)):
            existing |= refused
            rows = [row for row in rows if row[0] not in existing]
        return existing

    def put(self, rows: Sequence[tuple[int, Row]], problems: Problems) -> tuple[int, int]:
        """Add rows or overwrite those that exist; returns how many were added and how many overwritten."""
        stored = self._register.stored(self.name, [row[0] for _, row in rows])
        new = [row for _, row in rows if row[0] not in stored]
        # Another command may have added some of them while this one waited for a lock.
        added_since = self.add_all(new)
        stored |= self._register.stored(self.name, added_since)
        old = [(line, row) for line, row in rows if row[0] in stored]
        return len(new) - len(added_since), self.overwrite(old, stored, problems)


def import_file(
    database: Database,
    caller: Caller,
    path: str,
    kind: type[Kind],
    *,
    update: bool,
    skip_merged: bool = False,
    progress: ImportProgress,
    now: datetime,
) -> Imported:
    """Import a file in one transaction; with `update`, rows may exist and are overwritten.

    With `skip_merged`, lines of merged numbers are left out and reported to `progress`. Raises BadFile for a file
    that is no such CSV, BadLines after every bad line was reported; then nothing is imported. Raises Attached where
    the register is a host's.
    """
    demand(caller, Capability.IMPORT)
    with database.reading() as unit:
        unit.demand_own_register()
    with (
        ExitStack() as closing,
        opened(path, kind.columns, kind.required) as source,
        hashed(source, partial(_batches, problems=None), progress.advanced) as (file, hashes),
    ):
        problems = Problems(closing)
        try:
            with database.writing() as unit:
                # Not held: a person who ends the session mustn't wait for the import. It is checked again at the end.
                demand_alive(unit, caller, now, hold=False)
                # Reading the file may have taken hours.
                now = max(now, unit.now())
                importer = kind(unit, file.columns, hashes, skip_merged=skip_merged)
                added, updated = _import_rows(unit, file, importer, problems, progress, update=update)
                if problems.lines:
                    raise BadLines(file=path, count=len(problems.lines))
                demand_alive(unit, caller, now)
                skipped = problems.skipped if skip_merged else None
                has_packages = unit.register.has_packages()
                done = Imported(kind.name, added + updated, added, updated, skipped, has_packages)
                entry = Draft(stamp(now), caller.actor, Action.IMPORT, _facts(done, file))
                unit.chain.append([entry, *importer.entries(caller.actor, stamp(now))])
        except CustmergeError:
            problems.tell(path, progress)
            raise
        problems.tell(path, progress)
    return done


def _import_rows(
    unit: Unit, file: CsvFile, importer: Kind, problems: Problems, progress: ImportProgress, *, update: bool
) -> tuple[int, int]:
    """Import the rows of a file; returns how many were added and how many overwritten, if none is bad."""
    added = updated = 0
    clashes: list[tuple[str, int]] = []
    for batch in _batches(file, problems):
        good = list(_once(unit.register_import, importer, batch, problems, update=update))
        if update:
            new, old = importer.put(good, problems)
            added, updated = added + new, updated + old
        else:
            added += len(good)
            existing = importer.add_all([row for _, row in good])
            clashes += [(row[0], line) for line, row in good if row[0] in existing]
        progress.advanced(file.bytes_read, file.size)
    _report_clashes(file, importer, clashes, problems)
    importer.finish(problems)
    problems.flush()
    return added, updated


def _facts(done: Imported, file: CsvFile) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "kind": done.kind,
        "rows": done.rows,
        "updated": done.updated,
        "file_sha256": file.sha256,
    }
    return facts if done.skipped is None else {**facts, "skipped": done.skipped}


def _batches(file: CsvFile, problems: Problems | None) -> Iterator[list[Line]]:
    """Yield the file's records in batches, with as many cells as columns and without guards.

    Records with another number of cells are left out, and added to `problems` unless that is None.
    """
    width = len(file.columns)
    guarded = [place for place, column in enumerate(file.columns) if column not in NEVER_GUARDED]
    for taken in _taken(file):
        batch = []
        for line in taken:
            number, cells = line
            if len(cells) != width:
                if problems is not None:
                    problems.add(number, Problem("", str(len(cells)), wrong_width(len(cells)), str(width)))
                continue
            # Searched for in all cells at once: cell by cell it would take as long as reading the file.
            if "'" in "".join(cells):
                for place in guarded:
                    cells[place] = unguard(cells[place])
            batch.append(line)
        yield batch


def _taken(file: CsvFile) -> Iterator[list[Line]]:
    """Yield the file's records in batches that are small for every file."""
    taken: list[Line] = []
    begin = file.bytes_read
    for line in file.rows():
        taken.append(line)
        if len(taken) == ROWS_AT_ONCE or file.bytes_read > begin + BYTES_AT_ONCE:
            yield taken
            taken, begin = [], file.bytes_read
    if taken:
        yield taken


def _once(
    register: RegisterImport, kind: Kind, batch: Sequence[Line], problems: Problems, *, update: bool
) -> Iterator[tuple[int, Row]]:
    """Yield the good rows of a batch whose keys no earlier line has, as far as that is known now."""
    lines: dict[str, int] = {}
    rows = list(kind.rows(batch, problems))
    # Only an update has to look it up: otherwise the register itself refuses a repeated key.
    before = register.noted_lines([row[0] for _, row in rows]) if update else {}
    remembered = []
    for line, row in rows:
        first = before.get(row[0]) or lines.setdefault(row[0], line)
        if first != line:
            problems.add(line, _twice(kind, row[0], first))
            continue
        if update or kind.must_be_remembered(row):
            remembered.append((row[0], line))
        yield line, row
    register.note_lines(remembered)


def _report_clashes(file: CsvFile, kind: Kind, clashes: Sequence[tuple[str, int]], problems: Problems) -> None:
    """Report keys that the register had before, and keys that an earlier line has, as different problems."""
    first = _first_lines(file, kind, {key for key, _ in clashes}) if clashes else {}
    for key, line in clashes:
        if first.get(key, line) != line:
            problems.add(line, _twice(kind, key, first[key]))
        else:
            problems.add(line, Problem(kind.key, key, N_("exists already: --update overwrites it")))


def _first_lines(file: CsvFile, kind: Kind, keys: Collection[str]) -> dict[str, int]:
    first: dict[str, int] = {}
    again = file.from_beginning()
    position = again.columns.index(kind.key)
    for line, cells in again.rows():
        if len(cells) > position and (key := unguard(cells[position])) in keys:
            first.setdefault(key, line)
    return first


def _twice(kind: Kind, key: str, first: int) -> Problem:
    return Problem(kind.key, key, N_("stands in line {other} already"), str(first))
