"""Orders and their before-images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, or_, select

from custmerge.rules.fields import Field
from custmerge.rules.plan import Choice, Order
from custmerge.storage.tables import before_image, order

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Ledger:
    """Orders, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, new: Order, *, salt: bytes, image: str) -> None:
        """Write an order and what it changed as it was before."""
        self._connection.execute(
            insert(order).values(
                order=new.order,
                survivor=new.survivor,
                absorbed=new.absorbed,
                choice=new.choice,
                taken=" ".join(new.taken),
                at=new.at,
                by=new.by,
            )
        )
        self._connection.execute(insert(before_image).values(order=new.order, salt=salt, image=image))

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
