"""Attaching: the rights on a host's tables that orders, undos and the commands that look need."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from custmerge.rules.attach import Resolved
from custmerge.rules.attach.tables import written_in_own_rows
from custmerge.rules.host_schema import HostSchema, HostTable
from custmerge.rules.mapping import HostMapping, Policy, Sql
from custmerge.rules.references.table_rules import TableRules

_WORD = re.compile(r'"(?:[^"]|"")+"|\w+')


@dataclass(frozen=True, slots=True)
class TableRights:
    """What is needed on one table; it is read in any case."""

    table: str
    update: tuple[str, ...] = ()
    """The columns that are written, in their order. Rows that are locked need one at least."""
    drops: bool = False
    """Whether rows are deleted, and inserted again by an undo."""


def rights_of(resolved: Resolved, schema: HostSchema) -> list[TableRights]:
    """Return the rights that a mapping needs, in the order of the tables' names."""
    rights = {name: TableRights(name) for name in _read(resolved, schema)}
    own: dict[str, set[str]] = defaultdict(set)
    for name, columns in written_in_own_rows(resolved.mapping):
        own[name] |= columns
    for name, rules in resolved.tables.items():
        written = _written(rules) | own[name]
        in_order = tuple(column for column in schema.tables[name].column_names if column in written)
        rights[name] = TableRights(name, in_order or rules.key[:1], drops=name in resolved.droppable)
    return [rights[name] for name in sorted(rights)]


def _read(resolved: Resolved, schema: HostSchema) -> Iterator[str]:
    mapping = resolved.mapping
    named = [mapping.customer.table, *(related.table for related in mapping.related.values())]
    named += [part.table for part in (mapping.package, mapping.domain) if part is not None]
    yield from (name for name in named if name in schema.tables)
    words = {word.strip('"').lower() for sql in _sql(mapping) for word in _WORD.findall(sql)}
    yield from (name for name, table in schema.tables.items() if _is_named(table, words))


def _is_named(table: HostTable, words: set[str]) -> bool:
    # A word too many gives a right to read too many; an expression is seldom about another table at all.
    return table.plain_name.lower() in words and (table.schema is None or table.schema.lower() in words)


def _sql(mapping: HostMapping) -> Iterator[str]:
    """Yield the SQL of a mapping in which another table may be named."""
    package, domain = mapping.package, mapping.domain
    sources = [*mapping.fields.values(), package and package.name, domain and domain.name]
    yield from (source.text for source in sources if isinstance(source, Sql))
    yield from (refuse.sql for refuse in mapping.refuse)
    parts = [mapping.customer, package, domain, *mapping.related.values(), *mapping.references]
    yield from (part.where for part in parts if part is not None and part.where is not None)


def _written(rules: TableRules) -> set[str]:
    """Return the columns of references and children that an order may write."""
    written = {*rules.touch}
    for reference in rules.references:
        if reference.policy is not Policy.REFUSE:
            written |= {reference.column, *reference.set, *reference.add, *reference.latest, *reference.earliest}
    for child in rules.children:
        if child.policy is not Policy.REFUSE:
            written |= {*child.columns, *child.set, *child.add, *child.latest, *child.earliest}
    return written
