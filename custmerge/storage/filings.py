"""Contract transfers as an audit reads them: every column, in the order of their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from custmerge.rules.transfers import Decision, Form, Status, Transfer
from custmerge.storage.tables import form, transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filed:
    """A transfer, what was decided about it, and the order that used it."""

    transfer: Transfer
    decision: Decision | None
    """Its status is the transfer's own, which goes on when the transfer is used or void."""
    order: int | None


class Filings:
    """Contract transfers, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Iterator[Filed]:
        """Give every transfer, streamed."""
        statement = select(transfer).order_by(transfer.c.id)
        for row in self._connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}):
            status = Status(row.status) if row.status in list(Status) else Status.VOID
            filed = Transfer(
                id=row.id,
                survivor=row.survivor,
                absorbed=row.absorbed,
                status=status,
                filed_by=row.filed_by,
                filed_by_person=row.filed_by_person,
                at=row.at,
                decided_by=row.decided_by,
                reason=row.reason,
                form=Form(row.sha256, row.size, row.type),
                salt=bytes(row.salt),
                identity_sha256=row.identity_sha256,
            )
            is_decided = any(value is not None for value in (row.decided_by, row.decided_by_person, row.decided_at))
            decision = None
            if is_decided or row.reason is not None:
                by, person = row.decided_by or "", row.decided_by_person or 0
                decision = Decision(status, by, person, row.decided_at or "", row.reason)
            yield Filed(filed, decision, row.order)

    def form_of(self, number: int) -> bytes | None:
        """Return the signed form of a transfer, None where it is gone."""
        found = self._connection.execute(select(form.c.content).where(form.c.transfer == number)).scalar()
        return None if found is None else bytes(found)
