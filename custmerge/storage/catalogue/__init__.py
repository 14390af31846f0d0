"""What the migrations make of our tables, written down, and what differs from it in a database.

Every object belongs to one table and has a subject that names it: `column customer.city`, `index package_number`.
`sqlite.json` and `postgresql.json` beside this file hold for each the definitions that are right: a server prints
some expressions in another way once a dump of them was restored. `tests/storage/write_catalogue.py` writes both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from custmerge.storage.dialect import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

Expected = dict[str, dict[str, list[str]]]
"""The right definitions of each object, by table and subject."""


@dataclass(frozen=True, slots=True)
class Object:
    """Something of one of our tables, as the database has it."""

    table: str
    subject: str
    definition: str
    """What it is, in one line that two databases alike write alike."""
    is_harmless: bool = False
    """Whether a host may add it: a plain index changes nothing that is stored and refuses nothing."""


class Why(Enum):
    """How an object differs."""

    GONE = auto()
    CHANGED = auto()
    ADDED = auto()
    TWICE = auto()
    """It is there as it should be, and beside it another one that is named alike."""
    UNSOUND = auto()
    """It says that it is as it should be, but what it holds isn't."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """An object that isn't as the migrations made it."""

    table: str
    subject: str
    why: Why
    definition: str
    """As it is now; empty where it is gone. What the database says of it where it is unsound."""

    @property
    def kind(self) -> str:
        """What sort of object it is: `column`, `trigger` …."""
        return self.subject.partition(" ")[0]


@cache
def expected(dialect: str) -> Expected:
    """Return what the migrations make on a database, `sqlite` or `postgresql`."""
    written = files("custmerge.storage.catalogue").joinpath(f"{dialect}.json").read_text("utf-8")
    found: Expected = json.loads(written)
    return found


def objects(connection: Connection, tables: Sequence[str]) -> list[Object]:
    """Return everything that a database has of `tables`."""
    if not dialect_of(connection).is_server:
        from custmerge.storage.catalogue import sqlite

        return sqlite.objects(connection, tables)
    from custmerge.storage.catalogue import postgresql

    return postgresql.objects(connection, tables)


def deviations(connection: Connection) -> list[Deviation]:
    """Return what isn't as the migrations made it; of a table that is gone, that alone."""
    right = expected(connection.dialect.name)
    found: dict[str, dict[str, list[Object]]] = {table: {} for table in right}
    for one in objects(connection, tuple(right)):
        # Several may be named alike: SQLite takes two constraints of one name, and holds both.
        found[one.table].setdefault(one.subject, []).append(one)
    return [deviation for table in right for deviation in _of_table(table, right[table], found[table])]


def unsound(connection: Connection) -> list[Deviation]:
    """Return the tables and indexes of an SQLite file that don't hold what they say, each once.

    Whoever may write to the file can make an index of other rows and then put the right text in its place: its rows
    are never looked at again. PostgreSQL keeps no text of an index, and only its superuser can do the like there.
    """
    if dialect_of(connection).is_server:
        return []
    from custmerge.storage.catalogue import sqlite

    found = sqlite.unsound(connection, tuple(expected(connection.dialect.name)))
    return [Deviation(table, subject, Why.UNSOUND, problem) for (table, subject), problem in found.items()]


def _of_table(
    table: str, right: Mapping[str, Sequence[str]], found: Mapping[str, Sequence[Object]]
) -> Iterator[Deviation]:
    if f"table {table}" not in found:
        yield Deviation(table, f"table {table}", Why.GONE, "")
        return
    for subject, definitions in right.items():
        if subject not in found:
            yield Deviation(table, subject, Why.GONE, "")
            continue
        there = [one.definition for one in found[subject]]
        ours = next((definition for definition in there if definition in definitions), None)
        if ours is not None:
            there.remove(ours)
        for definition in there:
            yield Deviation(table, subject, Why.CHANGED if ours is None else Why.TWICE, definition)
    for subject, some in found.items():
        for one in some:
            if subject not in right and not one.is_harmless:
                yield Deviation(table, subject, Why.ADDED, one.definition)
