"""Bulk files and the outcomes of their rows."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Column, Index, Integer
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.tables import Key


class BatchRow(SQLModel, table=True):
    """A bulk file, identified by its SHA-256, and the progress of its run."""

    __tablename__ = "custmerge_batch"
    __table_args__: ClassVar[Any] = (Index("custmerge_batch_sha256", "sha256", "id"),)

    id: int | None = Attribute(default=None, primary_key=True)
    sha256: str = Attribute(sa_column=Column(Key, nullable=False))
    state: str
    rows: int
    done: int
    """The number of rows that are decided, from the first on."""
    merged: int
    approved_by: str | None
    approved_by_person: int | None = Attribute(foreign_key="custmerge_staff.id")
    approved_at: str | None
    run_by: str | None
    at: str
    runner: str | None = None
    """The process that runs the batch, identified by a random mark."""
    alive_until: str | None = None
    """When the lease of the process expires; the process renews it during the run."""


class BatchChunkRow(SQLModel, table=True):
    """The outcomes of the rows of one chunk, as JSON, see `bulk.Outcome`."""

    __tablename__ = "custmerge_batch_chunk"

    batch: int = Attribute(foreign_key="custmerge_batch.id", primary_key=True)
    first: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    results: str


_tables = SQLModel.metadata.tables
batch = _tables["custmerge_batch"]
batch_chunk = _tables["custmerge_batch_chunk"]
