"""A host's database in memory, on which the engine of references works alone."""

import json
from copy import deepcopy

from custmerge.errors import ReferenceRefused
from custmerge.rules.fields import Customer, Field
from custmerge.rules.mapping import Itself, Placeholder, Policy, Side
from custmerge.rules.references.image import decoded, encoded
from custmerge.rules.references.state import References
from custmerge.rules.references.table_rules import (
    CellAt,
    ChildReference,
    CustomerReference,
    OwnRows,
    RowAt,
    TableRules,
    UniqueRules,
)
from custmerge.rules.references.undo import plan_undo_references
from custmerge.rules.references.wanted import rows_wanted
from support.attach_model import Refused, applies, demand_constraints

PLACEHOLDERS = {str(one): one for one in Placeholder}


def rules_of(host):
    """Return the rules of every table, as attaching would give them."""
    return {name: _Rules(host, table).rules() for name, table in host.tables.items()}


class _Rules:
    def __init__(self, host, table):
        self.host, self.table = host, table
        self.key = table.uniques[0].columns
        self.computed = {}

    def rules(self):
        host, table = self.host, self.table
        references = [one for entry in host.references if entry.table == table.name for one in self._entry(entry)]
        references = [one for one in references if one.policy is not Policy.LEAVE]
        if table.name == host.domain:
            references.append(CustomerReference(host.domain_client, Policy.MOVE))
        touch = {} if host.touch is None or host.touch[0] not in table.columns else dict([host.touch])
        return TableRules(
            table=table.name,
            key=self.key,
            columns=(*self.key, *(name for name in table.columns if name not in self.key)),
            references=tuple(references),
            children=tuple(self._children()),
            uniques=tuple(self._uniques()),
            touch=touch,
            computed=self.computed,
        )

    def _flag(self, where):
        if where is None:
            return None
        name = f"{where[0]} = {where[1]}"
        self.computed[name] = where
        return name

    def _entry(self, entry):
        keys = (self.host.key, *self.host.keys)
        for column in entry.columns:
            yield CustomerReference(
                column=column,
                policy=Policy(entry.policy),
                key=keys.index(entry.key or self.host.key),
                form=tuple(entry.form.split("{key}")),
                where=self._flag(entry.where),
                winner=Side(entry.winner),
                itself=Itself(entry.itself),
                add=entry.add,
                latest=entry.latest,
                earliest=entry.earliest,
                set=values(entry.set),
            )

    def _uniques(self):
        for unique in self.table.uniques:
            yield UniqueRules(unique.columns, where=self._flag(unique.where))
        for entry in self.host.references:
            if entry.table == self.table.name and entry.unique and entry.is_followed:
                yield from (UniqueRules((column, *entry.unique), of=column) for column in entry.columns)

    def _children(self):
        answers = {(one.table, one.columns): one for one in self.host.children}
        for foreign in self.table.foreign:
            if foreign.table != self.host.client:
                answer = answers.get((self.table.name, foreign.columns))
                policy, winner = (Policy.MOVE, Side.SURVIVOR)
                if answer is not None:
                    policy, winner = Policy(answer.policy), Side(answer.winner)
                yield ChildReference(foreign.columns, foreign.table, foreign.to, policy, winner)


def values(given):
    return {name: PLACEHOLDERS.get(value, value) for name, value in given.items()}


