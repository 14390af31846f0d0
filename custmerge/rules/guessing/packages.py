"""Which tables hold contracts and domains, and which tables describe a customer further."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from custmerge.rules.attach.clashes import can_clash
from custmerge.rules.fields import FIELDS, Field
from custmerge.rules.guessing.attributes import Attributes
from custmerge.rules.guessing.customer import CustomerGuess
from custmerge.rules.guessing.fields import columns_by_field, country_code, house_number
from custmerge.rules.guessing.first_rows import order_of
from custmerge.rules.guessing.judging import Finding, FindingKind
from custmerge.rules.guessing.samples import Sample
from custmerge.rules.guessing.table_kinds import kind_of_table
from custmerge.rules.guessing.words import OTHER_PEOPLE, PACKAGES, PASSWORDS, PLACES, head, joined, word_set, words
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, Kind
from custmerge.rules.mapping import (
    ColumnSource,
    DomainMap,
    PackageMap,
    Related,
    Source,
    Sql,
)
from custmerge.rules.sql_words import literal, readable

_DOMAINS = ("domain", "domainname", "hostname", "fqdn")
_TITLES = ("name", "title", "label", "description", "productname", "titel", "bezeichnung", "packagename", "product")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", re.IGNORECASE)
_FEWEST_DOMAINS, _NEARLY_ALL = 3, 0.9
_FILES = word_set("file filename path image logo icon attachment document template")
_BEST_PACKAGES = ("subscription", "package", "paket", "hosting", "contract", "vertrag", "service", "webspace")


@dataclass(frozen=True, slots=True)
class FieldGuess:
    """Where the fields are read, and the rows of other tables that are needed for it."""

    fields: dict[Field, Source]
    related: tuple[Related, ...]


def field_guess(
    schema: HostSchema,
    guess: CustomerGuess,
    references: Iterable[Finding],
    attributes: Iterable[Attributes],
    known: Mapping[Field, Source],
    taken: AbstractSet[str],
) -> FieldGuess:
    """Return the sources of the fields that aren't `known`: the customer's own columns, then those of related rows.

    No related row gets a name that is taken.
    """
    own = columns_by_field(guess.table)
    fields = {**_sources(guess.table, own, None), **known}
    related: list[Related] = []
    for name, table, on, source in _related_tables(schema, guess, references, taken):
        offered = {f: s for f, s in _sources(table, columns_by_field(table), name).items() if f not in fields}
        if set(offered) <= {Field.LAST_NAME, Field.COMPANY, Field.EMAIL} and not _names_a_field(table, offered):
            continue
        if source[0] is not None and source[0] not in {one.name for one in related}:
            continue
        fields.update(offered)
        related.append(
            Related(
                name=name,
                table=table.name,
                on=on,
                from_column=source[1],
                from_related=source[0],
                order=order_of(table),
            )
        )
    for each in attributes:
        related += _attribute_rows(schema, each, fields)
    ordered = {field: fields[field] for field in FIELDS if field in fields and field not in known}
    used = {s.related for s in ordered.values() if isinstance(s, ColumnSource)}
    used |= {one.from_related for one in related if one.name in used}
    return FieldGuess(ordered, tuple(one for one in related if one.name in used))


def _may_own(table: HostTable, column: str) -> bool:
    """Return whether the rows of a table may be somebody's contracts: all of them move, none of them clashes."""
    return kind_of_table(table) is None and not can_clash(table, column)


def _attribute_rows(schema: HostSchema, each: Attributes, fields: dict[Field, Source]) -> Iterable[Related]:
    """Yield the row of each detail that has no source yet, and give it that source."""
    finding, table = each.finding, schema.tables[each.finding.table]
    for field, name in sorted(each.names.items()):
        if field in fields:
            continue
        condition = f"{readable(each.name_column)} = {literal(name)}"
        related = f"{field.value}_row"
        fields[field] = ColumnSource(each.value_column, related, is_writable=False)
        yield Related(
            name=related,
            table=table.name,
            on=finding.column,
            from_column=finding.key,
            where=condition if finding.where is None else f"{finding.where} AND {condition}",
            order=order_of(table),
        )


