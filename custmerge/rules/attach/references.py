"""Attaching: every reference to a customer, by foreign key or mapping, and the children of rows that may go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from custmerge.errors import N_
from custmerge.rules.attach.answers import Answer, Answers, entry_path
from custmerge.rules.attach.clashes import can_clash
from custmerge.rules.attach.problems import Problems
from custmerge.rules.guessing.money import is_money
from custmerge.rules.host_schema import ForeignKey, HostSchema, HostTable
from custmerge.rules.mapping import HostMapping, Itself, Policy, ReferenceMap

ROWS_GO = (Policy.DROP, Policy.ADD)


class FoundBy(StrEnum):
    """What says that a column is a reference."""

    FOREIGN_KEY = "foreign_key"
    MAPPING = "mapping"


@dataclass(frozen=True, slots=True)
class ResolvedReference:
    """A column that holds a customer's key, and what is done with its rows."""

    table: str
    column: str
    policy: Policy
    found_by: FoundBy
    key: int
    """Which of the customer's keys."""
    entry: ReferenceMap | None
    """The mapping's answer; None for a foreign key that has none."""
    path: str
    """The key of the answer in the mapping; empty without one."""

    @property
    def name(self) -> str:
        """`table.column`."""
        return f"{self.table}.{self.column}"

    @property
    def why(self) -> str:
        """What the mapping says about it."""
        return self.entry.why if self.entry is not None else ""

    @property
    def may_drop(self) -> bool:
        """Whether rows of its table may be dropped because of it."""
        return self.policy in ROWS_GO or (self.entry is not None and self.entry.itself is Itself.DROP)


@dataclass(frozen=True, slots=True)
class Child:
    """A foreign key to a table whose rows may be dropped."""

    table: str
    foreign_key: ForeignKey
    answer: Answer | None

    @property
    def policy(self) -> Policy:
        """What is done with a row that has to follow."""
        return Policy.MOVE if self.answer is None else self.answer.entry.policy


@dataclass(frozen=True, slots=True)
class FoundReferences:
    """Every reference and child."""

    all: tuple[ResolvedReference, ...]
    children: dict[tuple[str, tuple[str, ...]], Child]
    """By table and columns."""
    droppable: frozenset[str]
    """The tables whose rows may be dropped."""


def references_of(mapping: HostMapping, schema: HostSchema, answers: Answers, problems: Problems) -> FoundReferences:
    """Return every reference of a mapping over a catalogue; what can't be resolved is a problem."""
    resolver = _Resolver(mapping, schema, answers, problems)
    by_constraint = {(each.table, each.column): each for each in resolver.by_foreign_key()}
    followed = {**by_constraint, **{(each.table, each.column): each for each in resolver.of_packages(by_constraint)}}
    # What else the mapping names is a child of rows that may be dropped, or holds a customer's key.
    named = [each for each in answers.named() if (each[0], each[1]) not in followed]
    droppable = {each.table for each in followed.values() if each.may_drop}
    droppable |= {t for t, c, answer in named if _drops(answer) and not resolver.refers_elsewhere(t, c)}
    children = resolver.children(droppable, followed)
    child_columns = {(child.table, column) for child in children.values() for column in child.foreign_key.columns}
    for table, column, answer in named:
        if (table, column) not in child_columns:
            followed[table, column] = resolver.by_mapping(table, column, answer)
    for each in resolver.in_tables(followed, child_columns):
        followed[each.table, each.column] = each
    # Those that were taken for references after all may drop rows, too.
    droppable |= {each.table for each in followed.values() if each.may_drop}
    children = resolver.children(droppable, followed)
    droppable |= {child.table for child in children.values() if child.policy in ROWS_GO}
    return FoundReferences(tuple(followed[name] for name in sorted(followed)), children, frozenset(droppable))


def _block(table: HostTable, column: str) -> str:
    """Return the entry for a column whose rows may clash: where they are money, none is to go unasked."""
    policy = Policy.REFUSE if is_money(table) else Policy.DROP
    name = json.dumps(f"{table.name}.{column}", ensure_ascii=False)
    return f'[[reference]]\ncolumns = [{name}]\npolicy = "{policy}"'


def _drops(answer: Answer) -> bool:
    return answer.entry.policy in ROWS_GO or answer.entry.itself is Itself.DROP


