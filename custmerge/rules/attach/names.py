"""Attaching: the names by which a mapping calls tables, as the catalogue calls them."""

from __future__ import annotations

from dataclasses import replace

from custmerge.rules.host_schema import HostSchema, HostTable
from custmerge.rules.mapping import HostMapping, split_column


def with_names_of(schema: HostSchema, mapping: HostMapping) -> HostMapping:
    """Return a mapping in which a table that is found without its schema is named without it."""
    by_whole_name = _by_whole_name(schema)

    def named(table: str) -> str:
        return table if table in schema.tables else by_whole_name.get(table, table)

    def with_table(column: str) -> str:
        table, name = split_column(column)
        return f"{named(table)}.{name}"

    return replace(
        mapping,
        customer=replace(mapping.customer, table=named(mapping.customer.table)),
        related={name: replace(each, table=named(each.table)) for name, each in mapping.related.items()},
        package=mapping.package and replace(mapping.package, table=named(mapping.package.table)),
        domain=mapping.domain and replace(mapping.domain, table=named(mapping.domain.table)),
        references=tuple(
            replace(each, columns=tuple(map(with_table, each.columns)), tables=tuple(map(named, each.tables)))
            for each in mapping.references
        ),
        ignore=tuple(map(with_table, mapping.ignore)),
    )


def table_named(schema: HostSchema, name: str) -> HostTable | None:
    """Return the table that a mapping calls `name`, with or without its schema."""
    return schema.table(name) or schema.table(_by_whole_name(schema).get(name, name))


def _by_whole_name(schema: HostSchema) -> dict[str, str]:
    return {f"{table.home}.{table.plain_name}": name for name, table in schema.tables.items()}