def domain_guess(
    schema: HostSchema, guess: CustomerGuess, references: Iterable[Finding]
) -> tuple[PackageMap | None, DomainMap | None]:
    """Return the tables of contracts and domains, as far as they can be seen."""
    plain = [f for f in references if f.is_sure and f.form == "{key}" and f.where is None and f.key == guess.keys[0]]
    owners = {f.table: f for f in reversed(plain) if f.table != guess.table.name}
    owners = {name: f for name, f in owners.items() if _may_own(schema.tables[name], f.column)}
    packages = sorted((rank, name) for name in owners if (rank := _package_rank(schema.tables[name])) is not None)
    domains = [(r, table) for table in schema.tables.values() if (r := _domain_rank(table)) is not None]
    for _, table in sorted(domains, key=lambda found: (found[0], found[1].name)):
        name = _domain_name(table)
        if name is None or table.name == guess.table.name:
            continue
        for _, package in packages:
            column = _refers(table, schema.tables[package])
            if column is not None and (found := _package(schema.tables[package], owners[package])) is not None:
                return found, DomainMap(table=table.name, name=name, package=column)
        if table.name in owners and len(table.row_key) == 1:
            return None, DomainMap(table=table.name, name=name, customer=owners[table.name].column)
    for _, package in packages:
        if (found := _package(schema.tables[package], owners[package])) is not None:
            return found, None
    return None, None


def domain_in_package(package: PackageMap, sample: Sample) -> DomainMap | None:
    """Return the column of the packages' own table in which nearly every value is a domain's name, if there is one.

    `sample` has rows of its `text_columns`.
    """
    for column in sample.columns:
        found = list(sample.values(column))
        domains = {value for value in found if _DOMAIN.fullmatch(value)}
        is_file = not frozenset(words(column)).isdisjoint(_FILES)
        # A server's name is there more than once.
        if len(domains) >= _FEWEST_DOMAINS and len(domains) >= _NEARLY_ALL * len(found) and not is_file:
            return DomainMap(table=package.table, name=ColumnSource(column), package=package.key)
    return None


def text_columns(table: HostTable) -> list[str]:
    """Return the columns that may hold names of domains."""
    return [column.name for column in table.columns if column.kind is Kind.TEXT]


def _sources(table: HostTable, columns: dict[Field, HostColumn], related: str | None) -> dict[Field, Source]:
    sources: dict[Field, Source] = {}
    for field, column in columns.items():
        if column.kind is Kind.INTEGER:
            sources[field] = Sql(f"CAST({_sql_column(table, column.name, related)} AS TEXT)")
        else:
            sources[field] = ColumnSource(column.name, related, is_writable=related is None)
    house, code = house_number(table), country_code(table)
    if Field.STREET in columns and house is not None:
        parts = [_sql_column(table, c.name, related) for c in (columns[Field.STREET], house)]
        sources[Field.STREET] = Sql(f"{parts[0]} || ' ' || {parts[1]}")
    if Field.PHONE in columns and code is not None:
        parts = [_sql_column(table, c.name, related) for c in (code, columns[Field.PHONE])]
        sources[Field.PHONE] = Sql(f"'+' || {parts[0]} || {parts[1]}")
    return sources


def _sql_column(table: HostTable, column: str, related: str | None) -> str:
    return f"{readable(related or table.plain_name)}.{readable(column)}"


def _names_a_field(table: HostTable, offered: dict[Field, Source]) -> bool:
    """Return whether a table is about one of the fields that it offers: `email`, `city`."""
    return bool(offered) and any(joined(field) in {"".join(head(table.name)), *head(table.name)} for field in offered)


def _related_tables(
    schema: HostSchema, guess: CustomerGuess, references: Iterable[Finding], taken: AbstractSet[str]
) -> Iterable[tuple[str, HostTable, str, tuple[str | None, str]]]:
    """Yield (name, table, its column, (related row, None for the customer; column there)) of tables with details."""
    names: set[str] = {"customer", *taken}
    for table, on, column in sorted(_pointed_at(schema, guess.table), key=lambda found: _place_rank(found[0])):
        name = _free(names, table)
        yield name, table, on, (None, column)
        for further, on_further, column_further in _pointed_at(schema, table):
            # A name that lies one table further: the city of an address.
            if further.name != guess.table.name:
                yield _free(names, further), further, on_further, (name, column_further)
    plain = (f for f in references if f.is_sure and f.form == "{key}" and f.where is None)
    for finding in sorted(
        plain, key=lambda f: (_place_rank(schema.tables[f.table]), f.table, f.by != FindingKind.CONSTRAINT)
    ):
        table = schema.tables[finding.table]
        if table.name != guess.table.name and _is_place(table) and table.row_key:
            yield _free(names, table), table, finding.column, (None, finding.key)


