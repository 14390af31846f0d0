"""Orders and their before-images."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, type_coerce, union, update
from sqlalchemy.types import NullType

from custmerge.errors import ImageChanged
from custmerge.rules.fields import Field
from custmerge.rules.history import Action
from custmerge.rules.plan import Choice, Order
from custmerge.storage.dialect import TextFromBody, among, dialect_of, streamed
from custmerge.storage.tables.history import history
from custmerge.storage.tables.orders import before_image, order

_ORDER = tuple(order.c)
ROWS_AT_ONCE = 2_000
Executed = tuple[Order, bytes, str]
"""An order, the salt of its before-image, and that image."""


class Ledger:
    """Orders, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, executed: Sequence[Executed]) -> None:
        """Write orders and their before-images."""
        orders = [
            (o.order, o.survivor, o.absorbed, o.choice.value, " ".join(o.taken), o.at, o.by) for o, _, _ in executed
        ]
        images = [(o.order, salt, image) for o, salt, image in executed]
        dialect = dialect_of(self._connection)
        dialect.insert_rows(self._connection, order.name, order.c.keys(), orders)
        dialect.insert_rows(self._connection, before_image.name, before_image.c.keys(), images)

    def images_before(self, at: str) -> int:
        """Return how many orders before a moment still have their before-images."""
        statement = select(func.count()).select_from(before_image).where(*_kept_before(at))
        return self._connection.execute(statement).scalar_one()

    def images_with_digests(self, at: str) -> Iterator[tuple[int, object, object, str | None]]:
        """Yield (order, salt, before-image, the digest in its entry) of the orders that `images_before` counts."""
        is_entry = and_(history.c.order == before_image.c.order, history.c.action == Action.MERGE.value)
        statement = (
            select(before_image.c.order, before_image.c.salt, before_image.c.image, TextFromBody("image_sha256"))
            .select_from(before_image)
            .outerjoin(history, is_entry)
            .where(*_kept_before(at))
        )
        return streamed(self._connection, statement, ROWS_AT_ONCE)

    def erase_images_before(self, at: str, *, but: Collection[int]) -> int:
        """Erase before-images and salts of orders before a moment, except `but`; returns their number."""
        is_included = ~among(before_image.c.order, but)
        statement = update(before_image).where(*_kept_before(at), is_included).values(salt=b"", image="")
        return self._connection.execute(statement).rowcount

    def newest_orders(self, absorbed: Collection[str]) -> dict[str, tuple[int, str]]:
        """Return the last order that merged each of `absorbed` away, with its survivor."""
        rows = self._connection.execute(
            select(order.c.absorbed, order.c.order, order.c.survivor)
            .where(among(order.c.absorbed, absorbed))
            .order_by(order.c.order)
        )
        return {number: (newest, survivor) for number, newest, survivor in rows}

    def newest_into(self, survivors: Collection[str]) -> dict[str, int]:
        """Return the last order that merged a number into each of `survivors`."""
        rows = self._connection.execute(
            select(order.c.survivor, func.max(order.c.order))
            .where(among(order.c.survivor, survivors))
            .group_by(order.c.survivor)
        )
        return dict(rows.all())

    def has_order(self, number: int, of: str | None = None) -> bool:
        """Return whether there is an order `number`; with `of`, only if it has that survivor or absorbed number."""
        statement = select(order.c.order).where(order.c.order == number)
        if of is not None:
            statement = statement.where(or_(order.c.survivor == of, order.c.absorbed == of))
        return self._connection.execute(statement).first() is not None

    def orders_of(self, number: str) -> tuple[Order, ...]:
        """Return the orders with `number` as survivor or absorbed, newest first."""
        rows = self._connection.execute(
            select(*_ORDER)
            .where(or_(order.c.survivor == number, order.c.absorbed == number))
            .order_by(order.c.order.desc())
        )
        return tuple(_order(row) for row in rows)

    def orders(self, numbers: Iterable[int]) -> dict[int, Order]:
        """Return the orders of `numbers` that exist, by number."""
        rows = self._connection.execute(select(*_ORDER).where(among(order.c.order, numbers)))
        return {row.order: _order(row) for row in rows}

    def images(self, orders: Iterable[int]) -> dict[int, tuple[bytes, str]]:
        """Return salt and text of the before-images of orders; both are empty after a purge.

        SQLite stores values of any type: instead of other types, values are returned that match no digest.
        """
        statement = select(
            before_image.c.order, type_coerce(before_image.c.salt, NullType()), before_image.c.image
        ).where(among(before_image.c.order, orders))
        rows = self._connection.execute(statement)
        return {
            number: (salt, image) if isinstance(salt, bytes) and isinstance(image, str) else (b"?", "?")
            for number, salt, image in rows
        }

    def orders_not_undone(self, numbers: Collection[str], after: int) -> Iterator[tuple[Order, str]]:
        """Yield the orders after the number `after` with one of `numbers` that aren't undone, in their order.

        Each comes with its before-image, an empty text after a purge.
        """
        undone = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == Action.UNDO.value)
        # A union of two index look-ups, because with OR a planner may read the whole table.
        sides = [
            select(order.c.order).where(among(side, numbers), order.c.order > after)
            for side in (order.c.survivor, order.c.absorbed)
        ]
        statement = (
            select(*_ORDER, func.coalesce(before_image.c.image, "").label("image"))
            .join(before_image, before_image.c.order == order.c.order, isouter=True)
            .where(order.c.order.in_(union(*sides)), ~undone.exists())
            .order_by(order.c.order)
        )
        for row in streamed(self._connection, statement, ROWS_AT_ONCE):
            yield _order(row), row.image


# Any: SQLAlchemy types a row by its columns.
def _order(row: Row[Any]) -> Order:
    try:
        return Order(
            order=row.order,
            survivor=row.survivor,
            absorbed=row.absorbed,
            choice=Choice(row.choice),
            taken=tuple(Field(name) for name in row.taken.split()),
            at=row.at,
            by=row.by,
        )
    except (ValueError, AttributeError):
        # Somebody changed the row: custmerge never writes such values.
        raise ImageChanged(order=row.order) from None


def _kept_before(at: str) -> tuple[ColumnElement[bool], ...]:
    older = select(order.c.order).where(order.c.order == before_image.c.order, order.c.at < at).exists()
    return before_image.c.image != "", older
