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

from sqlalchemy import ColumnElement, Connection, and_, func, select

from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.fields import Customer
from custmerge.storage.dialect import streamed
from custmerge.storage.files.temporary import temporary_room
from custmerge.storage.matching.alike import may_be_alike
from custmerge.storage.register.mapping import OWN, RegisterMapping

ROWS_AT_ONCE = 5_000
GROUPS_AT_ONCE = 1_000
KEY_BYTES = 16
_BETWEEN = "\n"
"""Stands between the numbers of a group; none of ours has white space in it."""
_GROUPS = """
SELECT g.first, k.number FROM (SELECT key, min(number) AS first FROM identity GROUP BY key HAVING count(*) > 1) g
JOIN identity k ON k.key = g.key ORDER BY length(g.first), g.first
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
        """Yield the numbers of every group of two or more.

        Where the key is stored, groups come by their names, else by their first numbers, shorter ones first.
        """
        if (stored := self._mapping.identity_key) is not None:
            yield from self._by_stored_key(stored)
            return
        for _first, group in groupby(self._by_made_key(progress), key=itemgetter(0)):
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

    def _by_stored_key(self, key: ColumnElement[str | None]) -> Iterator[list[str]]:
        """Yield the numbers of every group by one walk through the index, which has key and number.

        A walk in the order of the index needs no sorting, and a reader who wants few groups gets them at once.
        """
        number = self._mapping.number.text
        shared = select(func.aggregate_strings(number, _BETWEEN)).select_from(self._mapping.customer_rows)
        groups = shared.where(key.is_not(None)).group_by(key).having(func.count() > 1).order_by(key)
        options = {"yield_per": GROUPS_AT_ONCE}
        with self._connection.execute(groups, execution_options=options) as result:
            for some in result.scalars().partitions():
                yield from [numbers.split(_BETWEEN) for numbers in some]

    def _by_made_key(self, progress: Progress) -> Iterator[tuple[str, str]]:
        """Yield (lowest number, number) of every record that isn't alone with its key, group by group.

        They come from a temporary file, which has digests of the keys: nobody's name is written there.
        """
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
