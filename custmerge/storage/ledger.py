"""Orders and their before-images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select, update

from custmerge.rules.fields import Field
from custmerge.rules.plan import Choice, Order
from custmerge.storage.rows import among, insert_rows
from custmerge.storage.tables import before_image, order

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

_ORDER = ("order", "survivor", "absorbed", "choice", "taken", "at", "by")
Executed = tuple[Order, bytes, str]
"""An order, the salt of its before-image, and that image."""


class Ledger:
    """Orders, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, executed: Sequence[Executed]) -> None:
        """Write orders and what they changed as it was before."""
        orders = [
            (o.order, o.survivor, o.absorbed, o.choice.value, " ".join(o.taken), o.at, o.by) for o, _, _ in executed
        ]
        images = [(order.order, salt, image) for order, salt, image in executed]
        insert_rows(self._connection, "custmerge_order", _ORDER, orders)
        insert_rows(self._connection, before_image.name, ("order", "salt", "image"), images)

    def images_before(self, at: str) -> int:
        """Return how many before-images of orders before a moment are there still."""
        statement = select(func.count()).select_from(before_image).where(*_kept_before(at))
        return self._connection.execute(statement).scalar_one()

    def erase_images_before(self, at: str) -> int:
        """Erase the before-images of orders before a moment, with their salts; returns how many there were."""
        statement = update(before_image).where(*_kept_before(at)).values(salt=b"", image="")
        return self._connection.execute(statement).rowcount

    def newest_orders(self, absorbed: Collection[str]) -> dict[str, tuple[int, str]]:
        """Return for those of `absorbed` that were taken over their last order and its survivor."""
        rows = self._connection.execute(
            select(order.c.absorbed, order.c.order, order.c.survivor)
            .where(among(self._connection, order.c.absorbed, absorbed))
            .order_by(order.c.order)
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def has_order(self, number: int) -> bool:
        """Return whether there is an order of that number."""
        return self._connection.execute(select(order.c.order).where(order.c.order == number)).first() is not None

    def orders_of(self, number: str) -> tuple[Order, ...]:
        """Return the orders in which `number` was kept or taken over, newest first."""
        rows = self._connection.execute(
            select(order)
            .where(or_(order.c.survivor == number, order.c.absorbed == number))
            .order_by(order.c.order.desc())
        )
        return tuple(
            Order(
                row.order,
                row.survivor,
                row.absorbed,
                Choice(row.choice),
                tuple(Field(name) for name in row.taken.split()),
                row.at,
                row.by,
            )
            for row in rows
        )


def _kept_before(at: str) -> tuple[ColumnElement[bool], ...]:
    older = select(order.c.order).where(order.c.order == before_image.c.order, order.c.at < at).exists()
    return before_image.c.image != "", older
