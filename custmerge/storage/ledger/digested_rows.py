"""Rows whose digests are in history entries, cell by cell as they are stored: a cell may hold anything."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import closing
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, Text, cast, collate, func, or_, select

from custmerge.storage.dialect import TextFromBody, dialect_of, streamed
from custmerge.storage.tables import batch, form, history, service, staff, transfer

ROWS_AT_ONCE = 500
_APPROVALS = [batch.c[name] for name in ("id", "sha256", "rows", "approved_by", "approved_by_person", "approved_at")]

T = TypeVar("T")
Rows = Generator[T, None, None]
"""Streamed: to be closed before an odd row ends the part of the transaction that it was read in."""
Cells = tuple[Any, ...]
"""Any: whatever is stored."""


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
        return self._streamed(select(staff).order_by(staff.c.name))

    def services(self) -> Rows[Cells]:
        """Give the cells of each service token that `service_digest` takes, but its key, ordered alike."""
        return self._streamed(select(service).order_by(service.c.name))

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
        return streamed(self._connection, statement, ROWS_AT_ONCE)

    def _in_bytes(self, number: ColumnElement[int]) -> ColumnElement[str]:
        """Return a number as the text by which `entries` sorts it."""
        digits = cast(number, Text)
        return collate(digits, "C") if dialect_of(self._connection).is_server else digits
