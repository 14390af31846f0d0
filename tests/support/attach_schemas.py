"""Random schemas of hosts with rows in them, and the mappings that say what is what."""

from dataclasses import replace
from itertools import count

from hypothesis import strategies as st

from support.attach_host import Child, Foreign, Host, Reference, Table, Unique

TABLE_NAMES = (
    "order",
    "party-category",
    "Left",
    "user list",
    "t%s",
    'quo"te',
    "größe",
    "plain",
    "select",
    "a:b",
    "UPPER",
    "limit",
    "t-2",
    "End",
)
COLUMN_NAMES = ("to", "user", "label", "Group", "x y", "50%", "it's", "from", "c:d", 'q"', "straße", "values", "z")
POLICIES = ("drop", "add", "move", "drop", "add", "drop", "drop", "add", "move", "drop", "leave", "refuse")
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$MUTJbDIpCLl0itiv0F2Psg$iJ+vq4YmOJgKDzwHfzQ1vm4iwBFrZDT472nHWVOx2qg"
CITIES = ("", "Ulm", "Kiel")
FIRST_KEY = 70_001
"""Keys of customers are like nothing else in the database: what isn't answered mustn't look like a reference."""


def chance(draw, percent):
    return draw(st.integers(1, 100)) <= percent


class _Making:
    """One schema in the making."""

    def __init__(self, draw):
        self.draw = draw
        self.names = iter(draw(st.permutations(TABLE_NAMES)))
        self.tables, self.references, self.children, self.rows = {}, [], [], {}
        self.numbers = count(1)
        self.clients = draw(st.integers(3, 4))
        self.touch = ("touched", 1) if chance(draw, 30) else None
        self.key_is_text = chance(draw, 40)
        self.has_second_key = chance(draw, 50)

    def host(self):
        draw = self.draw
        client, domain = next(self.names), next(self.names)
        self.client = client
        self._make_client()
        self.domain = domain
        self._make_domain()
        for _ in range(draw(st.integers(1, 4))):
            self._make_table()
        retire = {"status": "closed", "order no": "{order}"}
        if chance(draw, 50):
            retire["gone to"] = "{survivor.key}"
        return Host(
            tables=self.tables,
            client=client,
            key="id",
            number=self.number,
            keys=("record id",) if self.has_second_key else (),
            city="City",
            domain=domain,
            domain_client="client of",
            references=tuple(self.references),
            children=tuple(self.children),
            retire=retire,
            touch=self.touch,
        )

    # Customers

    def _make_client(self):
        draw, kind = self.draw, self._key_type("id")
        columns = {
            "id": kind,
            "City": "text",
            "status": "text",
            "order no": "integer",
            "gone to": kind,
            "pass": "text",
        }
        uniques, required = [Unique(("id",), kind="primary")], {"id", "City"}
        self.number = draw(st.sampled_from(["id", "client no"]))
        if self.number != "id":
            columns["client no"] = draw(st.sampled_from(["text", "integer"]))
            uniques.append(Unique(("client no",)))
            required.add("client no")
        if self.has_second_key:
            columns["record id"] = self._key_type("record id")
            uniques.append(Unique(("record id",)))
            required.add("record id")
        foreign = []
        if refers := chance(draw, 30):
            columns["referred by"] = kind
            if chance(draw, 50):
                foreign.append(Foreign(("referred by",), self.client, ("id",)))
            itself = draw(st.sampled_from(["leave", "refuse"]))
            self.references.append(Reference(self.client, ("referred by",), itself=itself))
        if self.touch:
            columns[self.touch[0]] = "integer"
        self.tables[self.client] = Table(self.client, columns, frozenset(required), tuple(uniques), tuple(foreign))
        self.rows[self.client] = [self._client_row(place) for place in range(self.clients)]
        if refers:
            for row in self.rows[self.client]:
                row["referred by"] = draw(
                    st.none() | st.sampled_from([self.key("id", n) for n in range(self.clients)])
                )

    def _client_row(self, place):
        row = dict.fromkeys(self.tables[self.client].columns)
        row |= {
            "id": self.key("id", place),
            "City": self.draw(st.sampled_from(CITIES)),
            "status": "active",
            "pass": PASSWORD_HASH,
        }
        if "client no" in row:
            number = 80_001 + place
            row["client no"] = (
                number if self.tables[self.client].columns["client no"] == "integer" else f"N-0{number}"
            )
        if "record id" in row:
            row["record id"] = self.key("record id", place)
        return self._with_touch(row)

    def _key_type(self, name):
        # The second key is of the other type.
        return "text" if self.key_is_text == (name == "id") else "integer"

    def key(self, name, place):
        number = FIRST_KEY + place + (10_000 if name == "id" else 20_000)
        return f"c-{number}" if self._key_type(name) == "text" else number

    def _keys(self, name):
        return [self.key(name, place) for place in range(self.clients)]

    def _make_domain(self):
        columns = {"no": "integer", "client of": self._key_type("id"), "name": "text"}
        foreign = (Foreign(("client of",), self.client, ("id",)),) if chance(self.draw, 50) else ()
        self._add_touch(columns)
        uniques = (Unique(("no",), kind="primary"), Unique(("name",)))
        self.tables[self.domain] = Table(
            self.domain, columns, frozenset({"no", "client of", "name"}), uniques, foreign
        )
        self.rows[self.domain] = [
            self._with_touch(
                dict.fromkeys(columns)
                | {"no": place, "client of": self.key("id", place), "name": f"d{place}.example"}
            )
            for place in range(self.clients)
        ]

    def _add_touch(self, columns):
        if self.touch and chance(self.draw, 60):
            columns[self.touch[0]] = "integer"

    def _with_touch(self, row):
        # A literal that is there already is nothing that changes.
        return {name: 0 if self.touch and name == self.touch[0] else row.get(name) for name in row}

    # Tables that refer to customers

    def _make_table(self):
        draw, name = self.draw, next(self.names, None)
        if name is None:
            return
        words = iter(draw(st.permutations(COLUMN_NAMES)))
        policy = draw(st.sampled_from(POLICIES))
        shape = draw(st.sampled_from(["id", "id", "text id", "composite", "unique"]))
        label, state = next(words), next(words)
        is_double = shape != "composite" and policy != "add" and chance(draw, 25)
        clients = tuple(next(words) for _ in range(1 + is_double))
        columns = {"no": "text" if shape == "text id" else "integer", label: "text", state: "text"}
        reference, foreign = self._reference(name, clients, policy, columns, words)
        uniques = [Unique(("no",), kind="constraint" if shape == "unique" else "primary")]
        if shape == "composite":
            uniques = [Unique((clients[0], label), kind="primary")]
        uniques += self._clashing_uniques(clients, label, state)
        required = frozenset({clients[0], label} if shape == "composite" else {"no"})
        if policy == "add":
            uniques = uniques[: 1 if shape == "composite" else 2]
        may_be_unique = policy == "drop" and shape != "composite" and chance(draw, 40)
        if policy in ("drop", "add") and (may_be_unique or not every_column_is_in(clients, uniques)):
            # Something has to say when two rows are the same.
            reference = replace(reference, unique=(label,))
        if not foreign or any(set(clients) & set(one.columns) for one in uniques):
            reference = replace(reference, is_mapped=True)
        self._add_touch(columns)
        table = self.tables[name] = Table(name, columns, required, tuple(uniques), foreign)
        self.references.append(reference)
        has_children = policy in ("drop", "add") and shape != "composite" and len(uniques) < 3
        has_children = has_children and chance(draw, 60)
        if reference.unique and (has_children or policy == "add"):
            # Else it wouldn't be said which of two rows that are alike already stays.
            uniques += [Unique((client, label)) for client in clients]
        self.rows[name] = self._rows(table, uniques, reference, label, state)
        if has_children:
            self._make_child(name, ("no",), levels=draw(st.integers(1, 2)))

    def _reference(self, table, clients, policy, columns, words):
        """Add the columns of a reference; returns it, and its foreign keys."""
        draw = self.draw
        key = "record id" if self.has_second_key and chance(draw, 40) else "id"
        kind, form, where, foreign = self._key_type(key), "{key}", None, ()
        if chance(draw, 45):
            foreign = tuple(Foreign((one,), self.client, (key,), self._on_delete()) for one in clients)
        else:
            if chance(draw, 30):
                kind, form = "text", draw(st.sampled_from(["{key}", "client,{key}", "<{key}>"]))
            if chance(draw, 30):
                where = next(words), "client"
                columns[where[0]] = "text"
        columns |= dict.fromkeys(clients, kind)
        answer = {"winner": draw(st.sampled_from(["survivor", "absorbed"]))}
        if policy == "add":
            answer |= self._sums(columns, words)
        if where and policy in ("move", "drop") and chance(draw, 30):
            marked = next(words)
            columns[marked] = "text"
            answer["set"] = {marked: draw(st.sampled_from(["moved", "{null}", "{survivor.number}"]))}
        if len(clients) > 1:
            answer["itself"] = draw(st.sampled_from(["drop", "leave", "refuse"]))
        key = None if key == "id" else key
        is_mapped = policy != "move" or len(clients) > 1
        return Reference(
            table, clients, policy, where=where, key=key, form=form, is_mapped=is_mapped, **answer
        ), foreign

    def _clashing_uniques(self, client_columns, label, state):
        draw, found = self.draw, []
        if chance(draw, 45):
            found.append(Unique((client_columns[0], label), kind=draw(st.sampled_from(["constraint", "index"]))))
        if chance(draw, 25):
            found.append(Unique((label, client_columns[-1]), where=(state, "on"), kind="index"))
        if chance(draw, 10):
            found.append(Unique((client_columns[0],)))
        return found

    def _sums(self, columns, words):
        total, newest, oldest = next(words), next(words), next(words)
        columns |= {total: self.draw(st.sampled_from(["integer", "number"])), newest: "date", oldest: "date"}
        return {"add": (total,), "latest": (newest,), "earliest": (oldest,)}

    def _on_delete(self):
        return self.draw(st.sampled_from(["NO ACTION", "CASCADE"]))

    def _make_child(self, parent, to, levels, *, is_dropped=True):
        draw, name = self.draw, next(self.names, None)
        if name is None:
            return
        kind = self.tables[parent].columns[to[0]]
        columns = {"no": "integer", "of": kind, "label": "text"}
        uniques = [Unique(("no",), kind="primary")]
        policy, winner = "move", draw(st.sampled_from(["survivor", "absorbed"]))
        if chance(draw, 60):
            uniques.append(Unique(("of", "label")))
            policy = draw(st.sampled_from(["move", "drop", "drop", "drop"]))
        refers_itself = chance(draw, 30)
        foreign = [Foreign(("of",), parent, to, self._on_delete())]
        if refers_itself:
            columns["next"] = "integer"
            foreign.append(Foreign(("next",), name, ("no",), "NO ACTION"))
        self._add_touch(columns)
        table = Table(name, columns, frozenset({"no"}), tuple(uniques), tuple(foreign))
        self.tables[name] = table
        if not is_dropped:
            # Nothing ever follows to another row, so there is nothing to say.
            policy = "move"
        elif policy == "drop" or len(uniques) > 1:
            self.children.append(Child(name, ("of",), policy, winner))
        self.rows[name] = self._rows_of_child(table, [row[to[0]] for row in self.rows[parent]])
        if levels > 1:
            self._make_child(name, ("no",), levels - 1, is_dropped=policy == "drop")

    def _rows_of_child(self, table, parents):
        draw, rows, refers_itself = self.draw, [], "next" in table.columns
        for _ in range(draw(st.integers(2, 8))):
            row = dict.fromkeys(table.columns) | {"no": next(self.numbers)}
            row["of"] = draw(st.none() | st.sampled_from(parents)) if parents else None
            row["label"] = draw(st.sampled_from(["x", "y", None]))
            if refers_itself and rows:
                row["next"] = draw(st.none() | st.sampled_from([one["no"] for one in rows]))
            rows.append(self._with_touch(row))
        kept = without_doubles(table.uniques, rows)
        there = {row["no"] for row in kept}
        for row in kept:
            if refers_itself and row["next"] not in there:
                row["next"] = None
        return kept

    def _rows(self, table, uniques, reference, label, state):
        draw, rows, columns = self.draw, [], table.columns
        held = self._keys(reference.key or "id")
        is_text = columns[reference.columns[0]] == "text"
        cells = [reference.form.format(key=one) if is_text else one for one in held]
        if not table.foreign:
            cells += ["", "gone", f"0{held[0]}"] if is_text else [0, 69_999]
        for _ in range(draw(st.integers(3, 10))):
            number = next(self.numbers)
            row = dict.fromkeys(columns) | {"no": f"r{number}" if columns["no"] == "text" else number}
            row[label] = draw(st.sampled_from(["x", "y", "z"] if label in table.required else ["x", "y", None]))
            row[state] = draw(st.sampled_from(["on", "off"]))
            for column in reference.columns:
                row[column] = draw(st.sampled_from(cells if column in table.required else [*cells, None]))
            if reference.where:
                row[reference.where[0]] = draw(st.sampled_from(["client", "client", "supplier", None]))
            for column in reference.add:
                row[column] = draw(st.sampled_from([1, 2.25, 30] if columns[column] == "number" else [1, 2, 30]))
            for column in (*reference.latest, *reference.earliest):
                row[column] = draw(st.sampled_from([None, "2026-01-05", "2025-12-31"]))
            rows.append(self._with_touch(row))
        return without_doubles(uniques, rows)


def every_column_is_in(columns, uniques):
    return all(any(column in unique.columns for unique in uniques) for column in columns)


def without_doubles(uniques, rows):
    """Return the rows without those that a unique forbids."""
    seen, kept = set(), []
    for row in rows:
        keys = set()
        for place, unique in enumerate(uniques):
            key = tuple(row[column] for column in unique.columns)
            if None not in key and (unique.where is None or row[unique.where[0]] == unique.where[1]):
                keys.add((place, key))
        if not keys & seen:
            seen |= keys
            kept.append(row)
    return kept


@st.composite
def hosts(draw):
    """A host's schema with its mapping, and the rows of each table."""
    making = _Making(draw)
    host = making.host()
    return host, making.rows
