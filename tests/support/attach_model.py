"""An independent model of a host's database under merges and undos: plain Python, written from the page on attaching.

Rows are dictionaries, found again by a number that no database knows. What isn't allowed ends with `Refused`.
"""

from copy import deepcopy
from dataclasses import dataclass

from support.attach_host import Child, Unique


class Refused(Exception):
    """Nothing has changed; says why."""


@dataclass
class Order:
    number: int
    survivor: str
    absorbed: str
    changes: dict
    """(table, row) → (before, after); a row that was dropped has no `after`."""
    stays: list
    """Rows that stay in the place of dropped ones."""
    took_city: bool
    is_undone: bool = False


class Model:
    def __init__(self, host, rows):
        self.host = host
        self.rows = {name: dict(enumerate(map(dict, rows[name]))) for name in host.tables}
        self.merged_into = {}
        self.orders = []

    def numbers(self):
        return [str(row[self.host.number]) for row in self.rows[self.host.client].values()]

    def customer(self, number):
        return next(
            place for place, row in self.rows[self.host.client].items() if str(row[self.host.number]) == number
        )

    # Orders

    def merge(self, survivor, absorbed, *, take_city=False):
        """Merge as an order of its own does; returns its number."""
        for number in (survivor, absorbed):
            if number in self.merged_into or number not in self.numbers():
                raise Refused(f"{number} isn't in use")
        if survivor == absorbed:
            raise Refused("with itself")
        before = deepcopy(self.rows)
        number = len(self.orders) + 1
        work = _Merge(self.host, self.rows, self.customer(survivor), self.customer(absorbed), number)
        try:
            work.execute(take_city=take_city)
        except Refused:
            self.rows = before
            raise
        changes = {}
        for table, rows in before.items():
            for place, row in rows.items():
                now = self.rows[table].get(place)
                if now != row:
                    changes[table, place] = row, deepcopy(now)
        self.merged_into[absorbed] = survivor
        self.orders.append(Order(number, survivor, absorbed, changes, work.stays, work.took_city))
        return number

    def run(self, pairs):
        """Merge pairs as a bulk run does; returns the number of each order, None where it was refused."""
        return [self._number_of(*pair) for pair in pairs]

    def _number_of(self, survivor, absorbed):
        try:
            return self.merge(survivor, absorbed)
        except Refused:
            return None

    # Undos

    def undo(self, number):
        order = self.orders[number - 1]
        if order.is_undone:
            raise Refused("undone already")
        if order.survivor in self.merged_into or self.merged_into.get(order.absorbed) != order.survivor:
            raise Refused("a number went elsewhere")
        later = [one for one in self.orders[number:] if not one.is_undone]
        if order.took_city and any(one.took_city and one.survivor == order.survivor for one in later):
            raise Refused("a later order took the same")
        self._demand_same_keys(order, later)
        rows = deepcopy(self.rows)
        for table, place in order.stays:
            if place not in rows[table]:
                raise Refused(f"{table}: a row that stayed is gone")
        for (table, place), (before, after) in order.changes.items():
            if after is None:
                rows[table][place] = dict(before)
                continue
            if place not in rows[table]:
                raise Refused(f"{table}: a row is gone")
            self._give_back(rows[table][place], before, after)
        demand_constraints(self.host, rows)
        self.rows = rows
        del self.merged_into[order.absorbed]
        order.is_undone = True

    def _demand_same_keys(self, order, later):
        for table, place in [at for one in later for at in one.stays]:
            before, after = order.changes.get((table, place), ({}, {}))
            if after and any(before[name] != after[name] for name in self.host.tables[table].uniques[0].columns):
                # Its key has the customer in it: nobody would find the row that took the place of another.
                raise Refused("a later order dropped a row into one that would get another key")

    def _give_back(self, row, before, after):
        touch = self.host.touch and self.host.touch[0]
        for column, old in before.items():
            if old == after[column] or row[column] == old:
                continue
            if row[column] == after[column]:
                row[column] = old
            elif column != touch:
                raise Refused(f"{column} doesn't hold what the order wrote")

    def undo_together(self, numbers):
        """Undo orders in one transaction, newest first; those that are undone already are skipped."""
        kept = deepcopy((self.rows, self.merged_into))
        undone = []
        try:
            for number in sorted(numbers, reverse=True):
                if not self.orders[number - 1].is_undone:
                    self.undo(number)
                    undone.append(number)
        except Refused:
            self.rows, self.merged_into = kept
            for number in undone:
                self.orders[number - 1].is_undone = False
            raise

    @property
    def living_orders(self):
        return [order.number for order in self.orders if not order.is_undone]


