"""The audit against the bare loop that fetches the history and chains SHA-256 over it."""

import json
import secrets
from itertools import islice
from pathlib import Path

from databases import Kind, Ready, furnished
from importing import COLUMNS
from measuring import FLOORS, PYTHON, finished, heading, line

from custmerge.rules.fields import FIELDS, Customer, Package
from custmerge.rules.history import Action, Actor, Draft, Head, image_digest
from custmerge.rules.image import before_image
from custmerge.rules.plan import Choice, Order, Plan
from custmerge.storage.rows import insert_rows
from custmerge.storage.unit import Database, Unit

ROUNDS = 3
ORDERS_AT_ONCE = 10_000
NEW_ENTRIES = 1_000
BEN, AT = Actor("ben", "staff"), "2026-11-24T00:00:00Z"
VALUES = (
    "Sonnentau GmbH",
    "Katrin",
    "Vogelsang",
    "Marktstr. 12",
    "76131",
    "Karlsruhe",
    "0721 913740",
    "",
    "",
    "",
    "",
)
assert len(VALUES) == len(COLUMNS) - 1 == len(FIELDS)


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    sizes = (2_000, 4_000) if quick else (100_000, 1_000_000)
    for kind in kinds:
        ready = furnished(kind, folder)
        peaks, rates, made = [], [], 0
        for size in sizes:
            merged(ready.url, made, size)
            made = size
            heading(f"Audit of {size} merges with two packages and two domains each, {kind.name}")
            peak, rate = measured(ready, size)
            peaks.append(peak)
            rates.append(rate)
        growth = peaks[1] / peaks[0]
        line(f"peak memory, {sizes[1]} to {sizes[0]}", f"{peaks[1] >> 20} MB", growth, "<= 1.20", met=growth <= 1.2)
        line("entries a second of the whole, likewise", f"{rates[1]:.0f} /s", rates[1] / rates[0])
        measured_since(ready, folder, made)


def measured(ready: Ready, size: int) -> tuple[int, float]:
    """Print the audit of a database against its floor; returns peak bytes and entries a second of the whole."""
    floor, chain, whole = [], [], []
    peak = 0
    for _ in range(ROUNDS):
        loop = finished((PYTHON, FLOORS / "chain_loop.py", ready.url), ready.environ)
        floor.append(float(loop.out.split()[0]))
        chain.append(json.loads(ready("audit", "--only", "chain", "--format", "json").out)["seconds"])
        done = ready("audit", "--format", "json")
        whole.append(json.loads(done.out)["seconds"])
        peak = max(peak, done.peak_bytes)
    bare = min(floor)
    line("the bare loop", f"{bare:.2f} s, {loop.peak_bytes >> 20} MB")
    for name, seconds, goal in (("chain", min(chain), 1.5), ("the whole audit", min(whole), 2.5)):
        line(name, f"{seconds:.2f} s", seconds / bare, f"<= {goal}", met=seconds <= goal * bare)
    line("peak memory of one of its processes", f"{peak >> 20} MB")
    return peak, size / min(whole)


def measured_since(ready: Ready, folder: Path, made: int) -> None:
    """Print what an audit takes that goes on from a checkpoint, with start-up."""
    points = folder / f"points-{made}"
    points.unlink(missing_ok=True)
    ready("audit", "--checkpoint", points)
    merged(ready.url, made, made + NEW_ENTRIES)
    start_up = min(ready("whoami").seconds for _ in range(ROUNDS))
    since = ready("audit", "--checkpoint", points, "--since-checkpoint").seconds
    goal = start_up + 1
    line(
        f"--since-checkpoint, {NEW_ENTRIES} new entries, with start-up",
        f"{since:.2f} s",
        None,
        f"<= {goal:.2f} s",
        met=since <= goal,
    )


def merged(url: str, first: int, last: int) -> None:
    """Write the orders from `first` to `last` with all that belongs to them, as custmerge would have."""
    database = Database(url)
    orders = iter(range(first, last))
    while some := list(islice(orders, ORDERS_AT_ONCE)):
        database.attempt(lambda unit, some=some: _write(unit, some))
    with database.writing() as unit:
        unit._connection.exec_driver_sql("ANALYZE")
    database.close()


def _write(unit: Unit, numbers: list[int]) -> None:
    connection, head = unit._connection, unit.chain.lock()
    plans = [_plan(number) for number in numbers]
    executed, drafts = [], []
    for place, plan in enumerate(plans, start=1):
        image, salt = before_image(plan), secrets.token_bytes(16)
        survivor, absorbed = plan.survivor.number, plan.absorbed.number
        order = Order(head.order + place, survivor, absorbed, plan.choice, (), AT, BEN.name)
        executed.append((order, salt, image))
        facts = {"order": order.order, "survivor": survivor, "absorbed": absorbed, "choice": plan.choice.value}
        told = {"taken": [], "packages": 2, "domains": 2, "image_sha256": image_digest(salt, image)}
        drafts.append(Draft(AT, BEN, Action.MERGE, {**facts, **told}))
    columns = ("number", *FIELDS, "password_hash", "merged_into", "search")
    kept = [(plan.survivor.number, *VALUES, None, None, plan.survivor.number.lower()) for plan in plans]
    gone = [
        (p.absorbed.number, *("",) * len(FIELDS), None, p.survivor.number, p.absorbed.number.lower()) for p in plans
    ]
    packages = [(package, plan.survivor.number) for plan in plans for package in plan.packages]
    insert_rows(connection, "customer", columns, kept + gone)
    insert_rows(connection, "package", ("package", "number", "name"), [(p.package, to, p.name) for p, to in packages])
    domains = [(name, name, p.package) for p, _to in packages for name in p.domains]
    insert_rows(connection, "domain", ("ascii_name", "name", "package"), domains)
    unit.ledger.add(executed)
    end = Head(head.seq, head.hash, head.order)
    unit.chain.append(drafts, behind=end, order=executed[-1][0].order)


def _plan(number: int) -> Plan:
    packages = tuple(Package(f"P{number}-{k}", f"A{number}", "Web", (f"d{number}-{k}.example",)) for k in (1, 2))
    survivor, absorbed = (Customer(f"{side}{number}", VALUES) for side in "SA")
    return Plan(survivor, absorbed, Choice.IDENTICAL, {}, packages)
