"""What stands in the way of attaching, each with where it is in the mapping or the database."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from custmerge.errors import N_, Detail
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable
from custmerge.rules.mapping import Placeholder, Value

SEVERAL_WRITINGS = N_(
    "{value} is of the type {type}, in which one value can be written in several ways: rows that hold a key in "
    "another way wouldn't be found"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that has to be put right before a mapping can hold."""

    subject: str
    """A key of the mapping (`customer.key`), or a table or column of the database."""
    message: str
    """An English template for translation, filled from `details`."""
    details: Mapping[str, Detail] = field(default_factory=dict)
    line: int | None = None
    """The line of the mapping; None for what isn't in it."""
    paste: str | None = None
    """The block for the mapping that puts it right."""


@dataclass(slots=True)
class Problems:
    """The problems of a mapping, in the order in which they were found."""

    lines: Mapping[str, int]
    """The line of each key of the mapping."""
    found: list[Problem] = field(default_factory=list)

    def at(self, path: str, message: str, **details: Detail) -> None:
        """Note a problem with a key of the mapping; one that isn't there stands for the table that it would be in."""
        known = path
        while known and known not in self.lines:
            known = known.rpartition(".")[0]
        self._note(Problem(path, message, details, self.lines.get(known)))

    def of(self, subject: str, message: str, *, paste: str | None = None, **details: Detail) -> None:
        """Note a problem with a table or column of the database."""
        self._note(Problem(subject, message, details, paste=paste))

    def table(self, schema: HostSchema, name: str, path: str) -> HostTable | None:
        """Return a table that a key of the mapping names; it is a problem if there is none."""
        table = schema.table(name)
        if table is None:
            self._unknown(path, N_("there is no table {value}"), name, schema.tables)
        return table

    def column(self, table: HostTable, name: str, path: str) -> HostColumn | None:
        """Return a column that a key of the mapping names; it is a problem if there is none."""
        column = table.column(name)
        if column is None:
            self._unknown(
                path, N_("there is no column {value} in {table}"), name, table.column_names, table=table.name
            )
        return column

    def writable(self, table: HostTable, name: str, path: str) -> HostColumn | None:
        """Return a column that a key of the mapping writes; it is a problem if that can't be done."""
        column = self.column(table, name, path)
        if column is not None and column.is_generated:
            self.at(path, N_("{value} is computed by the database, so it can't be written"), value=name)
        return column

    def written(self, table: HostTable, path: str, values: Mapping[str, Value]) -> None:
        """Note what can't be written into the columns that are keys below `path`."""
        for name, value in values.items():
            column = self.writable(table, name, f"{path}.{name}")
            if column is not None and value is Placeholder.NULL and not column.is_nullable:
                self.at(f"{path}.{name}", N_("{value} can't be NULL in {table}"), value=name, table=table.name)

    def _unknown(self, path: str, message: str, name: str, known: Iterable[str], **details: Detail) -> None:
        by_small = {each.lower(): each for each in known}
        like = difflib.get_close_matches(name.lower(), by_small, 1)
        if like and "table" in details:
            message = N_("there is no column {value} in {table}; there is {like}")
        elif like:
            message = N_("there is no table {value}; there is {like}")
        self.at(path, message, value=name, **details, **({"like": by_small[like[0]]} if like else {}))

    def _note(self, problem: Problem) -> None:
        if problem not in self.found:
            self.found.append(problem)
