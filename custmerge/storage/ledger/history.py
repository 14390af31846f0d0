"""The history table: entries are appended without gaps and never changed."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy import ColumnElement, Connection, Executable, Integer, bindparam, case, cast, func, select, union_all

from custmerge.rules.history import Action, Draft, Entry, Head, extend, moment
from custmerge.rules.transfers import STATUS_AFTER
from custmerge.storage.dialect import Prepared, TextFromBody, among, dialect_of, streamed
from custmerge.storage.tables.history import head, history

_LOCK_HEAD = Prepared(select(head.c.seq, head.c.hash, head.c.order).with_for_update())
_MOVE_HEAD = Prepared(
    head.update().values(seq=bindparam("new_seq"), hash=bindparam("new_hash"), order=bindparam("new_order"))
)
# The maximum, not the last entry's: a writer that waited for the head read its clock before it waited.
_NEWEST_MOMENT = select(func.max(history.c.at))
_ENTRIES = select(history.c.seq, history.c.body, history.c.hash)
ROWS_AT_ONCE = 2_000


class Conditions(TypedDict, total=False):
    """Conditions that entries have to meet; those that are missing or None are ignored."""

    number: str | None
    """The customer number, as survivor or absorbed."""
    order: int | None
    action: str | None
    since: str | None
    """The first moment that is included, see `history.stamp`."""
    until: str | None
    """The first moment that is no longer included."""
    only: Collection[str]
    """The actions that are included; all if it is empty."""
    without: Collection[str]
    """The actions that are left out."""


class Chain:
    """The history, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)
        self.appended: Entry | None = None
        """The last entry that was appended in this transaction, committed or not."""

    def lock(self) -> Head:
        """Return the end of the chain and lock it against all other writers until the transaction ends."""
        ((seq, last_hash, order),) = _LOCK_HEAD.rows(self._connection)
        return Head(seq=seq, hash=last_hash, order=order)

    def append(self, drafts: Sequence[Draft], *, locked: Head | None = None, order: int | None = None) -> list[Entry]:
        """Append `drafts` and return their entries.

        `locked` is the head that `lock` returned; if None, it is locked here. `order` is the new last order's number;
        if None, the number stays.
        """
        end = self.lock() if locked is None else locked
        entries = extend(end, drafts)
        rows = [(entry.seq, entry.body, entry.hash) for entry in entries]
        self._dialect.insert_rows(self._connection, history.name, ("seq", "body", "hash"), rows)
        last, last_order = entries[-1], end.order if order is None else order
        _MOVE_HEAD.execute(self._connection, new_seq=last.seq, new_hash=last.hash, new_order=last_order)
        self.appended = last
        return entries

    def has(self, entry: Entry) -> bool:
        """Return whether this entry, with this hash, is in the history."""
        same = history.c.seq == entry.seq, history.c.hash == entry.hash
        return self._connection.execute(select(history.c.seq).where(*same)).first() is not None

    def newest_moment(self) -> datetime | None:
        """Return the latest moment of any entry, None if it can't be read."""
        try:
            with self._connection.begin_nested():
                at = self._connection.execute(_NEWEST_MOMENT).scalar()
            return None if at is None else moment(str(at))
        except ValueError:
            return None
        except Exception as error:
            # The audit reports what is wrong.
            dialect = self._dialect
            if dialect.is_gone(error) or dialect.is_odd_data(error) or dialect.is_unreadable(error):
                return None
            raise

    def newest(self, *, limit: int | None = None, **wanted: Unpack[Conditions]) -> Generator[Entry, None, None]:
        """Yield the entries that meet every condition, newest first."""
        number, order = wanted.get("number"), wanted.get("order")
        conditions = _conditions(wanted)
        if number is None and order is None:
            is_narrowed = wanted.get("action") is not None or wanted.get("only") or wanted.get("without")
            conditions += _bounds(wanted.get("since"), wanted.get("until"), None if is_narrowed else limit)
        # Without the addition a planner may walk through all entries to find the few of an order.
        place = history.c.seq + 0 if order is not None else history.c.seq
        if number is None:
            yield from self._stream(_ENTRIES.where(*conditions).order_by(place.desc()).limit(limit))
        else:
            yield from self._stream(_of_number(number, conditions, limit))

    def after(self, seq: int, end: int, **wanted: Unpack[Conditions]) -> Iterator[Entry]:
        """Yield the entries after `seq`, up to seq `end`, that meet every condition, oldest first."""
        conditions = [history.c.seq > seq, history.c.seq <= end, *_conditions(wanted)]
        if (number := wanted.get("number")) is not None:
            conditions.append((history.c.survivor == number) | (history.c.absorbed == number))
        yield from self._stream(_ENTRIES.where(*conditions).order_by(history.c.seq))

    def last(self) -> int:
        """Return the seq of the newest entry, 0 for an empty history."""
        return self._connection.execute(select(func.max(history.c.seq))).scalar() or 0

    def undone(self, orders: Collection[int]) -> dict[int, int]:
        """Return those of `orders` that were undone, with the seq of the undo's entry."""
        wanted = among(history.c.order, orders)
        # The action is compared here: in the statement, it may make a planner walk through every undo.
        rows = self._connection.execute(select(history.c.order, history.c.seq, history.c.action).where(wanted))
        return {order: seq for order, seq, action in rows if action == Action.UNDO}

    def of_orders(self, orders: Iterable[int]) -> Iterator[Entry]:
        """Yield the entries of `orders` and of their undos, oldest first."""
        about = among(history.c.order, orders)
        made_or_undone = history.c.action.in_((Action.MERGE.value, Action.UNDO.value))
        yield from self._stream(_ENTRIES.where(about, made_or_undone).order_by(history.c.seq))

    def of_transfers(self, absorbed: Collection[str]) -> Iterator[Entry]:
        """Yield the entries about contract transfers of `absorbed`, with merges that used one, oldest first."""
        changes_status = history.c.action.in_([action.value for action in STATUS_AFTER])
        about = among(history.c.absorbed, absorbed)
        yield from self._stream(_ENTRIES.where(about, changes_status).order_by(history.c.seq))

    def about(self, action: Action, key: str, value: str | int) -> Iterator[Entry]:
        """Yield the entries of an action whose body has `value` under `key`, oldest first."""
        same = TextFromBody(key) == str(value)
        yield from self._stream(_ENTRIES.where(history.c.action == action.value, same).order_by(history.c.seq))

    def of_batch(self, number: int, *, after: int) -> tuple[int, int, int]:
        """Return what the entries after the seq `after` say about a bulk file.

        That is how many of its rows were merged, the highest of these rows, and how many orders its undo undid.
        """
        is_merge = history.c.action == Action.MERGE.value
        statement = select(
            func.count(case((is_merge, 1))),
            func.coalesce(func.max(case((is_merge, cast(TextFromBody("row"), Integer)))), 0),
            func.count(case((~is_merge, 1))),
        ).where(
            history.c.action.in_((Action.MERGE.value, Action.UNDO.value)),
            history.c.seq > after,
            _is_of_batch(number),
        )
        merged, highest, undone = self._connection.execute(statement).one()
        return merged, highest, undone

    def orders_of_batch(self, number: int) -> list[int]:
        """Return the orders that a run of a bulk file has executed, newest first."""
        # The batch's own rows name its orders, too, and are quicker to read, but the chain doesn't protect them.
        statement = select(history.c.order).where(history.c.action == Action.MERGE.value, _is_of_batch(number))
        return list(self._connection.execute(statement.order_by(history.c.seq.desc())).scalars())

    def oldest(self) -> Iterator[Entry]:
        """Yield the whole history, oldest first."""
        yield from self._stream(_ENTRIES.order_by(history.c.seq))

    def _stream(self, statement: Executable) -> Iterator[Entry]:
        for seq, body, digest in streamed(self._connection, statement, ROWS_AT_ONCE):
            yield Entry(seq=seq, body=body, hash=digest)


