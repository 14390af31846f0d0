"""Rows that history entries seal, cell by cell as they are stored: somebody may have put anything into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from custmerge.rules.bulk import State
from custmerge.rules.history import Action
from custmerge.storage.rows import among, streamed
from custmerge.storage.tables import TextFromBody, batch, form, history, service, session, staff, transfer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import ColumnElement, Connection

ROWS_AT_ONCE = 500
_STAFF = (
    staff.c.id,
    staff.c.name,
    staff.c.role,
    staff.c.password_hash,
    staff.c.created_at,
    staff.c.disabled_at,
    staff.c.password_chosen_by,
)
_SERVICES = (
    service.c.id,
    service.c.name,
    service.c.role,
    service.c.created_by,
    service.c.created_at,
    service.c.expires_at,
    service.c.revoked_at,
)
_APPROVALS = (
    batch.c.id,
    batch.c.sha256,
    batch.c.rows,
    batch.c.approved_by,
    batch.c.approved_by_person,
    batch.c.approved_at,
)

Cells = tuple[Any, ...]
"""Any: whatever is stored."""


class Sealed:
    """Sealed rows, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def staff(self) -> Iterator[Cells]:
        """Give id, name and the other cells of each person that `seals.of_person` seals."""
        yield from self._cells(*_STAFF)

    def people(self, ids: Collection[int]) -> list[tuple[Cells, str | None]]:
        """Return what `staff` gives of some people, each with the body of the newest entry that seals their name.

        Both are of one moment: a password that is changed meanwhile is in both or in neither.
        """
        newest = (
            select(history.c.body)
            .where(
                history.c.action == Action.USER.value,
                TextFromBody("name") == staff.c.name,
                TextFromBody("row_sha256").is_not(None),
            )
            .order_by(history.c.seq.desc())
            .limit(1)
            .scalar_subquery()
        )
        rows = self._connection.execute(select(*_STAFF, newest).where(among(self._connection, staff.c.id, ids)))
        return [(tuple(row[:-1]), row[-1]) for row in rows]

    def open_approvals(self) -> list[tuple[int, int]]:
        """Return (batch, id of the approver) of each approved bulk file that isn't finished."""
        is_open = batch.c.state.in_([State.APPROVED.value, State.RUNNING.value])
        found = select(batch.c.id, batch.c.approved_by_person).where(is_open, batch.c.approved_at.is_not(None))
        return [(row[0], row[1]) for row in self._connection.execute(found.order_by(batch.c.id))]

    def services(self) -> Iterator[Cells]:
        """Give id, name and the other cells of each service token that `seals.of_service` seals, but its key."""
        yield from self._cells(*_SERVICES)

    def keys_of(self, token: int) -> list[str]:
        """Return by what a service token can be opened: one digest, none once it has ended."""
        rows = select(session.c.token_sha256).where(session.c.service == token).order_by(session.c.token_sha256)
        return list(self._connection.execute(rows).scalars())

    def approvals(self) -> Iterator[Cells]:
        """Give the cells of each bulk file that `seals.of_approval` seals."""
        yield from self._cells(*_APPROVALS)

    def transfers(self) -> Iterator[dict[str, Any]]:
        """Give every column of each contract transfer, by name."""
        statement = select(transfer).order_by(transfer.c.id)
        for row in streamed(self._connection, statement, ROWS_AT_ONCE):
            yield dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name begins like this)

    def form_of(self, number: int) -> bytes | None:
        """Return the signed form of a transfer, None where it is gone, nothing where it isn't bytes any more."""
        found = self._connection.execute(select(form.c.content).where(form.c.transfer == number)).scalar()
        return found if found is None or isinstance(found, bytes) else b""

    # Any: columns of every type.
    def _cells(self, *columns: ColumnElement[Any]) -> Iterator[Cells]:
        for row in streamed(self._connection, select(*columns).order_by(columns[0]), ROWS_AT_ONCE):
            yield tuple(row)
