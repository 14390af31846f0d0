"""Reads a mapping from TOML; every mistake in it is told by its line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from custmerge.errors import N_, BadMappingText
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Field
from custmerge.rules.mapping import (
    FORMAT,
    ColumnSource,
    CustomerMap,
    DomainMap,
    HostMapping,
    Itself,
    PackageMap,
    Policy,
    ReferenceMap,
    RefuseMap,
    Related,
    Side,
    Source,
    Sql,
    split_column,
)
from custmerge.rules.mapping.demands import (
    demand_columns,
    demand_keys_that_fit,
    demand_one_answer,
    demand_parts_that_fit,
    demand_related_rows,
)
from custmerge.rules.mapping.toml_lines import key_lines
from custmerge.rules.mapping.toml_table import TomlTable
from custmerge.rules.proofs import ProofBy

_AT = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_CUSTOMER = "customer"
"""What `[related.NAME] from` calls the customer's own row."""


def read_mapping(text: str, file: str = "mapping") -> HostMapping:
    """Return the mapping that a TOML text says; raises BadMapping for its first mistake, which names `file`."""
    values = toml_values(text, file)
    return mapping_of(values, key_lines(text), file)


def toml_values(text: str, file: str) -> dict[str, object]:
    """Return the values of a TOML text; raises BadMapping for one that is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad_text(text, file, str(error)) from None


def mapping_of(values: Mapping[str, object], lines: Mapping[str, int], file: str) -> HostMapping:
    """Return the mapping that values say, whose keys stand in `lines`; raises BadMapping for the first mistake."""
    top = TomlTable(values, "", lines, file)
    _demand_format(top)
    customer = _customer(top.table("customer"))
    related = {name: _related(part, name, customer) for name, part in top.tables_by_name("related").items()}
    package = _package(top.table("package")) if top.has("package") else None
    domain = _domain(top.table("domain")) if top.has("domain") else None
    has_password = customer.password is not None or (package is not None and package.password is not None)
    mapping = HostMapping(
        name=top.text("name", customer.table),
        customer=customer,
        related=related,
        fields=_fields(top.table("fields", may_be_missing=True), related),
        package=package,
        domain=domain,
        proof=_proof(top, by_domain=domain is not None and has_password),
        references=tuple(_reference(part, customer) for part in top.tables("reference")),
        refuse=tuple(_refuse(part) for part in top.tables("refuse")),
        ignore=_ignored(top),
        lines=top.lines,
    )
    top.end()
    demand_related_rows(mapping, top)
    demand_parts_that_fit(mapping, top)
    demand_one_answer(mapping, top)
    return mapping


def _bad_text(text: str, file: str, reason: str) -> BadMappingText:
    at = _AT.search(reason)
    line = int(at["line"]) if at and at["line"] else text.rstrip("\n").count("\n") + 1
    return BadMappingText(file=file, line=line, why=N_("this isn't TOML ({reason})"), reason=_AT.sub("", reason))


def _demand_format(top: TomlTable) -> None:
    value = top.integer("format", FORMAT)
    if value != FORMAT:
        raise top.bad(
            "format", N_("{value} isn't a format that this program knows: write {known}"), value=value, known=FORMAT
        )


def _customer(part: TomlTable) -> CustomerMap:
    table, key = part.text("table"), part.text("key")
    customer = CustomerMap(
        table=table,
        key=key,
        number=part.text("number", key),
        keys=part.texts("keys"),
        where=part.text_or_none("where"),
        same=part.texts("same"),
        password=part.text_or_none("password"),
        retire=part.values_by_column("retire"),
        touch=part.values_by_column("touch"),
    )
    part.end()
    if key in customer.keys:
        raise part.bad("keys", N_("{value} is the key already: name further columns only"), value=key)
    return customer


def _related(part: TomlTable, name: str, customer: CustomerMap) -> Related:
    if name == _CUSTOMER:
        raise part.bad("", N_("this name is the customer's own row: choose another"))
    whose, column = split_column(part.text("from", f"{_CUSTOMER}.{customer.key}"))
    if not whose:
        raise part.bad("from", N_("has to be customer.COLUMN, or the name of a related row with its column"))
    related = Related(
        name=name,
        table=part.text("table"),
        on=part.text("on"),
        from_column=column,
        from_related=None if whose == _CUSTOMER else whose,
        where=part.text_or_none("where"),
        order=part.text_or_none("order"),
    )
    part.end()
    return related


def _fields(part: TomlTable, related: Mapping[str, Related]) -> dict[Field, Source]:
    fields = {name: _field(part, name, related) for name in FIELDS if part.has(name)}
    part.known = [field.value for field in FIELDS]
    part.end()
    return fields


def _field(part: TomlTable, key: str, related: Mapping[str, Related]) -> Source:
    if not part.is_table(key):
        return _column_source(part, key, part.text(key), related)
    inner = part.table(key)
    if inner.has("sql"):
        source: Source = Sql(inner.text("sql"))
    else:
        column = _column_source(inner, "column", inner.text("column"), related)
        source = ColumnSource(column.column, column.related, inner.flag("write", default=column.is_writable))
    inner.end()
    return source


def _column_source(part: TomlTable, key: str, name: str, related: Mapping[str, Related]) -> ColumnSource:
    """Return `column`, `customer.column` or `related.column`; only what is in the customer's row is writable."""
    whose, column = split_column(name)
    if whose in ("", _CUSTOMER):
        return ColumnSource(column)
    if whose not in related:
        raise part.bad(key, N_("there is no [related.{name}]"), name=whose)
    return ColumnSource(column, whose, is_writable=False)


