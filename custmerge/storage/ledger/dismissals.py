"""Pairs that are two customers, as somebody decided."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from custmerge.rules.duplicates.dismissal import Dismissal
from custmerge.rules.fields import Pair
from custmerge.storage.dialect import among, dialect_of, streamed
from custmerge.storage.tables.dismissals import dismissal

_COLUMNS = tuple(column.name for column in dismissal.c)
_ALL = select(*dismissal.c).order_by(dismissal.c.at.desc(), dismissal.c.number, dismissal.c.other)
_OF_NUMBERS = select(*dismissal.c).where(among(dismissal.c.number))
ROWS_AT_ONCE = 2_000


class Dismissals:
    """Dismissals, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, new: Dismissal) -> None:
        """Store a dismissal in the place of an earlier one of the pair."""
        upsert = dialect_of(self._connection).upsert(dismissal)
        values = {column: getattr(new, column) for column in _COLUMNS}
        changed = {column: upsert.excluded[column] for column in _COLUMNS if not dismissal.c[column].primary_key}
        keys = ["number", "other"]
        self._connection.execute(upsert.on_conflict_do_update(index_elements=keys, set_=changed), [values])

    def delete(self, pair: Pair) -> None:
        """Delete the dismissal of an ordered pair."""
        self._connection.execute(dismissal.delete().where(*_is_of(pair)))

    def locked(self, pair: Pair) -> Dismissal | None:
        """Return the dismissal of an ordered pair, if there is one, and lock it."""
        row = self._connection.execute(select(*dismissal.c).where(*_is_of(pair)).with_for_update()).first()
        return None if row is None else _dismissal(row)

    def among(self, numbers: Collection[str]) -> list[Dismissal]:
        """Return the dismissals of pairs both of whose numbers are among `numbers`."""
        # Not a second condition: SQLite would look for each number with each of the others in its index.
        others = frozenset(numbers)
        found = map(_dismissal, self._connection.execute(_OF_NUMBERS, {"keys": numbers}))
        return [each for each in found if each.other in others]

    def exist(self) -> bool:
        """Return whether there is any."""
        return self._connection.execute(select(dismissal.c.number).limit(1)).first() is not None

    def all(self) -> Generator[Dismissal, None, None]:
        """Yield every dismissal, newest first."""
        yield from map(_dismissal, streamed(self._connection, _ALL, ROWS_AT_ONCE))

    def reasons_before(self, at: str) -> list[Dismissal]:
        """Return the dismissals from before a moment that still have their reason."""
        old = _ALL.where(dismissal.c.at < at, dismissal.c.reason.is_not(None))
        return [_dismissal(row) for row in self._connection.execute(old)]

    def oldest_reason(self, at: str) -> Pair | None:
        """Return the pair of one of these, if there is any."""
        pair = select(dismissal.c.number, dismissal.c.other)
        old = pair.where(dismissal.c.at < at, dismissal.c.reason.is_not(None)).order_by(dismissal.c.at).limit(1)
        row = self._connection.execute(old).first()
        return None if row is None else (row[0], row[1])


def _is_of(pair: Pair) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return dismissal.c.number == pair[0], dismissal.c.other == pair[1]


# Any: SQLAlchemy types a row by its columns.
def _dismissal(row: Row[Any]) -> Dismissal:
    return Dismissal(**dict(zip(_COLUMNS, row, strict=True)))
