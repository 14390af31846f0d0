"""The register as tables, columns and expressions: custmerge's own tables are one such value, a host's are another.

`Register` and `RegisterReader` take everything from it, so that nothing else asks whose tables they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, FromClause, Table

from custmerge.rules.fields import Customer
from custmerge.rules.normalise import domain_in_ascii
from custmerge.rules.proofs import Hashing, ProofBy
from custmerge.storage.dialect import among
from custmerge.storage.register.following import FollowingRows
from custmerge.storage.register.writing import OwnTables
from custmerge.storage.tables.register import contact_columns, customer, domain, field_columns, package

if TYPE_CHECKING:
    from custmerge.storage.register.attached.host import Host
    from custmerge.storage.register.statements import Statements
    from custmerge.storage.register.writing import Writer


def _unchanged(texts: Iterable[str]) -> Iterable[str]:
    return texts


# Any: a host's keys may be texts, integers or UUIDs.
@dataclass(frozen=True, eq=False)
class KeyColumn:
    """A column by which rows are found."""

    stored: ColumnElement[Any]
    """As the database stores it: keys are compared with this, so that its index is used."""
    text: ColumnElement[str]
    """The same as a text that is sorted by its bytes."""
    values: Callable[[Iterable[str]], Iterable[Any]] = _unchanged
    """Returns what the column holds for keys; a text that can be none of its keys is left out."""

    def among(self) -> ColumnElement[bool]:
        """Return the condition that it is one of the statement's parameter `keys`, see `dialect.among`."""
        return among(self.stored)


@dataclass(frozen=True, eq=False, repr=False)
class RegisterMapping:
    """Where customers, packages and domains are kept."""

    is_ours: bool
    """Whether only custmerge writes the tables: then an import may fill them, and an audit proves what is in them."""

    customer_rows: FromClause
    """The customers' own rows."""
    customers: FromClause
    """These rows with everything else that a record is read from."""
    number: KeyColumn
    fields: tuple[ColumnElement[str], ...]
    """The eleven; never NULL."""
    merged_into: ColumnElement[str | None]
    password: ColumnElement[str | None]
    searched: ColumnElement[str]
    """The text that `find` searches, in lower case, see `normalise.search_text`."""
    tombstones: Table
    """Rows of `number` and `merged_into`, at least of every number that was merged away."""
    record: Callable[[Sequence[Any]], Customer]
    """Returns the record in a row of number, fields, merged_into, `keys` and `scope`."""

    package_rows: FromClause
    """The packages' own rows."""
    placed_packages: FromClause
    """These rows with the customers that they are under."""
    packages: FromClause
    """These with contacts and domains, one row for each domain."""
    package: KeyColumn
    package_number: KeyColumn
    """The number that a package is under."""
    package_name: ColumnElement[str]
    package_password: ColumnElement[str | None]
    contact: tuple[ColumnElement[str | None], ...]
    """The eight; either all are NULL or none is."""
    package_domain: ColumnElement[str | None]
    """The name of one domain of a package, NULL if it has none."""

    placed_domains: FromClause
    """The domains with what says under which numbers they are."""
    domains: FromClause
    """These with the passwords of their packages and customers."""
    domain_number: KeyColumn
    """The number that a domain is under."""
    domain_package: ColumnElement[str | None]
    domain_name: ColumnElement[str]
    domain_searched: ColumnElement[str]
    """The name as `find` searches it, in small letters."""
    domain_key: ColumnElement[str]
    """The name in the writing by which it is looked up."""
    domain_password: ColumnElement[str | None]
    """The package's own."""
    domain_customer_password: ColumnElement[str | None]
    has_domain_keys: bool
    """Whether each domain is there once and found by its key; else it is looked for among its number's domains."""
    may_be_domain: Callable[[str], bool]
    """Returns whether a text can be the name of a domain."""
    domain_writings: Callable[[str], Collection[str]]
    """Returns what may stand in `domain_key` for a domain."""

    identity_key: ColumnElement[str | None] | None
    """The column of the customers' own rows with `exact_key.identity_key`; None where it isn't stored."""
    counted: tuple[FromClause, FromClause, FromClause]
    """The rows that are all customers, packages and domains."""
    writer: Callable[[Connection], Writer]

    keys: tuple[ColumnElement[str], ...] = ()
    """What references to a customer hold."""
    scope: tuple[ColumnElement[str], ...] = ()
    """What has to be equal in two customers for an order."""
    scope_names: tuple[str, ...] = ()
    """What people call each of these."""
    proof: ProofBy = ProofBy.DOMAIN
    """What proves that a number is somebody's."""
    hashing: Hashing = Hashing()  # noqa: RUF009 (frozen)
    """What is done with the hashes of passwords."""
    host: Host | None = None
    """What a host's tables were attached by; None for our own."""
    replaced: frozenset[str] = frozenset()
    """Names of custmerge's own tables that aren't there, because a host's are in their place."""
    references: Callable[[Connection], FollowingRows] = FollowingRows
    """Returns what reads and writes the rows that follow the customers."""

    @property
    def records_shift(self) -> bool:
        """Whether a record may read otherwise after an order: it is read of rows to which others come."""
        return self.host is not None and self.host.records_shift

    @cached_property
    def statements(self) -> Statements:
        """The statements of this register, each built when it is first used."""
        from custmerge.storage.register.statements import Statements

        return Statements(self)


# Any: SQLAlchemy types a row by its columns.
def customer_of(row: Sequence[Any]) -> Customer:
    """Return the record in a row of number, the eleven fields and merged_into."""
    number, *values, merged_into = row
    return Customer(number=number, values=tuple(values), merged_into=merged_into)


def _may_be_domain(name: str) -> bool:
    # Imported here: every command loads this module, and only a few look a domain up.
    from custmerge.rules.records import wrong_with_domain

    return not wrong_with_domain(name)


def _ascii_name(name: str) -> Collection[str]:
    return (domain_in_ascii(name),)


_placed_domains = domain.join(package, package.c.package == domain.c.package)
OWN = RegisterMapping(
    is_ours=True,
    customer_rows=customer,
    customers=customer,
    number=KeyColumn(customer.c.number, customer.c.number),
    fields=field_columns,
    merged_into=customer.c.merged_into,
    password=customer.c.password_hash,
    searched=customer.c.search,
    tombstones=customer,
    record=customer_of,
    package_rows=package,
    placed_packages=package,
    packages=package.outerjoin(domain, domain.c.package == package.c.package),
    package=KeyColumn(package.c.package, package.c.package),
    package_number=KeyColumn(package.c.number, package.c.number),
    package_name=package.c.name,
    package_password=package.c.password_hash,
    contact=contact_columns,
    package_domain=domain.c.name,
    placed_domains=_placed_domains,
    domains=_placed_domains.join(customer, customer.c.number == package.c.number),
    domain_number=KeyColumn(package.c.number, package.c.number),
    domain_package=domain.c.package,
    domain_name=domain.c.name,
    domain_searched=domain.c.name,
    domain_key=domain.c.ascii_name,
    domain_password=package.c.password_hash,
    domain_customer_password=customer.c.password_hash,
    has_domain_keys=True,
    may_be_domain=_may_be_domain,
    domain_writings=_ascii_name,
    identity_key=customer.c.identity_key,
    counted=(customer, package, domain),
    writer=OwnTables,
)
"""custmerge's own tables."""
