"""Customers, packages and domains: the small interface through which services see them.

Nothing outside this package knows the names of tables and columns, so a host's own tables can take the
place of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select, update

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.normalise import domain_in_ascii, domain_name, lower, search_text
from custmerge.rules.records import wrong_with_domain
from custmerge.storage.dialect import among, dialect_of, streamed
from custmerge.storage.tables import contact_columns, customer, domain, field_columns, package

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

ROWS_AT_ONCE = 2_000
_DOMAIN = 4
"""Where the domain stands in a row of `_PACKAGES`."""
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
# Statements of every merge are built once: that takes longer than to execute them.
_CUSTOMERS = _CUSTOMER.where(among(customer.c.number)).order_by(customer.c.number)
_CUSTOMERS_LOCKED = _CUSTOMERS.with_for_update()
_DOMAIN_PASSWORDS = (
    select(
        package.c.number,
        domain.c.ascii_name,
        func.coalesce(package.c.password_hash, customer.c.password_hash),
    )
    .select_from(domain)
    .join(package, package.c.package == domain.c.package)
    .join(customer, customer.c.number == package.c.number)
    .where(among(domain.c.ascii_name))
)


# Any: SQLAlchemy types a row by its columns.
def _packages_by(column: ColumnElement[str]) -> tuple[Select[Any], Select[Any]]:
    """Return the statements that lock and that read the packages of which a column is one of some keys."""
    keys = select(package.c.package).where(among(column)).order_by(package.c.package)
    return keys.with_for_update(), _PACKAGES.where(among(column)).order_by(package.c.package, domain.c.name)


_PACKAGES_BY_NUMBER, _PACKAGES_BY_KEY = _packages_by(package.c.number), _packages_by(package.c.package)


class Register:
    """The register, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)

    def customer(self, number: str) -> Customer | None:
        """Return the record of a number, a tombstone's too."""
        row = self._connection.execute(_CUSTOMER.where(customer.c.number == number)).first()
        return None if row is None else customer_of(row)

    def customers(self, numbers: Iterable[str], *, lock: bool = False) -> dict[str, Customer]:
        """Return the records of `numbers` that exist, by number; with `lock` nobody else can change them.

        Rows are locked in the order of their numbers, so that two merges never wait for each other.
        """
        statement = _CUSTOMERS_LOCKED if lock else _CUSTOMERS
        rows = self._connection.execute(statement, {"keys": numbers}).fetchall()
        return {row[0]: customer_of(row) for row in rows}

    def end_of_chain(self, number: str) -> str:
        """Return the number that `number` leads to at last; itself if it went nowhere."""
        seen = {number}
        while True:
            target = self._connection.execute(
                select(customer.c.merged_into).where(customer.c.number == number)
            ).scalar()
            if target is None or target in seen:
                return number
            seen.add(target)
            number = target

    def packages_of(self, number: str) -> tuple[Package, ...]:
        """Return the packages under a number with their domains, in the order of their keys."""
        return tuple(self.packages_of_all([number]).get(number, ()))

    def number_password(self, number: str) -> str | None:
        """Return the hash of a number's own password; None where there is no number or no password."""
        return self._connection.execute(select(customer.c.password_hash).where(customer.c.number == number)).scalar()

    def domain_passwords(self, claims: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return for pairs of a number and a domain the hash of the password that belongs to the domain.

        That is its package's, or its customer's where the package has none (rule 4). A pair is left out where the
        number has no such domain or neither has a password.
        """
        keys = {(number, name): domain_in_ascii(name) for number, name in claims if not wrong_with_domain(name)}
        rows = self._connection.execute(_DOMAIN_PASSWORDS, {"keys": set(keys.values())})
        found = {(row[0], row[1]): row[2] for row in rows}
        return {pair: stored for pair, key in keys.items() if (stored := found.get((pair[0], key))) is not None}

    def domain_holders(self, names: Iterable[str]) -> dict[str, tuple[str, str | None]]:
        """Return the number that each domain is under, with the hash of its package's own password or None.

        Domains that no package has are left out.
        """
        # What isn't a domain was never let in, and PostgreSQL can't even be asked for some of them.
        keys = {name: domain_in_ascii(name) for name in names if not wrong_with_domain(name)}
        rows = self._connection.execute(
            select(domain.c.ascii_name, package.c.number, package.c.password_hash)
            .join(package, domain.c.package == package.c.package)
            .where(among(domain.c.ascii_name, set(keys.values())))
        )
        found = {row[0]: (row[1], row[2]) for row in rows}
        return {name: found[key] for name, key in keys.items() if key in found}

    def chain_from(self, number: str) -> tuple[str, str | None] | None:
        """Return the number that `number` leads to at last, as `end_of_chain`, and the hash of its own password.

        None where there is no such number. One question however long the way is.
        """
        way = select(customer.c.number, customer.c.merged_into, customer.c.password_hash)
        steps = way.where(customer.c.number == number).cte("steps", recursive=True)
        # UNION, not UNION ALL: a circle ends.
        steps = steps.union(way.join(steps, customer.c.number == steps.c.merged_into))
        found = {row[0]: (row[1], row[2]) for row in self._connection.execute(select(steps))}
        if number not in found:
            return None
        end = next((one for one, (merged_into, _) in found.items() if merged_into is None), number)
        return end, found[number][1]

    def number_passwords(self, numbers: Iterable[str]) -> dict[str, str | None]:
        """Return the hashes of the own passwords of those of `numbers` that exist."""
        wanted = among(customer.c.number, numbers)
        rows = self._connection.execute(select(customer.c.number, customer.c.password_hash).where(wanted))
        return {row[0]: row[1] for row in rows}

    def rehash(self, number: str, old: str, new: str) -> None:
        """Put `new` in the place of a hash, the number's own or that of packages under it, where it is still `old`.

        A salted hash that stands in several places is one password.
        """
        for table in (customer, package):
            self._connection.execute(
                update(table).where(table.c.number == number, table.c.password_hash == old).values(password_hash=new)
            )

    def packages_of_all(self, numbers: Collection[str], *, lock: bool = False) -> dict[str, list[Package]]:
        """Return the packages under each of `numbers` that has some, in the order of their keys.

        With `lock` nobody else changes them or moves them away before the transaction ends.
        """
        found: dict[str, list[Package]] = {}
        for one in self._packages(_PACKAGES_BY_NUMBER, numbers, lock=lock):
            found.setdefault(one.number, []).append(one)
        return found

    def packages(self, keys: Collection[str], *, lock: bool = False) -> dict[str, Package]:
        """Return those of the packages that there are, by their keys; `lock` as in `packages_of_all`."""
        found = self._packages(_PACKAGES_BY_KEY, keys, lock=lock)
        return {one.package: one for one in found}

    def holders(self, domains: Collection[str]) -> dict[str, str]:
        """Return which package each of `domains` is in; one that is in none is left out."""
        keys = {name: domain_in_ascii(name) for name in domains}
        found = select(domain.c.ascii_name, domain.c.package)
        rows = self._connection.execute(found.where(among(domain.c.ascii_name, set(keys.values()))))
        packages = {row[0]: row[1] for row in rows}
        return {name: packages[key] for name, key in keys.items() if key in packages}

    def place(self, packages: Iterable[Package], *, contacts: bool) -> None:
        """Write under which number each package is, and with `contacts` its contact too."""
        columns = ("number", *(column.name for column in contact_columns)) if contacts else ("number",)
        rows = [(one.package, one.number, *((one.contact or _NO_CONTACT) if contacts else ())) for one in packages]
        self._dialect.update_rows(self._connection, package.name, "package", columns, rows)

    def retire(self, tombstones: Iterable[Customer]) -> None:
        """Make numbers tombstones: each keeps its password and says only which number it went into."""
        rows = [(one.number, one.merged_into, lower(one.number)) for one in tombstones]
        self._dialect.update_rows(
            self._connection, customer.name, "number", ("merged_into", "search"), rows, emptied=FIELDS
        )

    def revive(self, records: Iterable[Customer]) -> None:
        """Make tombstones records in use again; each has kept its password."""
        rows = [(one.number, None, search_text(one.number, one.values), *one.values) for one in records]
        self._dialect.update_rows(self._connection, customer.name, "number", ("merged_into", "search", *FIELDS), rows)

    def write(self, records: Iterable[Customer]) -> None:
        """Write the fields of records that are in use."""
        rows = [(one.number, search_text(one.number, one.values), *one.values) for one in records]
        self._dialect.update_rows(self._connection, customer.name, "number", ("search", *FIELDS), rows)

    def found(self, words: Sequence[str], limit: int) -> tuple[Customer, ...]:
        """Return up to `limit` customers in whose number, fields or domain names every word stands.

        Words are compared in lower case, labels of domains in either writing. Customers come in the order of their
        numbers.
        """

        def contains(column: Any, word: str) -> Any:  # noqa: ANN401 (SQLAlchemy types both as Any)
            return column.contains(word, autoescape=True)

        def has_domain(word: str) -> ColumnElement[bool]:
            name, key = domain_name(word), domain_in_ascii(word)
            if name == key and "xn--" not in name:
                return or_(contains(domain.c.name, name or word), domain.c.ascii_name == key)
            # A label in either writing: in the key it is the same.
            return or_(contains(domain.c.name, name), contains(domain.c.ascii_name, key))

        conditions = [
            or_(
                contains(customer.c.search, lower(word)),
                customer.c.number.in_(
                    select(package.c.number)
                    .join(domain, domain.c.package == package.c.package)
                    .where(has_domain(word))
                ),
            )
            for word in words
        ]
        rows = self._connection.execute(_CUSTOMER.where(and_(*conditions)).order_by(customer.c.number).limit(limit))
        return tuple(customer_of(row) for row in rows)

    def all_customers(self) -> Iterator[tuple[Customer, str | None]]:
        """Give every record with its password hash, in the order of the numbers, streamed."""
        statement = _CUSTOMER.add_columns(customer.c.password_hash).order_by(customer.c.number)
        for row in self._stream(statement):
            yield customer_of(row), row.password_hash

    def all_packages(self) -> Iterator[tuple[Package, str | None]]:
        """Give every package with its domains and password hash, in the order of their keys, streamed."""
        yield from _grouped(self._stream(_PACKAGES.order_by(package.c.package, domain.c.name)))

    def count(self) -> tuple[int, int, int]:
        """Return how many customers, packages and domains there are."""
        customers, packages, domains = (
            self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (customer, package, domain)
        )
        return customers, packages, domains

    # Any: as `_packages_by`.
    def _packages(
        self, statements: tuple[Select[Any], Select[Any]], keys: Collection[str], *, lock: bool
    ) -> list[Package]:
        lock_them, read_them = statements
        if lock and self._dialect.is_server:
            self._connection.execute(lock_them, {"keys": keys})
        return [one for one, _ in _grouped(self._connection.execute(read_them, {"keys": keys}).fetchall())]

    # Any: what a streamed row holds depends on the statement; its readers below know.
    def _stream(self, statement: Select[Any]) -> Iterator[Row[Any]]:
        yield from streamed(self._connection, statement, ROWS_AT_ONCE)


# Any: a row's columns are those of the statement, number, fields and merged_into first.
def customer_of(row: Any) -> Customer:  # noqa: ANN401 (as above)
    """Return the record in a row that begins with number, the eleven fields and merged_into."""
    return Customer(row[0], tuple(row[1 : 1 + len(FIELDS)]), row[1 + len(FIELDS)])


def _grouped(rows: Iterable[Row[Any]]) -> Iterator[tuple[Package, str | None]]:
    """Give one package for the rows of its domains, which follow each other."""
    first: Row[Any] | None = None
    domains: list[str] = []
    for row in rows:
        if first is not None and row[0] != first[0]:
            yield _package(first, domains)
            domains = []
        first = row
        if row[_DOMAIN] is not None:
            domains.append(row[_DOMAIN])
    if first is not None:
        yield _package(first, domains)


def _package(row: Row[Any], domains: list[str]) -> tuple[Package, str | None]:
    # By their places: looking columns up by name takes longer than the rest.
    key, number, name, password_hash, _domain, *contact = tuple(row)
    return Package(key, number, name, tuple(domains), None if contact[0] is None else tuple(contact)), password_hash
