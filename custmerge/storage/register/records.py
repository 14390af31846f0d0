"""Customers, packages and domains: the small interface through which services see them.

Nothing outside this package knows the names of tables and columns, so a host's own tables can replace
them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, func, or_, select, update

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package, chain
from custmerge.rules.hashes import Hashing
from custmerge.rules.mapping import ProofBy
from custmerge.rules.normalise import domain_in_ascii, domain_name, lower, search_text
from custmerge.rules.records import wrong_with_domain
from custmerge.storage.dialect import among, dialect_of, streamed
from custmerge.storage.tables import contact_columns, customer, domain, field_columns, package

if TYPE_CHECKING:
    from custmerge.storage.files.temporary import ChangedRecords

ROWS_AT_ONCE = 2_000
Cells = tuple[str | None, ...]
_NO_CONTACT = (None,) * len(DETAIL_FIELDS)

_CUSTOMER = select(customer.c.number, *field_columns, customer.c.merged_into)
_PACKAGES = select(
    package.c.package,
    package.c.number,
    package.c.name,
    package.c.password_hash,
    domain.c.name.label("domain"),
    *contact_columns,
).join(domain, domain.c.package == package.c.package, isouter=True)
# These statements of every merge are built only once, because building one takes longer than executing it.
_CUSTOMERS = _CUSTOMER.where(among(customer.c.number)).order_by(customer.c.number)
_CUSTOMERS_LOCKED = _CUSTOMERS.with_for_update()
_DOMAIN_PASSWORDS = (
    select(
        package.c.number,
        domain.c.ascii_name,
        func.coalesce(package.c.password_hash, customer.c.password_hash).label("password_hash"),
    )
    .select_from(domain)
    .join(package, package.c.package == domain.c.package)
    .join(customer, customer.c.number == package.c.number)
    .where(among(domain.c.ascii_name))
)


# Any: SQLAlchemy types a row by its columns.
def _packages_by(column: ColumnElement[str]) -> tuple[Select[Any], Select[Any]]:
    """Return two statements: one locks, the other reads the packages whose `column` is one of the keys."""
    keys = select(package.c.package).where(among(column)).order_by(package.c.package)
    return keys.with_for_update(), _PACKAGES.where(among(column)).order_by(package.c.package, domain.c.name)


_PACKAGES_BY_NUMBER, _PACKAGES_BY_KEY = _packages_by(package.c.number), _packages_by(package.c.package)


def _contains(column: Any, word: str) -> Any:  # noqa: ANN401 (SQLAlchemy types both as Any)
    return column.contains(word, autoescape=True)


def _is_like(word: str) -> ColumnElement[bool]:
    """Return the condition that a word stands in a domain's name."""
    name, key = domain_name(word), domain_in_ascii(word)
    if name == key and "xn--" not in name:
        return or_(_contains(domain.c.name, name or word), domain.c.ascii_name == key)
    # A label in either writing: in the key it is the same.
    return or_(_contains(domain.c.name, name), _contains(domain.c.ascii_name, key))


