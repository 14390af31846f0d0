"""Groups customers by the stored key of their identity with the driver alone: URL FILE.

Writes the numbers of each group of two or more into a file, a group a line, and prints the seconds.
"""

import sqlite3
import sys
import time
from collections.abc import Iterator

import psycopg

GROUPS = (
    "SELECT {}(number, ' ') FROM customer WHERE identity_key IS NOT NULL GROUP BY identity_key HAVING count(*) > 1"
)


def groups(url: str) -> Iterator[tuple[str]]:
    if url.startswith("sqlite:///"):
        yield from sqlite3.connect(url.removeprefix("sqlite:///")).execute(GROUPS.format("group_concat"))
        return
    with psycopg.connect(url) as connection, connection.cursor("groups") as cursor:
        cursor.itersize = 5_000
        yield from cursor.execute(GROUPS.format("string_agg"))


if __name__ == "__main__":
    url, file = sys.argv[1:]
    start = time.perf_counter()
    with open(file, "w", encoding="utf-8") as lines:  # noqa: PTH123 (as one would write it)
        lines.writelines(f"{numbers}\n" for (numbers,) in groups(url))
    print(time.perf_counter() - start)
