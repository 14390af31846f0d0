"""Many processes merge and undo at random among the same customers: nothing is lost or doubled, and how fast.

Every process works through the services as an agent of its own does. Whoever loses a race is told, and goes on.
"""

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from databases import HASH, Kind, Ready, copied, furnished
from measuring import heading, line, written

from custmerge.errors import CustmergeError, ExitCode
from custmerge.rules.audit import CheckName, Verdict
from custmerge.rules.history import stamp
from custmerge.rules.people import PROOF_LASTS, Proof, verified_sha256
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import access, merge, undo
from custmerge.services import audit as audit_service
from custmerge.storage.database import Database

CUSTOMERS, SECONDS, PROCESSES = 1_000, 60, 8
RATES = (1, 2, 4, 8)
RATE_SECONDS = 10
LOSES = {ExitCode.NOT_THERE, ExitCode.CONFLICT}
"""What the loser of a race is told."""
TOO = {"proof_required", "database_locked"}
"""Told besides: an order or an undo has voided the proof; somebody else was quicker for longer than one waits."""
WANTED = audit_service.Wanted(frozenset(CheckName), None, since_checkpoint=False, retention_days=365)


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    customers, seconds, rate_seconds = (200, 3, 1) if quick else (CUSTOMERS, SECONDS, RATE_SECONDS)
    heading(f"Soak: merges and undos at random among {customers:,} customers, {os.cpu_count()} cores")
    for kind in kinds:
        ready = peopled(kind, folder, customers)
        rates = {}
        for processes in RATES:
            done = soaked(copied(kind, ready, folder), customers, processes, rate_seconds)
            rates[processes] = done["merge"] / rate_seconds
            met = None if processes != 4 or kind.name == "SQLite" else rates[4] >= rates[1]
            goal = "" if met is None else ">= 1 process"
            ratio = rates[1] / rates[processes] if rates[processes] else None
            line(f"merges, {processes} processes, {kind.name}", f"{rates[processes]:.0f} /s", ratio, goal, met=met)
        done = soaked(copied(kind, ready, folder), customers, PROCESSES, seconds)
        told = sum(count for name, count in done.items() if name not in ("merge", "undo"))
        said = f"{done['merge']:,} merges, {done['undo']:,} undos, {told:,} told to give way"
        line(f"{PROCESSES} processes for {seconds} s, {kind.name}: nothing lost, audit OK", said)


def peopled(kind: Kind, folder: Path, customers: int) -> Ready:
    """Return a database of customers who differ in their city, with a package and a domain each."""
    ready = furnished(kind, folder)
    numbers = [str(number) for number in range(customers)]
    cities = ([number, "Ulm" if int(number) % 2 else "Kiel", HASH] for number in numbers)
    packages = ([f"P{number}", number, f"d{number}.example"] for number in numbers)
    ready("import", "customers", written(folder / "soak.csv", ("number", "city", "password_hash"), cities))
    ready("import", "packages", written(folder / "soak-packages.csv", ("package", "number", "domains"), packages))
    return ready


def soaked(ready: Ready, customers: int, processes: int, seconds: float) -> Counter[str]:
    """Let processes work at random, demand that nothing was lost, and return what they did and were told."""
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    begin = context.Barrier(processes)
    workers = [
        context.Process(target=work, args=(ready.url, ready.token, customers, seed, seconds, begin, told))
        for seed in range(processes)
    ]
    for worker in workers:
        worker.start()
    found: Counter[str] = Counter()
    for _ in workers:
        found.update(told.get())
    for worker in workers:
        worker.join()
    if failed := [worker.exitcode for worker in workers if worker.exitcode]:
        sys.exit(f"processes of the soak ended with {failed}")
    demand_nothing_lost(ready, customers, found)
    return found


def work(url: str, token: str, customers: int, seed: int, seconds: float, begin: Any, told: Any) -> None:
    """Merge and undo at random for so long; anything that isn't an answer to a lost race ends the process."""
    dice, done = random.Random(seed), Counter[str]()  # noqa: S311 (no secret)
    mine: list[int] = []
    try:
        with closing(Database(url)) as database:
            caller = access.resume(database, token, datetime.now(UTC))
            begin.wait(60)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                undoes = bool(mine) and dice.random() < 0.45
                try:
                    if undoes:
                        order = mine.pop(dice.randrange(len(mine)))
                        undo.undo(database, caller, undo.Request(frozenset({order})), datetime.now(UTC))
                    else:
                        mine.append(merged(database, caller, dice, customers))
                except CustmergeError as error:
                    if error.exit not in LOSES and error.code not in TOO:
                        raise
                    done[error.code] += 1
                else:
                    done["undo" if undoes else "merge"] += 1
    finally:
        told.put(done)


def merged(database: Database, caller: Any, dice: random.Random, customers: int) -> int:
    survivor, absorbed = map(str, dice.sample(range(customers), 2))
    until = stamp(datetime.now(UTC) + PROOF_LASTS)
    proof = Proof(survivor, absorbed, f"d{absorbed}.example", verified_sha256(HASH), until)
    for attempt in database.attempts():
        with attempt as unit:
            unit.people.keep_proof(caller.token_sha256, proof)
    wishes = Wishes(dice.choice([Choice.ADOPT, Choice.KEEP]), fill=True)
    request = merge.Request(absorbed, survivor, wishes)
    receipt = merge.merge(database, caller, request, salt=dice.randbytes(16), now=datetime.now(UTC))
    return int(receipt.order or 0)


def demand_nothing_lost(ready: Ready, customers: int, done: Counter[str]) -> None:
    """End the benchmark unless every domain is there once, every order is told of, and the audit is content."""
    with closing(Database(ready.url)) as database:
        caller = access.resume(database, ready.token, datetime.now(UTC))
        with database.reading() as unit:
            domains = sorted(name for package, _ in unit.register.all_packages() for name in package.domains)
        if domains != sorted(f"d{number}.example" for number in range(customers)):
            sys.exit(f"a domain was lost or doubled: {len(domains)} of {customers}")
        audit = audit_service.audit(database, caller, WANTED, datetime.now(UTC))
        if audit.verdict is not Verdict.OK:
            sys.exit(f"the audit found {audit.findings}")
        if audit.head.order != done["merge"]:
            sys.exit(f"{done['merge']} merges were done and {audit.head.order} are in the history")
