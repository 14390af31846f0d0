"""How orders and undos are written into the register: into custmerge's own tables, or beside a host's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Table, update

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.normalise import lower, search_text
from custmerge.storage.dialect import among, dialect_of
from custmerge.storage.tables import contact, contact_columns, customer, package, tombstone

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


class BesideHostTables:
    """Writes beside a host's tables what they have no place for.

    Cells of the host's own rows are written as references, so that an undo gives back each as it was.
    """

    def __init__(self, connection: Connection, *, with_columns: Collection[str]) -> None:
        """Write for packages that have columns for the details `with_columns`."""
        self._connection = connection
        self._with_columns = with_columns

    def place(self, packages: Iterable[Package], *, contacts: Collection[str]) -> None:
        """See `Register.place`: details without a column are kept."""
        changed = {moved.package: self._kept(moved.contact) for moved in packages if moved.package in contacts}
        self._forget(contact, contact.c.package, changed)
        rows = [{"package": key, **details} for key, details in sorted(changed.items()) if details is not None]
        if rows:
            self._connection.execute(contact.insert(), rows)

    def _kept(self, details: tuple[str, ...] | None) -> dict[str, str | None] | None:
        """Return the details of a contact that have no column; None if the columns alone say what it is."""
        if details is None:
            return None
        named = dict(zip(DETAIL_FIELDS, details, strict=True))
        # Without a row here, a package whose columns are all empty has no contact of its own.
        is_said = any(named[detail] for detail in DETAIL_FIELDS if detail in self._with_columns)
        kept = {str(detail): None if detail in self._with_columns else text for detail, text in named.items()}
        return None if is_said and not any(kept.values()) else kept

    def retire(self, tombstones: Iterable[Customer]) -> None:
        """See `Register.retire`."""
        rows = [
            {"number": record.number, "merged_into": record.merged_into, "customer_key": record.keys[0]}
            for record in tombstones
        ]
        if rows:
            # Not deleted and inserted: two orders of one number then end in a conflict on every isolation level.
            upsert = dialect_of(self._connection).upsert(tombstone)
            upsert = upsert.on_conflict_do_update(
                index_elements=["number"],
                set_={column: upsert.excluded[column] for column in ("merged_into", "customer_key")},
            )
            self._connection.execute(upsert, rows)

    def revive(self, records: Iterable[Customer]) -> None:
        """See `Register.revive`."""
        self._forget(tombstone, tombstone.c.number, {record.number for record in records})

    def write(self, records: Iterable[Customer]) -> None:
        """Write nothing: a host's fields are cells of its rows."""

    def rehash(self, number: str, old: str, new: str) -> bool:  # noqa: ARG002 (none is written)
        """Write nothing: the host's program may not know custmerge's hashes."""
        return False

    def _forget(self, table: Table, key: ColumnElement[str], keys: Collection[str]) -> None:
        if keys:
            self._connection.execute(table.delete().where(among(key, sorted(keys))))
