"""What an audit reads: the ledger in stretches, and the rows that break a rule, found by the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, text

from custmerge.rules.history import Head, image_digest
from custmerge.storage.engine import is_sqlite
from custmerge.storage.evidence_sql import (
    CIRCLES,
    COLUMNS_SQLITE,
    DIGEST_POSTGRESQL,
    ENTRIES,
    HOMELESS,
    LEDGER,
    MOVED_POSTGRESQL,
    MOVED_SQLITE,
    NOWHERE,
    RETIRED_BY_NOBODY,
    TWICE,
)
from custmerge.storage.rows import among, streamed
from custmerge.storage.tables import (
    before_image,
    customer,
    domain,
    field_columns,
    head,
    history,
    order,
    package,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator

    from sqlalchemy import Connection, Select, TextClause

    from custmerge.rules.ledger_check import LedgerRow


ROWS_AT_ONCE = 5_000


class Evidence:
    """What an audit reads, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite(connection)
        if self._is_sqlite:
            # SQLite takes any bytes for a text, and who put some in is to be found out.
            self._driver().text_factory = _any_text
        else:
            # Left to order a join of a stretch itself, the planner reads whole tables for each.
            connection.exec_driver_sql("SET LOCAL enable_hashjoin = off")
            connection.exec_driver_sql("SET LOCAL enable_mergejoin = off")
            # What is read through a cursor is read to its end.
            connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")

    def head(self) -> Head | None:
        """Return the end of the chain as it is written down; None where that is gone, no end at all, or several."""
        rows = self._connection.execute(select(head.c.seq, head.c.hash, head.c.order)).all()
        is_whole = [[type(cell) for cell in row] for row in rows] == [[int, str, int]]
        return Head(*rows[0]) if is_whole else None

    def last_seq(self) -> int:
        """Return the seq of the last entry that there is, 0 where there is none."""
        return self._connection.execute(select(func.max(history.c.seq))).scalar() or 0

    def bounds(self, first: int, last: int, size: int) -> list[tuple[int, int]]:
        """Return the first and last seq of stretches of up to `size` entries each, from `first` to `last`."""
        found: list[tuple[int, int]] = []
        while True:
            some = (
                select(history.c.seq).where(history.c.seq.between(first, last)).order_by(history.c.seq).limit(size)
            ).subquery()
            end = self._connection.execute(select(func.max(some.c.seq))).scalar()
            if end is None:
                return found
            found.append((first, end))
            first = end + 1

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

    def entries(self, first: int, last: int) -> Generator[tuple[int, str, str]]:
        """Give (seq, body, hash) from `first` to `last`, in their order, streamed."""
        return self._raw(ENTRIES, first, last)

    def ledger(self, first: int, last: int) -> Generator[LedgerRow]:
        """Give the merges among the entries from `first` to `last` with their orders, streamed."""
        if not self._is_sqlite:
            yield from self._raw(LEDGER.replace("{digest}", DIGEST_POSTGRESQL), first, last)
            return
        for row in self._raw(LEDGER.replace("{digest}", "i.salt, i.image"), first, last):
            image = row[-1]
            yield (*row[:-2], _digest(row[-2], image) if image else image)

    def changed_columns(self, first: int, last: int) -> Iterator[int]:
        """Give the entries whose search columns don't say what their bodies say."""
        if not self._is_sqlite:
            # There the server alone fills them; that they are generated is looked at as part of the schema.
            return
        for row in self._streamed(text(COLUMNS_SQLITE).bindparams(first=first, last=last)):
            yield row[0]

    def moved(self, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        """Give the packages that aren't as the orders from `first` to `last` left them.

        Rows are order, package, survivor, number that it is under (None: gone), choice, whether it has the contact
        and the domains that it should. Only orders that stand and whose survivor is still in use count.
        """
        statement = text(MOVED_SQLITE if self._is_sqlite else MOVED_POSTGRESQL)
        yield from self._streamed(statement.bindparams(first=first, last=last))

    def revived(self, first: int, last: int) -> Iterator[tuple[int, str, bool]]:
        """Give the orders that stand and whose absorbed number doesn't lead to theirs, and whether that is there.

        Rows are order, absorbed, and whether there is such a number.
        """
        undone = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == "undo").exists()
        found = (
            select(order.c.order, order.c.absorbed, customer.c.number.is_not(None))
            .join(customer, customer.c.number == order.c.absorbed, isouter=True)
            .where(order.c.order.between(first, last), customer.c.merged_into.is_distinct_from(order.c.survivor))
            .where(~undone)
            .order_by(order.c.order)
        )
        yield from self._streamed(found)

    def retired_by_nobody(self, orders: tuple[int, int], entries: tuple[int, int]) -> Iterator[tuple[str, str]]:
        """Give the tombstones (number, merged_into) that no order made which stands.

        Looked for among the numbers that `orders`, first and last, have kept, and that undos among `entries` revived.
        """
        between = {"first": orders[0], "last": orders[1], "first_seq": entries[0], "last_seq": entries[1]}
        yield from self._streamed(text(RETIRED_BY_NOBODY).bindparams(**between))

    def numbers_since(self, first: int) -> set[str]:
        """Return the numbers that the entries from `first` on name."""
        rows = self._connection.execute(select(history.c.survivor, history.c.absorbed).where(history.c.seq >= first))
        return {number for row in rows for number in row if number is not None}

    def entries_since(self, action: str, at: str) -> int:
        """Return how many entries of an action there are from a moment on."""
        condition = history.c.action == action, history.c.at >= at
        return self._connection.execute(select(func.count()).select_from(history).where(*condition)).scalar_one()

    def oldest_image_before(self, at: str) -> int | None:
        """Return the first order before a moment whose before-image isn't erased, None where there is none."""
        statement = (
            select(order.c.order)
            .join(before_image, before_image.c.order == order.c.order)
            .where(order.c.at < at, before_image.c.image != "")
            .order_by(order.c.order)
            .limit(1)
        )
        return self._connection.execute(statement).scalar()

    def counts(self) -> tuple[int, int]:
        """Return how many orders and before-images there are."""
        orders, images = (
            self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (order, before_image)
        )
        return orders, images

    def orders_without_entry(self) -> Iterator[int]:
        """Give the orders that no history entry tells of."""
        told = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == "merge").exists()
        for row in self._streamed(select(order.c.order).where(~told).order_by(order.c.order)):
            yield row[0]

    def images_without_order(self) -> Iterator[int]:
        """Give the before-images that belong to no order."""
        known = select(order.c.order).where(order.c.order == before_image.c.order).exists()
        for row in self._streamed(select(before_image.c.order).where(~known).order_by(before_image.c.order)):
            yield row[0]

    def packages_under_tombstones(self, numbers: Collection[str] | None) -> Iterator[tuple[str, str]]:
        """Give the packages (package, number) under numbers that were merged away.

        Looked for under `numbers` only unless that is None.
        """
        statement = (
            select(package.c.package, package.c.number)
            .join(customer, customer.c.number == package.c.number)
            .where(customer.c.merged_into.is_not(None))
            .order_by(package.c.package)
        )
        if numbers is not None:
            statement = statement.where(among(self._connection, package.c.number, numbers))
        yield from self._streamed(statement)

    def filled_tombstones(self) -> Iterator[str]:
        """Give the numbers that were merged away and still have a record."""
        statement = select(customer.c.number).where(customer.c.merged_into.is_not(None))
        condition = or_(*(column != "" for column in field_columns))
        for row in self._streamed(statement.where(condition).order_by(customer.c.number)):
            yield row[0]

    def circles(self) -> Iterator[str]:
        """Give the numbers that lead round in a circle, or into one."""
        for row in self._streamed(text(CIRCLES)):
            yield row[0]

    def going_further(self, numbers: Collection[str]) -> list[str]:
        """Return those of `numbers` that lead to a number that was merged away itself."""
        target = customer.alias("target")
        rows = self._connection.execute(
            select(customer.c.number)
            .join(target, target.c.number == customer.c.merged_into)
            .where(among(self._connection, customer.c.number, numbers), target.c.merged_into.is_not(None))
            .order_by(customer.c.number)
        )
        return list(rows.scalars())

    def leading_nowhere(self) -> Iterator[tuple[str, str]]:
        """Give the numbers (number, merged_into) that lead to a number that there isn't."""
        yield from self._streamed(text(NOWHERE))

    def domains_twice(self) -> Iterator[str]:
        """Give the names that stand in two packages."""
        for row in self._streamed(text(TWICE)):
            yield row[0]

    def other_domain_keys(self) -> Iterator[tuple[str, str]]:
        """Give (name, ascii_name) of the domains whose key isn't simply the name in lower case, streamed."""
        statement = select(domain.c.name, domain.c.ascii_name).where(func.lower(domain.c.name) != domain.c.ascii_name)
        yield from self._streamed(statement)

    def domains_without_package(self) -> Iterator[str]:
        """Give the names whose package there isn't."""
        for row in self._streamed(text(HOMELESS)):
            yield row[0]

    # Any: rows of different kinds.
    def _streamed(self, statement: Select[Any] | TextClause) -> Iterator[Any]:
        yield from streamed(self._connection, statement, ROWS_AT_ONCE)

    # Any: the drivers' own connections and rows.
    def _driver(self) -> Any:  # noqa: ANN401
        return self._connection.connection.driver_connection

    def _raw(self, statement: str, first: int, last: int) -> Generator[Any]:
        """Give a statement's rows straight from the driver: SQLAlchemy's own take as long as hashing them."""
        if self._is_sqlite:
            yield from self._driver().execute(statement.format(first="?", last="?"), (first, last))
            return
        with self._driver().cursor("custmerge_audit") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(statement.format(first="%s", last="%s"), (first, last))
            yield from cursor


# Any: whatever somebody has put there.
def _digest(salt: Any, image: Any) -> str:  # noqa: ANN401
    if not isinstance(salt, bytes) or not isinstance(image, str):
        return "none"
    try:
        return image_digest(salt, image)
    except UnicodeEncodeError:
        return "none"


def _any_text(stored: bytes) -> str:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored.decode(errors="surrogateescape")
