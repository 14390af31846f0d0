"""What an audit reads of the register: rows that break a rule, found by the database itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Executable, func, or_, select, text

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS
from custmerge.rules.ledger_check import Placement
from custmerge.storage.dialect import among, dialect_of, driver_rows, streamed
from custmerge.storage.tables import CONTACT_COLUMNS, customer, domain, field_columns, history, package

ROWS_AT_ONCE = 5_000
_NO_CONTACT = (None,) * len(DETAIL_FIELDS)
_PLACEMENTS = f"""
SELECT p.package, d.name, p.number, {", ".join(f"p.{column}" for column in CONTACT_COLUMNS)}
FROM package p LEFT JOIN domain d ON d.package = p.package
WHERE p.package {{among}} ORDER BY p.package, d.name
"""  # noqa: S608 (our names)
# A tombstone may have been imported, but what was imported as one can't be in an order. The addition to the action
# keeps SQLite from going through every undo for each of them.
_RETIRED_BY_NOBODY = """
SELECT c.number, c.merged_into FROM customer c
WHERE c.merged_into IS NOT NULL {among} AND (
  EXISTS (SELECT 1 FROM custmerge_order x WHERE x.survivor = c.number)
  OR EXISTS (SELECT 1 FROM custmerge_history u WHERE u.absorbed = c.number AND u.action || '' = 'undo'))
AND NOT EXISTS (
  SELECT 1 FROM custmerge_order x
  WHERE x.absorbed = c.number AND x.survivor = c.merged_into AND NOT EXISTS (
    SELECT 1 FROM custmerge_history u WHERE u."order" = x."order" AND u.action = 'undo'))
ORDER BY 1
"""
_FILLED = " OR ".join(f"c.{name} <> ''" for name in FIELDS)
_HAS_PACKAGES = "EXISTS (SELECT 1 FROM package p WHERE p.number = c.number)"
# One reading of all tombstones, to know for which of the following it is worth another.
_TOMBSTONES = f"""
SELECT count(CASE WHEN t.number IS NULL THEN 1 END), count(t.merged_into),
       count(CASE WHEN {_FILLED} THEN 1 END), count(CASE WHEN {_HAS_PACKAGES} THEN 1 END)
FROM customer c LEFT JOIN customer t ON t.number = c.merged_into
WHERE c.merged_into IS NOT NULL AND (t.number IS NULL OR t.merged_into IS NOT NULL OR {_FILLED} OR {_HAS_PACKAGES})
"""  # noqa: S608 (names of fields)


def circles(connection: Connection) -> str:
    """Return the statement that finds the numbers that lead round in a circle, or into one.

    Only a number that leads to a number that was merged away itself can be part of a circle, or lead into one. Each
    of them is reached once, from the end of its way: walking from each of them takes the square of their number.
    """
    behind = "customer c ON c.merged_into = e.number"
    if dialect_of(connection).is_server:
        # By the index, one after the other: left to itself the planner reads the whole table at every step.
        behind = "LATERAL (SELECT number FROM customer WHERE merged_into = e.number OFFSET 0) c ON true"
    return f"""
