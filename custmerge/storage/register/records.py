"""Customers, packages and domains: the small interface through which services see them.

Nothing outside this package knows the names of tables and columns, so a host's own tables can replace
them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from custmerge.rules.fields import Customer, Package, chain
from custmerge.rules.normalise import domain_in_ascii
from custmerge.rules.proofs import Hashing, ProofBy
from custmerge.storage.dialect import Prepared, dialect_of, streamed
from custmerge.storage.register.mapping import OWN, RegisterMapping

if TYPE_CHECKING:
    from custmerge.storage.files.temporary import ChangedRecords
    from custmerge.storage.register.writing import Writer

ROWS_AT_ONCE = 2_000


class Register:
    """The register, inside one transaction."""

    def __init__(self, connection: Connection, mapping: RegisterMapping = OWN) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)
        self._mapping = mapping
        self._statements = mapping.statements

    @cached_property
    def _writer(self) -> Writer:
        return self._mapping.writer(self._connection)

    @property
    def proof_by(self) -> ProofBy:
        """What proves whose a number is."""
        return self._mapping.proof

    @property
    def scope_names(self) -> tuple[str, ...]:
        """The names of what `Customer.scope` holds."""
        return self._mapping.scope_names

    @property
    def hashing(self) -> Hashing:
        """What is done with the hashes of customers and packages."""
        return self._mapping.hashing

    def customer(self, number: str) -> Customer | None:
        """Return the record of a number, a tombstone's too."""
        return self.customers([number]).get(number)

    def customers(self, numbers: Iterable[str], *, lock: bool = False) -> dict[str, Customer]:
        """Return the records of `numbers` that exist, by number; with `lock` nobody else can change them.

        Rows are locked in the order of their numbers, so that two merges never wait for each other.
        """
        numbers = set(numbers)
        keys = list(self._mapping.number.values(numbers))
        # SQLite locks the whole file.
        has_to_lock = lock and self._dialect.is_server
        for statement in self._statements.customers_locked if has_to_lock else (self._statements.customers,):
            rows = statement.rows(self._connection, keys=keys)
        records = map(self._mapping.record, rows)
        return {record.number: record for record in records if record.number in numbers}

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
            stored = self.customers(into)
            new = stored | self._deleted(into - stored.keys()) | ({} if changed is None else changed.records(into))
            records |= new

    def _deleted(self, numbers: Collection[str]) -> dict[str, Customer]:
        """Return the tombstones of numbers whose rows a host has deleted since: chains go on over them."""
        if not numbers:
            return {}
        steps = self._connection.execute(self._statements.steps, {"keys": numbers})
        return {number: Customer(number, merged_into=merged_into) for number, merged_into in steps}

    def packages_of(self, number: str) -> tuple[Package, ...]:
        """Return the packages under a number with their domains, in the order of their keys."""
        return tuple(self.packages_of_all([number]).get(number, ()))

    def number_password(self, number: str) -> str | None:
        """Return the hash of a number's own password; None if there is no such number or no password."""
        return self.number_passwords([number]).get(number)

    def domain_passwords(self, claims: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the password hash of each (number, domain).

        It is the hash of the domain's package, or of the customer if the package has none (rule 4). A pair is left
        out if the number has no such domain, or if neither has a password.
        """
        passwords = {pair: of_package or own for pair, (of_package, own) in self._domain_passwords(claims).items()}
        return {pair: password for pair, password in passwords.items() if password is not None}

    def domain_holders(self, claims: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
        """Return for each (number, domain) the hash of the package's own password, or None if it has none.

        A pair is left out if the number has no such domain.
        """
        return {pair: of_package for pair, (of_package, _own) in self._domain_passwords(claims).items()}

    def _domain_passwords(
        self, claims: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[str | None, str | None]]:
        """Return the password hashes of package and customer of each (number, domain) that there is."""
        there = self._mapping
        # A text that is no domain was never imported, and PostgreSQL accepts no NUL in a parameter.
        keys = {pair: domain_in_ascii(pair[1]) for pair in claims if there.may_be_domain(pair[1])}
        asked: dict[str, Iterable[Any]] = {"keys": set(keys.values())}
        if not there.has_domain_keys:
            names = {name for key in keys.values() for name in (key, f"{key}.") if "\0" not in name}
            asked = {"keys": there.domain_number.values({number for number, _ in keys}), "names": names}
        found: dict[tuple[str, str], tuple[str | None, str | None]] = {}
        rows = self._statements.domain_passwords.rows(self._connection, **asked)
        for number, name, of_package, own in rows:
            # The same name may be in several packages of a number: then the first one's password belongs to it.
            found.setdefault((number, domain_in_ascii(name)), (of_package, own))
        return {pair: found[pair[0], key] for pair, key in keys.items() if (pair[0], key) in found}

    def chain_from(self, number: str) -> tuple[str, str | None] | None:
        """Return the end of a number's chain, and the hash of the number's own password.

        None if there is no such number. One statement, however long the chain is (rule 3).
        """
        keys = {"keys": self._mapping.number.values([number]), "number": number}
        rows = [row for row in self._connection.execute(self._statements.chain, keys) if row[0] == number]
        if not rows:
            return None
        records = {step: Customer(step, merged_into=merged_into) for _, _, step, merged_into in rows if step}
        return chain(number, records)[-1], rows[0][1]

    def number_passwords(self, numbers: Iterable[str]) -> dict[str, str | None]:
        """Return the hashes of the own passwords of the `numbers` that exist."""
        keys = {"keys": self._mapping.number.values(numbers)}
        return dict(self._connection.execute(self._statements.passwords, keys).all())

    def rehash(self, number: str, old: str, new: str) -> bool:
        """Replace the hash `old` of a number and of packages under it by `new`; returns whether hashes are replaced.

        The same salted hash in several rows is the same password.
        """
        return self._writer.rehash(number, old, new)

    def packages_of_all(self, numbers: Collection[str], *, lock: bool = False) -> dict[str, list[Package]]:
        """Return the packages under each of `numbers` that has some, in the order of their keys.

        With `lock` nobody else changes them or moves them away before the transaction ends.
        """
        keys = self._mapping.package_number.values(numbers)
        packages: dict[str, list[Package]] = {}
        for package in self._packages(self._statements.packages_by_number, keys, lock=lock):
            packages.setdefault(package.number, []).append(package)
        return packages

    def packages(self, keys: Collection[str], *, lock: bool = False) -> dict[str, Package]:
        """Return the packages that exist, by key; `lock` as in `packages_of_all`."""
        stored = self._mapping.package.values(keys)
        packages = self._packages(self._statements.packages_by_key, stored, lock=lock)
        return {package.package: package for package in packages}

    def holders(self, domains: Collection[str]) -> dict[str, str]:
        """Return the package of each of `domains` that is in one."""
        keys = {name: domain_in_ascii(name) for name in domains}
        writings = {writing for name in domains for writing in self._mapping.domain_writings(name)}
        self._dialect.prepare_search(self._connection)
        rows = self._connection.execute(self._statements.domain_packages, {"keys": writings})
        packages = {domain_in_ascii(key): package for key, package in rows}
        return {name: packages[key] for name, key in keys.items() if key in packages}

    def place(self, packages: Iterable[Package], *, contacts: Collection[str]) -> None:
        """Write the number of each package, and the contact of the packages whose keys are in `contacts`."""
        self._writer.place(packages, contacts=contacts)

    def retire(self, tombstones: Iterable[Customer]) -> None:
        """Make numbers tombstones: each keeps its password, and otherwise only the number it was merged into."""
        self._writer.retire(tombstones)

    def revive(self, records: Iterable[Customer]) -> None:
        """Make tombstones records in use again; each has kept its password."""
        self._writer.revive(records)

    def write(self, records: Iterable[Customer]) -> None:
        """Write the fields of records that are in use."""
        self._writer.write(records)

    def matching(self, words: Sequence[str], limit: int) -> tuple[Customer, ...]:
        """Return up to `limit` customers whose number, fields or domain names contain every word.

        Words are compared in lower case, labels of domains in both writings. Customers are in the order of their
        numbers.
        """
        self._dialect.prepare_search(self._connection)
        rows = self._connection.execute(self._statements.matching(words, limit))
        return tuple(map(self._mapping.record, rows))

    def domains_like(self, word: str, numbers: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return by number the first domain under it in whose name a word stands, and how many there are.

        A word is compared as by `matching`; numbers without such a domain are left out.
        """
        keys = {"keys": self._mapping.domain_number.values(numbers)}
        self._dialect.prepare_search(self._connection)
        rows = self._connection.execute(self._statements.domains_like(word), keys)
        return {number: (name, count) for number, name, count in rows}

    def all_customers(self) -> Iterator[tuple[Customer, str | None]]:
        """Yield every record with its password hash, in the order of the numbers."""
        for *record, password_hash in streamed(self._connection, self._statements.all_customers, ROWS_AT_ONCE):
            yield self._mapping.record(record), password_hash

    def living(self, at_once: int) -> Iterator[list[tuple[str, ...]]]:
        """Yield numbers and fields of the numbers in use by column, so many rows at a time, in their order."""
        options = {"yield_per": at_once}
        with self._connection.execute(self._statements.living, execution_options=options) as result:
            for rows in result.partitions():
                yield list(zip(*rows, strict=True))

    def all_packages(self) -> Iterator[tuple[Package, str | None]]:
        """Yield every package with its domains and password hash, in the order of the keys."""
        yield from _grouped(streamed(self._connection, self._statements.all_packages, ROWS_AT_ONCE))

    def package_counts(self, numbers: Collection[str]) -> dict[str, int]:
        """Return how many packages are under each of `numbers` that has some."""
        keys = {"keys": self._mapping.package_number.values(numbers)}
        return dict(self._connection.execute(self._statements.package_counts, keys).all())

    def has_packages(self) -> bool:
        """Return whether there is any package."""
        return self._connection.execute(self._statements.any_package).first() is not None

    def count(self) -> tuple[int, int, int]:
        """Return how many customers, packages and domains there are."""
        customers, packages, domains = (
            self._connection.execute(count).scalar_one() for count in self._statements.counts
        )
        return customers, packages, domains

    # Any: keys as the database stores them.
    def _packages(self, statements: tuple[Prepared, Prepared], keys: Iterable[Any], *, lock: bool) -> list[Package]:
        (locking, reading), keys = statements, list(keys)
        # The outer join with domains can't be locked. SQLite locks the whole file.
        if lock and self._dialect.is_server:
            locking.rows(self._connection, keys=keys)
        rows = reading.rows(self._connection, keys=keys)
        return [package for package, _password_hash in _grouped(rows)]


def _grouped(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Package, str | None]]:
    """Yield each package once, with its password hash; the rows of its domains follow each other."""
    # Columns are read by position: by name takes longer than the rest.
    for key, same in groupby(rows, key=itemgetter(0)):
        domains = []
        for row in same:
            _key, number, name, password_hash, domain_there, *contact = row
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
