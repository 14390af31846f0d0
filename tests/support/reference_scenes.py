"""A few tables of a host for the engine of references: rules, rows, orders, undos, and the rows afterwards."""

import json

from custmerge.rules.fields import Customer
from custmerge.rules.mapping import Policy
from custmerge.rules.references.image import decoded, encoded
from custmerge.rules.references.state import References
from custmerge.rules.references.table_rules import ChildReference, CustomerReference, TableRules, UniqueRules
from custmerge.rules.references.undo import plan_undo_references


def a_customer(number, *keys):
    return Customer(str(number), keys=tuple(map(str, keys or (number,))))


def a_reference(column="client", policy="move", **more):
    return CustomerReference(column, Policy(policy), **more)


def a_child(column, parent, policy="move", to="id", **more):
    return ChildReference((column,), parent, (to,), Policy(policy), **more)


def a_unique(*columns, **more):
    return UniqueRules(columns, **more)


def a_table(name, columns, *rules, key="id", **more):
    """Return the rules of a table; `columns` and `key` are names with spaces between, the key's first."""
    return TableRules(
        name,
        tuple(key.split()),
        tuple(columns.split()),
        references=tuple(rule for rule in rules if isinstance(rule, CustomerReference)),
        children=tuple(rule for rule in rules if isinstance(rule, ChildReference)),
        uniques=tuple(rule for rule in rules if isinstance(rule, UniqueRules)),
        **more,
    )


class Scene:
    """Tables with their rows, given by name: cells of the columns, then of the conditions."""

    def __init__(self, *tables, own=None, written=None, **rows):
        self.tables = {table.table: table for table in tables}
        self.present = {name: [list(row) for row in rows.get(name, ())] for name in self.tables}
        self.references = References(self.tables, own, written)
        for name, several in rows.items():
            self.references.add(name, several)
        self.orders = []
        self.absorbed = []

    def merge(self, survivor, absorbed, changes=None, packages=()):
        """Execute an order for two numbers, or customers; returns what it changes."""
        if not isinstance(survivor, Customer):
            survivor, absorbed = a_customer(survivor), a_customer(absorbed)
        changed = self.references.decide(survivor, absorbed, changes or {}, packages, len(self.orders))
        self.references.apply(changed)
        self.orders.append(changed)
        self.absorbed.append(absorbed)
        return changed

    def written(self, first_order=1):
        """Write everything, and let undos begin with what is there then."""
        self._write(self.references.steps(first_order))
        self.orders = [decoded(json.loads(json.dumps(encoded(order, first_order)))) for order in self.orders]
        return self

    def undo(self, place=0):
        """Undo an order; returns what is in the way, in English."""
        references = References(self.tables)
        for name, rows in self.present.items():
            references.add(name, rows)
        given_back, obstacles = plan_undo_references(self.orders[place], references, self.absorbed[place].keys)
        if not obstacles:
            references.undo(given_back)
            self._write(references.steps())
        return [obstacle.why.format(**obstacle.fills) for obstacle in obstacles]

    def rows(self, table):
        """Return the rows of a table as they are written, in the order of their keys."""
        if self.orders and not isinstance(self.references, Written):
            self.written()
        return sorted(
            (tuple(row) for row in self.present[table]), key=lambda row: (str(row[0]).rjust(9), str(row[1]))
        )

    def _write(self, steps):
        for step in steps:
            for table, keys in step.dropped.items():
                self.present[table] = [row for row in self.present[table] if self._key(table, row) not in set(keys)]
            for write in step.updated:
                by_key = {self._key(write.table, row): row for row in self.present[write.table]}
                for place, key in enumerate(write.keys):
                    for name, cell in (*write.cells, *((name, each[place]) for name, each in write.each)):
                        by_key[key][self.tables[write.table].columns.index(name)] = cell
            for table, restored in step.restored.items():
                self.present[table] += [
                    [dict(cells).get(name) for name in self.tables[table].columns] for cells in restored
                ]
        self.references = Written()

    def _key(self, table, row):
        return tuple(row[: len(self.tables[table].key)])


class Written:
    """What is in the place of a transaction's rows after it has ended."""
