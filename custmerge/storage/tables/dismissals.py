"""Pairs that aren't duplicates."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, LargeBinary
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.tables import Key


class DismissalRow(SQLModel, table=True):
    """A decision that two numbers are two customers."""

    __tablename__ = "custmerge_dismissal"
    # ClassVar of Any: SQLAlchemy's own type for it is Any.
    __table_args__: ClassVar[Any] = (CheckConstraint("number < other", name="custmerge_dismissal_ordered"),)

    number: str = Attribute(sa_column=Column(Key, primary_key=True))
    other: str = Attribute(sa_column=Column(Key, primary_key=True))
    reason: str | None
    by: str
    at: str
    salt: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))
    identity_sha256: str
    """Salted digest of both records' identity keys, see `dismissal.identity_digest`."""


dismissal = SQLModel.metadata.tables["custmerge_dismissal"]
