"""What an audit reads: the ledger in stretches, and the rows that break a rule, found by the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, text

from custmerge.rules.fields import DETAIL_FIELDS
from custmerge.rules.history import Head, image_digest
from custmerge.storage.engine import is_sqlite
from custmerge.storage.rows import among, streamed
from custmerge.storage.tables import before_image, customer, domain, field_columns, head, history, order, package

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence

    from sqlalchemy import Connection

    from custmerge.rules.ledger_check import LedgerRow


ROWS_AT_ONCE = 5_000
_ENTRIES = "SELECT seq, body, hash FROM custmerge_history WHERE seq BETWEEN {first} AND {last} ORDER BY seq"
# An image that was erased has no digest; one that is missing has none either, and that isn't the same.
_DIGEST_POSTGRESQL = (
    "CASE WHEN i.image = '' THEN '' ELSE encode(sha256(i.salt || convert_to(i.image, 'UTF8')), 'hex') END"
)
_LEDGER = """
SELECT h.seq, h.body, o."order", o.survivor, o.absorbed, o.choice, o.taken, o.at, o."by",
       {digest}
FROM custmerge_history h
LEFT JOIN custmerge_order o ON o."order" = h."order"
LEFT JOIN custmerge_before_image i ON i."order" = o."order"
WHERE h.seq BETWEEN {first} AND {last} AND h.action = 'merge' ORDER BY h.seq
"""
# The generated columns of SQLite, which no statement can write, but a program that writes the file can.
_COLUMNS_SQLITE = """
SELECT seq FROM custmerge_history WHERE seq BETWEEN :first AND :last AND (
  survivor IS NOT body ->> 'survivor' OR absorbed IS NOT body ->> 'absorbed' OR action IS NOT body ->> 'action'
  OR at IS NOT body ->> 'at' OR "order" IS NOT body ->> 'order') ORDER BY seq