def _pointed_at(schema: HostSchema, table: HostTable) -> list[tuple[HostTable, str, str]]:
    """Return the tables with details that a table refers to by one column: (table, its column, the column here)."""
    found = []
    for foreign_key in table.foreign_keys:
        other = schema.table(foreign_key.table)
        if other is not None and other is not table and len(foreign_key.columns) == 1:
            found.append((other, foreign_key.to[0], foreign_key.columns[0]))
    referring = {column for _, _, column in found}
    for column in table.columns:
        plain = words(column.name)
        if column.name in referring or plain[-1:] != ("id",):
            continue
        found += [
            (other, other.row_key[0], column.name)
            for other in schema.tables.values()
            if other is not table and len(other.row_key) == 1 and "".join(head(other.name)) == "".join(plain[:-1])
        ]
    return [(other, on, column) for other, on, column in found if _is_place(other) or head(other.name) in _CITIES]


_CITIES = (("city",), ("town",), ("ort",), ("stadt",))


def _is_place(table: HostTable) -> bool:
    plain = head(table.name)
    return (
        bool(frozenset(plain[-2:]) & PLACES)
        and not frozenset(plain) & OTHER_PEOPLE
        and kind_of_table(table) is None
        and bool(columns_by_field(table))
    )


def _place_rank(table: HostTable) -> tuple[int, str]:
    """Return how well a table's name says that it holds addresses, and the name."""
    plain = head(table.name)
    return (0 if frozenset(plain) & {"address", "adresse", "anschrift"} else 1) + ("billing" not in plain), table.name


def _free(names: set[str], table: HostTable) -> str:
    stem = "_".join(head(table.name))
    name = next(n for n in (stem, *(f"{stem}_{i}" for i in range(2, 100))) if n not in names)
    names.add(name)
    return name


def _package_rank(table: HostTable) -> tuple[int, int] | None:
    plain = head(table.name)
    if plain[-1] not in PACKAGES or len(table.row_key) != 1 or _title(table) is None:
        return None
    best = _BEST_PACKAGES.index(plain[-1]) if plain[-1] in _BEST_PACKAGES else len(_BEST_PACKAGES)
    return best, len(plain)


def _title(table: HostTable) -> HostColumn | None:
    texts = {joined(c.name): c for c in table.columns if c.kind in (Kind.TEXT, Kind.OTHER)}
    stem = "".join(head(table.name)[-1:])
    return next((texts[name] for name in (*_TITLES, f"{stem}name", *_DOMAINS) if name in texts), None)


def _package(table: HostTable, finding: Finding) -> PackageMap | None:
    title = _title(table)
    if title is None:
        return None
    password = next(
        (c.name for c in table.columns if c.kind is Kind.TEXT and joined(c.name).removesuffix("hash") in PASSWORDS),
        None,
    )
    return PackageMap(
        table=table.name,
        key=table.row_key[0],
        customer=finding.column,
        name=ColumnSource(title.name),
        password=password,
    )


def _domain_rank(table: HostTable) -> int | None:
    plain = head(table.name)
    if kind_of_table(table) is not None or not table.row_key:
        return None
    if plain[-1] == "domain":
        return len(plain)
    return 10 if any(joined(c.name) in _DOMAINS[:2] for c in table.columns) else None


def _domain_name(table: HostTable) -> Source | None:
    texts = {joined(c.name): c for c in table.columns if c.kind in (Kind.TEXT, Kind.OTHER)}
    if "sld" in texts and "tld" in texts:
        return Sql(f"{readable(texts['sld'].name)} || {readable(texts['tld'].name)}")
    names = (*_DOMAINS, *(("name",) if head(table.name)[-1] == "domain" else ()))
    return next((ColumnSource(texts[name].name) for name in names if name in texts), None)


def _refers(table: HostTable, other: HostTable) -> str | None:
    """Return the column by which a table refers to another one's key, by a constraint or by its name."""
    for foreign_key in table.foreign_keys:
        if foreign_key.table == other.name and len(foreign_key.columns) == 1:
            return foreign_key.columns[0]
    stems = {"".join(head(other.name)), head(other.name)[-1]}
    for column in table.columns:
        plain = words(column.name)
        if plain[-1:] == ("id",) and "".join(plain[:-1]) in stems:
            return column.name
    return None
