"""Staff, service tokens, sessions and proofs."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.tables import Key


class StaffRow(SQLModel, table=True):
    """A member of staff."""

    __tablename__ = "custmerge_staff"

    id: int | None = Attribute(default=None, primary_key=True)
    name: str = Attribute(sa_column=Column(Key, nullable=False, unique=True))
    role: str
    password_hash: str
    created_at: str
    disabled_at: str | None = None
    password_chosen_by: str | None = None
    """The person who chose the present password, unless it is their own; it has to be changed at the next login."""


class ServiceRow(SQLModel, table=True):
    """A service token: its role and the person who made it. The token itself isn't stored."""

    __tablename__ = "custmerge_service"
    __table_args__: ClassVar[Any] = (Index("custmerge_service_created_by", "created_by"),)

    id: int | None = Attribute(default=None, primary_key=True)
    name: str = Attribute(sa_column=Column(Key, nullable=False, unique=True))
    role: str
    created_by: int = Attribute(foreign_key="custmerge_staff.id")
    created_at: str
    expires_at: str
    revoked_at: str | None = None


class SessionRow(SQLModel, table=True):
    """A login of a customer, of staff, or a service token. The token itself isn't stored."""

    __tablename__ = "custmerge_session"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            "(CASE WHEN number IS NULL THEN 0 ELSE 1 END) + (CASE WHEN staff IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN service IS NULL THEN 0 ELSE 1 END) = 1",
            name="custmerge_session_one_owner",
        ),
        Index("custmerge_session_number", "number"),
        Index("custmerge_session_staff", "staff"),
        Index("custmerge_session_service", "service"),
        Index("custmerge_session_created_at", "created_at"),
    )

    token_sha256: str = Attribute(sa_column=Column(Key, primary_key=True))
    number: str | None = Attribute(sa_column=Column(Key, nullable=True))
    staff: int | None = Attribute(foreign_key="custmerge_staff.id")
    service: int | None = Attribute(foreign_key="custmerge_service.id")
    created_at: str
    last_used_at: str


class ProofRow(SQLModel, table=True):
    """A pair that one session has verified."""

    __tablename__ = "custmerge_proof"
    __table_args__: ClassVar[Any] = (Index("custmerge_proof_absorbed", "absorbed"),)

    token_sha256: str = Attribute(
        sa_column=Column(Key, ForeignKey("custmerge_session.token_sha256", ondelete="CASCADE"), primary_key=True)
    )
    survivor: str = Attribute(sa_column=Column(Key, primary_key=True))
    absorbed: str = Attribute(sa_column=Column(Key, primary_key=True))
    domain: str
    verified_sha256: str
    """SHA-256 of the stored hash that the password was verified against, see `people.verified_sha256`."""
    valid_until: str


_tables = SQLModel.metadata.tables
staff = _tables["custmerge_staff"]
service = _tables["custmerge_service"]
session = _tables["custmerge_session"]
proof = _tables["custmerge_proof"]
