"""Which entry of a mapping answers for which column of a host's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from custmerge.errors import N_
from custmerge.rules.attach.problems import Problems
from custmerge.rules.host_schema import HostSchema
from custmerge.rules.mapping import HostMapping, ReferenceMap, split_column

Column = tuple[str, str]
"""Table and column."""


class Rank(IntEnum):
    """How exactly an entry names a column: the more exact one answers."""

    TABLES = 1
    PATTERN = 2
    COLUMN = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """An entry that names a column."""

    entry: ReferenceMap
    rank: Rank
    path: str
    """The key in the mapping: `reference.2.columns.1`."""


@dataclass(slots=True)
class Answers:
    """The answers of a mapping."""

    given: dict[Column, Answer] = field(default_factory=dict)
    """From `columns`; from `tables` too, with an empty column: for every reference that nothing else answers."""
    ignored: set[Column] = field(default_factory=set)

    def answer(self, table: str, column: str) -> Answer | None:
        """Return what answers for a column that is a reference."""
        return self.given.get((table, column)) or self.given.get((table, ""))

    def named(self) -> Iterator[tuple[str, str, Answer]]:
        """Yield table, column and answer of every column that an entry names, in their order."""
        for (table, column), answer in sorted(self.given.items(), key=lambda item: item[0]):
            if column:
                yield table, column, answer


def answers_of(mapping: HostMapping, schema: HostSchema, problems: Problems) -> Answers:
    """Return what each entry names; names that stand for nothing and two answers of one rank are problems."""
    answers = Answers()
    for number, entry in enumerate(mapping.references, start=1):
        for place, name in enumerate(entry.columns, start=1):
            path = f"reference.{number}.columns.{place}"
            for column in _columns(schema, name, path, problems):
                rank = Rank.PATTERN if "*" in name else Rank.COLUMN
                _give(answers, column, Answer(entry, rank, path), problems)
        for place, name in enumerate(entry.tables, start=1):
            path = f"reference.{number}.tables.{place}"
            for table in _tables(schema, name, path, problems):
                _give(answers, (table, ""), Answer(entry, Rank.TABLES, path), problems)
    for place, name in enumerate(mapping.ignore, start=1):
        _ignore(answers, _columns(schema, name, path := f"ignore.columns.{place}", problems), name, path, problems)
    return answers


def entry_path(path: str) -> str:
    """Return the key of an entry, `reference.2`, from one of its keys."""
    return ".".join(path.split(".")[:2])


def matches(pattern: str, name: str) -> bool:
    """Return whether a name is what a pattern stands for, in which `*` is any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _give(answers: Answers, column: Column, answer: Answer, problems: Problems) -> None:
    before = answers.given.get(column)
    if before is not None and before.rank == answer.rank and before.entry is not answer.entry:
        name = ".".join(filter(None, column))
        why = N_("{value} has two answers, the other in line {other}")
        problems.at(answer.path, why, value=name, other=before.entry.line)
    if before is None or before.rank < answer.rank:
        answers.given[column] = answer


def _ignore(answers: Answers, columns: Sequence[Column], name: str, path: str, problems: Problems) -> None:
    for column in columns:
        answer = answers.given.get(column)
        is_exact = "*" not in name
        if answer is None or (is_exact and answer.rank is Rank.PATTERN):
            answers.ignored.add(column)
            answers.given.pop(column, None)
        elif is_exact == (answer.rank is Rank.COLUMN):
            why = N_("{value} has two answers, the other in line {other}")
            problems.at(path, why, value=".".join(column), other=answer.entry.line)


def _columns(schema: HostSchema, name: str, path: str, problems: Problems) -> list[Column]:
    """Return the columns that `table.column` stands for."""
    table_name, column_name = split_column(name)
    if "*" not in name:
        table = problems.table(schema, table_name, path)
        if table is None or problems.column(table, column_name, path) is None:
            return []
        return [(table_name, column_name)]
    found = [
        (table, column)
        for table in _matching(schema, table_name)
        for column in schema.tables[table].column_names
        if matches(column_name, column)
    ]
    if not found:
        problems.at(path, N_("{value} stands for no column of this database"), value=name)
    return found


def _tables(schema: HostSchema, name: str, path: str, problems: Problems) -> list[str]:
    if "*" not in name:
        return [name] if problems.table(schema, name, path) is not None else []
    found = list(_matching(schema, name))
    if not found:
        problems.at(path, N_("{value} stands for no table of this database"), value=name)
    return found


def _matching(schema: HostSchema, pattern: str) -> Iterator[str]:
    for name, table in sorted(schema.tables.items()):
        if matches(pattern, name) or matches(pattern, f"{table.home}.{table.plain_name}"):
            yield name
