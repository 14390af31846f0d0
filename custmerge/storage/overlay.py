"""Records as they would be, kept in a file of this process's own, so that memory doesn't grow with them."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from custmerge.rules.fields import Customer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Overlay:
    """Customers that differ from what the register says."""

    def __init__(self) -> None:
        # An empty name: a temporary file that SQLite deletes itself, in memory while it is small.
        self._connection = sqlite3.connect("")
        self._connection.execute("CREATE TABLE record (number TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")

    def records(self, numbers: Collection[str]) -> dict[str, Customer]:
        """Return those of `numbers` that were kept."""
        found = {}
        for number in numbers:
            row = self._connection.execute("SELECT body FROM record WHERE number = ?", (number,)).fetchone()
            if row is not None:
                values, merged_into = json.loads(row[0])
                found[number] = Customer(number, tuple(values), merged_into)
        return found

    def keep(self, records: Iterable[Customer]) -> None:
        """Keep records in the place of those of the same numbers."""
        rows = [(one.number, json.dumps([one.values, one.merged_into])) for one in records]
        self._connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?)", rows)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