"""
_KEPT_SQLITE = " AND ".join(
    f"p.contact_{name} IS coalesce(j.value ->> '$.contact.{name}', "
    f"CASE o.choice WHEN 'keep' THEN i.image ->> '$.absorbed.{name}' END)"
    for name in DETAIL_FIELDS
)
_KEPT_POSTGRESQL = " AND ".join(
    f"p.contact_{name} IS NOT DISTINCT FROM coalesce(j -> 'contact' ->> '{name}', "
    f"CASE o.choice WHEN 'keep' THEN i.image::json -> 'absorbed' ->> '{name}' END)"
    for name in DETAIL_FIELDS
)
# What has no contact and is to have none is most; then nothing has to be read out of the image.
_FITS = """
CASE WHEN o.choice = 'adopt' THEN p.contact_street IS NULL
     WHEN o.choice = 'identical' AND {contact} IS NULL THEN p.contact_street IS NULL
     ELSE {kept} END"""
# The + keeps SQLite from beginning with every number in use, once for each stretch.
_MOVED_SQLITE = f"""
SELECT * FROM (
  SELECT o."order" AS "order", j.value ->> 'package' AS package, o.survivor AS survivor, p.number AS number,
         o.choice AS choice, {_FITS.format(contact="j.value ->> '$.contact'", kept=_KEPT_SQLITE)} AS fits,
         json_extract(j.value, '$.domains') IS
           (SELECT json_group_array(name) FROM (SELECT name FROM domain d WHERE d.package = p.package ORDER BY name))
           AS whole
  FROM custmerge_order o
  JOIN custmerge_before_image i ON i."order" = o."order"
  JOIN customer s ON s.number = o.survivor AND +s.merged_into IS NULL
  JOIN json_each(NULLIF(i.image, ''), '$.packages') j
  LEFT JOIN package p ON p.package = j.value ->> 'package'
  WHERE o."order" BETWEEN :first AND :last
) moved
WHERE number IS NOT survivor OR NOT whole OR NOT fits
ORDER BY 1, 2
"""  # noqa: S608 (names of fields)
_MOVED_POSTGRESQL = f"""
SELECT * FROM (
  SELECT o."order", j ->> 'package' AS package, o.survivor, p.number, o.choice,
         {_FITS.format(contact="j ->> 'contact'", kept=_KEPT_POSTGRESQL)} AS fits,
         ARRAY(SELECT json_array_elements_text(j -> 'domains'))
           = ARRAY(SELECT name::text FROM domain d WHERE d.package = p.package ORDER BY name) AS whole
  FROM custmerge_order o
  JOIN custmerge_before_image i ON i."order" = o."order"
  JOIN customer s ON s.number = o.survivor AND s.merged_into IS NULL
  CROSS JOIN LATERAL json_array_elements(NULLIF(i.image, '')::json -> 'packages') j
  LEFT JOIN package p ON p.package = j ->> 'package'
  WHERE o."order" BETWEEN :first AND :last
) moved
WHERE number IS DISTINCT FROM survivor OR NOT whole OR NOT fits
ORDER BY 1, 2
"""  # noqa: S608 (as above)
# Only a number that leads to a number that was merged away itself can be part of a circle.
_CIRCLES = """
WITH RECURSIVE further AS (
  SELECT c.number, c.merged_into FROM customer c JOIN customer t ON t.number = c.merged_into
  WHERE t.merged_into IS NOT NULL
), ends (number) AS (
  SELECT f.number FROM further f WHERE f.merged_into NOT IN (SELECT number FROM further)
  UNION ALL
  SELECT f.number FROM further f JOIN ends e ON f.merged_into = e.number
)
SELECT number FROM further WHERE number NOT IN (SELECT number FROM ends) ORDER BY number
"""
_NOWHERE = """
SELECT c.number, c.merged_into FROM customer c LEFT JOIN customer t ON t.number = c.merged_into
WHERE c.merged_into IS NOT NULL AND t.number IS NULL ORDER BY c.number
"""
_TWICE = "SELECT ascii_name FROM domain GROUP BY ascii_name HAVING count(*) > 1 ORDER BY ascii_name"
_HOMELESS = """
SELECT d.ascii_name FROM domain d LEFT JOIN package p ON p.package = d.package
WHERE p.package IS NULL ORDER BY d.ascii_name
"""


class Evidence:
    """What an audit reads, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite(connection)
        if not self._is_sqlite:
            # Left to order a join of a stretch itself, the planner reads whole tables for each.
            connection.exec_driver_sql("SET LOCAL enable_hashjoin = off")
            connection.exec_driver_sql("SET LOCAL enable_mergejoin = off")

    def head(self) -> Head | None:
        """Return the end of the chain as it is written down; None where that is gone or no end at all."""
        row = self._connection.execute(select(head.c.seq, head.c.hash, head.c.order)).first()
        is_whole = row is not None and [type(cell) for cell in row] == [int, str, int]
        return Head(*row) if row is not None and is_whole else None

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
        yield from self._raw(_ENTRIES, first, last)

    def ledger(self, first: int, last: int) -> Generator[LedgerRow]:
        """Give the merges among the entries from `first` to `last` with their orders, streamed."""
        if not self._is_sqlite:
            yield from self._raw(_LEDGER.replace("{digest}", _DIGEST_POSTGRESQL), first, last)
            return
        for row in self._raw(_LEDGER.replace("{digest}", "i.salt, i.image"), first, last):
            image = row[-1]
            yield (*row[:-2], _digest(row[-2], image) if image else image)

    def changed_columns(self, first: int, last: int, limit: int) -> list[int]:
        """Return up to `limit` entries whose search columns don't say what their bodies say."""
        if not self._is_sqlite:
            # There the server alone fills them; that they are generated is looked at as part of the schema.
            return []
        rows = self._connection.execute(text(_COLUMNS_SQLITE), {"first": first, "last": last})
        return [row[0] for row in rows.fetchmany(limit)]

    def moved(self, first: int, last: int, limit: int) -> list[tuple[Any, ...]]:
        """Return up to `limit` packages that aren't as the orders from `first` to `last` left them.

        Rows are order, package, survivor, number that it is under (None: gone), choice, whether it has the contact
        and the domains that it should. Only orders whose survivor is still in use count.
        """
        statement = text(_MOVED_SQLITE if self._is_sqlite else _MOVED_POSTGRESQL)
        rows = self._connection.execute(statement, {"first": first, "last": last})
        return [tuple(row) for row in rows.fetchmany(limit)]

    def revived(self, first: int, last: int, limit: int) -> list[tuple[Any, ...]]:
        """Return up to `limit` orders (order, absorbed, merged_into) whose absorbed number doesn't lead to theirs."""
        found = (
            select(order.c.order, order.c.absorbed, customer.c.merged_into)
            .join(customer, customer.c.number == order.c.absorbed, isouter=True)
            .where(order.c.order.between(first, last), customer.c.merged_into.is_distinct_from(order.c.survivor))
            .order_by(order.c.order)
        )
        return [tuple(row) for row in self._connection.execute(found).fetchmany(limit)]

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

    def orders_without_entry(self, limit: int) -> list[int]:
        """Return up to `limit` orders that no history entry tells of."""
        told = select(history.c.seq).where(history.c.order == order.c.order, history.c.action == "merge").exists()
        rows = self._connection.execute(select(order.c.order).where(~told).order_by(order.c.order).limit(limit))
        return [row[0] for row in rows]

    def images_without_order(self, limit: int) -> list[int]:
        """Return up to `limit` before-images that belong to no order."""
        known = select(order.c.order).where(order.c.order == before_image.c.order).exists()
        rows = self._connection.execute(select(before_image.c.order).where(~known).limit(limit))
        return [row[0] for row in rows]

    def packages_under_tombstones(self, numbers: Collection[str] | None, limit: int) -> list[tuple[str, str]]:
        """Return up to `limit` packages (package, number) under numbers that were merged away.

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
        return [(row[0], row[1]) for row in self._connection.execute(statement.limit(limit))]

    def filled_tombstones(self, limit: int) -> list[str]:
        """Return up to `limit` numbers that were merged away and still have a record."""
        statement = select(customer.c.number).where(customer.c.merged_into.is_not(None))
        condition = or_(*(column != "" for column in field_columns))
        rows = self._connection.execute(statement.where(condition).order_by(customer.c.number).limit(limit))
        return [row[0] for row in rows]

    def circles(self, limit: int) -> list[str]:
        """Return up to `limit` numbers that lead round in a circle, or into one."""
        return [row[0] for row in self._connection.execute(text(_CIRCLES)).fetchmany(limit)]

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

    def leading_nowhere(self, limit: int) -> list[tuple[str, str]]:
        """Return up to `limit` numbers (number, merged_into) that lead to a number that there isn't."""
        return [(row[0], row[1]) for row in self._connection.execute(text(_NOWHERE)).fetchmany(limit)]

    def domains_twice(self, limit: int) -> list[str]:
        """Return up to `limit` names that stand in two packages."""
        return [row[0] for row in self._connection.execute(text(_TWICE)).fetchmany(limit)]

    def other_domain_keys(self) -> Iterator[tuple[str, str]]:
        """Give (name, ascii_name) of the domains whose key isn't simply the name in lower case, streamed."""
        statement = select(domain.c.name, domain.c.ascii_name).where(func.lower(domain.c.name) != domain.c.ascii_name)
        for row in streamed(self._connection, statement, ROWS_AT_ONCE):
            yield row[0], row[1]

    def domains_without_package(self, limit: int) -> list[str]:
        """Return up to `limit` names whose package there isn't."""
        return [row[0] for row in self._connection.execute(text(_HOMELESS)).fetchmany(limit)]

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
    is_whole = isinstance(salt, bytes) and isinstance(image, str)
    return image_digest(salt, image) if is_whole else "none"


def numbered(found: Sequence[tuple[Any, ...]]) -> set[int]:
    """Return the orders in rows that begin with one."""
    return {row[0] for row in found}
