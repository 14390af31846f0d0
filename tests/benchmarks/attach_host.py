"""A host's register for measuring: 12 tables that refer to its customers, and a mapping for it."""

import itertools
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg
from databases import HASH

TABLES = tuple(f"part{n:02}" for n in range(12))
TABLES_WITH_CONSTRAINT = TABLES[:6]
"""The others refer to a customer, and the database knows nothing of it."""
USUAL = 204
"""How many rows of all 12 tables most customers have: 17 of each."""


@dataclass(frozen=True)
class Size:
    """How much a register holds."""

    rows: int
    """In each of the 12 tables."""
    large: dict[int, int]
    """How many absorbed customers have so many rows of all tables, not the usual number."""

    def pairs(self) -> dict[int, list[int]]:
        """Return the pairs of customers, from 0, by how many rows the absorbed customer has."""
        left = self.rows - sum(count * share(rows) for rows, count in self.large.items())
        usual = left // (2 * share(USUAL))
        numbers = itertools.count()
        return {rows: [next(numbers) for _ in range(count)] for rows, count in {USUAL: usual, **self.large}.items()}


FULL = Size(100_000, {2_000: 9, 20_000: 3, 100_000: 1})
QUICK = Size(10_000, {2_000: 5, 20_000: 2})


def share(rows: int) -> int:
    """Return how many rows of each table a customer has who has so many of all."""
    return -(-rows // len(TABLES))


def key(pair: int, *, absorbed: bool) -> int:
    """Return the key of a customer of a pair."""
    return 10 * pair + 11 + absorbed


def load(url: str, size: Size) -> None:
    """Make the host's tables and fill them, the same in every run."""
    pairs = size.pairs()
    flat = [pair for some in pairs.values() for pair in some]
    sides = [(pair, absorbed) for pair in flat for absorbed in (False, True)]
    clients = [
        (
            key(pair, absorbed=absorbed),
            f"{'SA'[absorbed]}{pair}",
            f"Sonnentau {pair} GmbH",
            "Karlsruhe",
            HASH,
            "active",
        )
        for pair, absorbed in sides
    ]
    keys = [key(pair, absorbed=absorbed) for pair, absorbed in sides]
    domains = [
        (owner, owner, f"{'sa'[absorbed]}{pair}.example") for owner, (pair, absorbed) in zip(keys, sides, strict=True)
    ]
    with _Filling(url) as filling:
        filling.make(
            "client",
            "id bigint primary key, client_no text not null unique, company text, city text, pass text, status text",
            clients,
        )
        filling.make("domain", "id bigint primary key, client_id bigint not null, name text not null unique", domains)
        filling.index("domain")
        for table in TABLES:
            to = "references client (id)" if table in TABLES_WITH_CONSTRAINT else ""
            columns = f"id bigint primary key, client_id bigint not null {to}, title text, amount numeric(10, 2)"
            filling.make(table, columns, _rows(table, pairs, size.rows))
            filling.index(table)


def _rows(table: str, pairs: dict[int, list[int]], count: int) -> Iterator[tuple[int, int, str, str]]:
    """Yield a table's rows; those of one customer lie scattered, as they do where they came over years."""
    chance = random.Random(table)  # noqa: S311 (no secret)
    owners = [
        owner
        for rows, some in pairs.items()
        for pair in some
        for owner in [key(pair, absorbed=True)] * share(rows) + [key(pair, absorbed=False)] * share(USUAL)
    ]
    # What is left over belongs to survivors.
    owners += [key(pair, absorbed=False) for pair in itertools.islice(itertools.cycle(pairs[USUAL]), count)]
    owners = owners[:count]
    chance.shuffle(owners)
    for place, owner in enumerate(owners, start=1):
        yield place, owner, f"entry {place} of {table}", f"{place % 997}.50"


class _Filling:
    """A connection of a host's own program."""

    def __init__(self, url: str) -> None:
        self._is_sqlite = url.startswith("sqlite:")
        # Any: the two drivers have no type in common.
        self._connection: Any = (
            sqlite3.connect(url.removeprefix("sqlite:///")) if self._is_sqlite else psycopg.connect(url)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.commit()
        if not self._is_sqlite:
            self._connection.autocommit = True
            self._connection.execute("VACUUM ANALYZE")
        self._connection.close()

    def make(self, table: str, columns: str, rows: Iterator[Any] | list[Any]) -> None:
        self._connection.execute(f"CREATE TABLE {table} ({columns})")
        if self._is_sqlite:
            marks = ", ".join("?" * len(columns.replace("(10, 2)", "").split(",")))
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        else:
            with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

    def index(self, table: str) -> None:
        self._connection.execute(f"CREATE INDEX {table}_client ON {table} (client_id)")


def mapping(folder: Path) -> Path:
    """Write the mapping of the host and return its file."""
    without = ", ".join(f'"{table}.client_id"' for table in TABLES if table not in TABLES_WITH_CONSTRAINT)
    path = folder / "host.toml"
    path.write_text(
        f"""\
format = 1
name = "measured"

[customer]
table = "client"
key = "id"
number = "client_no"
password = "pass"
retire = {{ status = "closed" }}

[fields]
company = "company"
city = "city"

[domain]
table = "domain"
name = "name"
customer = "client_id"

[[reference]]
columns = [{without}]
policy = "move"
"""
    )
    path.chmod(0o600)
    return path
