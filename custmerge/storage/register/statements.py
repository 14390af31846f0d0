"""The statements that read a register, built only once for its mapping.

Building a statement takes longer than executing it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, true

from custmerge.rules.fields import IDENTITY_FIELDS
from custmerge.rules.normalise import domain_in_ascii, domain_in_unicode, domain_name, lower
from custmerge.storage.dialect import IsBeyondAscii, Prepared, among

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custmerge.storage.register.mapping import KeyColumn, RegisterMapping

# Any: SQLAlchemy types a row by its columns.
Statement = Select[*tuple[Any, ...]]
_Column = ColumnElement[Any]


class Statements:
    """The statements of one mapping. The keys that are looked for are the parameter `keys`, see `dialect.among`."""

    def __init__(self, mapping: RegisterMapping) -> None:
        self._mapping = mapping

    @cached_property
    def _customer(self) -> Statement:
        there = self._mapping
        columns: list[_Column] = [there.number.text, *there.fields, there.merged_into, *there.keys, *there.scope]
        return select(*columns).select_from(there.customers)

    @cached_property
    def _by_number(self) -> Statement:
        return self._customer.where(self._mapping.number.among()).order_by(self._mapping.number.text)

    @cached_property
    def customers(self) -> Prepared:
        """Records by number, in the order of the numbers."""
        return Prepared(self._by_number)

    @cached_property
    def customers_locked(self) -> Sequence[Prepared]:
        """Statements that lock records by number, in their order; the last one gives the records.

        If a record isn't read from its locked row alone, it is read by a further statement: what another transaction
        committed while this one waited for the lock shows only there.
        """
        there = self._mapping
        if there.customers is there.customer_rows:
            return (Prepared(self._by_number.with_for_update()),)
        rows = select(there.number.text).select_from(there.customer_rows)
        locking = rows.where(there.number.among()).order_by(there.number.text).with_for_update()
        return Prepared(locking), self.customers

    @cached_property
    def all_customers(self) -> Statement:
        """Every record, in the order of the numbers; the last column is the password's hash."""
        return self._customer.add_columns(self._mapping.password).order_by(self._mapping.number.text)

    @cached_property
    def living(self) -> Statement:
        """Number and fields of every number that is in use, in the order of the numbers."""
        there = self._mapping
        fields = select(there.number.text, *there.fields).select_from(there.customers)
        # Not IS NULL: SQLite would look that up in the index of `merged_into`, and sort every row by its number.
        return fields.where(func.coalesce(there.merged_into, "") == "").order_by(there.number.text)

    def matching(self, words: Sequence[str], limit: int) -> Statement:
        """Return the statement for the records whose number, fields or domains contain every word."""
        there = self._mapping
        holders = select(there.domain_number.text).select_from(there.placed_domains)
        conditions = [
            or_(_contains(there.searched, lower(word)), there.number.text.in_(holders.where(self._is_like(word))))
            for word in words
        ]
        return self._customer.where(and_(*conditions)).order_by(there.number.text).limit(limit)

    @cached_property
    def chain(self) -> Statement:
        """The password of the number `keys`, beside every step (number, merged_into) of its chain.

        One statement, however long the chain is. The parameter `number` is the number, too.
        """
        there, table = self._mapping, self._mapping.tombstones
        step = select(table.c.number, table.c.merged_into)
        steps = step.where(table.c.number == bindparam("number")).cte("steps", recursive=True)
        # UNION and not UNION ALL, so that a circle ends.
        steps = steps.union(step.join(steps, table.c.number == steps.c.merged_into))
        rows = select(there.number.text, there.password, steps.c.number, steps.c.merged_into)
        return rows.select_from(there.customer_rows.outerjoin(steps, true())).where(there.number.among())

    @cached_property
    def steps(self) -> Statement:
        """Where each number that was merged away went."""
        table = self._mapping.tombstones
        step = select(table.c.number, table.c.merged_into)
        return step.where(among(table.c.number), table.c.merged_into.is_not(None))

    @cached_property
    def passwords(self) -> Statement:
        """The hash of each number's own password."""
        there = self._mapping
        return select(there.number.text, there.password).select_from(there.customer_rows).where(there.number.among())

    @cached_property
    def _packages(self) -> Statement:
        there = self._mapping
        columns = (there.package.text, there.package_number.text, there.package_name, there.package_password)
        return (
            select(*columns, there.package_domain.label("domain"), *there.contact)
            .select_from(there.packages)
            .order_by(there.package.text, there.package_domain)
        )

    def _locked_packages(self, key: KeyColumn) -> Prepared:
        there = self._mapping
        keys = select(there.package.text).select_from(there.placed_packages).where(key.among())
        return Prepared(keys.order_by(there.package.text).with_for_update(of=there.package_rows))

    @cached_property
    def packages_by_number(self) -> tuple[Prepared, Prepared]:
        """Two statements: one locks, the other reads the packages under numbers, one row for each domain.

        The rows of a package follow each other.
        """
        key = self._mapping.package_number
        return self._locked_packages(key), Prepared(self._packages.where(key.among()))

    @cached_property
    def packages_by_key(self) -> tuple[Prepared, Prepared]:
        """The same for the packages with these keys."""
        key = self._mapping.package
        return self._locked_packages(key), Prepared(self._packages.where(key.among()))

    @cached_property
    def all_packages(self) -> Statement:
        """Every package, as in `packages_by_number`."""
        return self._packages

    @cached_property
    def package_counts(self) -> Statement:
        """How many packages are under each number that has some."""
        there = self._mapping
        number = there.package_number
        counts = select(number.text, func.count()).select_from(there.placed_packages)
        return counts.where(number.among()).group_by(number.text)

    @cached_property
    def identities(self) -> Statement:
        """Number and identity fields of every record in use."""
        there = self._mapping
        columns: list[_Column] = [there.number.text, *there.fields[: len(IDENTITY_FIELDS)]]
        return select(*columns).select_from(there.customers).where(there.merged_into.is_(None))

    @cached_property
    def any_package(self) -> Statement:
        """The key of one package, if there is any."""
        return select(self._mapping.package.text).select_from(self._mapping.placed_packages).limit(1)

    @cached_property
    def domain_passwords(self) -> Prepared:
        """Number, name, package's password and customer's password of domains.

        They are found by the keys of their names, and then the name is that key. Or else they are those of the
        numbers `keys` whose name in small letters is one of the parameter `names`, or isn't ASCII, in the order of
        their packages.
        """
        there = self._mapping
        name = there.domain_key if there.has_domain_keys else there.domain_name
        columns = (there.domain_number.text, name, there.domain_password, there.domain_customer_password)
        statement = select(*columns).select_from(there.domains)
        if there.has_domain_keys:
            return Prepared(statement.where(among(there.domain_key)))
        # A number may have many: how many mustn't be seen in the time that an answer takes.
        is_candidate = or_(among(func.lower(name), parameter="names"), IsBeyondAscii(name))
        return Prepared(statement.where(there.domain_number.among(), is_candidate).order_by(there.domain_package))

    @cached_property
    def domain_packages(self) -> Statement:
        """Key of the name and package of the domains that have one of these keys."""
        there = self._mapping
        found = select(there.domain_key, there.domain_package).select_from(there.placed_domains)
        return found.where(among(there.domain_key), there.domain_package.is_not(None))

    def domains_like(self, word: str) -> Statement:
        """Return the statement for the first domain with a word in its name, and their count, of each number."""
        there = self._mapping
        return (
            select(there.domain_number.text, func.min(there.domain_name), func.count())
            .select_from(there.placed_domains)
            .where(there.domain_number.among(), self._is_like(word))
            .group_by(there.domain_number.text)
        )

    @cached_property
    def counts(self) -> tuple[Statement, Statement, Statement]:
        """The statements that count customers, packages and domains."""
        customers, packages, domains = (select(func.count()).select_from(rows) for rows in self._mapping.counted)
        return customers, packages, domains

    def _is_like(self, word: str) -> ColumnElement[bool]:
        """Return the condition that a word stands in a domain's name."""
        there = self._mapping
        name, key = domain_name(word), domain_in_ascii(word)
        if name == key and "xn--" not in name:
            return or_(_contains(there.domain_searched, name or word), there.domain_key == key)
        # A label in either writing: in the key it is the same, if there is one.
        writings = sorted({name} if there.has_domain_keys else {name, domain_in_unicode(word)})
        return or_(*(_contains(there.domain_searched, text) for text in writings), _contains(there.domain_key, key))


def _contains(column: Any, word: str) -> Any:  # noqa: ANN401 (SQLAlchemy types both as Any)
    return column.contains(word, autoescape=True)