WITH RECURSIVE ends (number) AS (
  SELECT c.number FROM customer c JOIN customer t ON t.number = c.merged_into
  LEFT JOIN customer u ON u.number = t.merged_into
  WHERE t.merged_into IS NOT NULL AND u.merged_into IS NULL
  UNION ALL
  SELECT c.number FROM ends e JOIN {behind}
)
SELECT c.number FROM customer c JOIN customer t ON t.number = c.merged_into WHERE t.merged_into IS NOT NULL
EXCEPT SELECT number FROM ends ORDER BY 1
"""  # noqa: S608 (of ours)


_NOWHERE = """
SELECT c.number, c.merged_into FROM customer c LEFT JOIN customer t ON t.number = c.merged_into
WHERE c.merged_into IS NOT NULL AND t.number IS NULL ORDER BY c.number
"""
_TWICE = "SELECT ascii_name FROM domain GROUP BY ascii_name HAVING count(*) > 1 ORDER BY ascii_name"
# Two sorted lists laid side by side are quicker than a look-up for each domain.
_NOBODYS = """
SELECT package, number FROM package
WHERE number IN (SELECT number FROM package EXCEPT SELECT number FROM customer ORDER BY 1) OR number IS NULL
ORDER BY package
"""
_HOMELESS = """
SELECT ascii_name FROM domain
WHERE package IN (SELECT package FROM domain EXCEPT SELECT package FROM package ORDER BY 1) OR package IS NULL
ORDER BY ascii_name
"""


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

    def placements(self, keys: Collection[str]) -> dict[str, Placement]:
        """Return the placements of those of the packages that there are, by their keys.

        A contact that is there in part, which only an edited file of SQLite has, is given as it is.
        """
        placements: dict[str, Placement] = {}
        for row in driver_rows(self._connection, _PLACEMENTS, keys):
            key, name, number, *_ = row
            if (placement := placements.get(key)) is None:
                contact = row[3:]
                placement = Placement(number, [], None if contact == _NO_CONTACT else contact)
                placements[key] = placement
            if name is not None:
                placement.domains.append(name)
        return placements

    def retired_by_nobody(self, numbers: Collection[str] | None) -> Iterator[tuple[str, str]]:
        """Give the tombstones (number, merged_into) that no order made which stands.

        Looked for among the numbers that orders have kept and that undos revived; of those, `numbers` only unless
        that is None.
        """
        if numbers is None:
            return self._streamed(text(_RETIRED_BY_NOBODY.format(among="")))
        dialect = dialect_of(self._connection)
        statement = text(_RETIRED_BY_NOBODY.format(among=f"AND c.number {dialect.among(':numbers')}"))
        return self._streamed(statement.bindparams(numbers=dialect.keys(numbers)))

    def has_undos(self) -> bool:
        """Return whether any order was ever taken back."""
        statement = select(history.c.seq).where(history.c.action == "undo").limit(1)
        return self._connection.execute(statement).first() is not None

    @cached_property
    def tombstones(self) -> Tombstones:
        """What is to be said of the tombstones as a whole."""
        return Tombstones(*map(bool, self._connection.execute(text(_TOMBSTONES)).one()))

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
        return self._streamed(statement)

    def filled_tombstones(self, numbers: Collection[str] | None) -> Iterator[str]:
        """Give the numbers, of `numbers` unless that is None, that were merged away and still have a record."""
        statement = select(customer.c.number).where(customer.c.merged_into.is_not(None))
        if numbers is not None:
            statement = statement.where(among(customer.c.number, numbers))
        condition = or_(*(column != "" for column in field_columns))
        return self._first_cells(statement.where(condition).order_by(customer.c.number))

    def circles(self) -> Iterator[str]:
        """Give the numbers that lead round in a circle, or into one."""
        return self._first_cells(text(circles(self._connection)))

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
        return self._streamed(text(_NOWHERE))

    def domains_twice(self) -> Iterator[str]:
        """Give the names that stand in two packages."""
        return self._first_cells(text(_TWICE))

    def unsure_domain_keys(self, only: Collection[str] | None = None) -> Iterator[tuple[str, str]]:
        """Give (name, ascii_name) of the domains whose key isn't plainly right, streamed; with `only` theirs alone.

        It plainly is where it is the name in lower case, in ASCII, and needs no encoding: nearly everywhere.
        """
        name, key = domain.c.name, domain.c.ascii_name
        # Counted, because looking for a character beyond ASCII takes three times as long.
        is_beyond_ascii = dialect_of(self._connection).size_in_bytes(key) != func.length(key)
        is_odd = key.contains("xn--"), key.contains(" "), key.endswith("."), is_beyond_ascii
        found = select(name, key).where(or_(func.lower(name) != key, *is_odd))
        if only is not None:
            theirs = select(package.c.package).where(among(package.c.number, only))
            found = found.where(domain.c.package.in_(theirs))
        return self._streamed(found)

    def domains_without_package(self) -> Iterator[str]:
        """Give the names whose package there isn't."""
        return self._first_cells(text(_HOMELESS))

    def packages_of_nobody(self) -> Iterator[tuple[str, str]]:
        """Give the packages (package, number) whose number there isn't."""
        return self._streamed(text(_NOBODYS))

    # Any: rows of different kinds.
    def _streamed(self, statement: Executable) -> Iterator[Any]:
        return streamed(self._connection, statement, ROWS_AT_ONCE)

    def _first_cells(self, statement: Executable) -> Iterator[str]:
        for row in self._streamed(statement):
            yield row[0]
