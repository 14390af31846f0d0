"""What an audit reads of the ledger: in stretches, and rows that break a rule, found by the database itself.

And rows whose digests are in history entries, cell by cell as they are stored: a cell may hold anything.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    Text,
    case,
    cast,
    collate,
    false,
    func,
    or_,
    select,
)

from custmerge.rules.history import Head
from custmerge.rules.ledger_check import EntryRow, LedgerRow
from custmerge.storage.dialect import TextFromBody, dialect_of, streamed
from custmerge.storage.people import PersonRow
from custmerge.storage.tables import (
    batch,
    batch_chunk,
    before_image,
    customer,
    form,
    head,
    history,
    order,
    service,
    staff,
    transfer,
)

ROWS_AT_ONCE = 5_000
OLD_AT_MOST = 100
_ENTRIES = """
SELECT seq, body, hash, action, at, survivor, absorbed, "order"
FROM custmerge_history WHERE seq BETWEEN {mark} AND {mark} ORDER BY seq
"""
_LEDGER = """
SELECT h.seq, h.body, h.hash, h.action, h.at, h.survivor, h.absorbed, h."order", i.salt, i.image,
       o."order", o.survivor, o.absorbed, o.choice, o.taken, o.at, o."by"
FROM custmerge_history h
LEFT JOIN custmerge_order o ON o."order" = h."order" AND h.action = 'merge'
LEFT JOIN custmerge_before_image i ON i."order" = o."order"
WHERE h.seq BETWEEN {mark} AND {mark} ORDER BY h.seq
"""
Row = TypeVar("Row", EntryRow, LedgerRow)

DIGESTED_AT_ONCE = 500
# What digests are made of, in their order: a new column of a table belongs to none of them.
_STAFF = [staff.c[name] for name in PersonRow._fields]
_SERVICES = [
    service.c[name] for name in ("id", "name", "role", "created_by", "created_at", "expires_at", "revoked_at")
]
_APPROVALS = [batch.c[name] for name in ("id", "sha256", "rows", "approved_by", "approved_by_person", "approved_at")]
T = TypeVar("T")
Rows = Generator[T, None, None]
"""Streamed: to be closed before an odd row ends the part of the transaction that it was read in."""
Cells = tuple[Any, ...]
"""Any: whatever is stored."""


class LedgerReader:
    """What an audit reads of the ledger, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = not dialect_of(connection).is_server
        if not self._is_sqlite:
            # What is read through a cursor is read to its end.
            connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")

    def take_any_text(self) -> None:
        """Read texts that aren't UTF-8 too: SQLite takes any bytes for a text, and an audit has to find them.

        Each text then takes several times as long; without this such a text raises TextUnreadable.
        """
        if self._is_sqlite:
            self._driver().text_factory = _any_text

    def expect(self, *, stretches: bool) -> None:
        """Make PostgreSQL's planner ready for questions about short stretches, or else about whole tables."""
        if not self._is_sqlite:
            # Left to order a join of a stretch itself, the planner reads whole tables for each.
            for way in ("hashjoin", "mergejoin"):
                self._connection.exec_driver_sql(f"SET LOCAL enable_{way} = {'off' if stretches else 'on'}")

    def head(self) -> Head | None:
        """Return the end of the chain as it is written down; None where that isn't one row of the right types."""
        rows = self._connection.execute(select(head.c.seq, head.c.hash, head.c.order)).all()
        is_whole = [[type(cell) for cell in row] for row in rows] == [[int, str, int]]
        return Head(*rows[0]) if is_whole else None

    def last_seq(self) -> int:
        """Return the seq of the last entry that there is, 0 where there is none."""
        return self._connection.execute(select(func.max(history.c.seq))).scalar() or 0

    def before_first(self) -> Iterator[int]:
        """Give the entries whose place in the chain is before the first."""
        for row in self._streamed(select(history.c.seq).where(history.c.seq < 1).order_by(history.c.seq)):
            yield row[0]

    def bounds(self, first: int, last: int, size: int) -> list[tuple[int, int]]:
        """Return the first and last seq of stretches of up to `size` entries each, from `first` to `last`."""
        bounds: list[tuple[int, int]] = []
        begin, end = func.min(history.c.seq), func.max(history.c.seq)
        while True:
            there = self._connection.execute(select(begin).where(history.c.seq.between(first, last))).scalar()
            if there is None:
                return bounds
            some = history.c.seq.between(there, min(there + size - 1, last))
            stop = self._connection.execute(select(end).where(some)).scalar_one()
            bounds.append((first, stop))
            first = stop + 1

    def hashes(self, seqs: Collection[int]) -> dict[int, str]:
        """Return the hashes of the entries of `seqs` that there are."""
        rows = self._connection.execute(select(history.c.seq, history.c.hash).where(history.c.seq.in_(seqs)))
        return {row[0]: row[1] for row in rows}

    def order_before(self, seq: int) -> int:
        """Return the number of the last order whose entry stands before `seq`, 0 where there is none."""
        statement = (
            select(history.c.order)
            .where(history.c.action == "merge", history.c.seq < seq)
            .order_by(history.c.seq.desc())
            .limit(1)
        )
        return self._connection.execute(statement).scalar() or 0

    def entries(self, first: int, last: int) -> AbstractContextManager[Iterator[EntryRow]]:
        """Give the entries from `first` to `last`, in their order, streamed."""
        return self._rows(EntryRow, _ENTRIES, first, last)

    def ledger(self, first: int, last: int) -> AbstractContextManager[Iterator[LedgerRow]]:
        """Give the entries from `first` to `last`, those of merges with order and before-image, streamed."""
        return self._rows(LedgerRow, _LEDGER, first, last)

    def revived(self, first: int, last: int) -> Iterator[tuple[int, str, bool]]:
        """Give the orders that stand and whose absorbed number doesn't lead to theirs, and whether that is there.

        Rows are order, absorbed, and whether there is such a number.
        """
        undone = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == "undo").exists()
        revived = (
            select(order.c.order, order.c.absorbed, customer.c.number.is_not(None))
            .join(customer, customer.c.number == order.c.absorbed, isouter=True)
            .where(order.c.order.between(first, last))
            # A CASE, so that undos are looked for only where it differs.
            .where(case((customer.c.merged_into.is_distinct_from(order.c.survivor), ~undone), else_=false()))
            .order_by(order.c.order)
        )
        yield from self._streamed(revived)

    def numbers_since(self, first: int) -> set[str]:
        """Return the numbers that the entries from `first` on name."""
        rows = self._connection.execute(select(history.c.survivor, history.c.absorbed).where(history.c.seq >= first))
        return {number for row in rows for number in row if number is not None}

    def entries_since(self, action: str, at: str) -> int:
        """Return how many entries of an action there are from a moment on."""
        condition = history.c.action == action, history.c.at >= at
        return self._connection.execute(select(func.count()).select_from(history).where(*condition)).scalar_one()

    def old_image(self, at: str) -> int | None:
        """Return an order before a moment whose before-image isn't erased, None where there is none."""
        # Orders are numbered as they happen, so an old one is among the first that still have theirs. Their moments
        # nearly rise: an order that waited for the end of the chain has an earlier one.
        left = select(before_image.c.order).where(before_image.c.image != "").order_by(before_image.c.order)
        first = left.limit(OLD_AT_MOST).subquery()
        statement = select(order.c.order).join(first, first.c.order == order.c.order).where(order.c.at < at)
        return self._connection.execute(statement.order_by(order.c.order).limit(1)).scalar()

    def counts(self) -> tuple[int, int]:
        """Return how many orders and before-images there are."""
        orders, images = (
            self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (order, before_image)
        )
        return orders, images

    def orders_without_entry(self) -> Iterator[int]:
        """Give the orders that no history entry tells of."""
        entry = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == "merge").exists()
        for row in self._streamed(select(order.c.order).where(~entry).order_by(order.c.order)):
            yield row[0]

    def images_without_order(self) -> Iterator[int]:
        """Give the before-images that belong to no order."""
        known = select(order.c.order).where(order.c.order == before_image.c.order).exists()
        for row in self._streamed(select(before_image.c.order).where(~known).order_by(before_image.c.order)):
            yield row[0]

    def batches(self) -> Iterator[tuple[int, str, int, int]]:
        """Give (batch, state, rows that are decided, rows that were merged) of each bulk file."""
        for row in self._streamed(
            select(batch.c.id, batch.c.state, batch.c.done, batch.c.merged).order_by(batch.c.id)
        ):
            yield row[0], row[1], row[2], row[3]

    def decided_rows(self) -> dict[int, int]:
        """Return of how many rows of each bulk file the results are kept; raises ValueError for what is no JSON."""
        count: dict[int, int] = {}
        for number, results in self._streamed(select(batch_chunk.c.batch, batch_chunk.c.results)):
            rows = orjson.loads(results)
            count[number] = count.get(number, 0) + (len(rows) if isinstance(rows, list) else 0)
        return count

    # Any: rows of different kinds.
    def _streamed(self, statement: Select[Any]) -> Iterator[Any]:
        yield from streamed(self._connection, statement, ROWS_AT_ONCE)

    # Any: the drivers' own connections and rows.
    def _driver(self) -> Any:  # noqa: ANN401
        return self._connection.connection.driver_connection

    @contextmanager
    def _rows(self, row: type[Row], statement: str, first: int, last: int) -> Iterator[Iterator[Row]]:
        """Give a statement's rows straight from the driver: SQLAlchemy's own take as long as hashing them."""
        driver = self._driver()
        with closing(driver.cursor() if self._is_sqlite else driver.cursor("custmerge_audit")) as cursor:
            if not self._is_sqlite:
                cursor.itersize = ROWS_AT_ONCE
            cursor.execute(statement.format(mark="?" if self._is_sqlite else "%s"), (first, last))
            yield map(row._make, cursor)


