"""The audit's queries of the register: the database itself finds the rows that break a rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Executable, Text, and_, case, func, literal_column, null, or_, select, text

from custmerge.rules.duplicates.exact_key import BETWEEN
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, IDENTITY_FIELDS
from custmerge.rules.ledger_check import Placement
from custmerge.storage.dialect import IsBeyondAscii, TextByBytes, among, dialect_of, driver_rows, streamed
from custmerge.storage.register.mapping import OWN, RegisterMapping
from custmerge.storage.tables.history import history
from custmerge.storage.tables.register import CONTACT_COLUMNS, customer, domain, field_columns, package

ROWS_AT_ONCE = 5_000
_NO_CONTACT = (None,) * len(DETAIL_FIELDS)
# Two statements, because in a join each domain's row would have the contact of its package, too.
_PACKAGES = f"SELECT package, number, {', '.join(CONTACT_COLUMNS)} FROM package WHERE package {{among}}"  # noqa: S608 (our names)
_DOMAINS = "SELECT package, name FROM domain WHERE package {among} ORDER BY package, name"
_WITHOUT_ORDER = """
SELECT c.number, c.merged_into FROM {tombstones} c
WHERE c.merged_into IS NOT NULL {conditions}
AND NOT EXISTS (
  SELECT 1 FROM custmerge_order x
  WHERE x.absorbed = c.number AND x.survivor = c.merged_into AND NOT EXISTS (
    SELECT 1 FROM custmerge_history u WHERE u."order" = x."order" AND u.action = 'undo'))
ORDER BY 1
"""
# A tombstone may have been imported, but an imported tombstone can't be in an order. The addition to the action keeps
# SQLite from reading every undo for each tombstone.
_NOT_IMPORTED = """AND (
  EXISTS (SELECT 1 FROM custmerge_order x WHERE x.survivor = c.number)
  OR EXISTS (SELECT 1 FROM custmerge_history u WHERE u.absorbed = c.number AND u.action || '' = 'undo'))
"""
_FILLED = " OR ".join(f"c.{name} <> ''" for name in FIELDS)
_HAS_PACKAGES = "EXISTS (SELECT 1 FROM package p WHERE p.number = c.number)"
# Reads all tombstones once, to know which of the following queries are needed.
_TOMBSTONES = f"""
SELECT count(CASE WHEN t.number IS NULL THEN 1 END), count(t.merged_into),
       count(CASE WHEN {_FILLED} THEN 1 END), count(CASE WHEN {_HAS_PACKAGES} THEN 1 END)
FROM customer c LEFT JOIN customer t ON t.number = c.merged_into
WHERE c.merged_into IS NOT NULL AND (t.number IS NULL OR t.merged_into IS NOT NULL OR {_FILLED} OR {_HAS_PACKAGES})
"""  # noqa: S608 (names of fields)
_LEADING_FURTHER = """
SELECT 0, count(*), 0, 0 FROM custmerge_tombstone c JOIN custmerge_tombstone t ON t.number = c.merged_into
"""


def circles(connection: Connection, table: str = OWN.tombstones.name) -> str:
    """Return the statement that finds the numbers of a table of tombstones that are in a circle or lead into one.

    Only numbers that lead to another tombstone can. The statement walks from the ends of the chains and so reaches
    each number once: walking from each number would take the square of their number.
    """
    step = f"{table} c ON c.merged_into = e.number"
    if dialect_of(connection).is_server:
        # Forces an index look-up for each row: otherwise the planner reads the whole table at every step.
        step = f"LATERAL (SELECT number FROM {table} WHERE merged_into = e.number OFFSET 0) c ON true"  # noqa: S608 (of ours)
    return f"""
