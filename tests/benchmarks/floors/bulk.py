"""Merges the pairs of a file by the driver alone, with the same tables and history: FILE URL.

Checks no more than that the pair exists; the choice is `adopt` where the city differs, else `identical`.
"""

import csv
import hashlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import tuple_row

CHUNK = 500
FIELDS = [
    *("company", "first_name", "last_name", "street", "postcode", "city"),
    *("phone", "mobile", "email", "account_number", "bank_code"),
]
DETAILS = FIELDS[3:]
CONTACT = [f"contact_{name}" for name in DETAILS]
AT = "2026-01-31T08:00:00Z"
DURABILITY = "PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL"
# Any: rows as the driver has them.
Row = tuple[Any, ...]
Pair = tuple[str, str]


def canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def choice_of(survivor: Row, absorbed: Row) -> str:
    return "identical" if survivor[1:12] == absorbed[1:12] else "adopt"


def image_of(survivor: Row, absorbed: Row, packages: Sequence[Row]) -> str:
    moved: dict[str, dict[str, Any]] = {}
    for package, domain, *contact in packages:
        kept = None if contact[0] is None else dict(zip(DETAILS, contact, strict=True))
        moved.setdefault(package, {"package": package, "contact": kept, "domains": []})["domains"].append(domain)
    records = [{"number": row[0], **dict(zip(FIELDS, row[1:12], strict=True))} for row in (survivor, absorbed)]
    return canonical({"v": 1, "survivor": records[0], "absorbed": records[1], "packages": list(moved.values())})


def entry_of(
    pair: Pair, choice: str, seq: int, order: int, packages: int, digest: str, previous: str
) -> tuple[str, str]:
    body = canonical(
        {
            "v": 1,
            "seq": seq,
            "at": AT,
            "by": "ben",
            "by_kind": "staff",
            "action": "merge",
            "order": order,
            "survivor": pair[0],
            "absorbed": pair[1],
            "choice": choice,
            "taken": [],
            "packages": packages,
            "domains": packages,
            "image_sha256": digest,
            "batch": 1,
            "row": order,
        }
    )
    return body, hashlib.sha256(bytes.fromhex(previous) + body.encode()).hexdigest()


def chunks(path: str) -> Iterator[list[Pair]]:
    with open(path, encoding="utf-8", newline="") as lines:  # noqa: PTH123 (as one would write it)
        rows = csv.reader(lines)
        next(rows)
        chunk: list[Pair] = []
        for row in rows:
            chunk.append((row[0], row[1]))
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk


def in_sqlite(path: str, file: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in DURABILITY:
        connection.execute(pragma)
    customer = f"SELECT number, {', '.join(FIELDS)} FROM customer WHERE number = ?"
    packages = (
        f"SELECT package.package, domain.name, {', '.join(CONTACT)} FROM package JOIN domain USING (package) "
        "WHERE number = ? ORDER BY package.package, domain.name"
    )
    blank = ", ".join(f"{name} = ''" for name in FIELDS)
    for chunk in chunks(file):
        connection.execute("BEGIN IMMEDIATE")
        seq, previous, order = connection.execute('SELECT seq, hash, "order" FROM custmerge_head').fetchone()
        for pair in chunk:
            survivor, absorbed = (connection.execute(customer, (number,)).fetchone() for number in pair)
            moved = connection.execute(packages, (pair[1],)).fetchall()
            choice = choice_of(survivor, absorbed)
            drop = ", ".join(f"{name} = NULL" for name in CONTACT)
            change = f", {drop}" if choice == "adopt" and any(row[2] is not None for row in moved) else ""
            connection.execute(f"UPDATE package SET number = ?{change} WHERE number = ?", pair)
            connection.execute(
                f"UPDATE customer SET merged_into = ?, search = ?, {blank} WHERE number = ?",
                (pair[0], pair[1], pair[1]),
            )
            seq, order, salt, image = seq + 1, order + 1, os.urandom(16), image_of(survivor, absorbed, moved)
            connection.execute(
                "INSERT INTO custmerge_order VALUES (?, ?, ?, ?, '', ?, 'ben')", (order, *pair, choice, AT)
            )
            connection.execute("INSERT INTO custmerge_before_image VALUES (?, ?, ?)", (order, salt, image))
            digest = hashlib.sha256(salt + image.encode()).hexdigest()
            body, previous = entry_of(pair, choice, seq, order, len(moved), digest, previous)
            connection.execute(
                "INSERT INTO custmerge_history (seq, body, hash) VALUES (?, ?, ?)", (seq, body, previous)
            )
        connection.execute('UPDATE custmerge_head SET seq = ?, hash = ?, "order" = ?', (seq, previous, order))
        connection.execute("COMMIT")


def in_postgresql(url: str, file: str) -> None:
    with psycopg.connect(url, row_factory=tuple_row) as connection:
        for chunk in chunks(file):
            one_chunk(connection, chunk)
            connection.commit()


def one_chunk(connection: psycopg.Connection[Row], chunk: list[Pair]) -> None:
    survivors, absorbed = (list(numbers) for numbers in zip(*chunk, strict=True))
    records = {
        row[0]: row
        for row in connection.execute(
            f"SELECT number, {', '.join(FIELDS)} FROM customer WHERE number = ANY(%s) ORDER BY number FOR UPDATE",
            [survivors + absorbed],
        )
    }
    packages: dict[str, list[Row]] = {}
    for number, *row in connection.execute(
        f"SELECT number, package.package, domain.name, {', '.join(CONTACT)} FROM package JOIN domain USING (package) "
        "WHERE number = ANY(%s) ORDER BY package.package, domain.name",
        [absorbed],
    ):
        packages.setdefault(number, []).append(tuple(row))
    found = connection.execute('SELECT seq, hash, "order" FROM custmerge_head FOR UPDATE').fetchone()
    assert found
    seq, previous, order = found
    orders, images, entries = [], [], []
    for pair in chunk:
        moved = packages[pair[1]]
        choice = choice_of(records[pair[0]], records[pair[1]])
        seq, order, salt = seq + 1, order + 1, os.urandom(16)
        image = image_of(records[pair[0]], records[pair[1]], moved)
        digest = hashlib.sha256(salt + image.encode()).hexdigest()
        body, previous = entry_of(pair, choice, seq, order, len(moved), digest, previous)
        orders.append((order, *pair, choice, "", AT, "ben"))
        images.append((order, salt, image))
        entries.append((seq, body, previous))
    pairs = "FROM unnest(%s::text[], %s::text[]) AS pair (survivor, absorbed)"
    blank = ", ".join(f"{name} = ''" for name in FIELDS)
    connection.execute(f"UPDATE package SET number = survivor {pairs} WHERE number = absorbed", [survivors, absorbed])
    connection.execute(
        f"UPDATE customer SET merged_into = survivor, search = absorbed, {blank} {pairs} WHERE number = absorbed",
        [survivors, absorbed],
    )
    for table, rows in (
        ("custmerge_order", orders),
        ("custmerge_before_image", images),
        ("custmerge_history (seq, body, hash)", entries),
    ):
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    connection.execute('UPDATE custmerge_head SET seq = %s, hash = %s, "order" = %s', [seq, previous, order])


if __name__ == "__main__":
    file, url = sys.argv[1:]
    start = time.perf_counter()
    if url.startswith("sqlite:///"):
        in_sqlite(url.removeprefix("sqlite:///"), file)
    else:
        in_postgresql(url, file)
    print(time.perf_counter() - start)