def _is_of_batch(number: int) -> ColumnElement[bool]:
    # Far quicker than parsing JSON, and as exact, because a quotation mark inside a value has a backslash before it.
    return history.c.body.like(f'%,"batch":{number},%')


def _conditions(wanted: Conditions) -> list[ColumnElement[bool]]:
    """Return all conditions except that on the number."""
    conditions: list[ColumnElement[bool]] = []
    if (order := wanted.get("order")) is not None:
        conditions.append(history.c.order == order)
    if only := wanted.get("only"):
        conditions.append(history.c.action.in_(only))
    if without := wanted.get("without"):
        conditions.append(history.c.action.not_in(without))
    if (action := wanted.get("action")) is not None:
        conditions.append(history.c.action == action)
    if (since := wanted.get("since")) is not None:
        conditions.append(history.c.at >= since)
    if (until := wanted.get("until")) is not None:
        conditions.append(history.c.at < until)
    return conditions


def _bounds(since: str | None, until: str | None, limit: int | None) -> list[ColumnElement[bool]]:
    """Return conditions on the seq between which the newest `limit` entries of a time lie, by the index on moments.

    Moments rise with the seq, but not strictly, because a writer reads its clock before it waits for the head. All
    entries of the time lie between the bounds. To find the lower bound it is enough to look at `limit` of them: the
    newest `limit` can't begin before the first of any `limit` entries.
    """
    # Without the additions a planner may find the bounds by the very walk that they should shorten.
    place = (history.c.seq + 0).label("place")
    fits = select(place).where(*_conditions({"since": since, "until": until}))
    newest = fits.order_by(history.c.at.desc(), history.c.seq.desc())
    bounds: list[ColumnElement[bool]] = []
    if since is not None:
        lower = select(func.min(newest.limit(limit).subquery().c.place))
        bounds.append(history.c.seq >= lower.scalar_subquery())
    if until is not None:
        upper = select(func.max(newest.subquery().c.place))
        bounds.append(history.c.seq <= upper.scalar_subquery())
    return bounds


def _of_number(number: str, conditions: Sequence[ColumnElement[bool]], limit: int | None) -> Executable:
    """Return the statement for the newest entries, at most `limit`, with `number` as survivor or absorbed."""
    # Two look-ups, each in the order of its index, because with OR a planner may walk through the whole history.
    # No entry is in both halves.
    kept = (history.c.survivor == number, *conditions)
    gone = (history.c.absorbed == number, history.c.survivor.is_distinct_from(number), *conditions)
    halves = [_ENTRIES.where(*half) for half in (kept, gone)]
    if limit is not None:
        # The entries are chosen by the index only: a planner expects them near the end, but they may be far from it.
        newest = select(history.c.seq).order_by(history.c.seq.desc()).limit(limit)
        places = [select(newest.where(*half).subquery().c.seq) for half in (kept, gone)]
        entry = history.alias()
        halves = [select(entry.c.seq, entry.c.body, entry.c.hash).where(entry.c.seq.in_(seqs)) for seqs in places]
    both = union_all(*halves)
    return both.order_by(both.selected_columns.seq.desc()).limit(limit)
