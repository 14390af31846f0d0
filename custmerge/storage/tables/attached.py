"""What only a host's register needs, in every database: its mapping, its tombstones, details without a column."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Index
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.tables import Key


class MappingRow(SQLModel, table=True):
    """A mapping of a host's tables; `custmerge_version.mapping` says which one holds."""

    __tablename__ = "custmerge_mapping"

    sha256: str = Attribute(sa_column=Column(Key, primary_key=True))
    """Of the text."""
    text: str
    """The mapping's file."""
    catalogue: str
    """The host's tables when it was attached, as JSON, see `rules.host_schema`."""
    at: str


class TombstoneRow(SQLModel, table=True):
    """A number of a host's customer that was merged into another one."""

    __tablename__ = "custmerge_tombstone"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("merged_into <> number", name="custmerge_tombstone_not_into_itself"),
        Index("custmerge_tombstone_merged_into", "merged_into"),
    )

    number: str = Attribute(sa_column=Column(Key, primary_key=True))
    merged_into: str = Attribute(sa_column=Column(Key, nullable=False))
    customer_key: str = Attribute(sa_column=Column(Key, nullable=False))
    """The text of the key of the host's row: another row may have the same number and be no customer."""


class ContactRow(SQLModel, table=True):
    """Details of a contact for which a host's package has no columns."""

    __tablename__ = "custmerge_contact"

    package: str = Attribute(sa_column=Column(Key, primary_key=True))
    street: str | None
    postcode: str | None
    city: str | None
    phone: str | None
    mobile: str | None
    email: str | None
    account_number: str | None
    bank_code: str | None


_tables = SQLModel.metadata.tables
mapping = _tables["custmerge_mapping"]
tombstone = _tables["custmerge_tombstone"]
contact = _tables["custmerge_contact"]