WITH RECURSIVE ends (number) AS (
  SELECT c.number FROM {table} c JOIN {table} t ON t.number = c.merged_into
  LEFT JOIN {table} u ON u.number = t.merged_into
  WHERE t.merged_into IS NOT NULL AND u.merged_into IS NULL
  UNION ALL
  SELECT c.number FROM ends e JOIN {step}
)
SELECT c.number FROM {table} c JOIN {table} t ON t.number = c.merged_into WHERE t.merged_into IS NOT NULL
EXCEPT SELECT number FROM ends ORDER BY 1
"""  # noqa: S608 (of ours)


_NOWHERE = """
SELECT c.number, c.merged_into FROM customer c LEFT JOIN customer t ON t.number = c.merged_into
WHERE c.merged_into IS NOT NULL AND t.number IS NULL ORDER BY c.number
"""
_TWICE = "SELECT ascii_name FROM domain GROUP BY ascii_name HAVING count(*) > 1 ORDER BY ascii_name"
# Comparing two sorted lists is quicker than a look-up for each domain.
_WITHOUT_CUSTOMER = """
SELECT package, number FROM package
WHERE number IN (SELECT number FROM package EXCEPT SELECT number FROM customer ORDER BY 1) OR number IS NULL
ORDER BY package
"""
_WITHOUT_PACKAGE = """
SELECT ascii_name FROM domain
WHERE package IN (SELECT package FROM domain EXCEPT SELECT package FROM package ORDER BY 1) OR package IS NULL
ORDER BY ascii_name
"""


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Whether there are wrong or long chains among the numbers that were merged away."""

    lead_nowhere: bool
    """Whether a tombstone leads to a number that doesn't exist."""
    lead_further: bool
    """Whether a tombstone leads to another tombstone."""
    are_filled: bool
    """Whether a tombstone has a record."""
    have_packages: bool