class MemoryHost:
    """The rows of every table, changed only by the steps that the engine gives."""

    def __init__(self, host, rows):
        self.host, self.rules = host, rules_of(host)
        self.rows = {name: [dict(row) for row in rows[name]] for name in host.tables}
        self.images = []
        """Of each order, in the order of their numbers."""
        self.undone = set()

    def merge(self, pairs, *, take_city=False):
        """Merge pairs in one transaction; returns which were executed. Raises Refused if the database would."""
        references = self._read()
        plans, merged, tombstones = [], [], {}
        customers = {str(row[self.host.number]): self._customer(row) for row in self.rows[self.host.client]}
        for pair in pairs:
            survivor, absorbed = (customers[number] for number in pair)
            if survivor.number in tombstones or absorbed.number in tombstones or survivor == absorbed:
                merged.append(False)
                continue
            changes = {Field.CITY: absorbed[Field.CITY]} if take_city else {}
            try:
                plan = references.decide(survivor, absorbed, changes, [], len(plans))
            except ReferenceRefused:
                merged.append(False)
                continue
            assert plan == references.decide(survivor, absorbed, changes, [], len(plans)), "deciding changes nothing"
            references.apply(plan)
            customers[survivor.number] = survivor.with_values(changes)
            tombstones[absorbed.number] = survivor.number
            plans.append(plan)
            merged.append(True)
        first = len(self.images) + 1
        self._write(references.steps(first))
        self.images += [json.dumps(encoded(plan, first)) for plan in plans]
        return merged

    def undo(self, numbers):
        """Undo orders in one transaction, newest first; raises Refused."""
        changes = {number: decoded(json.loads(self.images[number - 1])) for number in numbers}
        wanted = rows_wanted(self.rules, changes.values())
        references = References(self.rules)
        for table, rules in self.rules.items():
            keys = set(wanted.keys.get(table, ()))
            places = wanted.values.get(table, {})
            references.add(
                table,
                [
                    self._read_row(rules, row)
                    for row in self.rows[table]
                    if tuple(row[name] for name in rules.key) in keys
                    or any(tuple(row[name] for name in columns) in held for columns, held in places.items())
                ],
            )
        undone = set(self.undone)
        for number in sorted(numbers, reverse=True):
            given_back, obstacles = plan_undo_references(changes[number], references)
            if obstacles:
                raise Refused(obstacles[0].why)
            for place in range(number + 1, len(self.images) + 1):
                later = decoded(json.loads(self.images[place - 1]))
                if place not in undone and later.hides(changes[number]):
                    raise Refused("a later order changed a row again")
            references.undo(given_back)
            undone.add(number)
        self._write(references.steps())
        self.undone = undone

    def _read(self):
        client = self.rules[self.host.client]
        rows = {str(row[self.host.number]): row for row in self.rows[self.host.client]}
        places = {number: tuple(row[name] for name in client.key) for number, row in rows.items()}
        own = OwnRows(
            customers={number: RowAt(client.table, key) for number, key in places.items()},
            fields={(n, Field.CITY): CellAt(client.table, key, self.host.city) for n, key in places.items()},
            retire=values(self.host.retire),
        )
        # As the storage does: a customer's key, which is a text everywhere, in the type of the column.
        written = {
            (table.name, column, str(row[name])): row[name] if kind == "integer" else str(row[name])
            for table in self.host.tables.values()
            for column, kind in table.columns.items()
            for row in rows.values()
            for name in (self.host.key, self.host.number)
        }
        references = References(self.rules, own, written)
        for table, rules in self.rules.items():
            references.add(table, [self._read_row(rules, row) for row in self.rows[table]])
        return references

    def _read_row(self, rules, row):
        flags = (int(applies(where, row)) for where in rules.computed.values())
        return (*(row[name] for name in rules.columns), *flags)

    def _customer(self, row):
        keys = tuple(str(row[name]) for name in (self.host.key, *self.host.keys))
        return Customer(str(row[self.host.number]), keys=keys).with_values({Field.CITY: row[self.host.city]})

    def _write(self, steps):
        """Execute steps as a database does that checks its constraints after every one; nothing is left undone."""
        before = deepcopy(self.rows)
        try:
            for step in steps:
                for table, keys in step.dropped.items():
                    self._drop(table, set(keys))
                for write in step.updated:
                    self._update(write)
                for table, restored in step.restored.items():
                    columns = self.host.tables[table].columns
                    self.rows[table] += [{name: dict(cells)[name] for name in columns} for cells in restored]
                demand_constraints(self.host, {name: dict(enumerate(rows)) for name, rows in self.rows.items()})
        except Refused:
            self.rows = before
            raise

    def _drop(self, table, keys):
        key = self.rules[table].key
        left = [row for row in self.rows[table] if tuple(row[name] for name in key) not in keys]
        assert len(left) == len(self.rows[table]) - len(keys), "every dropped row is there"
        self.rows[table] = left

    def _update(self, write):
        key, written = self.rules[write.table].key, 0
        rows = {tuple(row[name] for name in key): row for row in self.rows[write.table]}
        for place, at in enumerate(write.keys):
            cells = dict(write.cells) | {name: each[place] for name, each in write.each}
            written += 1
            rows[at] |= cells
        assert written == len(write.keys)
