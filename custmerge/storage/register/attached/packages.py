"""The packages and domains of a host's tables, under its customers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Subquery,
    TableClause,
    Text,
    case,
    cast,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
)

from custmerge.rules.fields import DETAIL_FIELDS, Field
from custmerge.rules.host_schema import HostColumn, HostSchema, Kind
from custmerge.rules.mapping import DomainMap, HostMapping, PackageMap, Source, Sql
from custmerge.storage.dialect import TextByBytes
from custmerge.storage.register.attached.columns import (
    host_table,
    is_same,
    key_column,
    of_column,
    sql_of,
    text_or_empty,
)
from custmerge.storage.register.attached.customers import HostCustomers
from custmerge.storage.register.mapping import KeyColumn
from custmerge.storage.tables.attached import contact

# Any: columns of every type.
_Column = ColumnElement[Any]
_NOTHING: ColumnElement[str | None] = cast(null(), Text)
_A_TEXT = HostColumn("", "text", Kind.TEXT)


@dataclass(frozen=True, eq=False)
class _Packages:
    """Rows of packages: custmerge_key, _customer, _name, _password, and _contact_FIELD of `details`."""

    rows: Subquery
    of_key: HostColumn
    of_customer: HostColumn
    details: tuple[Field, ...] = ()
    """Those that have a column."""


@dataclass(frozen=True, eq=False)
class _Domains:
    """Rows of domains: custmerge_name, and custmerge_holder, the package or the customer."""

    rows: Subquery
    of_holder: HostColumn
    are_in_packages: bool = True


class HostPackages:
    """The packages and domains of a mapping.

    A host that has domains of customers but no packages has a package for each domain's row; it may have neither.
    """

    def __init__(self, mapping: HostMapping, schema: HostSchema, customers: HostCustomers) -> None:
        self._customers = customers
        self._of_customer = customers.column(mapping.customer.key)
        self._packages = _packages(mapping, schema)
        self._domains = _domains(mapping, schema)

    @property
    def rows(self) -> Subquery:
        """The own rows of packages."""
        return self._packages.rows

    @cached_property
    def key(self) -> KeyColumn:
        """The key of a package."""
        return key_column(self.rows.c.custmerge_key, self._packages.of_key)

    @property
    def name(self) -> ColumnElement[str]:
        """The name of a package."""
        return text_or_empty(self.rows.c.custmerge_name)

    @property
    def password(self) -> ColumnElement[str | None]:
        """The hash of a package's own password; NULL where there is none."""
        return func.nullif(self.rows.c.custmerge_password, "")

    @cached_property
    def placed(self) -> FromClause:
        """The packages with their customers."""
        return self._with_customers(self.rows, self.rows.c.custmerge_customer, self._packages.of_customer)

    @cached_property
    def joined(self) -> FromClause:
        """These with domains, and with the contacts that custmerge keeps."""
        joined = self.placed
        if self._domains.are_in_packages:
            joined = joined.outerjoin(self._domains.rows, self._is_in_package)
        return joined.outerjoin(contact, contact.c.package == self.key.text)

    @property
    def domain(self) -> _Column:
        """See `RegisterMapping.package_domain`."""
        return self.domain_name if self._domains.are_in_packages else _NOTHING

    @cached_property
    def contact(self) -> tuple[ColumnElement[str | None], ...]:
        """See `RegisterMapping.contact`: what the host's columns say, and what custmerge keeps of the rest."""
        texts = {detail: text_or_empty(self.rows.c[_contact(detail)]) for detail in self._packages.details}
        there = or_(contact.c.package.is_not(None), *(text != "" for text in texts.values()))
        return tuple(
            case((there, texts.get(detail, text_or_empty(contact.c[detail]))), else_=_NOTHING)
            for detail in DETAIL_FIELDS
        )

    @property
    def details(self) -> frozenset[Field]:
        """The details that have a column."""
        return frozenset(self._packages.details)

    @cached_property
    def domains(self) -> FromClause:
        """The domains with their customers, and with their packages if they are in some."""
        if not self._domains.are_in_packages:
            return self._with_customers(
                self._domains.rows, self._domains.rows.c.custmerge_holder, self._domains.of_holder
            )
        in_packages = self._domains.rows.join(self.rows, self._is_in_package)
        return self._with_customers(in_packages, self.rows.c.custmerge_customer, self._packages.of_customer)

    @property
    def domain_name(self) -> ColumnElement[str]:
        """The name of a domain."""
        return TextByBytes(self._domains.rows.c.custmerge_name)

    @property
    def domain_package(self) -> _Column:
        """The key of the package that a domain is in."""
        return self.key.text if self._domains.are_in_packages else _NOTHING

    @property
    def domain_password(self) -> ColumnElement[str | None]:
        """The hash of that package's own password."""
        return self.password if self._domains.are_in_packages else _NOTHING

    @property
    def _is_in_package(self) -> ColumnElement[bool]:
        domains, packages = self._domains, self._packages
        return is_same(
            domains.rows.c.custmerge_holder, domains.of_holder, packages.rows.c.custmerge_key, packages.of_key
        )

    def _with_customers(self, rows: FromClause, holder: _Column, of_holder: HostColumn) -> FromClause:
        customers = self._customers
        return rows.join(customers.rows, is_same(holder, of_holder, customers.key, self._of_customer))


