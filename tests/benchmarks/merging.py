"""Single merges through the service, against the statements that it executes in the plain driver."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
from databases import HASH, Kind, Ready, copied, furnished
from floors.executemany import DURABILITY
from importing import COLUMNS
from measuring import heading, line, medians, written
from sqlalchemy import event

from custmerge.rules.history import stamp
from custmerge.rules.people import PROOF_LASTS, Proof, verified_sha256
from custmerge.services import access
from custmerge.services import merge as merge_service
from custmerge.storage.database import Database

# Any: parameters as the driver takes them.
Statement = tuple[str, Any]
SAME = ["Sonnentau GmbH", "Katrin", "Vogelsang", "Marktstr. 12", "76131", "Karlsruhe", "0721 913740", "", "", "", ""]


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    pairs = 50 if quick else 400
    heading(f"Single merges: medians of {pairs}, identical pairs, two packages and two domains each")
    for kind in kinds:
        ready = _furnished(kind, folder, pairs + 1)
        # Three copies: one to look on which statements there are, one for the service, one for the driver.
        looked_at, served, plain = (copied(kind, ready, folder) for _ in range(3))
        orders = recorded(looked_at, pairs + 1)
        merge, replay = _merges(served, pairs + 1), _replays(kind, plain, orders)
        # The first opens the connection.
        merge()
        replay()
        found = medians({"service": merge, "driver": replay}, pairs)
        executed = len(orders[-1])
        line(f"{executed} statements and a commit in the plain driver, {kind.name}", _rate(found["driver"]))
        line(f"the service, {kind.name}", _rate(found["service"]), found["driver"] / found["service"])


def _merges(ready: Ready, count: int) -> Callable[[], float]:
    """Return a function that executes the next order and returns its seconds."""
    database, now = Database(ready.url), datetime.now(UTC)
    caller = access.resume(database, ready.token, now)
    numbers = iter(range(count))

    def merge() -> float:
        number = next(numbers)
        request = merge_service.Request(f"A{number}", f"S{number}")
        start = time.perf_counter()
        merge_service.merge(database, caller, request, salt=b"s" * 16, now=now)
        return time.perf_counter() - start

    return merge


def recorded(ready: Ready, count: int) -> list[list[Statement]]:
    """Execute orders through the service and return the statements of each."""
    database, now = Database(ready.url), datetime.now(UTC)
    caller = access.resume(database, ready.token, now)
    orders: list[list[Statement]] = []

    # Any: SQLAlchemy's own signature.
    def record(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        orders[-1].extend((sql, one) for one in (parameters if many else [parameters]))

    event.listen(database._engine, "before_cursor_execute", record)
    for number in range(count):
        orders.append([])
        request = merge_service.Request(f"A{number}", f"S{number}")
        merge_service.merge(database, caller, request, salt=b"s" * 16, now=now)
    database.close()
    return orders


def _replays(kind: Kind, ready: Ready, orders: Iterable[list[Statement]]) -> Callable[[], float]:
    """Return a function that executes the statements of the next order and returns its seconds."""
    waiting = iter(orders)
    # Any: the two drivers have no type in common.
    connection: Any
    if kind.name == "SQLite":
        connection = sqlite3.connect(ready.url.removeprefix("sqlite:///"), isolation_level=None)
        for pragma in DURABILITY:
            connection.execute(pragma)
    else:
        connection = psycopg.connect(ready.url)

    def replay() -> float:
        statements = next(waiting)
        start = time.perf_counter()
        for sql, parameters in statements:
            cursor = connection.execute(sql, parameters)
            if cursor.description:
                cursor.fetchall()
        connection.commit()
        return time.perf_counter() - start

    return replay


def _furnished(kind: Kind, folder: Path, pairs: int) -> Ready:
    """Return a database with pairs that are alike: S0 and A0, S1 and A1 …, and a proof for each."""
    ready = furnished(kind, folder)
    numbers = list(chain.from_iterable((f"S{i}", f"A{i}") for i in range(pairs)))
    packages = [(f"{n}-{k}", n, f"{n}-{k}.example".lower()) for n in numbers for k in (1, 2)]
    columns = (*COLUMNS, "password_hash")
    ready("import", "customers", written(folder / "pairs.csv", columns, ([n, *SAME, HASH] for n in numbers)))
    ready("import", "packages", written(folder / "packages.csv", ("package", "number", "domains"), packages))
    token, sha256 = hashlib.sha256(ready.token.encode()).hexdigest(), verified_sha256(HASH)
    until = stamp(datetime.now(UTC) + PROOF_LASTS)
    database = Database(ready.url)
    with database.writing() as unit:
        for i in range(pairs):
            unit.people.keep_proof(token, Proof(f"S{i}", f"A{i}", f"a{i}-1.example", sha256, until))
    database.close()
    return ready


def _rate(seconds: float) -> str:
    return f"{1 / seconds:.0f} /s"