class _Merge:
    """One order on the rows of all tables, which it changes; they are of no use after `Refused`."""

    def __init__(self, host, rows, survivor, absorbed, number):
        self.host, self.rows, self.number = host, rows, number
        self.survivor, self.absorbed = survivor, absorbed
        clients = rows[host.client]
        self.keys = {name: (clients[survivor][name], clients[absorbed][name]) for name in (host.key, *host.keys)}
        self.values = {
            "{null}": None,
            "{order}": number,
            "{survivor.key}": clients[survivor][host.key],
            "{survivor.number}": str(clients[survivor][host.number]),
        }
        self.stays = []
        self.into = {}
        self.took_city = False

    def execute(self, *, take_city):
        before = deepcopy(self.rows)
        dropped = []
        for table in sorted(self.host.tables):
            dropped += self._references(table)
        while dropped:
            dropped = self._children(dropped)
        self.stays = [(table, self._staying(table, place)) for table, place in self.stays]
        self._customers(take_city=take_city)
        if self.host.touch is not None:
            self._touch(before)
        demand_constraints(self.host, self.rows)

    def _references(self, table):
        """Do what the mapping says about a table's references; returns table, row and place of what is dropped."""
        references = [one for one in self.host.references if one.table == table and one.is_followed]
        moved = {}
        for place, row in self.rows[table].items():
            mine, theirs = self._held(references, row)
            if not theirs:
                continue
            reference = theirs[0][0]
            if reference.policy == "refuse":
                raise Refused(f"{table} has rows of the absorbed number")
            is_own = table == self.host.client and place == self.survivor
            if mine or is_own:
                if reference.itself == "refuse":
                    raise Refused(f"{table} would point from the survivor to the survivor")
                moved[place] = None if reference.itself == "drop" else row
                continue
            moved[place] = self._moved(row, theirs)
        for place in [place for place, row in moved.items() if row is None]:
            self._demand_no_children(table, self.rows[table].pop(place))
            del moved[place]
        moved = {place: row for place, row in moved.items() if row != self.rows[table][place]}
        if not moved:
            return []
        return self._clashed(table, moved, references[0], self._uniques(table, references))

    def _demand_no_children(self, table, gone):
        for child in self.host.tables.values():
            for foreign in child.foreign:
                if foreign.table != table:
                    continue
                key = [gone[name] for name in foreign.to]
                if any([row[name] for name in foreign.columns] == key for row in self.rows[child.name].values()):
                    raise Refused(f"{child.name}: no row stays in the place of one that goes")

    def _held(self, references, row):
        """Return the references of a row that hold a key of the survivor, and those that hold one of the absorbed."""
        found = [], []
        for reference in references:
            if not applies(reference.where, row):
                continue
            for column in reference.columns:
                for side, key in enumerate(self.keys[reference.key or self.host.key]):
                    if row[column] is not None and str(row[column]) == reference.form.format(key=key):
                        found[side].append((reference, column))
        return found

    def _moved(self, row, theirs):
        new = dict(row)
        for reference, column in theirs:
            cell = reference.form.format(key=self.keys[reference.key or self.host.key][0])
            new[column] = int(cell) if isinstance(row[column], int) else cell
            new.update({name: self.values.get(value, value) for name, value in reference.set.items()})
        return new

    def _uniques(self, table, references):
        uniques = list(self.host.tables[table].uniques)
        for reference in references:
            if reference.unique:
                uniques += [
                    Unique((column, *reference.unique), reference.where, "program") for column in reference.columns
                ]
        return uniques

    def _clashed(self, table, moved, answer, uniques):
        """Put moved rows in their places, but those that clash; `answer` says what becomes of them."""
        rows, before, gone = self.rows[table], dict(self.rows[table]), []
        others = {place: row for place, row in rows.items() if place not in moved}
        for place, new in sorted(moved.items(), key=lambda one: self._key(table, one[1])):
            changed = {column for column, cell in new.items() if cell != before[place][column]}
            found = [
                other
                for other, row in others.items()
                if any(changed & set(unique.columns) and agree(unique, new, row) for unique in uniques)
            ]
            found.sort(key=lambda other: self._key(table, others[other]))
            rows[place] = new
            if not found:
                continue
            if answer.policy == "move":
                raise Refused(f"{table}: both have the same row")
            if answer.policy == "add" and len(found) > 1:
                raise Refused(f"{table}: a row clashes with several")
            stays, goes = (found[0], [place]) if answer.winner == "survivor" else (place, found)
            if answer.policy == "add":
                rows[stays] = added(answer, rows[stays], rows[goes[0]])
            for one in goes:
                gone.append((table, before[one], one))
                self.into[table, one] = stays
                self.stays.append((table, one))
                others.pop(one, None)
                del rows[one]
        return gone

    def _children(self, dropped):
        """Re-point the rows that refer to dropped ones, all at once; returns what is dropped by it."""
        moved = {}
        for table, gone, place in dropped:
            for child in sorted(self.host.tables):
                for foreign in self.host.tables[child].foreign:
                    if foreign.table == table:
                        self._follow(child, foreign, gone, self._staying(table, place), moved)
        found = []
        for child, rows in moved.items():
            references = [one for one in self.host.references if one.table == child and one.is_followed]
            found += self._clashed(child, rows, self._answer(child), self._uniques(child, references))
        return found

    def _follow(self, child, foreign, gone, stays, moved):
        key = [gone[name] for name in foreign.to]
        new = {
            name: self.rows[foreign.table][stays][to] for name, to in zip(foreign.columns, foreign.to, strict=True)
        }
        for place, row in self.rows[child].items():
            if [row[name] for name in foreign.columns] == key:
                if (child, place) == (foreign.table, stays):
                    raise Refused(f"{child}: a row would refer to itself")
                rows = moved.setdefault(child, {})
                rows[place] = {**rows.get(place, row), **new}

    def _staying(self, table, place):
        """Return the row that stays in the place of a dropped one."""
        while place not in self.rows[table]:
            place = self.into[table, place]
        return place

    def _answer(self, table):
        return next((child for child in self.host.children if child.table == table), Child(table, ()))

    def _customers(self, *, take_city):
        host, clients = self.host, self.rows[self.host.client]
        mine, theirs = clients[self.survivor], clients[self.absorbed]
        if take_city and mine[host.city] != theirs[host.city]:
            mine = clients[self.survivor] = {**mine, host.city: theirs[host.city]}
            self.took_city = True
        retired = {name: self.values.get(value, value) for name, value in host.retire.items()}
        clients[self.absorbed] = {**theirs, **retired}
        survivor, absorbed = self.keys[host.key]
        for row in self.rows[host.domain].values():
            if row[host.domain_client] == absorbed:
                row[host.domain_client] = survivor

    def _touch(self, before):
        column, value = self.host.touch
        for table, rows in self.rows.items():
            for place, row in rows.items():
                if column in row and row != before[table][place]:
                    rows[place] = {**row, column: value}

    def _key(self, table, row):
        return tuple(row[name] for name in self.host.tables[table].uniques[0].columns)


