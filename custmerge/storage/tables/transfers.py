"""Contract transfers and their forms."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.tables import Key


class TransferRow(SQLModel, table=True):
    """A contract transfer for one pair, in one direction."""

    __tablename__ = "custmerge_transfer"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("filed_by_person <> decided_by_person", name="custmerge_transfer_two_people"),
        Index("custmerge_transfer_survivor", "survivor"),
        Index("custmerge_transfer_absorbed", "absorbed"),
        # The migration limits it to filed and approved transfers. `postgresql_where` isn't used here because every
        # command on SQLite would load the other dialect.
        Index("custmerge_transfer_open", "survivor", "absorbed", unique=True),
    )

    id: int | None = Attribute(default=None, primary_key=True)
    survivor: str = Attribute(sa_column=Column(Key, nullable=False))
    absorbed: str = Attribute(sa_column=Column(Key, nullable=False))
    status: str
    filed_by: str
    filed_by_person: int = Attribute(foreign_key="custmerge_staff.id")
    at: str
    decided_by: str | None
    decided_by_person: int | None = Attribute(foreign_key="custmerge_staff.id")
    decided_at: str | None
    reason: str | None
    sha256: str
    size: int
    type: str
    salt: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))
    identity_sha256: str
    """Salted digest of both records' identity fields at the filing, see `transfers.identity_digest`."""
    order: int | None = Attribute(foreign_key="custmerge_order.order")


class FormRow(SQLModel, table=True):
    """The signed form of a transfer, in a table of its own so that lists don't read it."""

    __tablename__ = "custmerge_form"

    transfer: int = Attribute(foreign_key="custmerge_transfer.id", primary_key=True)
    content: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))


_tables = SQLModel.metadata.tables
transfer = _tables["custmerge_transfer"]
form = _tables["custmerge_form"]
