"""Records as a dry run would leave them, in a temporary file, so that memory doesn't grow with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from custmerge.rules.fields import Customer, Package
from custmerge.storage.files.temporary import temporary_room


class ChangedRecords:
    """Customers and packages that differ from the register.

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
        """Return those of `numbers` that differ."""
        return {
            number: Customer(number=number, values=tuple(values), merged_into=merged_into)
            for number, (values, merged_into) in self._bodies("record", numbers)
        }

    def packages(self, keys: Collection[str]) -> dict[str, Package]:
        """Return those of the packages that differ."""
        return {
            key: Package(
                package=key,
                number=number,
                name=name,
                domains=tuple(domains),
                contact=None if contact is None else tuple(contact),
            )
            for key, (number, name, domains, contact) in self._bodies("package", keys)
        }

    def survivors(self, numbers: Collection[str]) -> set[str]:
        """Return those of `numbers` that a record which was kept went into."""
        return {number for number, _ in self._bodies("survivor", numbers)}

    def keep(self, records: Iterable[Customer], packages: Iterable[Package] = ()) -> None:
        """Keep records and packages; each replaces an earlier one of its number or key."""
        records = list(records)
        self._put("record", ((r.number, json.dumps([r.values, r.merged_into])) for r in records))
        self._put("survivor", ((r.merged_into, "null") for r in records if r.merged_into is not None))
        bodies = ((p.package, json.dumps([p.number, p.name, p.domains, p.contact])) for p in packages)
        self._put("package", bodies)

    # Any: JSON as `keep` wrote it.
    def _bodies(self, table: str, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        for key in keys:
            with temporary_room():
                row = self._connection.execute(f"SELECT body FROM {table} WHERE key = ?", (key,)).fetchone()  # noqa: S608 (a name of ours)
            if row is not None:
                (body,) = row
                yield key, json.loads(body)

    def _put(self, table: str, rows: Iterable[tuple[str, str]]) -> None:
        with temporary_room():
            self._connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows)  # noqa: S608 (a name of ours)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
