"""Writes merged pairs with their orders, before-images and history into a database, as custmerge would have.

python audit_child.py DATABASE_URL FIRST LAST
"""

import secrets
import sys
from itertools import islice

from custmerge.rules.fields import FIELDS, Customer, Package
from custmerge.rules.history import Action, Actor, Draft, Head, image_digest
from custmerge.rules.plan import Choice, Order, Plan, before_image
from custmerge.storage.database import Database
from custmerge.storage.dialect import dialect_of
from custmerge.storage.unit import Unit

ORDERS_AT_ONCE = 10_000
BEN, AT = Actor("ben", "staff"), "2026-11-24T00:00:00Z"
ADDRESS = ("Marktstr. 12", "76131", "Karlsruhe", "0721 913740")
VALUES = ("Sonnentau GmbH", "Katrin", "Vogelsang", *ADDRESS, *("",) * 4)


def merged(url: str, first: int, last: int) -> None:
    """Write the orders from `first` to `last` with all that belongs to them, as custmerge would have."""
    database = Database(url)
    orders = iter(range(first, last))
    while some := list(islice(orders, ORDERS_AT_ONCE)):
        for attempt in database.attempts():
            with attempt as unit:
                _write(unit, some)
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
    dialect = dialect_of(connection)
    dialect.insert_rows(connection, "customer", columns, kept + gone)
    rows = [(p.package, to, p.name) for p, to in packages]
    dialect.insert_rows(connection, "package", ("package", "number", "name"), rows)
    domains = [(name, name, p.package) for p, _to in packages for name in p.domains]
    dialect.insert_rows(connection, "domain", ("ascii_name", "name", "package"), domains)
    unit.ledger.add(executed)
    end = Head(head.seq, head.hash, head.order)
    unit.chain.append(drafts, locked=end, order=executed[-1][0].order)


def _plan(number: int) -> Plan:
    packages = tuple(Package(f"P{number}-{k}", f"A{number}", "Web", (f"d{number}-{k}.example",)) for k in (1, 2))
    survivor, absorbed = (Customer(f"{side}{number}", VALUES) for side in "SA")
    return Plan(survivor, absorbed, Choice.IDENTICAL, {}, packages)


merged(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