def _package(part: TomlTable) -> PackageMap:
    package = PackageMap(
        table=part.text("table"),
        key=part.text("key"),
        customer=part.text("customer"),
        name=_name(part) if part.has("name") else None,
        where=part.text_or_none("where"),
        password=part.text_or_none("password"),
        contact=_contact(part.table("contact", may_be_missing=True)),
    )
    part.know("name")
    part.end()
    return package


def _contact(part: TomlTable) -> dict[Field, str]:
    contact = {name: part.text(name) for name in DETAIL_FIELDS if part.has(name)}
    part.known = [field.value for field in DETAIL_FIELDS]
    part.end()
    return contact


def _domain(part: TomlTable) -> DomainMap:
    domain = DomainMap(
        table=part.text("table"),
        name=_name(part),
        package=part.text_or_none("package"),
        customer=part.text_or_none("customer"),
        where=part.text_or_none("where"),
    )
    part.end()
    if (domain.package is None) == (domain.customer is None):
        raise part.bad("", N_("has to have either package or customer, the column that says whose it is"))
    return domain


def _name(part: TomlTable) -> Source:
    if not part.is_table("name"):
        return ColumnSource(part.text("name"), is_writable=False)
    inner = part.table("name")
    sql = Sql(inner.text("sql"))
    inner.end()
    return sql


def _proof(top: TomlTable, *, by_domain: bool) -> ProofBy:
    """Return what proves a number; what nobody said opens no more than somebody would have said."""
    part = top.table("proof", may_be_missing=True)
    proof = part.choice("by", ProofBy, ProofBy.DOMAIN if by_domain else ProofBy.NOTHING)
    part.end()
    return proof


def _reference(part: TomlTable, customer: CustomerMap) -> ReferenceMap:
    reference = ReferenceMap(
        columns=part.texts("columns"),
        tables=part.texts("tables"),
        policy=part.choice("policy", Policy),
        line=part.line,
        unique=part.texts("unique") if part.has("unique") else None,
        winner=part.choice("winner", Side, Side.SURVIVOR),
        add=part.texts("add"),
        latest=part.texts("latest"),
        earliest=part.texts("earliest"),
        where=part.text_or_none("where"),
        key=part.text_or_none("key"),
        form=part.text("form", "{key}"),
        set=part.values_by_column("set"),
        itself=part.choice("itself", Itself, Itself.REFUSE),
        why=part.text("why", ""),
    )
    part.end()
    demand_columns(part, "columns")
    demand_keys_that_fit(part, reference, customer)
    return reference


def _refuse(part: TomlTable) -> RefuseMap:
    refuse = RefuseMap(why=part.text("why"), sql=part.text("sql"), line=part.line)
    part.end()
    return refuse


def _ignored(top: TomlTable) -> tuple[str, ...]:
    part = top.table("ignore", may_be_missing=True)
    columns = part.texts("columns")
    part.end()
    demand_columns(part, "columns")
    return columns
