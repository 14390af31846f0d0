"""Records as they would be, kept in a file of this process's own, so that memory doesn't grow with them."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from custmerge.rules.fields import Customer, Package
from custmerge.storage.files.temporary import temporary_room

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


class ChangedRecords:
    """Customers and packages that differ from what the register says.

    Every method raises TemporaryFilesFailed where there is no room for its file.
    """

    def __init__(self) -> None:
        # An empty name: a temporary file that SQLite deletes itself, in memory while it is small.
        self._connection = sqlite3.connect("")
        with temporary_room():
            for table in ("record", "package", "survivor"):
                self._connection.execute(
                    f"CREATE TABLE {table} (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID"
                )

    def records(self, numbers: Collection[str]) -> dict[str, Customer]:
        """Return those of `numbers` that were kept."""
        return {
            number: Customer(number, tuple(values), merged_into)
            for number, (values, merged_into) in self._bodies("record", numbers)
        }

    def packages(self, keys: Collection[str]) -> dict[str, Package]:
        """Return those of the packages that were kept."""
        return {
            key: Package(key, number, name, tuple(domains), None if contact is None else tuple(contact))
            for key, (number, name, domains, contact) in self._bodies("package", keys)
        }

    def survivors(self, numbers: Collection[str]) -> set[str]:
        """Return those of `numbers` that a record which was kept went into."""
        return {number for number, _ in self._bodies("survivor", numbers)}

    def keep(self, records: Iterable[Customer], packages: Iterable[Package] = ()) -> None:
        """Keep records and packages in the place of those of the same numbers and keys."""
        records = list(records)
        self._put("record", ((one.number, json.dumps([one.values, one.merged_into])) for one in records))
        self._put("survivor", ((one.merged_into, "null") for one in records if one.merged_into is not None))
        self._put(
            "package",
            ((one.package, json.dumps([one.number, one.name, one.domains, one.contact])) for one in packages),
        )

    # Any: JSON as `keep` wrote it.
    def _bodies(self, table: str, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        for key in keys:
            with temporary_room():
                row = self._connection.execute(f"SELECT body FROM {table} WHERE key = ?", (key,)).fetchone()  # noqa: S608 (a name of ours)
            if row is not None:
                yield key, json.loads(row[0])

    def _put(self, table: str, rows: Iterable[tuple[str, str]]) -> None:
        with temporary_room():
            self._connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows)  # noqa: S608 (a name of ours)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
