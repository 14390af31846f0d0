"""What an audit reads of the register: rows that break a rule, found by the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, cast, func, or_, select, text

from custmerge.storage.dialect import among, dialect_of, streamed
from custmerge.storage.ledger.audit_sql import (
    CIRCLES_POSTGRESQL,
    CIRCLES_SQLITE,
    HOMELESS,
    NOBODYS,
    NOWHERE,
    RETIRED_BY_NOBODY,
    TOMBSTONES,
    TWICE,
)
from custmerge.storage.ledger.reader import ROWS_AT_ONCE
from custmerge.storage.tables import customer, domain, field_columns, history, package

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection, Select, TextClause


@dataclass(frozen=True, slots=True)
class Tombstones:
    """What there is among the numbers that were merged away."""

    lead_nowhere: bool
    """Whether one leads to a number that there isn't."""
    lead_further: bool
    """Whether one leads to a number that was merged away itself."""
    are_filled: bool
    """Whether one has a record."""
    have_packages: bool


class RegisterReader:
    """What an audit reads of the register, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def retired_by_nobody(self, numbers: Collection[str] | None) -> Iterator[tuple[str, str]]:
        """Give the tombstones (number, merged_into) that no order made which stands.

        Looked for among the numbers that orders have kept and that undos revived; of those, `numbers` only unless
        that is None.
        """
        if numbers is None:
            yield from self._streamed(text(RETIRED_BY_NOBODY.format(among="")))
            return
        is_one = f"AND c.number {dialect_of(self._connection).among(':numbers')}"
        statement = text(RETIRED_BY_NOBODY.format(among=is_one))
        yield from self._streamed(statement.bindparams(numbers=dialect_of(self._connection).keys(numbers)))

    def has_undos(self) -> bool:
        """Return whether any order was ever taken back."""
        statement = select(history.c.seq).where(history.c.action == "undo").limit(1)
        return self._connection.execute(statement).first() is not None

    @cached_property
    def tombstones(self) -> Tombstones:
        """What is to be said of the tombstones as a whole."""
        return Tombstones(*map(bool, self._connection.execute(text(TOMBSTONES)).one()))

    def packages_under_tombstones(self, numbers: Collection[str] | None) -> Iterator[tuple[str, str]]:
        """Give the packages (package, number) under numbers that were merged away.

        Looked for under `numbers` only unless that is None.
        """
        statement = (
            select(package.c.package, package.c.number)
            .join(customer, customer.c.number == package.c.number)
            .where(customer.c.merged_into.is_not(None))
            .order_by(package.c.package)
        )
        if numbers is not None:
            statement = statement.where(among(package.c.number, numbers))
        yield from self._streamed(statement)

    def filled_tombstones(self, numbers: Collection[str] | None) -> Iterator[str]:
        """Give the numbers, of `numbers` unless that is None, that were merged away and still have a record."""
        statement = select(customer.c.number).where(customer.c.merged_into.is_not(None))
        if numbers is not None:
            statement = statement.where(among(customer.c.number, numbers))
        condition = or_(*(column != "" for column in field_columns))
        for row in self._streamed(statement.where(condition).order_by(customer.c.number)):
            yield row[0]

    def circles(self) -> Iterator[str]:
        """Give the numbers that lead round in a circle, or into one."""
        circles = CIRCLES_POSTGRESQL if dialect_of(self._connection).is_server else CIRCLES_SQLITE
        for row in self._streamed(text(circles)):
            yield row[0]

    def going_further(self, numbers: Collection[str]) -> list[str]:
        """Return those of `numbers` that lead to a number that was merged away itself."""
        target = customer.alias("target")
        rows = self._connection.execute(
            select(customer.c.number)
            .join(target, target.c.number == customer.c.merged_into)
            .where(among(customer.c.number, numbers), target.c.merged_into.is_not(None))
            .order_by(customer.c.number)
        )
        return list(rows.scalars())

    def leading_nowhere(self) -> Iterator[tuple[str, str]]:
        """Give the numbers (number, merged_into) that lead to a number that there isn't."""
        yield from self._streamed(text(NOWHERE))

    def domains_twice(self) -> Iterator[str]:
        """Give the names that stand in two packages."""
        for row in self._streamed(text(TWICE)):
            yield row[0]

    def unsure_domain_keys(self, only: Collection[str] | None = None) -> Iterator[tuple[str, str]]:
        """Give (name, ascii_name) of the domains whose key isn't plainly right, streamed; with `only` theirs alone.

        It plainly is where it is the name in lower case, in ASCII, and needs no encoding: nearly everywhere.
        """
        name, key = domain.c.name, domain.c.ascii_name
        # Counted, because looking for a character beyond ASCII takes three times as long.
        size = (
            func.octet_length(key) if dialect_of(self._connection).is_server else func.length(cast(key, LargeBinary))
        )
        found = select(name, key).where(
            or_(
                func.lower(name) != key,
                key.contains("xn--"),
                key.contains(" "),
                key.endswith("."),
                size != func.length(key),
            )
        )
        if only is not None:
            theirs = select(package.c.package).where(among(package.c.number, only))
            found = found.where(domain.c.package.in_(theirs))
        yield from self._streamed(found)

    def domains_without_package(self) -> Iterator[str]:
        """Give the names whose package there isn't."""
        for row in self._streamed(text(HOMELESS)):
            yield row[0]

    def packages_of_nobody(self) -> Iterator[tuple[str, str]]:
        """Give the packages (package, number) whose number there isn't."""
        yield from self._streamed(text(NOBODYS))

    # Any: rows of different kinds.
    def _streamed(self, statement: Select[Any] | TextClause) -> Iterator[Any]:
        yield from streamed(self._connection, statement, ROWS_AT_ONCE)
