"""Attaching: the rules of each table in which orders change rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from custmerge.errors import N_
from custmerge.rules.attach.clashes import compares_by_equality, mentions
from custmerge.rules.attach.entries import EntryChecks
from custmerge.rules.attach.problems import Problems
from custmerge.rules.attach.references import Child, FoundReferences, ResolvedReference
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, Kind, Unique
from custmerge.rules.mapping import (
    HostMapping,
    Itself,
    Placeholder,
    Policy,
    ReferenceMap,
    Side,
    Value,
)
from custmerge.rules.references.table_rules import ChildReference, CustomerReference, TableRules, UniqueRules
from custmerge.rules.sql_words import literal, quoted

_OWN_COLLATION = r"""(?<!\w)["`\[]?{name}["`\]]?\s+(COLLATE\s+["\w]+)"""
"""Of a column in the definition of an index."""


def table_rules(
    mapping: HostMapping, schema: HostSchema, found: FoundReferences, problems: Problems
) -> dict[str, TableRules]:
    """Return the rules of every table that an order may change or look at, by name."""
    builders: dict[str, _Builder] = _Builders(schema)
    checks = EntryChecks(mapping, schema, problems)
    for reference in found.all:
        if reference.policy is not Policy.LEAVE and checks.reference(reference):
            builders[reference.table].add_reference(reference)
    for child in found.children.values():
        if checks.child(child):
            builders[child.table].add_child(child)
            builders[child.foreign_key.table].read.update(child.foreign_key.to)
    for table, columns in _own_columns(mapping, schema):
        builders[table].own.update(columns)
    for table, columns in _in_tables(schema, written_in_own_rows(mapping)):
        builders[table].written.update(columns)
    rules = {}
    for name, each in sorted(builders.items()):
        rules[name] = each.rules(mapping.customer.touch, is_droppable=name in found.droppable)
        if not each.table.row_key and each.changes_rows:
            why = N_(
                "its rows change, and nothing tells one from another: it needs a primary or unique key without NULL"
            )
            problems.of(name, why)
        if each.table.has_heirs and each.changes_rows:
            why = N_("tables inherit from it, and their rows would change with its own: answer with leave or refuse")
            problems.of(name, why)
    return rules


def _own_columns(mapping: HostMapping, schema: HostSchema) -> Iterator[tuple[str, set[str]]]:
    """Yield the columns of the customers' own rows, of writable related rows and of packages."""
    customer, package = mapping.customer, mapping.package
    columns = [*written_in_own_rows(mapping), (customer.table, {*customer.all_keys, customer.number})]
    yield from _in_tables(schema, [*columns, *([] if package is None else [(package.table, {package.key})])])


def _in_tables(schema: HostSchema, columns: Iterable[tuple[str, set[str]]]) -> Iterator[tuple[str, set[str]]]:
    """Yield tables with those of their columns that are there."""
    for table, names in columns:
        if table in schema.tables:
            yield table, names.intersection(schema.tables[table].column_names)


def written_in_own_rows(mapping: HostMapping) -> Iterator[tuple[str, set[str]]]:
    """Yield the tables of customers' own rows, related rows and packages, with the columns that orders write."""
    yield mapping.customer.table, {*mapping.customer.retire}
    yield from ((mapping.table_of(source.related), {source.column}) for source in mapping.written_fields.values())
    if mapping.package is not None:
        yield mapping.package.table, {mapping.package.customer, *mapping.package.contact.values()}


@dataclass(slots=True)
class _Builder:
    """The rules of one table, as they are gathered."""

    table: HostTable
    references: list[CustomerReference] = field(default_factory=list)
    children: list[ChildReference] = field(default_factory=list)
    own: set[str] = field(default_factory=set)
    """Columns that are read, or written, of a customer's, package's or related row."""
    written: set[str] = field(default_factory=set)
    """Those of them that are written."""
    changed: set[str] = field(default_factory=set)
    """Columns that get other values when a row moves."""
    read: set[str] = field(default_factory=set)
    """What else is read."""
    computed: dict[str, str] = field(default_factory=dict)
    """SQL → the name by which its value is read."""
    of_entries: list[UniqueRules] = field(default_factory=list)

    @property
    def changes_rows(self) -> bool:
        """Whether an order may change a row: one that only refuses doesn't."""
        return bool(self.changed or self.own)

    def add_reference(self, reference: ResolvedReference) -> None:
        entry = reference.entry
        before, _, after = (entry.form if entry is not None else "{key}").partition("{key}")
        self._take(entry, (reference.column,), moves=reference.policy is not Policy.REFUSE)
        if entry is not None and entry.unique is not None:
            columns = (reference.column, *entry.unique)
            self.of_entries.append(UniqueRules(columns, of=reference.column))
        self.references.append(
            CustomerReference(
                column=reference.column,
                policy=reference.policy,
                key=reference.key,
                form=(before, after),
                where=None if entry is None or entry.where is None else self._computed(entry.where),
                winner=entry.winner if entry is not None else Side.SURVIVOR,
                itself=entry.itself if entry is not None else Itself.REFUSE,
                add=entry.add if entry is not None else (),
                latest=entry.latest if entry is not None else (),
                earliest=entry.earliest if entry is not None else (),
                set=entry.set if entry is not None else {},
                why=reference.why,
            )
        )

    def add_child(self, child: Child) -> None:
        entry = None if child.answer is None else child.answer.entry
        self._take(entry, child.foreign_key.columns, moves=child.policy is not Policy.REFUSE)
        if entry is not None and entry.unique is not None:
            self.of_entries.append(UniqueRules((*child.foreign_key.columns, *entry.unique)))
        self.children.append(
            ChildReference(
                columns=child.foreign_key.columns,
                parent=child.foreign_key.table,
                to=child.foreign_key.to,
                policy=child.policy,
                winner=entry.winner if entry is not None else Side.SURVIVOR,
                add=entry.add if entry is not None else (),
                latest=entry.latest if entry is not None else (),
                earliest=entry.earliest if entry is not None else (),
                set=entry.set if entry is not None else {},
            )
        )

    def rules(self, touch: Mapping[str, Value], *, is_droppable: bool) -> TableRules:
        """Return the rules; all columns are read of a table whose rows may be dropped."""
        uniques = [*self._uniques(), *self.of_entries]
        for unique in uniques:
            self.read.update(column for column in unique.columns if self.table.column(column))
        references = tuple(self._with_computed_after(reference) for reference in self.references)
        touched = self._touched(touch)
        names = self.table.column_names
        wanted = {*names} if is_droppable else {*self.read, *self.own, *self.changed, *touched}
        # A table in which an order only refuses may have no key: its rows are counted.
        key = self.table.row_key or (names if not self.changes_rows else ())
        return TableRules(
            table=self.table.name,
            key=key,
            columns=(*key, *(name for name in names if name in wanted and name not in key)),
            computed={name: sql for sql, name in self.computed.items()},
            references=references,
            children=tuple(self.children),
            uniques=tuple(uniques),
            touch=touched,
            generated=tuple(column.name for column in self.table.columns if column.is_generated),
        )

    def _take(self, entry: ReferenceMap | None, columns: Iterable[str], *, moves: bool) -> None:
        (self.changed if moves else self.read).update(columns)
        if entry is not None:
            self.changed.update(entry.set)
            self.read.update((*(entry.unique or ()), *entry.add, *entry.latest, *entry.earliest))

    def _touched(self, touch: Mapping[str, Value]) -> dict[str, Value]:
        return {
            name: value
            for name, value in touch.items()
            if (column := self.table.column(name)) is not None and not column.is_generated
        }

    def _computed(self, sql: str) -> str:
        if sql not in self.computed:
            number = len(self.computed) + 1
            while (name := f"custmerge_{number}") in self.table.column_names:
                number += len(self.table.columns)
            self.computed[sql] = name
        return self.computed[sql]

    def _with_computed_after(self, reference: CustomerReference) -> CustomerReference:
        """Return a reference with what conditions say after its `set`, as far as that is known before an order."""
        known = {name: _literal(value) for name, value in reference.set.items()}
        columns = {name: self.table.column(name) for name, literal in known.items() if literal is not None}
        cells = ", ".join(
            f"CAST({known[name]} AS {column.type or 'TEXT'}) AS {quoted(name)}"
            for name, column in columns.items()
            if column is not None
        )
        after = {
            # The inner columns are found before those of the table.
            name: self._computed(f"(SELECT ({sql}) FROM (SELECT {cells}) AS custmerge_set)")  # noqa: S608 (its own SQL)
            for sql, name in list(self.computed.items())
            if cells and any(mentions([sql], column) for column in columns)
        }
        return replace(reference, computed_after=after) if after else reference

    def _uniques(self) -> Iterator[UniqueRules]:
        """Yield what may refuse a row that changes, as far as its values can be known before it does.

        One over an expression of a column that changes, or over other operators than `=`, is left to the database.
        """
        changed = self.changed | self.written
        for unique in self.table.uniques:
            if not any(column in unique.columns for column in changed):
                continue
            if compares_by_equality(unique) and not any(mentions(unique.expressions, each) for each in changed):
                yield UniqueRules(
                    tuple(self._compared(unique)),
                    where=None if unique.where is None else self._computed(unique.where),
                    nulls_are_equal=unique.nulls_are_equal,
                )

    def _compared(self, unique: Unique) -> Iterator[str]:
        expressions = iter(unique.expressions)
        for name in unique.columns:
            column = self.table.column(name)
            if column is None:
                yield self._computed(next(expressions))
            elif name in self.changed:
                yield name
            elif column.is_text_by_locale:
                yield self._computed(_case_alike(column, unique))
            elif column.kind is Kind.NUMBER and "(" not in column.type:
                yield self._computed(_number_alike(quoted(name)))
            else:
                yield name


def _case_alike(column: HostColumn, unique: Unique) -> str:
    """Return an SQL text that is the same for texts that differ in case, if the collation takes them so.

    That is the one of the index, else of the column. Other writings that it takes for equal are left to the database,
    which refuses such a row.
    """
    name = quoted(column.name)
    own = re.search(_OWN_COLLATION.format(name=re.escape(column.name)), unique.definition, re.IGNORECASE)
    compared = f"{name} {own[1]}" if own else name
    # Cast back, because citext compared with a text would be a text.
    return f"CASE WHEN {compared} = CAST(lower({name}) AS {column.type or 'TEXT'}) THEN lower({name}) ELSE {name} END"


def _number_alike(column: str) -> str:
    """Return an SQL text that is the same for 1.0 and 1.00, and for 0 and -0; SQLite may have other texts there."""
    number = f"({column} + 0) / 1"
    return f"CASE WHEN {column} = {number} THEN CAST({number} AS TEXT) ELSE CAST({column} AS TEXT) END"


def _literal(value: Value) -> str | None:
    """Return a value in SQL; None if only the order knows it."""
    match value:
        case Placeholder.NULL:
            return "NULL"
        case Placeholder():
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return literal(value)
        case _:
            return repr(value)


class _Builders(dict[str, _Builder]):
    """By table, each made when it is first asked for."""

    def __init__(self, schema: HostSchema) -> None:
        super().__init__()
        self._schema = schema

    def __missing__(self, table: str) -> _Builder:
        self[table] = _Builder(self._schema.tables[table])
        return self[table]
