"""How orders and undos are written into the register: into custmerge's own tables, or beside a host's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from sqlalchemy import Connection, Table, update

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.normalise import lower, search_text
from custmerge.storage.dialect import dialect_of
from custmerge.storage.tables.register import contact_columns, customer, package

Cells = tuple[str | None, ...]
_NO_CONTACT = (None,) * len(DETAIL_FIELDS)
_DERIVED = ("search", "identity_key")
"""Columns whose values follow from the fields."""


class Writer(Protocol):
    """Writes records and packages, inside one transaction. The methods of `Register` say what each does."""

    def place(self, packages: Iterable[Package], *, contacts: Collection[str]) -> None:
        """Write the number of each package, and the contact of the packages whose keys are in `contacts`."""

    def retire(self, tombstones: Iterable[Customer]) -> None:
        """Make numbers tombstones."""

    def revive(self, records: Iterable[Customer]) -> None:
        """Make tombstones records in use again."""

    def write(self, records: Iterable[Customer]) -> None:
        """Write the fields of records that are in use."""

    def rehash(self, number: str, old: str, new: str) -> bool:
        """Replace a hash of a number's passwords; returns whether this register lets custmerge do so."""


class OwnTables:
    """Writes into the tables `customer` and `package`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)

    def place(self, packages: Iterable[Package], *, contacts: Collection[str]) -> None:
        """See `Register.place`."""
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
        """See `Register.retire`."""
        rows = [(record.number, record.merged_into, lower(record.number), None) for record in tombstones]
        self._update(customer, ("number", "merged_into", *_DERIVED), rows, emptied=FIELDS)

    def revive(self, records: Iterable[Customer]) -> None:
        """See `Register.revive`."""
        rows = [(r.number, None, *_derived(r), *r.values) for r in records]
        self._update(customer, ("number", "merged_into", *_DERIVED, *FIELDS), rows)

    def write(self, records: Iterable[Customer]) -> None:
        """See `Register.write`."""
        rows = [(r.number, *_derived(r), *r.values) for r in records]
        self._update(customer, ("number", *_DERIVED, *FIELDS), rows)

    def rehash(self, number: str, old: str, new: str) -> bool:
        """See `Register.rehash`."""
        for table in (customer, package):
            self._connection.execute(
                update(table).where(table.c.number == number, table.c.password_hash == old).values(password_hash=new)
            )
        return True

    def _update(
        self, table: Table, columns: Sequence[str], rows: Sequence[Cells], *, emptied: Sequence[str] = ()
    ) -> None:
        self._dialect.update_rows(self._connection, table.name, columns, rows, emptied)


def _derived(record: Customer) -> tuple[str, str | None]:
    """Return what `_DERIVED` holds of a record in use."""
    # Imported here: most commands write no record.
    from custmerge.rules.duplicates.exact_key import identity_key

    return search_text(record.number, record.values), identity_key(record.identity)