def applies(where, row):
    return where is None or row[where[0]] == where[1]


def agree(unique, row, other):
    """Return whether two rows can't both be there."""
    if not (applies(unique.where, row) and applies(unique.where, other)):
        return False
    return all(row[name] is not None and row[name] == other[name] for name in unique.columns)


def added(answer, stays, goes):
    """Return the row that stays, with what the other had."""
    new = dict(stays)
    for name in answer.add:
        cells = [cell for cell in (stays[name], goes[name]) if cell is not None]
        new[name] = sum(cells) if cells else None
    for names, better in ((answer.latest, max), (answer.earliest, min)):
        for name in names:
            cells = [cell for cell in (stays[name], goes[name]) if cell is not None]
            new[name] = better(cells) if cells else None
    return new


def demand_constraints(host, rows):
    """Raise Refused if the database would refuse these rows."""
    for name, table in host.tables.items():
        for unique in table.uniques:
            if unique.kind == "program":
                continue
            seen = set()
            for row in rows[name].values():
                key = tuple(row[column] for column in unique.columns)
                if None in key or not applies(unique.where, row):
                    continue
                if key in seen:
                    raise Refused(f"{name}: {unique.columns} twice")
                seen.add(key)
        for foreign in table.foreign:
            there = {tuple(row[column] for column in foreign.to) for row in rows[foreign.table].values()}
            for row in rows[name].values():
                key = tuple(row[column] for column in foreign.columns)
                if None not in key and key not in there:
                    raise Refused(f"{name}: {foreign.columns} points nowhere")
