"""Re-points rows of customers in 12 tables by bare SQL and keeps what was there before: URL PAIRS CHUNK.

PAIRS are `SURVIVOR:ABSORBED` with commas between, keys of customers; CHUNK is how many pairs have one transaction.
Prints the seconds of each transaction. Checks nothing.
"""

import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg

TABLES = [f"part{n:02}" for n in range(12)]
MOVED_ALONG = [*TABLES, "domain"]
DURABILITY = "PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL"
IMAGES = "before_image (merge bigint, host_table text, row bigint, client_id bigint)"
"""A merge is named by the key of the absorbed customer."""
Pair = tuple[int, int]


def in_sqlite(path: str) -> Callable[[list[Pair]], None]:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in DURABILITY:
        connection.execute(pragma)
    # As custmerge has the file.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {IMAGES}")
    connection.execute("CREATE TEMPORARY TABLE pair (absorbed integer primary key, survivor integer)")

    def merge(pairs: list[Pair]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM pair")
        connection.executemany("INSERT INTO pair (survivor, absorbed) VALUES (?, ?)", pairs)
        for table in MOVED_ALONG:
            connection.execute(
                f"INSERT INTO before_image SELECT absorbed, '{table}', id, client_id "
                f"FROM pair CROSS JOIN {table} ON client_id = absorbed"
            )
            # UPDATE … FROM would read all of the table: without statistics SQLite takes `pair` for as large.
            connection.execute(
                f"UPDATE {table} SET client_id = (SELECT survivor FROM pair WHERE absorbed = client_id) "
                "WHERE client_id IN (SELECT absorbed FROM pair)"
            )
        connection.execute("UPDATE client SET status = 'closed' WHERE id IN (SELECT absorbed FROM pair)")
        connection.execute("COMMIT")

    return merge


def in_postgresql(url: str) -> Callable[[list[Pair]], None]:
    connection = psycopg.connect(url)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {IMAGES}")
    connection.commit()
    known = "pair AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS pair (survivor, absorbed))"

    def merge(pairs: list[Pair]) -> None:
        survivors, absorbed = (list(some) for some in zip(*pairs, strict=True))
        for table in MOVED_ALONG:
            # Any: a statement as the driver takes it.
            statement: Any = (
                f"WITH {known}, moved AS (UPDATE {table} SET client_id = survivor FROM pair "
                "WHERE client_id = absorbed RETURNING id, absorbed) "
                f"INSERT INTO before_image SELECT absorbed, '{table}', id, absorbed FROM moved"
            )
            connection.execute(statement, [survivors, absorbed])
        connection.execute("UPDATE client SET status = 'closed' WHERE id = ANY(%s)", [absorbed])
        connection.commit()

    return merge


if __name__ == "__main__":
    url, given, chunk = sys.argv[1:]
    pairs = [(int(survivor), int(absorbed)) for survivor, absorbed in (one.split(":") for one in given.split(","))]
    is_sqlite = url.startswith("sqlite:///")
    merge = in_sqlite(url.removeprefix("sqlite:///")) if is_sqlite else in_postgresql(url)
    for first in range(0, len(pairs), int(chunk)):
        start = time.perf_counter()
        merge(pairs[first : first + int(chunk)])
        print(time.perf_counter() - start)
