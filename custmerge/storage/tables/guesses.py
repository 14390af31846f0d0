"""Password tries, and the locks that they lead to."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Column, Index
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.tables import Key


class GuessRow(SQLModel, table=True):
    """A password try: pending while its hash is verified, wrong afterwards. The row of a right try is deleted."""

    __tablename__ = "custmerge_guess"
    __table_args__: ClassVar[Any] = (Index("custmerge_guess_subject", "subject", "at"),)

    id: int | None = Attribute(default=None, primary_key=True)
    subject: str = Attribute(sa_column=Column(Key, nullable=False))
    """See `rules.passwords.Subject.key`."""
    at: str = Attribute(sa_column=Column(Key, nullable=False))
    pending: bool
    batch: int | None = None
    """The bulk file whose row made the try, so that the row isn't counted twice when its run goes on."""
    row: int | None = None


class LockRow(SQLModel, table=True):
    """The moment until which a subject is locked. A transaction that counts its tries locks this row."""

    __tablename__ = "custmerge_lock"

    subject: str = Attribute(sa_column=Column(Key, primary_key=True))
    until: str


_tables = SQLModel.metadata.tables
guess = _tables["custmerge_guess"]
lock = _tables["custmerge_lock"]
