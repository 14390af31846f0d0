"""Rows whose digests are in history entries, cell by cell as they are stored: a cell may hold anything."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import closing
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Text, cast, collate, func, or_, select

from custmerge.rules.bulk import UNFINISHED
from custmerge.rules.history import Action
from custmerge.storage.dialect import TextFromBody, among, dialect_of, streamed
from custmerge.storage.tables import batch, form, history, service, session, staff, transfer

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

T = TypeVar("T")
Rows = Generator[T, None, None]
"""Streamed: to be closed before an odd row ends the part of the transaction that it was read in."""
Cells = tuple[Any, ...]
"""Any: whatever is stored."""


# Any: whatever is stored.
class PersonRow(NamedTuple):
    """The columns of a person that `rules.people.person_row_digest` takes."""

    id: Any
    name: Any
    role: Any
    password_hash: Any
    created_at: Any
    disabled_at: Any
    password_chosen_by: Any


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
        with closing(streamed(self._connection, statement, ROWS_AT_ONCE)) as rows:
            for value, body in rows:
                if value != last:
                    last = value
                    yield value, body

    def staff(self) -> Rows[Cells]:
        """Give the cells of each person that `person_row_digest` takes, in the order of `entries`."""
        yield from self._cells(*_STAFF, by=staff.c.name)

    def people(self, ids: Collection[int]) -> list[tuple[PersonRow, str | None]]:
        """Return the rows of some people, each with the newest entry that has a digest of the name.

        Both are read by one statement: a password that is changed meanwhile is in both or in neither.
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
        rows = self._connection.execute(select(*_STAFF, newest).where(among(staff.c.id, ids)))
        return [(PersonRow(*cells), body) for *cells, body in rows]

    def open_approvals(self) -> list[tuple[int, int]]:
        """Return (batch, id of the approver) of each approved bulk file that isn't finished."""
        is_open = batch.c.state.in_([state.value for state in UNFINISHED])
        found = select(batch.c.id, batch.c.approved_by_person).where(is_open, batch.c.approved_at.is_not(None))
        return [(row[0], row[1]) for row in self._connection.execute(found.order_by(batch.c.id))]

    def services(self) -> Rows[Cells]:
        """Give the cells of each service token that `service_digest` takes, but its key, ordered alike."""
        yield from self._cells(*_SERVICES, by=service.c.name)

    def keys_of(self, token: int) -> list[str]:
        """Return by what a service token can be opened: one digest, none once it has ended."""
        rows = select(session.c.token_sha256).where(session.c.service == token).order_by(session.c.token_sha256)
        return list(self._connection.execute(rows).scalars())

    def approvals(self) -> Rows[Cells]:
        """Give the cells of each bulk file that `approval_digest` takes, in the order of `entries`."""
        yield from self._cells(*_APPROVALS, by=self._in_bytes(batch.c.id))

    def transfers(self) -> Rows[dict[str, Any]]:
        """Give every column of each contract transfer, by name, in the order of `entries`."""
        statement = select(transfer).order_by(self._in_bytes(transfer.c.id))
        with closing(streamed(self._connection, statement, ROWS_AT_ONCE)) as rows:
            for row in rows:
                yield dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name begins like this)

    def transfer(self, number: int) -> dict[str, Any]:
        """Return every column of a contract transfer that exists, by name."""
        row = self._connection.execute(select(transfer).where(transfer.c.id == number)).one()
        return dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name begins like this)

    def form_of(self, number: int) -> object:
        """Return the signed form of a transfer, None where it is gone, else whatever is stored there."""
        return self._connection.execute(select(form.c.content).where(form.c.transfer == number)).scalar()

    def strange_forms(self) -> Rows[tuple[int, int, bool]]:
        """Give (transfer, how many, whether there is such a transfer) where that is not one form of one transfer."""
        is_known = select(transfer.c.id).where(transfer.c.id == form.c.transfer).exists()
        forms = select(form.c.transfer, func.count(), is_known).group_by(form.c.transfer)
        statement = forms.having(or_(func.count() > 1, ~is_known)).order_by(form.c.transfer)
        with closing(streamed(self._connection, statement, ROWS_AT_ONCE)) as rows:
            for number, count, is_there in rows:
                yield number, count, bool(is_there)

    # Any: columns of every type.
    def _cells(self, *columns: ColumnElement[Any], by: ColumnElement[Any]) -> Rows[Cells]:
        with closing(streamed(self._connection, select(*columns).order_by(by), ROWS_AT_ONCE)) as rows:
            for row in rows:
                yield tuple(row)

    def _in_bytes(self, number: ColumnElement[int]) -> ColumnElement[str]:
        """Return a number as the text by which `entries` sorts it."""
        digits = cast(number, Text)
        return collate(digits, "C") if dialect_of(self._connection).is_server else digits
