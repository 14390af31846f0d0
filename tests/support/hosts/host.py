"""What a host's module says of its database, and how it is laid out on SQLite and PostgreSQL."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import psycopg

SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True)
class Merge:
    """One order: which number went into which, and how."""

    survivor: str
    absorbed: str
    choice: str = "identical"
    taken: tuple[str, ...] = ()
    """Details that --take or --fill writes into the survivor's record."""
    is_filled: bool = False
    """Whether that is done with --fill."""
    has_transfer: bool = False
    """Whether a contract transfer is signed, because the identities differ."""
    order: int = 0


@dataclass(frozen=True)
class Host:
    """A program's database."""

    name: str
    mapping: str
    """TOML, whole."""
    tables: Callable[[str], list[str]]
    """The statements that make it, for a kind of database."""
    rows: Callable[[], Mapping[str, list[dict[str, object]]]]
    """By table, in an order in which they can be inserted."""
    merge: Callable[[dict[str, list[dict[str, object]]], Merge], None]
    """Does to the rows of a snapshot what an order does, see `expected`."""
    pairs: Mapping[str, Merge]
    """Single orders by what is particular with them; their choice is the one that they need."""
    chain: tuple[Merge, ...]
    """The rows of a bulk file: each is an order, later ones begin where earlier ones end."""
    refused: Mapping[str, tuple[Merge, str, int]]
    """By what is particular: rows of a bulk file that are not done, with the status and code in its report."""
    theirs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Columns that the host's own triggers write, by table."""
    passwords: Mapping[str, str] = field(default_factory=dict)
    """By number."""
    domains: Mapping[str, str] = field(default_factory=dict)
    """What proves a number, by number."""


def kind_of(url):
    """Return which kind of database a URL leads to."""
    return SQLITE if url.startswith("sqlite:") else POSTGRESQL


def path_of(url):
    return url.removeprefix("sqlite:///")


def lay_out(url, host):
    """Make a host's tables and rows in the database at `url`."""
    kind = kind_of(url)
    if kind == SQLITE:
        with closing(sqlite3.connect(path_of(url))) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            for statement in host.tables(kind):
                connection.execute(statement)
            _fill(host, connection.executemany, "?")
        return
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        for statement in host.tables(kind):
            cursor.execute(statement)
        _fill(host, cursor.executemany, "%s")


def _fill(host, executemany, mark):
    for table, rows in host.rows().items():
        for columns in dict.fromkeys(tuple(row) for row in rows):
            names = ", ".join(f'"{column}"' for column in columns)
            marks = ", ".join(mark for _ in columns)
            values = [tuple(row.values()) for row in rows if tuple(row) == columns]
            executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', values)
