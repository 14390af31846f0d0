"""What orders and undos write beside a host's tables: tombstones, and details for which these have no column."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Table

from custmerge.rules.fields import DETAIL_FIELDS, Customer, Package
from custmerge.storage.dialect import Prepared, among, dialect_of
from custmerge.storage.tables.attached import contact, tombstone

if TYPE_CHECKING:
    from custmerge.storage.dialect import Dialect


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
            _retiring(dialect_of(self._connection)).execute_many(self._connection, rows)

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


@cache
def _retiring(dialect: Dialect) -> Prepared:
    """Return the statement that writes tombstones."""
    # Not deleted and inserted: two orders of one number then end in a conflict on every isolation level.
    upsert = dialect.upsert(tombstone)
    excluded = {column: upsert.excluded[column] for column in ("merged_into", "customer_key")}
    return Prepared(upsert.on_conflict_do_update(index_elements=["number"], set_=excluded))