def _any_text(stored: bytes) -> str:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored.decode(errors="surrogateescape")


class DigestedRows:
    """Rows whose digests are in history entries, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def entries(self, key: str, actions: Collection[str]) -> Rows[tuple[str, str]]:
        """Give a key of ours and the body of the newest entry with a digest, for each value of the key.

        Keys come as texts, in the order of their bytes: a caller that reads the rows in that order needs one entry at
        a time.
        """
        named = TextFromBody(key)
        statement = (
            select(named, history.c.body)
            .where(history.c.action.in_(actions), TextFromBody("row_sha256").is_not(None))
            .order_by(named, history.c.seq.desc())
        )
        last: object = self
        with closing(self._streamed(statement)) as rows:
            for value, body in rows:
                if value != last:
                    last = value
                    yield value, body

    def staff(self) -> Rows[Cells]:
        """Give the cells of each person that `person_row_digest` takes, in the order of `entries`."""
        return self._streamed(select(*_STAFF).order_by(staff.c.name))

    def services(self) -> Rows[Cells]:
        """Give the cells of each service token that `service_digest` takes, but its key, ordered alike."""
        return self._streamed(select(*_SERVICES).order_by(service.c.name))

    def approvals(self) -> Rows[Cells]:
        """Give the cells of each bulk file that `approval_digest` takes, in the order of `entries`."""
        return self._streamed(select(*_APPROVALS).order_by(self._in_bytes(batch.c.id)))

    def transfers(self) -> Rows[dict[str, Any]]:
        """Give every column of each contract transfer, by name, in the order of `entries`."""
        statement = select(transfer).order_by(self._in_bytes(transfer.c.id))
        with closing(self._streamed(statement)) as rows:
            for row in rows:
                yield dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name begins like this)

    def transfer(self, number: int) -> dict[str, Any]:
        """Return every column of a contract transfer that exists, by name."""
        return dict(self._connection.execute(select(transfer).where(transfer.c.id == number)).mappings().one())

    def strange_forms(self) -> Rows[tuple[int, int, bool]]:
        """Give (transfer, how many, whether there is such a transfer) where that is not one form of one transfer."""
        is_known = select(transfer.c.id).where(transfer.c.id == form.c.transfer).exists()
        forms = select(form.c.transfer, func.count(), is_known).group_by(form.c.transfer)
        return self._streamed(forms.having(or_(func.count() > 1, ~is_known)).order_by(form.c.transfer))

    # Any: columns of every type.
    def _streamed(self, statement: Executable) -> Rows[Any]:
        return streamed(self._connection, statement, DIGESTED_AT_ONCE)

    def _in_bytes(self, number: ColumnElement[int]) -> ColumnElement[str]:
        """Return a number as the text by which `entries` sorts it."""
        digits = cast(number, Text)
        return collate(digits, "C") if dialect_of(self._connection).is_server else digits