@dataclass(slots=True)
class _Resolver:
    mapping: HostMapping
    schema: HostSchema
    answers: Answers
    problems: Problems

    def by_foreign_key(self) -> Iterator[ResolvedReference]:
        """Yield the references that foreign keys to the customers' table are."""
        seen = set()
        for table, foreign_key in self.schema.foreign_keys_to(self.mapping.customer.table):
            for column, key in self._key_columns(table, foreign_key):
                if (table.name, column) not in seen:
                    seen.add((table.name, column))
                    yield self._constrained(table, column, key)

    def _key_columns(self, table: HostTable, foreign_key: ForeignKey) -> Iterator[tuple[str, int]]:
        """Yield the columns of a foreign key that hold a customer's key, each with which key it is."""
        customer = self.mapping.customer
        keys = [to for to in foreign_key.to if to in customer.all_keys]
        others = [to for to in foreign_key.to if to not in (*customer.all_keys, *customer.same)]
        name = f"{table.name}.{foreign_key.columns[0] if len(foreign_key.columns) == 1 else foreign_key.columns}"
        if not keys:
            why = N_("its foreign key refers to {columns} of {table}: add that to keys of [customer]")
            self.problems.of(name, why, columns=foreign_key.to, table=customer.table)
        elif others:
            why = N_("its foreign key refers to {columns} of {table} too, which has to be among same of [customer]")
            self.problems.of(name, why, columns=others, table=customer.table)
        else:
            for column, to in zip(foreign_key.columns, foreign_key.to, strict=True):
                if to in keys:
                    yield column, customer.all_keys.index(to)

    def _constrained(self, table: HostTable, column: str, key: int) -> ResolvedReference:
        answer = self.answers.answer(table.name, column)
        if (table.name, column) in self.answers.ignored:
            why = N_("{value} has a foreign key to {table}: it is a reference, answer it with policy = {policy}")
            value = f"{table.name}.{column}"
            self.problems.at("ignore.columns", why, value=value, table=self.mapping.customer.table, policy='"leave"')
        elif answer is None and can_clash(table, column):
            why = N_("where both customers have the same {columns}, two rows clash: which policy do they get?")
            columns = next(iter(can_clash(table, column))).columns or (column,)
            self.problems.of(
                f"{table.name}.{column}",
                why,
                paste=_block(table, column),
                columns=", ".join(name or "…" for name in columns),
            )
        if answer is not None and answer.entry.key is not None:
            named = self.mapping.customer.all_keys.index(answer.entry.key)
            if named != key:
                right = self.mapping.customer.all_keys[key]
                self.problems.at(_of(answer, "key"), N_("its foreign key refers to {value}"), value=right)
        return _reference(table.name, column, FoundBy.FOREIGN_KEY, key, answer)

    def of_packages(self, found: dict[tuple[str, str], ResolvedReference]) -> Iterator[ResolvedReference]:
        """Yield the columns that say whose a package or a domain is, as far as no constraint tells of them."""
        package, domain = self.mapping.package, self.mapping.domain
        for part, path in ((package, "package.customer"), (domain, "domain.customer")):
            if part is None or part.customer is None:
                continue
            name = part.table, part.customer
            reference = found.get(name)
            table = self.schema.table(part.table)
            if reference is None and table is not None and table.column(part.customer) is not None:
                reference = _reference(*name, FoundBy.MAPPING, 0, self.answers.answer(*name), path)
                yield reference
            is_package = part is package or package is None
            if is_package and reference is not None and reference.policy not in (Policy.MOVE, Policy.REFUSE):
                why = N_("{value} says whose a package is: it can only move, or refuse")
                self.problems.at(reference.path, why, value=reference.name)

    def by_mapping(self, table: str, column: str, answer: Answer) -> ResolvedReference:
        """Return a reference that no constraint tells of."""
        keys = self.mapping.customer.all_keys
        key = 0 if answer.entry.key is None else keys.index(answer.entry.key)
        return _reference(table, column, FoundBy.MAPPING, key, answer)

    def in_tables(
        self, followed: dict[tuple[str, str], ResolvedReference], children: set[tuple[str, str]]
    ) -> Iterator[ResolvedReference]:
        """Yield the references in tables that an entry names whole: columns called as references elsewhere."""
        plain = [each for each in followed.values() if each.entry is None or each.entry.where is None]
        keys = {each.column: each.key for each in plain}
        for (name, nothing), answer in sorted(self.answers.given.items(), key=lambda item: item[0]):
            table = None if nothing else self.schema.table(name)
            for column in table.column_names if table is not None else ():
                known = {(name, column)} & (followed.keys() | children | self.answers.ignored)
                if column in keys and not known and name != self.mapping.customer.table:
                    yield _reference(name, column, FoundBy.MAPPING, keys[column], answer)

    def refers_elsewhere(self, table: str, column: str) -> bool:
        """Return whether a column has a foreign key to another table than the customers'."""
        host = self.schema.tables[table]
        return any(column in each.columns and each.table != self.mapping.customer.table for each in host.foreign_keys)

    def children(
        self, droppable: set[str], followed: Mapping[tuple[str, str], ResolvedReference]
    ) -> dict[tuple[str, tuple[str, ...]], Child]:
        """Return the foreign keys to rows that may be dropped or whose key may change, level by level."""
        children: dict[tuple[str, tuple[str, ...]], Child] = {}
        # None: all of a row may go.
        waiting: list[tuple[str, frozenset[str] | None]] = [(table, None) for table in sorted(droppable)]
        waiting += [
            (each.table, frozenset((each.column,)))
            for name, each in sorted(followed.items())
            if each.policy not in (Policy.LEAVE, Policy.REFUSE)
        ]
        seen = set(waiting)
        while waiting:
            parent, changed = waiting.pop()
            for table, foreign_key in self.schema.foreign_keys_to(parent):
                is_concerned = changed is None or not changed.isdisjoint(foreign_key.to)
                if parent == self.mapping.customer.table or not is_concerned:
                    continue
                child = Child(table.name, foreign_key, self._answer_of_child(table.name, foreign_key, set(followed)))
                children[table.name, foreign_key.columns] = child
                further = table.name, None if child.policy in ROWS_GO else frozenset(foreign_key.columns)
                if further not in seen:
                    seen.add(further)
                    waiting.append(further)
        return children

    def _answer_of_child(
        self, table: str, foreign_key: ForeignKey, references: set[tuple[str, str]]
    ) -> Answer | None:
        """Return the entry that names a column of the foreign key, but for one that is a reference to customers."""
        for column in foreign_key.columns:
            answer = self.answers.given.get((table, column))
            if answer is not None and (table, column) not in references:
                return answer
        return None


def _reference(
    table: str, column: str, found_by: FoundBy, key: int, answer: Answer | None, path: str = ""
) -> ResolvedReference:
    policy = Policy.MOVE if answer is None else answer.entry.policy
    entry = None if answer is None else answer.entry
    return ResolvedReference(table, column, policy, found_by, key, entry, path if answer is None else answer.path)


def _of(answer: Answer, key: str) -> str:
    """Return the path of another key of the answer's entry."""
    return f"{entry_path(answer.path)}.{key}"
