"""Contract transfers and their forms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Text, cast, func, or_, select, union, update

from custmerge.rules.history import Action
from custmerge.rules.transfers import OPEN, Form, Status, Transfer
from custmerge.storage.dialect import Prepared, TextFromBody, among, insert_row, streamed
from custmerge.storage.tables.history import history
from custmerge.storage.tables.transfers import form, transfer

_TRANSFER = select(*(column for column in transfer.c if column is not transfer.c.order))
# Not `in_`, whose parameters SQLAlchemy makes only when it executes a statement.
_IS_OPEN = or_(*(transfer.c.status == status for status in OPEN))
_OPEN = _TRANSFER.where(among(transfer.c.absorbed), _IS_OPEN).order_by(transfer.c.id)
_OPEN_FOR, _OPEN_FOR_LOCKED = Prepared(_OPEN), Prepared(_OPEN.with_for_update())
_NAMES = tuple(column.key for column in _TRANSFER.selected_columns)
# A look-up in two small indexes: an UPDATE with OR may read the whole table.
_OF_NUMBERS = Prepared(
    union(*(select(transfer.c.id).where(among(side)) for side in (transfer.c.survivor, transfer.c.absorbed)))
)
FORMS_AT_ONCE = 4
"""Each may have 20 MB."""
_IS_REJECTED = transfer.c.status == Status.REJECTED


class Transfers:
    """Contract transfers, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, new: Transfer, content: bytes) -> int:
        """Store a new transfer with its form, and return its id; `new.id` is ignored."""
        values = {column: cell for column, cell in new.row.items() if column != "id"}
        number = insert_row(self._connection, transfer, values)
        insert_row(self._connection, form, {"transfer": number, "content": content})
        return number

    def transfer(self, number: int, *, lock: bool = False) -> Transfer | None:
        """Return a transfer by its id; with `lock` nobody else changes it before the transaction ends."""
        statement = _TRANSFER.where(transfer.c.id == number)
        return self._first(statement.with_for_update() if lock else statement)

    def open_for(self, survivor: str, absorbed: str) -> Transfer | None:
        """Return the open transfer for exactly this pair in this direction, and lock it."""
        statement = _TRANSFER.where(
            transfer.c.survivor == survivor, transfer.c.absorbed == absorbed, transfer.c.status.in_(OPEN)
        )
        return self._first(statement.with_for_update())

    def open_for_all(self, absorbed: Collection[str], *, lock: bool = False) -> dict[tuple[str, str], Transfer]:
        """Return the open transfers of `absorbed` by (survivor, absorbed)."""
        rows = (_OPEN_FOR_LOCKED if lock else _OPEN_FOR).rows(self._connection, keys=absorbed)
        opened = [_transfer(dict(zip(_NAMES, row, strict=True))) for row in rows]
        return {(there.survivor, there.absorbed): there for there in opened}

    def newest(self, limit: int, stored: Collection[Status]) -> tuple[Transfer, ...]:
        """Return up to `limit` transfers whose stored status is one of `stored`, newest first."""
        statement = _TRANSFER.where(transfer.c.status.in_(stored)).order_by(transfer.c.id.desc())
        return tuple(self._all(statement.limit(limit)))

    def decide(self, decided: Transfer) -> None:
        """Write who approved or rejected a transfer."""
        self._update(
            transfer.c.id == decided.id,
            status=decided.status,
            decided_by=decided.decided_by,
            decided_by_person=decided.decided_by_person,
            decided_at=decided.decided_at,
            reason=decided.reason,
        )

    def use(self, number: int, order: int) -> None:
        """Write the order that used a transfer."""
        self._update(transfer.c.id == number, status=Status.USED, order=order)

    def void(self, number: int) -> None:
        """Make a transfer void."""
        self._update(transfer.c.id == number, status=Status.VOID)

    def void_open(self, numbers: Collection[int]) -> list[Transfer]:
        """Make the open ones among `numbers` void; returns these transfers as they were."""
        return self._void_open(among(transfer.c.id, numbers))

    def void_all_of(self, numbers: Collection[str], *, but: Collection[int] = ()) -> list[Transfer]:
        """Make void every open transfer of one of `numbers`; returns them as they were."""
        concerned = {number for (number,) in _OF_NUMBERS.rows(self._connection, keys=numbers)}.difference(but)
        return self.void_open(concerned) if concerned else []

    def void_all_by(self, person: int, *, as_filer: bool, as_approver: bool) -> list[Transfer]:
        """Make void every open transfer that a person filed, or approved; returns them as they were."""
        conditions = []
        if as_filer:
            conditions.append(transfer.c.filed_by_person == person)
        if as_approver:
            conditions.append(transfer.c.decided_by_person == person)
        return self._void_open(or_(*conditions)) if conditions else []

    def stored_as(self, *statuses: Status, filed_before: str | None = None) -> list[Transfer]:
        """Return the transfers with one of these stored statuses, if filed before a moment, oldest first."""
        statement = _TRANSFER.where(transfer.c.status.in_(statuses)).order_by(transfer.c.id)
        return self._all(statement if filed_before is None else statement.where(transfer.c.at < filed_before))

    def _void_open(self, condition: ColumnElement[bool]) -> list[Transfer]:
        """Make open transfers void; their rows are locked in the order of their ids."""
        statement = _TRANSFER.where(condition, transfer.c.status.in_(OPEN)).order_by(transfer.c.id)
        opened = self._all(statement.with_for_update())
        if opened:
            self._update(among(transfer.c.id, [there.id for there in opened]), status=Status.VOID)
        return opened

    def forms_before(self, at: str) -> int:
        """Return how many transfers that ended before a moment still have their signed form."""
        statement = select(func.count()).select_from(form).where(*self._forms_before(at))
        return self._connection.execute(statement).scalar_one()

    def forms_with_digests(self, at: str) -> Iterator[tuple[int, object, str]]:
        """Yield (id, form, the filed digest) of the transfers that `forms_before` counts."""
        filed = transfer.alias("filed")
        forms = select(form.c.transfer, form.c.content, filed.c.sha256).join(filed, filed.c.id == form.c.transfer)
        return streamed(self._connection, forms.where(*self._forms_before(at)), FORMS_AT_ONCE)

    def erase_forms_before(self, at: str, *, but: Collection[int]) -> int:
        """Erase the signed forms of transfers that ended before a moment, except `but`; returns their number."""
        is_included = ~among(form.c.transfer, but)
        statement = update(form).where(*self._forms_before(at), is_included).values(content=b"")
        return self._connection.execute(statement).rowcount

    def form_of(self, number: int) -> object:
        """Return the signed form of a transfer, as it is stored; None if there is none."""
        return self._connection.execute(select(form.c.content).where(form.c.transfer == number)).scalar()

    def has_ended_before(self, number: int, at: str) -> bool:
        """Return whether a transfer ended before a moment, so that its form may have been erased."""
        ended = select(transfer.c.id).where(transfer.c.id == number, self._ended_before(at))
        return self._connection.execute(ended).first() is not None

    def reasons_before(self, at: str) -> list[int]:
        """Return the ids of the transfers that were rejected before a moment and still have their reason."""
        left = select(transfer.c.id).where(_IS_REJECTED, transfer.c.decided_at < at, transfer.c.reason.is_not(None))
        return list(self._connection.execute(left.order_by(transfer.c.id)).scalars())

    def old_texts(self, at: str) -> int | None:
        """Return the id of a transfer that ended before a moment and still has its form or reason, or None."""
        has_form = select(form.c.transfer).where(form.c.transfer == transfer.c.id, func.length(form.c.content) > 0)
        left = or_(has_form.exists(), transfer.c.reason.is_not(None))
        statement = select(transfer.c.id).where(left, self._ended_before(at)).order_by(transfer.c.id).limit(1)
        return self._connection.execute(statement).scalar()

    def erase_reason(self, number: int) -> None:
        """Erase the reason for which a transfer was rejected."""
        self._update(transfer.c.id == number, reason=None)

    def _forms_before(self, at: str) -> tuple[ColumnElement[bool], ...]:
        ended = select(transfer.c.id).where(transfer.c.id == form.c.transfer, self._ended_before(at)).exists()
        return func.length(form.c.content) > 0, ended

    def _ended_before(self, at: str) -> ColumnElement[bool]:
        """Return the condition that a transfer was rejected, used or made void before a moment.

        A transfer became void at the moment of its history entry. One of an earlier version has no entry: for it the
        moment of the filing counts.
        """
        from custmerge.storage.tables.orders import order  # diff reads transfers, too, and no order

        used = select(order.c.order).where(order.c.order == transfer.c.order, order.c.at < at).exists()
        voided_since = select(history.c.seq).where(
            history.c.action == Action.TRANSFER_VOID.value,
            history.c.at >= at,
            history.c.survivor == transfer.c.survivor,
            history.c.absorbed == transfer.c.absorbed,
            TextFromBody("transfer") == cast(transfer.c.id, Text),
        )
        return or_(
            _IS_REJECTED & (transfer.c.decided_at < at),
            (transfer.c.status == Status.USED) & used,
            (transfer.c.status == Status.VOID) & (transfer.c.at < at) & ~voided_since.exists(),
        )

    def _all(self, statement: Executable) -> list[Transfer]:
        return [_transfer(row) for row in self._connection.execute(statement).mappings()]

    def _first(self, statement: Executable) -> Transfer | None:
        row = self._connection.execute(statement).mappings().first()
        return None if row is None else _transfer(row)

    def _update(self, *conditions: ColumnElement[bool], **values: str | int | None) -> None:
        self._connection.execute(update(transfer).where(*conditions).values(values))


# Any: cells of several types.
def _transfer(row: Mapping[Any, Any]) -> Transfer:
    values = dict(row)
    form = Form(**{field.name: values.pop(field.name) for field in fields(Form)})
    # An unknown status becomes VOID, so that nobody can use the transfer.
    values["status"] = Status(row["status"]) if row["status"] in set(Status) else Status.VOID
    values["salt"] = bytes(row["salt"])
    return Transfer(**values, form=form)