def _packages(mapping: HostMapping, schema: HostSchema) -> _Packages:
    if mapping.package is not None:
        return _own_packages(mapping.package, schema)
    if mapping.domain is not None and mapping.domain.customer is not None:
        return _domains_as_packages(mapping.domain, mapping.domain.customer, schema)
    names = ("key", "customer", "name", "password")
    nothing = select(*(_NOTHING.label(f"custmerge_{name}") for name in names)).where(false())
    return _Packages(nothing.subquery("custmerge_packages"), _A_TEXT, _A_TEXT)


def _own_packages(of: PackageMap, schema: HostSchema) -> _Packages:
    table = host_table(schema.tables[of.table])
    columns: list[_Column] = [
        table.c[of.key].label("custmerge_key"),
        table.c[of.customer].label("custmerge_customer"),
        (_NOTHING if of.name is None else _source(table, of.name)).label("custmerge_name"),
        (_NOTHING if of.password is None else table.c[of.password]).label("custmerge_password"),
        *(table.c[name].label(_contact(detail)) for detail, name in of.contact.items()),
    ]
    rows = select(*columns).select_from(table)
    if of.where is not None:
        rows = rows.where(sql_of(of.where))
    return _Packages(
        rows.subquery("custmerge_packages"),
        of_column(schema.tables, of.table, of.key),
        of_column(schema.tables, of.table, of.customer),
        tuple(of.contact),
    )


def _domains_as_packages(of: DomainMap, customer: str, schema: HostSchema) -> _Packages:
    table = host_table(schema.tables[of.table])
    key, of_key = _row_key(table, of.table, schema)
    columns: list[_Column] = [
        key.label("custmerge_key"),
        table.c[customer].label("custmerge_customer"),
        *(_NOTHING.label(f"custmerge_{name}") for name in ("name", "password")),
    ]
    rows = select(*columns).select_from(table)
    if of.where is not None:
        rows = rows.where(sql_of(of.where))
    return _Packages(rows.subquery("custmerge_packages"), of_key, of_column(schema.tables, of.table, customer))


def _domains(mapping: HostMapping, schema: HostSchema) -> _Domains:
    of = mapping.domain
    if of is None or (of.package is not None and mapping.package is None):
        columns: list[_Column] = [_NOTHING.label("custmerge_holder"), _NOTHING.label("custmerge_name")]
        return _Domains(select(*columns).where(false()).subquery("custmerge_domains"), _A_TEXT)
    table = host_table(schema.tables[of.table])
    holder_name = of.customer if of.package is None else of.package
    if mapping.package is None or holder_name is None:
        holder, of_holder = _row_key(table, of.table, schema)
    else:
        holder, of_holder = table.c[holder_name], of_column(schema.tables, of.table, holder_name)
    name = cast(_source(table, of.name), Text)
    rows = select(holder.label("custmerge_holder"), name.label("custmerge_name")).select_from(table).where(name != "")
    if of.where is not None:
        rows = rows.where(sql_of(of.where))
    are_in_packages = mapping.package is None or of.package is not None
    return _Domains(rows.subquery("custmerge_domains"), of_holder, are_in_packages)


def _row_key(table: TableClause, name: str, schema: HostSchema) -> tuple[_Column, HostColumn]:
    """Return what tells a table's rows apart, with its kind; raises LookupError for a table without a key.

    A key of several columns is the text of all of them.
    """
    keys = schema.tables[name].row_key
    if not keys:
        raise LookupError(name)
    if len(keys) == 1:
        return table.c[keys[0]], of_column(schema.tables, name, keys[0])
    parts: list[_Column] = [text_or_empty(table.c[key]) for key in keys]
    return reduce(lambda text, part: add(add(text, literal_column("','", Text())), part), parts), _A_TEXT


def _source(table: TableClause, source: Source) -> _Column:
    return sql_of(source.text) if isinstance(source, Sql) else table.c[source.column]


def _contact(detail: Field) -> str:
    return f"custmerge_contact_{detail}"
