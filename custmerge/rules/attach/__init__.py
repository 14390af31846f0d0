"""Attaching: what a mapping says of a host's catalogue, resolved into the rules by which orders change rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from custmerge.errors import N_
from custmerge.rules.attach.answers import Answers, answers_of, entry_path
from custmerge.rules.attach.problems import SEVERAL_WRITINGS, Problem, Problems
from custmerge.rules.attach.references import Child, FoundReferences, ResolvedReference, references_of
from custmerge.rules.attach.tables import table_rules
from custmerge.rules.host_schema import KEY_KINDS, HostSchema, HostTable, fingerprint
from custmerge.rules.mapping import ColumnSource, CustomerMap, HostMapping, Source
from custmerge.rules.references.table_rules import TableRules

__all__ = ["Problem", "Problems", "Resolved", "ResolvedReference", "entry_path", "resolve"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A mapping over a catalogue."""

    mapping: HostMapping
    tables: Mapping[str, TableRules]
    """The rules of every table in which an order may change or refuse rows, by its name."""
    references: tuple[ResolvedReference, ...]
    """Every reference, those that are left too, in the order of their names."""
    answers: Answers
    problems: tuple[Problem, ...]
    named: frozenset[str]
    """The tables that the mapping names or that point at the customer, those too that aren't there."""
    droppable: frozenset[str]
    """The tables whose rows may be dropped."""
    children: tuple[Child, ...]
    """The foreign keys to them."""
    schema: str
    """The fingerprint of the tables that are named."""

    def answered(self, schema: HostSchema) -> frozenset[tuple[str, str]]:
        """Return the columns of which the mapping says what they are, so that nobody has to be asked."""
        mapping = self.mapping
        known = self.answers.ignored | {(each.table, each.column) for each in self.references}
        known |= {(child.table, column) for child in self.children for column in child.foreign_key.columns}
        known |= {(related.table, related.on) for related in mapping.related.values()}
        customer = mapping.customer
        known |= {(customer.table, column) for column in (*customer.all_keys, customer.number, *customer.same)}
        if mapping.package is not None:
            known |= {(mapping.package.table, mapping.package.key)}
        whole = [name for name, table in schema.tables.items() if self.answers.answer(name, "") is not None]
        known |= {(name, column) for name in whole for column in schema.tables[name].column_names}
        return frozenset(known)


def resolve(mapping: HostMapping, schema: HostSchema) -> Resolved:
    """Return what a mapping says of a catalogue; what stands in its way is among the problems."""
    problems = Problems(mapping.lines)
    _check_customer(mapping, schema, problems)
    _check_related(mapping, schema, problems)
    _check_fields(mapping, schema, problems)
    _check_packages(mapping, schema, problems)
    answers = answers_of(mapping, schema, problems)
    found = references_of(mapping, schema, answers, problems)
    tables = table_rules(mapping, schema, found, problems)
    named = frozenset(_named(mapping, schema, found, answers))
    return Resolved(
        mapping=mapping,
        tables=tables,
        references=found.all,
        answers=answers,
        problems=tuple(problems.found),
        named=named,
        droppable=found.droppable,
        children=tuple(found.children.values()),
        schema=fingerprint(schema, named),
    )


def _check_customer(mapping: HostMapping, schema: HostSchema, problems: Problems) -> None:
    customer = mapping.customer
    table = problems.table(schema, customer.table, "customer.table")
    if table is None:
        return
    keys = [("customer.key", customer.key), *_numbered("customer.keys", customer.keys)]
    for path, name in [*keys, ("customer.number", customer.number)]:
        column = problems.column(table, name, path)
        if column is not None and column.kind not in KEY_KINDS and column.type:
            problems.at(
                path,
                N_("{value} is of the type {type}, and has to be a text, a number or a UUID"),
                value=name,
                type=column.type,
            )
        elif column is not None and path != "customer.number" and not column.has_one_writing:
            problems.at(path, SEVERAL_WRITINGS, value=name, type=column.type)
    for path, name in _numbered("customer.same", customer.same):
        problems.column(table, name, path)
    if customer.password is not None:
        problems.column(table, customer.password, "customer.password")
    _check_retire(customer, table, problems)
    for name in customer.touch:
        if not any(each.column(name) for each in schema.tables.values()):
            problems.at(f"customer.touch.{name}", N_("no table has a column {value}"), value=name)


def _check_retire(customer: CustomerMap, table: HostTable, problems: Problems) -> None:
    problems.written(table, "customer.retire", customer.retire)
    for name in customer.retire:
        if name in customer.all_keys:
            problems.at(
                f"customer.retire.{name}", N_("{value} is a key: references hold it, so it has to stay"), value=name
            )
        elif name == customer.number:
            why = N_("{value} is the number, which people look the retired one up by: it has to stay")
            problems.at(f"customer.retire.{name}", why, value=name)


def _check_related(mapping: HostMapping, schema: HostSchema, problems: Problems) -> None:
    for name, related in mapping.related.items():
        table = problems.table(schema, related.table, f"related.{name}.table")
        if table is not None:
            problems.column(table, related.on, f"related.{name}.on")
        if (source := schema.table(mapping.table_of(related.from_related))) is not None:
            problems.column(source, related.from_column, f"related.{name}.from")


def _check_fields(mapping: HostMapping, schema: HostSchema, problems: Problems) -> None:
    for name, source in mapping.fields.items():
        if not isinstance(source, ColumnSource):
            continue
        table = schema.table(mapping.table_of(source.related))
        column = table and problems.column(table, source.column, f"fields.{name}")
        if column and column.is_generated and source.is_writable:
            problems.at(
                f"fields.{name}", N_("{value} is computed by the database: add write = false"), value=source.column
            )


def _check_packages(mapping: HostMapping, schema: HostSchema, problems: Problems) -> None:
    package, domain = mapping.package, mapping.domain
    if package is not None and (table := problems.table(schema, package.table, "package.table")) is not None:
        for key, name in (("key", package.key), ("customer", package.customer), ("password", package.password)):
            if name is not None:
                problems.column(table, name, f"package.{key}")
        _check_name(problems, table, "package.name", package.name)
        for field_name, column in package.contact.items():
            problems.writable(table, column, f"package.contact.{field_name}")
    if domain is not None and (table := problems.table(schema, domain.table, "domain.table")) is not None:
        for key, name in (("package", domain.package), ("customer", domain.customer)):
            if name is not None:
                problems.column(table, name, f"domain.{key}")
        _check_name(problems, table, "domain.name", domain.name)


def _check_name(problems: Problems, table: HostTable, path: str, source: Source | None) -> None:
    if isinstance(source, ColumnSource):
        problems.column(table, source.column, path)


def _named(mapping: HostMapping, schema: HostSchema, found: FoundReferences, answers: Answers) -> Iterator[str]:
    yield mapping.customer.table
    yield from (related.table for related in mapping.related.values())
    yield from (part.table for part in (mapping.package, mapping.domain) if part is not None)
    yield from (table for table, _ in answers.given)
    yield from (table for table, _ in answers.ignored)
    yield from (reference.table for reference in found.all)
    yield from (table for table, _ in found.children)
    yield from (table.name for table, _ in schema.foreign_keys_to(mapping.customer.table))


def _numbered(path: str, names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f"{path}.{place}", name) for place, name in enumerate(names, start=1)]
