"""Rows of a customers file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.fields import FIELDS, IDENTITY_FIELDS
from custmerge.rules.history import Actor, Draft
from custmerge.rules.normalise import search_text
from custmerge.rules.records import (
    CUSTOMER_COLUMNS,
    NUMBER_LENGTH,
    SKIPPED,
    TOMBSTONE_IS_EMPTY,
    Problem,
    are_plain,
    may_be_damaged,
    problems_of_customer,
)
from custmerge.rules.transfers import Transfer, Why, void_entries
from custmerge.services.imports import Kind, Line, Problems
from custmerge.services.imports.passwords import Hashes

if TYPE_CHECKING:
    from custmerge.storage.dialect import Row
    from custmerge.storage.unit import Unit

_MERGED_INTO = 3 + len(FIELDS)
"""The position of `merged_into` in a row: after the number, the fields, the search text and the identity key."""


class Customers(Kind):
    """Imports customers into the register."""

    name = "customers"
    key = "number"
    columns = CUSTOMER_COLUMNS
    required = ("number",)

    def __init__(self, unit: Unit, columns: Sequence[str], hashes: Hashes, *, skip_merged: bool) -> None:
        super().__init__(unit, columns, hashes, skip_merged=skip_merged)
        # A column that the file doesn't have is read from an empty cell that `rows` adds after the last cell.
        place = {column: position for position, column in enumerate(columns)}
        self._fields = itemgetter(*(place.get(field, -1) for field in FIELDS))
        self._number = place["number"]
        self._merged_into = place.get("merged_into", -1)
        self._password = place.get("password", -1)
        self._password_hash = place.get("password_hash", -1)
        is_short = max(self._merged_into, self._password, self._password_hash) < 0
        self._made_void: list[Transfer] = []
        self._filled = slice(_MERGED_INTO if is_short else None)

    def rows(self, lines: Sequence[Line], problems: Problems) -> Iterator[tuple[int, Row]]:
        """See `Kind`."""
        if self._skip_merged:
            gone = self._register.merged_away({cells[self._number] for _, cells in lines})
            lines = [line for line in lines if not self._is_skipped(line, gone, problems)]
        for _, cells in lines:
            cells.append("")
        # Searched for in all cells at once: row by row it would take as long as all the rest.
        is_sound = not may_be_damaged("\n".join("\n".join(cells) for _, cells in lines))
        good = [line for line in lines if (is_sound and self._is_plain(line[1])) or self._is_right(line, problems)]
        for line, cells in good:
            number, values = cells[self._number], self._fields(cells)
            search, key = search_text(number, values), identity_key(values[: len(IDENTITY_FIELDS)])
            merged_into = cells[self._merged_into] or None
            password_hash = self._hashes.of(line) if cells[self._password] else cells[self._password_hash] or None
            yield line, (number, *values, search, key, merged_into, password_hash)

    def add(self, rows: Sequence[Row]) -> set[str]:
        """See `Kind`."""
        return self._register.add(self.name, [row[self._filled] for row in rows])

    def overwrite(self, rows: Sequence[tuple[int, Row]], stored: Mapping[str, Row], problems: Problems) -> int:
        """See `Kind`. A new password ends the number's sessions, a changed identity voids its contract transfers."""
        merged, renewed, renamed, updated = [], [], [], 0
        for line, (number, *values, _search, _key, merged_into, new_hash) in rows:
            _, *old_values, _old_search, _old_key, went_into, password_hash = stored[number]
            if self._skip_merged and went_into is not None:
                problems.skip(line, Problem("number", number, SKIPPED, went_into))
                continue
            updated += 1
            if self._merged_into >= 0 and merged_into != went_into:
                why = N_("an import can't change where a number went: merge and undo do")
                problems.add(line, Problem("merged_into", merged_into or "", why))
                continue
            updated_values = [
                new if field in self._columns else old
                for field, new, old in zip(FIELDS, values, old_values, strict=True)
            ]
            is_other = any(values) or new_hash not in (None, password_hash)
            if went_into is not None and is_other:
                problems.add(line, Problem("number", number, TOMBSTONE_IS_EMPTY))
                continue
            if updated_values[: len(IDENTITY_FIELDS)] != old_values[: len(IDENTITY_FIELDS)]:
                renamed.append(number)
            if new_hash not in (None, password_hash):
                renewed.append(number)
            search, key = search_text(number, updated_values), identity_key(updated_values[: len(IDENTITY_FIELDS)])
            merged.append((number, *updated_values, search, key, went_into, new_hash or password_hash))
        self._register.put(self.name, merged)
        self._unit.people.end_sessions_of_numbers(renewed)
        self._made_void += self._unit.transfers.void_all_of(renamed) if renamed else []
        return updated

    def must_be_remembered(self, row: Row) -> bool:
        """See `Kind`."""
        return row[_MERGED_INTO] is not None

    def finish(self, problems: Problems) -> None:
        """See `Kind`: a tombstone leads to a number that exists and never back to itself."""
        for line, _, target in list(self._register.lost_tombstones()):
            problems.add(line, Problem("merged_into", target, N_("is no customer number here")))
        for line, number in list(self._register.circles()):
            problems.add(line, Problem("merged_into", number, N_("leads into a circle")))

    def entries(self, by: Actor, at: str) -> list[Draft]:
        """See `Kind`: contract transfers that a changed identity made void."""
        return void_entries(self._made_void, Why.IDENTITY_CHANGED, by, at)

    def _is_skipped(self, line: Line, gone: Mapping[str, str], problems: Problems) -> bool:
        """Return whether a line is skipped, whatever its cells are, because its number was merged."""
        number = line[1][self._number]
        if number in gone:
            problems.skip(line[0], Problem("number", number, SKIPPED, gone[number]))
        return number in gone

    def _is_plain(self, cells: list[str]) -> bool:
        """Return whether a line is surely right: a quick test that most lines pass."""
        number = cells[self._number]
        return (
            number.isascii()
            and number.isalnum()
            and len(number) <= NUMBER_LENGTH
            and not cells[self._merged_into]
            and not cells[self._password_hash]
            and are_plain(cells)
        )

    def _is_right(self, line: Line, problems: Problems) -> bool:
        number, cells = line
        wrong = problems_of_customer(dict(zip(self._columns, cells, strict=False)))
        for problem in wrong:
            problems.add(number, problem)
        return not wrong
