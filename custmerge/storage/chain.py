"""The history table: appended to in strict sequence, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, union, update

from custmerge.rules.history import Action, Draft, Entry, Head, extend
from custmerge.storage.rows import among, insert_rows
from custmerge.storage.tables import head, history

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

_LOCK_HEAD = select(head.c.seq, head.c.hash, head.c.order).with_for_update()
_MOVE_HEAD = update(head).values(seq=bindparam("new_seq"), hash=bindparam("new_hash"), order=bindparam("new_order"))
_COLUMNS = (history.c.seq, history.c.body, history.c.hash)
ROWS_AT_ONCE = 2_000


class Chain:
    """The history, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self) -> Head:
        """Return the end of the chain and keep every other writer from it until the transaction ends."""
        return Head(*self._connection.execute(_LOCK_HEAD).one())

    def append(self, drafts: Sequence[Draft], *, behind: Head | None = None, order: int | None = None) -> list[Entry]:
        """Append `drafts` and return them in their places.

        `behind` is the head that `lock` gave, asked for here if None; `order` is the last order's number
        from now on, unchanged if None.
        """
        end = self.lock() if behind is None else behind
        entries = extend(end, drafts)
        rows = [(entry.seq, entry.body, entry.hash) for entry in entries]
        insert_rows(self._connection, history.name, ("seq", "body", "hash"), rows)
        self._connection.execute(
            _MOVE_HEAD,
            {
                "new_seq": entries[-1].seq,
                "new_hash": entries[-1].hash,
                "new_order": end.order if order is None else order,
            },
        )
        return entries

    def newest(
        self,
        *,
        number: str | None = None,
        order: int | None = None,
        action: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        without: Collection[str] = (),
    ) -> Iterator[Entry]:
        """Give the entries that fit every filter, newest first, streamed.

        `without` are actions that are left out; `since` is the first moment that counts, `until` the first
        that doesn't (see `times.stamp`).
        """
        statement = select(*_COLUMNS).order_by(history.c.seq.desc()).limit(limit)
        conditions: list[ColumnElement[bool]] = []
        if number is not None:
            # A union of two index look-ups: with OR a planner may walk the whole history backwards instead.
            sides = [select(history.c.seq).where(side == number) for side in (history.c.survivor, history.c.absorbed)]
            conditions.append(history.c.seq.in_(union(*sides)))
        if order is not None:
            conditions.append(history.c.order == order)
        if without:
            conditions.append(history.c.action.not_in(without))
        if action is not None:
            conditions.append(history.c.action == action)
        if since is not None:
            conditions.append(history.c.at >= since)
        if until is not None:
            conditions.append(history.c.at < until)
        yield from self._stream(statement.where(*conditions))

    def of_orders(self, orders: Iterable[int]) -> Iterator[Entry]:
        """Give the entries that made and undid `orders`, oldest first, streamed."""
        about = among(self._connection, history.c.order, orders)
        made_or_undone = history.c.action.in_((Action.MERGE.value, Action.UNDO.value))
        yield from self._stream(select(*_COLUMNS).where(about, made_or_undone).order_by(history.c.seq))

    def oldest(self) -> Iterator[Entry]:
        """Give the whole history, oldest first, streamed."""
        yield from self._stream(select(*_COLUMNS).order_by(history.c.seq))

    # Any: SQLAlchemy types a row by its columns only where their number is known; here it is three.
    def _stream(self, statement: Select[Any]) -> Iterator[Entry]:
        for row in self._connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}):
            yield Entry(row[0], row[1], row[2])
