"""Orders and their before-images."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select, type_coerce, union, update
from sqlalchemy.types import NullType

from custmerge.errors import ImageChanged
from custmerge.rules.fields import Field
from custmerge.rules.history import Action
from custmerge.rules.plan import Choice, Order
from custmerge.storage.dialect import TextFromBody, among, dialect_of, streamed
from custmerge.storage.tables import before_image, history, order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

_ORDER = ("order", "survivor", "absorbed", "choice", "taken", "at", "by")
_COLUMNS = tuple(order.c[name] for name in _ORDER)
ROWS_AT_ONCE = 2_000
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
        dialect = dialect_of(self._connection)
        dialect.insert_rows(self._connection, order.name, _ORDER, orders)
        dialect.insert_rows(self._connection, before_image.name, ("order", "salt", "image"), images)

    def images_before(self, at: str) -> int:
        """Return how many before-images of orders before a moment are there still."""
        statement = select(func.count()).select_from(before_image).where(*_kept_before(at))
        return self._connection.execute(statement).scalar_one()

    def images_with_digests(self, at: str) -> Iterator[tuple[int, object, object, str | None]]:
        """Give (order, salt, before-image, the digest that its entry tells) of those that `images_before` counts."""
        is_entry = and_(history.c.order == before_image.c.order, history.c.action == Action.MERGE.value)
        statement = (
            select(before_image.c.order, before_image.c.salt, before_image.c.image, TextFromBody("image_sha256"))
            .select_from(before_image)
            .outerjoin(history, is_entry)
            .where(*_kept_before(at))
        )
        with closing(streamed(self._connection, statement, ROWS_AT_ONCE)) as rows:
            for row in rows:
                yield tuple(row)

    def erase_images_before(self, at: str, *, but: Collection[int]) -> int:
        """Erase the before-images of orders before a moment, with their salts, `but` some; returns how many."""
        others = ~among(before_image.c.order, but)
        statement = update(before_image).where(*_kept_before(at), others).values(salt=b"", image="")
        return self._connection.execute(statement).rowcount

    def newest_orders(self, absorbed: Collection[str]) -> dict[str, tuple[int, str]]:
        """Return for those of `absorbed` that were taken over their last order and its survivor."""
        rows = self._connection.execute(
            select(order.c.absorbed, order.c.order, order.c.survivor)
            .where(among(order.c.absorbed, absorbed))
            .order_by(order.c.order)
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def newest_into(self, survivors: Collection[str]) -> dict[str, int]:
        """Return for those of `survivors` that have ever taken a number over the last order that did it."""
        rows = self._connection.execute(
            select(order.c.survivor, func.max(order.c.order))
            .where(among(order.c.survivor, survivors))
            .group_by(order.c.survivor)
        )
        return {row[0]: row[1] for row in rows}

    def has_order(self, number: int, of: str | None = None) -> bool:
        """Return whether there is an order of that number, with `of` one that kept or took over that customer."""
        statement = select(order.c.order).where(order.c.order == number)
        if of is not None:
            statement = statement.where(or_(order.c.survivor == of, order.c.absorbed == of))
        return self._connection.execute(statement).first() is not None

    def orders_of(self, number: str) -> tuple[Order, ...]:
        """Return the orders in which `number` was kept or taken over, newest first."""
        rows = self._connection.execute(
            select(*_COLUMNS)
            .where(or_(order.c.survivor == number, order.c.absorbed == number))
            .order_by(order.c.order.desc())
        )
        return tuple(_order(row) for row in rows)

    def orders(self, numbers: Iterable[int]) -> dict[int, Order]:
        """Return those of the orders that there are, by their numbers."""
        rows = self._connection.execute(select(*_COLUMNS).where(among(order.c.order, numbers)))
        return {row[0]: _order(row) for row in rows}

    def images(self, orders: Iterable[int]) -> dict[int, tuple[bytes, str]]:
        """Return salt and text of the before-images of orders; both are empty after a purge.

        What is neither salt nor text any more, in a file that takes anything, is given as what fits no entry.
        """
        kept = select(before_image.c.order, type_coerce(before_image.c.salt, NullType()), before_image.c.image).where(
            among(before_image.c.order, orders)
        )
        rows = self._connection.execute(kept)
        return {
            order: (salt, image) if isinstance(salt, bytes) and isinstance(image, str) else (b"?", "?")
            for order, salt, image in rows
        }

    def standing_with(self, numbers: Collection[str], after: int) -> Iterator[tuple[Order, str]]:
        """Give the orders behind the number `after` that kept or took over one of `numbers` and aren't undone.

        Each comes with its before-image (an empty text after a purge), in the order of their numbers.
        """
        undone = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == Action.UNDO.value)
        # A union of two index look-ups: with OR a planner may read the whole table instead.
        sides = [
            select(order.c.order).where(among(side, numbers), order.c.order > after)
            for side in (order.c.survivor, order.c.absorbed)
        ]
        statement = (
            select(*_COLUMNS, before_image.c.image)
            .join(before_image, before_image.c.order == order.c.order, isouter=True)
            .where(order.c.order.in_(union(*sides)), ~undone.exists())
            .order_by(order.c.order)
        )
        for row in streamed(self._connection, statement, ROWS_AT_ONCE):
            yield _order(row), row[-1] or ""


# Any: a row that begins with _COLUMNS.
def _order(row: Any) -> Order:  # noqa: ANN401 (as above)
    number, survivor, absorbed, choice, taken, at, by = row[: len(_ORDER)]
    try:
        return Order(number, survivor, absorbed, Choice(choice), tuple(Field(name) for name in taken.split()), at, by)
    except (ValueError, AttributeError):
        # Words of nobody's but whoever changed the row.
        raise ImageChanged(order=number) from None


def _kept_before(at: str) -> tuple[ColumnElement[bool], ...]:
    older = select(order.c.order).where(order.c.order == before_image.c.order, order.c.at < at).exists()
    return before_image.c.image != "", older