class Register:
    """The register, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)
        self.proof_by = ProofBy.DOMAIN
        """What proves whose a number is."""
        self.hashing = Hashing()
        """What is done with the hashes of customers and packages."""

    def customer(self, number: str) -> Customer | None:
        """Return the record of a number, a tombstone's too."""
        row = self._connection.execute(_CUSTOMER.where(customer.c.number == number)).first()
        return None if row is None else customer_of(row)

    def customers(self, numbers: Iterable[str], *, lock: bool = False) -> dict[str, Customer]:
        """Return the records of `numbers` that exist, by number; with `lock` nobody else can change them.

        Rows are locked in the order of their numbers, so that two merges never wait for each other.
        """
        statement = _CUSTOMERS_LOCKED if lock else _CUSTOMERS
        records = map(customer_of, self._connection.execute(statement, {"keys": numbers}).fetchall())
        return {record.number: record for record in records}

    def customers_with_chains(self, numbers: Iterable[str], *, lock: bool = False) -> dict[str, Customer]:
        """Return the records of `numbers`, see `customers`, and those that tombstones among them lead to."""
        records = self.customers(numbers, lock=lock)
        self.add_chains(records)
        return records

    def add_chains(self, records: dict[str, Customer], *, changed: ChangedRecords | None = None) -> None:
        """Add the records that tombstones among `records` lead to; one query for each step of all chains.

        Records in `changed`, which a dry run has changed, replace those of the register.
        """
        new: Mapping[str, Customer] = records
        while (
            into := {record.merged_into for record in new.values() if record.merged_into is not None} - records.keys()
        ):
            new = self.customers(into) | ({} if changed is None else changed.records(into))
            records |= new

    def packages_of(self, number: str) -> tuple[Package, ...]:
        """Return the packages under a number with their domains, in the order of their keys."""
        return tuple(self.packages_of_all([number]).get(number, ()))

    def number_password(self, number: str) -> str | None:
        """Return the hash of a number's own password; None if there is no such number or no password."""
        return self._connection.execute(select(customer.c.password_hash).where(customer.c.number == number)).scalar()

    def domain_passwords(self, claims: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the password hash of each (number, domain).

        It is the hash of the domain's package, or of the customer if the package has none (rule 4). A pair is left
        out if the number has no such domain, or if neither has a password.
        """
        keys = {(number, name): domain_in_ascii(name) for number, name in claims if not wrong_with_domain(name)}
        rows = self._connection.execute(_DOMAIN_PASSWORDS, {"keys": set(keys.values())})
        hashes = {(number, key): password_hash for number, key, password_hash in rows}
        by_pair = {pair: hashes.get((pair[0], key)) for pair, key in keys.items()}
        return {pair: password_hash for pair, password_hash in by_pair.items() if password_hash is not None}

    def domain_holders(self, names: Iterable[str]) -> dict[str, tuple[str, str | None]]:
        """Return the number that each domain is under, with the hash of its package's own password or None.

        Domains that no package has are left out.
        """
        # A text that is no domain was never imported, and PostgreSQL accepts no NUL in a parameter.
        keys = {name: domain_in_ascii(name) for name in names if not wrong_with_domain(name)}
        rows = self._connection.execute(
            select(domain.c.ascii_name, package.c.number, package.c.password_hash)
            .join(package, domain.c.package == package.c.package)
            .where(among(domain.c.ascii_name, set(keys.values())))
        )
        holders = {key: (number, password_hash) for key, number, password_hash in rows}
        return {name: holders[key] for name, key in keys.items() if key in holders}

    def chain_from(self, number: str) -> tuple[str, str | None] | None:
        """Return the end of a number's chain, and the hash of the number's own password.

        None if there is no such number. One statement, however long the chain is (rule 3).
        """
        step = select(customer.c.number, customer.c.merged_into, customer.c.password_hash)
        steps = step.where(customer.c.number == number).cte("steps", recursive=True)
        # UNION and not UNION ALL, so that a circle ends.
        steps = steps.union(step.join(steps, customer.c.number == steps.c.merged_into))
        rows = {row.number: row for row in self._connection.execute(select(steps))}
        if number not in rows:
            return None
        records = {row.number: Customer(row.number, merged_into=row.merged_into) for row in rows.values()}
        return chain(number, records)[-1], rows[number].password_hash

    def number_passwords(self, numbers: Iterable[str]) -> dict[str, str | None]:
        """Return the hashes of the own passwords of the `numbers` that exist."""
        wanted = among(customer.c.number, numbers)
        rows = self._connection.execute(select(customer.c.number, customer.c.password_hash).where(wanted))
        return dict(rows.all())

    def rehash(self, number: str, old: str, new: str) -> None:
        """Replace the hash `old` of a number and of packages under it by `new`.

        The same salted hash in several rows is the same password.
        """
        for table in (customer, package):
            self._connection.execute(
                update(table).where(table.c.number == number, table.c.password_hash == old).values(password_hash=new)
            )

    def packages_of_all(self, numbers: Collection[str], *, lock: bool = False) -> dict[str, list[Package]]:
        """Return the packages under each of `numbers` that has some, in the order of their keys.

        With `lock` nobody else changes them or moves them away before the transaction ends.
        """
        packages: dict[str, list[Package]] = {}
        for package_there in self._packages(_PACKAGES_BY_NUMBER, numbers, lock=lock):
            packages.setdefault(package_there.number, []).append(package_there)
        return packages

    def packages(self, keys: Collection[str], *, lock: bool = False) -> dict[str, Package]:
        """Return the packages that exist, by key; `lock` as in `packages_of_all`."""
        packages = self._packages(_PACKAGES_BY_KEY, keys, lock=lock)
        return {package_there.package: package_there for package_there in packages}

    def holders(self, domains: Collection[str]) -> dict[str, str]:
        """Return the package of each of `domains` that is in one."""
        keys = {name: domain_in_ascii(name) for name in domains}
        statement = select(domain.c.ascii_name, domain.c.package)
        rows = self._connection.execute(statement.where(among(domain.c.ascii_name, set(keys.values()))))
        packages = dict(rows.all())
        return {name: packages[key] for name, key in keys.items() if key in packages}

    def place(self, packages: Iterable[Package], *, contacts: Collection[str]) -> None:
        """Write the number of each package, and the contact of the packages whose keys are in `contacts`."""
        names = tuple(column.name for column in contact_columns)
        alone, with_contact = list[Cells](), list[Cells]()
        for moved in packages:
            if moved.package in contacts:
                with_contact.append((moved.package, moved.number, *(moved.contact or _NO_CONTACT)))
            else:
                alone.append((moved.package, moved.number))
        self._update(package, ("package", "number"), alone)
        self._update(package, ("package", "number", *names), with_contact)

    def retire(self, tombstones: Iterable[Customer]) -> None:
        """Make numbers tombstones: each keeps its password, and otherwise only the number it was merged into."""
        rows = [(record.number, record.merged_into, lower(record.number)) for record in tombstones]
        self._update(customer, ("number", "merged_into", "search"), rows, emptied=FIELDS)

    def revive(self, records: Iterable[Customer]) -> None:
        """Make tombstones records in use again; each has kept its password."""
        rows = [(r.number, None, search_text(r.number, r.values), *r.values) for r in records]
        self._update(customer, ("number", "merged_into", "search", *FIELDS), rows)

    def write(self, records: Iterable[Customer]) -> None:
        """Write the fields of records that are in use."""
        rows = [(r.number, search_text(r.number, r.values), *r.values) for r in records]
        self._update(customer, ("number", "search", *FIELDS), rows)

    def matching(self, words: Sequence[str], limit: int) -> tuple[Customer, ...]:
        """Return up to `limit` customers whose number, fields or domain names contain every word.

        Words are compared in lower case, labels of domains in both writings. Customers are in the order of their
        numbers.
        """
        conditions = [
            or_(
                _contains(customer.c.search, lower(word)),
                customer.c.number.in_(
                    select(package.c.number).join(domain, domain.c.package == package.c.package).where(_is_like(word))
                ),
            )
            for word in words
        ]
        rows = self._connection.execute(_CUSTOMER.where(and_(*conditions)).order_by(customer.c.number).limit(limit))
        return tuple(customer_of(row) for row in rows)

    def domains_like(self, word: str, numbers: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return by number the first domain under it in whose name a word stands, and how many there are.

        A word is compared as by `matching`; numbers without such a domain are left out.
        """
        statement = (
            select(package.c.number, func.min(domain.c.name), func.count())
            .join(domain, domain.c.package == package.c.package)
            .where(among(package.c.number, numbers), _is_like(word))
            .group_by(package.c.number)
        )
        return {number: (name, count) for number, name, count in self._connection.execute(statement)}

    def all_customers(self) -> Iterator[tuple[Customer, str | None]]:
        """Yield every record with its password hash, in the order of the numbers."""
        statement = _CUSTOMER.add_columns(customer.c.password_hash).order_by(customer.c.number)
        for *record, password_hash in streamed(self._connection, statement, ROWS_AT_ONCE):
            yield customer_of(record), password_hash

    def all_packages(self) -> Iterator[tuple[Package, str | None]]:
        """Yield every package with its domains and password hash, in the order of the keys."""
        statement = _PACKAGES.order_by(package.c.package, domain.c.name)
        yield from _grouped(streamed(self._connection, statement, ROWS_AT_ONCE))

    def has_packages(self) -> bool:
        """Return whether there is any package."""
        return self._connection.execute(select(package.c.package).limit(1)).first() is not None

    def count(self) -> tuple[int, int, int]:
        """Return how many customers, packages and domains there are."""
        customers, packages, domains = (
            self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (customer, package, domain)
        )
        return customers, packages, domains

    def _update(
        self, table: Table, columns: Sequence[str], rows: Sequence[Cells], *, emptied: Sequence[str] = ()
    ) -> None:
        self._dialect.update_rows(self._connection, table.name, columns, rows, emptied)

    # Any: as `_packages_by`.
    def _packages(
        self, statements: tuple[Select[Any], Select[Any]], keys: Collection[str], *, lock: bool
    ) -> list[Package]:
        locking, reading = statements
        # The outer join with domains can't be locked. SQLite locks the whole file.
        if lock and self._dialect.is_server:
            self._connection.execute(locking, {"keys": keys})
        rows = self._connection.execute(reading, {"keys": keys}).fetchall()
        return [package_there for package_there, _password_hash in _grouped(rows)]


# Any: SQLAlchemy types a row by its columns.
def customer_of(row: Sequence[Any]) -> Customer:
    """Return the record in a row of number, the eleven fields and merged_into."""
    number, *values, merged_into = row
    return Customer(number=number, values=tuple(values), merged_into=merged_into)


def _grouped(rows: Iterable[Row[Any]]) -> Iterator[tuple[Package, str | None]]:
    """Yield each package once, with its password hash; the rows of its domains follow each other."""
    # Columns are read by position: by name takes longer than the rest.
    for key, same in groupby(rows, key=itemgetter(0)):
        domains = []
        for row in same:
            _key, number, name, password_hash, domain_there, *contact = tuple(row)
            if domain_there is not None:
                domains.append(domain_there)
        yield (
            Package(
                package=key,
                number=number,
                name=name,
                domains=tuple(domains),
                contact=None if contact[0] is None else tuple(contact),
            ),
            password_hash,
        )
