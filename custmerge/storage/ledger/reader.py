"""The audit's queries of the ledger: stretches of it, and rows that break a rule, which the database itself finds.

And rows whose digests are in history entries, with the cells as they are stored: a cell may hold any value.
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
from custmerge.storage.register.mapping import OWN, RegisterMapping
from custmerge.storage.tables.batches import batch, batch_chunk
from custmerge.storage.tables.history import head, history
from custmerge.storage.tables.orders import before_image, order
from custmerge.storage.tables.people import service, staff
from custmerge.storage.tables.transfers import form, transfer

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
# The columns of the digests, in their order. They are listed because a new column of a table isn't part of a digest.
_STAFF = [staff.c[name] for name in PersonRow._fields]
_SERVICES = [
    service.c[name] for name in ("id", "name", "role", "created_by", "created_at", "expires_at", "revoked_at")
]
_APPROVALS = [batch.c[name] for name in ("id", "sha256", "rows", "approved_by", "approved_by_person", "approved_at")]
T = TypeVar("T")
Rows = Generator[T, None, None]
"""Rows from an open cursor, which must be closed before an odd row ends its part of the transaction."""
Cells = tuple[Any, ...]
"""Any: a stored cell may hold any value."""


class LedgerReader:
    """The audit's queries of the ledger, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection, register: RegisterMapping = OWN) -> None:
        self._connection = connection
        self._register = register
        self._is_sqlite = not dialect_of(connection).is_server
        if not self._is_sqlite:
            # Tells the planner that rows of a cursor are read to their end.
            connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")

    def take_any_text(self) -> None:
        """Read also texts that aren't UTF-8, which SQLite stores and an audit has to find.

        Every text takes several times as long then; without this, such a text raises TextUnreadable.
        """
        if self._is_sqlite:
            self._driver().text_factory = _any_text

    def expect(self, *, stretches: bool) -> None:
        """Prepare PostgreSQL's planner for queries of short stretches, or else of whole tables."""
        if not self._is_sqlite:
            # Otherwise the planner reads whole tables for the join of each stretch.
            for way in ("hashjoin", "mergejoin"):
                self._connection.exec_driver_sql(f"SET LOCAL enable_{way} = {'off' if stretches else 'on'}")

    def head(self) -> Head | None:
        """Return the stored end of the chain; None if it isn't one row of the right types."""
        rows = self._connection.execute(select(head.c.seq, head.c.hash, head.c.order)).all()
        is_whole = [[type(cell) for cell in row] for row in rows] == [[int, str, int]]
        return Head(*rows[0]) if is_whole else None

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 if there is none."""
        return self._connection.execute(select(func.max(history.c.seq))).scalar() or 0

    def before_first(self) -> Iterator[int]:
        """Yield the seqs below 1, before the first place in the chain."""
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
            stretch = history.c.seq.between(there, min(there + size - 1, last))
            stop = self._connection.execute(select(end).where(stretch)).scalar_one()
            bounds.append((first, stop))
            first = stop + 1

    def hashes(self, seqs: Collection[int]) -> dict[int, str]:
        """Return the hashes of the entries of `seqs` that exist."""
        rows = self._connection.execute(select(history.c.seq, history.c.hash).where(history.c.seq.in_(seqs)))
        return {row[0]: row[1] for row in rows}

    def order_before(self, seq: int) -> int:
        """Return the number of the last order whose entry is before `seq`, 0 if there is none."""
        statement = (
            select(history.c.order)
            .where(history.c.action == "merge", history.c.seq < seq)
            .order_by(history.c.seq.desc())
            .limit(1)
        )
        return self._connection.execute(statement).scalar() or 0

    def entries(self, first: int, last: int) -> AbstractContextManager[Iterator[EntryRow]]:
        """Yield the entries from `first` to `last`, in their order."""
        return self._rows(EntryRow, _ENTRIES, first, last)

    def ledger(self, first: int, last: int) -> AbstractContextManager[Iterator[LedgerRow]]:
        """Yield the entries from `first` to `last`, those of merges with their order and before-image."""
        return self._rows(LedgerRow, _LEDGER, first, last)

    def revived(self, first: int, last: int) -> Iterator[tuple[int, str, bool]]:
        """Yield (order, absorbed, whether `absorbed` exists) of the orders whose tombstone is missing or changed.

        Undone orders are left out.
        """
        undone = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == "undo").exists()
        table, number = self._register.tombstones.alias("tombstone"), self._register.number.text
        customers = select(number).select_from(self._register.customer_rows)
        is_there = customers.where(number == order.c.absorbed).correlate(order).exists()
        revived = (
            select(order.c.order, order.c.absorbed, is_there)
            .join(table, table.c.number == order.c.absorbed, isouter=True)
            .where(order.c.order.between(first, last))
            # CASE, so that undos are searched only if the tombstone differs.
            .where(case((table.c.merged_into.is_distinct_from(order.c.survivor), ~undone), else_=false()))
            .order_by(order.c.order)
        )
        yield from self._streamed(revived)

    def numbers_since(self, first: int) -> set[str]:
        """Return the customer numbers in the entries from seq `first` on."""
        rows = self._connection.execute(select(history.c.survivor, history.c.absorbed).where(history.c.seq >= first))
        return {number for row in rows for number in row if number is not None}

    def entries_since(self, action: str, at: str) -> int:
        """Return the number of entries of an action from a moment on."""
        condition = history.c.action == action, history.c.at >= at
        return self._connection.execute(select(func.count()).select_from(history).where(*condition)).scalar_one()

    def old_image(self, at: str) -> int | None:
        """Return an order before a moment whose before-image isn't erased, None if there is none."""
        # Moments rise with the order's number, except of orders that waited for the end of the chain. So an old order
        # is among the first that still have their before-images.
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
        """Yield the orders without a history entry."""
        entry = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == "merge").exists()
        for row in self._streamed(select(order.c.order).where(~entry).order_by(order.c.order)):
            yield row[0]

    def images_without_order(self) -> Iterator[int]:
        """Yield the before-images without an order."""
        known = select(order.c.order).where(order.c.order == before_image.c.order).exists()
        for row in self._streamed(select(before_image.c.order).where(~known).order_by(before_image.c.order)):
            yield row[0]

    def batches(self) -> Iterator[tuple[int, str, int, int]]:
        """Yield (batch, state, number of decided rows, number of merged rows) of each bulk file."""
        for row in self._streamed(
            select(batch.c.id, batch.c.state, batch.c.done, batch.c.merged).order_by(batch.c.id)
        ):
            yield row[0], row[1], row[2], row[3]

    def decided_rows(self) -> dict[int, int]:
        """Return the number of stored results of each bulk file; raises ValueError for results that aren't JSON."""
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
        """Yield a statement's rows directly from the driver: SQLAlchemy's rows take as long as hashing them."""
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
        """Yield each value of `key` with the body of its newest entry that has a digest.

        Values are texts in the order of their bytes: a caller that reads the rows in that order needs to hold only
        one entry.
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
        """Yield the cells of each person for `person_row_digest`, in the order of `entries`."""
        return self._streamed(select(*_STAFF).order_by(staff.c.name))

    def services(self) -> Rows[Cells]:
        """Yield the cells of each service token for `service_digest` without the key, in the order of `entries`."""
        return self._streamed(select(*_SERVICES).order_by(service.c.name))

    def approvals(self) -> Rows[Cells]:
        """Yield the cells of each bulk file for `approval_digest`, in the order of `entries`."""
        return self._streamed(select(*_APPROVALS).order_by(self._in_bytes(batch.c.id)))

    def transfers(self) -> Rows[dict[str, Any]]:
        """Yield every column of each contract transfer, by name, in the order of `entries`."""
        statement = select(transfer).order_by(self._in_bytes(transfer.c.id))
        with closing(self._streamed(statement)) as rows:
            for row in rows:
                yield dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name begins like this)

    def transfer(self, number: int) -> dict[str, Any]:
        """Return every column of a contract transfer that exists, by name."""
        return dict(self._connection.execute(select(transfer).where(transfer.c.id == number)).mappings().one())

    def strange_forms(self) -> Rows[tuple[int, int, bool]]:
        """Yield (transfer, number of forms, whether it exists) of forms that aren't the only one of a transfer."""
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
