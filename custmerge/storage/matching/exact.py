"""Records of equal identity, found by the key that the rules make of it.

Our own register stores the key, in an index together with the number. A host's tables have no place for it: keys are
made of every record and kept in a temporary file without a name, or only of the records that may be like a given one.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby, islice
from operator import itemgetter
from typing import Protocol

from sqlalchemy import Connection, and_, func, select

from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.fields import Customer
from custmerge.storage.dialect import streamed
from custmerge.storage.files.temporary import temporary_room
from custmerge.storage.matching.alike import may_be_alike
from custmerge.storage.register.mapping import OWN, RegisterMapping

ROWS_AT_ONCE = 5_000
KEY_BYTES = 16
_GROUPS = """
SELECT g.first, k.number FROM (SELECT key, min(number) AS first FROM identity GROUP BY key HAVING count(*) > 1) g
JOIN identity k ON k.key = g.key ORDER BY g.first, k.number
"""


class Progress(Protocol):
    """See `services.progress.Progress`."""

    def advanced(self, done: int, total: int) -> None:
        """Receive that `done` of `total` rows are done."""


class IdentityGroups:
    """Records of equal identity, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection, mapping: RegisterMapping = OWN) -> None:
        self._connection = connection
        self._mapping = mapping

    def all(self, progress: Progress) -> Iterator[list[str]]:
        """Yield the numbers of every group of two or more, in the order of their lowest ones, as texts sort them."""
        numbers = self._by_stored_key() if self._mapping.identity_key is not None else self._by_made_key(progress)
        for _first, group in groupby(numbers, key=itemgetter(0)):
            yield [number for _, number in group]

    def of(self, record: Customer) -> list[str]:
        """Return the numbers of the records in use whose identity equals that of `record`, its own too."""
        key, stored = identity_key(record.identity), self._mapping.identity_key
        if key is None:
            return []
        if stored is not None:
            statement = select(self._mapping.number.text).where(stored == key).order_by(self._mapping.number.text)
            return list(self._connection.execute(statement).scalars())
        fields = self._mapping.fields[: len(record.identity)]
        alike = (may_be_alike(column, value) for column, value in zip(fields, record.identity, strict=True))
        rows = self._connection.execute(self._mapping.statements.identities.where(and_(*alike)))
        return sorted(number for number, *identity in rows if identity_key(identity) == key)

    def _by_stored_key(self) -> Iterator[tuple[str, str]]:
        """Yield (lowest number, number) of every record that isn't alone with its key, group by group."""
        rows, key, number = self._mapping.customer_rows, self._mapping.identity_key, self._mapping.number.text
        if key is None:
            raise LookupError("identity_key")
        shared = select(key.label("key"), func.min(number).label("first")).select_from(rows).where(key.is_not(None))
        group = shared.group_by(key).having(func.count() > 1).subquery()
        members = select(group.c.first, number).select_from(group).join(rows, key == group.c.key)
        yield from streamed(self._connection, members.order_by(group.c.first, number), ROWS_AT_ONCE)

    def _by_made_key(self, progress: Progress) -> Iterator[tuple[str, str]]:
        """Yield the same from a temporary file, which has digests of the keys: nobody's name is written there."""
        # An empty name means a file that SQLite deletes itself.
        with closing(sqlite3.connect("", isolation_level=None)) as file:
            with temporary_room():
                file.execute("PRAGMA journal_mode = OFF")
                file.execute("CREATE TABLE identity (key BLOB NOT NULL, number TEXT NOT NULL)")
            for rows in self._made_keys(progress):
                with temporary_room():
                    file.execute("BEGIN")
                    file.executemany("INSERT INTO identity VALUES (?, ?)", rows)
                    file.execute("COMMIT")
            with temporary_room():
                file.execute("CREATE INDEX identity_key ON identity (key, number)")
                groups = file.execute(_GROUPS)
            while True:
                with temporary_room():
                    members = groups.fetchmany(ROWS_AT_ONCE)
                if not members:
                    return
                yield from members

    def _made_keys(self, progress: Progress) -> Iterator[list[tuple[bytes, str]]]:
        """Yield (digest of the key, number) of every record that has an identity, some at a time."""
        statements = self._mapping.statements
        total = self._connection.execute(statements.counts[0]).scalar_one()
        progress.advanced(0, total)
        done = 0
        with closing(streamed(self._connection, statements.identities, ROWS_AT_ONCE)) as records:
            while rows := list(islice(records, ROWS_AT_ONCE)):
                keys = ((identity_key(identity), number) for number, *identity in rows)
                yield [(_digest(key), number) for key, number in keys if key is not None]
                done += len(rows)
                progress.advanced(done, total)


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=KEY_BYTES).digest()