class RegisterReader:
    """The audit's queries of the register, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection, mapping: RegisterMapping = OWN) -> None:
        self._connection = connection
        self._mapping = mapping

    @property
    def is_ours(self) -> bool:
        """Whether only custmerge writes the register: a host's programs may change what orders have written."""
        return self._mapping.is_ours

    def placements(self, keys: Collection[str]) -> dict[str, Placement]:
        """Return the placements of our own packages that exist, by key.

        A contact with some details missing, which only an edited SQLite file can have, is returned as it is.
        """
        domains: dict[str, list[str]] = {}
        for key, name in driver_rows(self._connection, _DOMAINS, keys):
            domains.setdefault(key, []).append(name)
        placements: dict[str, Placement] = {}
        for row in driver_rows(self._connection, _PACKAGES, keys):
            key, number, contact = row[0], row[1], row[2:]
            placements[key] = Placement(number, domains.get(key, []), None if contact == _NO_CONTACT else contact)
        return placements

    def tombstones_without_order(self, numbers: Collection[str] | None) -> Iterator[tuple[str, str]]:
        """Yield the tombstones (number, merged_into) that no order made, except undone ones.

        In our own tables, only numbers that orders kept or undos revived are searched. Of all these only `numbers`,
        unless that is None.
        """
        dialect, conditions = dialect_of(self._connection), _NOT_IMPORTED if self.is_ours else ""
        if numbers is not None:
            conditions += f"AND c.number {dialect.among(':numbers')}"
        statement = text(_WITHOUT_ORDER.format(tombstones=self._mapping.tombstones.name, conditions=conditions))
        return self._streamed(statement if numbers is None else statement.bindparams(numbers=dialect.keys(numbers)))

    def has_undos(self) -> bool:
        """Return whether any order was ever undone."""
        statement = select(history.c.seq).where(history.c.action == "undo").limit(1)
        return self._connection.execute(statement).first() is not None

    @cached_property
    def tombstones(self) -> Tombstones:
        """The summary of all tombstones."""
        statement = text(_TOMBSTONES if self.is_ours else _LEADING_FURTHER)
        return Tombstones(*map(bool, self._connection.execute(statement).one()))

    def packages_under_tombstones(self, numbers: Collection[str] | None) -> Iterator[tuple[str, str]]:
        """Yield (package, number) of the packages under tombstones; only under `numbers` unless that is None."""
        statement = (
            select(package.c.package, package.c.number)
            .join(customer, customer.c.number == package.c.number)
            .where(customer.c.merged_into.is_not(None))
            .order_by(package.c.package)
        )
        if numbers is not None:
            statement = statement.where(among(package.c.number, numbers))
        return self._of_ours(statement)

    def filled_tombstones(self, numbers: Collection[str] | None) -> Iterator[str]:
        """Yield the tombstones that still have a record; only those of `numbers` unless that is None."""
        statement = select(customer.c.number).where(customer.c.merged_into.is_not(None))
        if numbers is not None:
            statement = statement.where(among(customer.c.number, numbers))
        condition = or_(*(column != "" for column in field_columns))
        return _first_cells(self._of_ours(statement.where(condition).order_by(customer.c.number)))

    def circles(self) -> Iterator[str]:
        """Yield the numbers that are in a circle or lead into one."""
        return _first_cells(self._streamed(text(circles(self._connection, self._mapping.tombstones.name))))

    def leading_to_tombstones(self, numbers: Collection[str]) -> list[str]:
        """Return those of `numbers` that lead to another tombstone."""
        table = self._mapping.tombstones
        target = table.alias("target")
        rows = self._connection.execute(
            select(table.c.number)
            .join(target, target.c.number == table.c.merged_into)
            .where(among(table.c.number, numbers), target.c.merged_into.is_not(None))
            .order_by(table.c.number)
        )
        return list(rows.scalars())

    def leading_nowhere(self) -> Iterator[tuple[str, str]]:
        """Yield the tombstones (number, merged_into) that lead to a number that doesn't exist."""
        return self._of_ours(text(_NOWHERE))

    def duplicate_domains(self) -> Iterator[str]:
        """Yield the domains that are in two packages."""
        return _first_cells(self._of_ours(text(_TWICE)))

    def unsure_domain_keys(self, only: Collection[str] | None = None) -> Iterator[tuple[str, str]]:
        """Yield (name, ascii_name) of the domains whose key needs a check; with `only`, just those of these numbers.

        A key needs no check if it is the name in lower case, in ASCII, and without any encoding: nearly all are.
        """
        name, key = domain.c.name, domain.c.ascii_name
        # The lengths are compared, because searching for a character beyond ASCII takes three times as long.
        is_beyond_ascii = dialect_of(self._connection).size_in_bytes(key) != func.length(key)
        is_odd = key.contains("xn--"), key.contains(" "), key.endswith("."), is_beyond_ascii
        domains = select(name, key).where(or_(func.lower(name) != key, *is_odd))
        if only is not None:
            packages = select(package.c.package).where(among(package.c.number, only))
            domains = domains.where(domain.c.package.in_(packages))
        return self._of_ours(domains)

    # Any: SQLite stores anything in a text's place.
    def unsure_identity_keys(self, only: Collection[str] | None = None) -> Iterator[tuple[str, str | None, Any, Any]]:
        """Yield (number, merged_into, identity fields, identity key) of the customers whose key needs a check.

        With `only`, just those of these numbers. A key needs no check if it is the names in lower case, in ASCII: the
        database itself compares the two.
        """
        fields = field_columns[: len(IDENTITY_FIELDS)]
        names = [func.lower(TextByBytes(func.trim(column)), type_=Text()) for column in fields]
        between = literal_column(f"'{BETWEEN}'", Text())
        simple = names[0] + between + names[1] + between + names[2]
        has_none = or_(customer.c.merged_into.is_not(None), and_(*(name == "" for name in names)))
        expected = case((has_none, null()), else_=simple)
        is_odd = customer.c.identity_key.is_distinct_from(expected), IsBeyondAscii(simple), simple.contains("  ")
        columns = customer.c.number, customer.c.merged_into, customer.c.identity_key
        customers = select(*columns, *fields).where(or_(*is_odd))
        if only is not None:
            customers = customers.where(among(customer.c.number, only))
        for number, merged_into, key, *identity in self._of_ours(customers):
            yield number, merged_into, identity, key

    def domains_without_package(self) -> Iterator[str]:
        """Yield the domains whose package doesn't exist."""
        return _first_cells(self._of_ours(text(_WITHOUT_PACKAGE)))

    def packages_without_customer(self) -> Iterator[tuple[str, str]]:
        """Yield the packages (package, number) whose number doesn't exist."""
        return self._of_ours(text(_WITHOUT_CUSTOMER))

    # Any: rows of different kinds.
    def _of_ours(self, statement: Executable) -> Iterator[Any]:
        """Yield the rows of our own tables that break a rule; a host may do with its tables what it likes."""
        return self._streamed(statement) if self.is_ours else iter(())

    # Any: as above.
    def _streamed(self, statement: Executable) -> Iterator[Any]:
        return streamed(self._connection, statement, ROWS_AT_ONCE)


# Any: as above.
def _first_cells(rows: Iterator[Any]) -> Iterator[str]:
    for row in rows:
        yield row[0]
