"""Brings a customers file into a database with the driver alone: FILE URL [--no-search].

Checks nothing. `search` is the plain lower-case text of the row without bank data, or empty with --no-search.
"""

import csv
import sqlite3
import sys
import time
from collections.abc import Iterator

import psycopg

DURABILITY = "PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL"


def rows(file: str, *, search: bool) -> Iterator[list[str]]:
    with open(file, encoding="utf-8", newline="") as lines:  # noqa: PTH123 (as one would write it)
        reader = csv.reader(lines)
        yield [*next(reader), "search"]
        for cells in reader:
            cells.append(" ".join(cells[:-2]).lower() if search else "")
            yield cells


def insert(columns: list[str], mark: str) -> str:
    return f"INSERT INTO customer ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


def into_sqlite(path: str, records: Iterator[list[str]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in DURABILITY:
        connection.execute(pragma)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(insert(next(records), "?"), records)
    connection.execute("COMMIT")
    connection.close()


def into_postgresql(url: str, records: Iterator[list[str]]) -> None:
    with psycopg.connect(url) as connection:
        connection.cursor().executemany(insert(next(records), "%s"), records)


if __name__ == "__main__":
    file, url, *options = sys.argv[1:]
    records = rows(file, search="--no-search" not in options)
    start = time.perf_counter()
    if url.startswith("sqlite:///"):
        into_sqlite(url.removeprefix("sqlite:///"), records)
    else:
        into_postgresql(url, records)
    print(time.perf_counter() - start)
