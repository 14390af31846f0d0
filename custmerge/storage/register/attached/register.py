"""A host's tables as the register, by a mapping and the catalogue that they had when it was attached."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from custmerge.rules.fields import EMPTY_VALUES, FIELDS, Customer
from custmerge.rules.host_schema import Fact, HostSchema
from custmerge.rules.mapping import HostMapping
from custmerge.rules.normalise import domain_in_ascii, domain_in_unicode, domain_name, lower
from custmerge.rules.proofs import Hashing
from custmerge.storage.dialect import LowerCase
from custmerge.storage.register.attached.beside import BesideHostTables
from custmerge.storage.register.attached.customers import HostCustomers
from custmerge.storage.register.attached.host import Host
from custmerge.storage.register.attached.packages import HostPackages
from custmerge.storage.register.mapping import RegisterMapping
from custmerge.storage.tables.attached import tombstone
from custmerge.storage.tables.register import REGISTER_TABLES


def attached(mapping: HostMapping, schema: HostSchema) -> RegisterMapping:
    """Return the register in a host's tables; raises LookupError for a table or column that `schema` hasn't."""
    customers = HostCustomers(mapping, schema)
    packages = HostPackages(mapping, schema, customers)
    domain_text = LowerCase(packages.domain_name)
    host = Host(mapping, schema)
    return RegisterMapping(
        is_ours=False,
        customer_rows=customers.rows,
        customers=customers.with_records,
        number=customers.number,
        fields=customers.fields,
        merged_into=customers.merged_into,
        password=customers.password,
        searched=customers.searched,
        tombstones=tombstone,
        record=partial(_record, keys=len(customers.keys)),
        package_rows=packages.rows,
        placed_packages=packages.placed,
        packages=packages.joined,
        package=packages.key,
        package_number=customers.number,
        package_name=packages.name,
        package_password=packages.password,
        contact=packages.contact,
        package_domain=packages.domain,
        placed_domains=packages.domains,
        domains=packages.domains,
        domain_number=customers.number,
        domain_package=packages.domain_package,
        domain_name=packages.domain_name,
        domain_searched=domain_text,
        domain_key=domain_text,
        domain_password=packages.domain_password,
        domain_customer_password=customers.password,
        # A host may have a name several times, and only seldom an index by which it is found.
        has_domain_keys=False,
        may_be_domain=_has_text,
        domain_writings=_writings,
        identity_key=None,
        counted=(customers.rows, packages.placed, packages.domains),
        writer=partial(BesideHostTables, with_columns=packages.details),
        keys=customers.keys,
        scope=customers.scope,
        scope_names=mapping.customer.same,
        proof=mapping.proof,
        hashing=Hashing(renews=False, kind=schema.facts.get(Fact.HASH_KIND)),
        host=host,
        replaced=REGISTER_TABLES,
        references=host.references,
    )


# Any: SQLAlchemy types a row by its columns.
def _record(row: Sequence[Any], *, keys: int) -> Customer:
    """Return the record in a row, see `RegisterMapping.record`; the host's row of a tombstone may still be filled."""
    values, merged_into, *further = row[1 : len(FIELDS) + 1], *row[len(FIELDS) + 1 :]
    return Customer(
        number=row[0],
        values=EMPTY_VALUES if merged_into is not None else tuple(values),
        merged_into=merged_into,
        keys=tuple(further[:keys]),
        scope=tuple(further[keys:]),
    )


def _has_text(name: str) -> bool:
    """Return whether a text can be a domain here: the mapping may have another secret in its place."""
    return name != ""


def _writings(name: str) -> Collection[str]:
    return {lower(name), domain_name(name), domain_in_ascii(name), domain_in_unicode(name)}
