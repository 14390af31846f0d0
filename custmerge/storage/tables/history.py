"""The history: a chain of entries, and its end."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Computed, Index, Integer
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.dialect import FromBody
from custmerge.storage.tables import Key


def _generated(key: str) -> Computed:
    return Computed(FromBody(key), persisted=True)


class HistoryRow(SQLModel, table=True):
    """The chain. Its search columns are generated from the body, so they can't contradict it."""

    __tablename__ = "custmerge_history"
    __table_args__: ClassVar[Any] = (
        Index("custmerge_history_survivor", "survivor", "seq"),
        Index("custmerge_history_absorbed", "absorbed", "seq"),
        Index("custmerge_history_order", "order"),
        Index("custmerge_history_action", "action", "seq"),
        Index("custmerge_history_at", "at", "seq"),
    )

    seq: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    body: str
    hash: str
    survivor: str | None = Attribute(sa_column=Column(Key, _generated("survivor")))
    absorbed: str | None = Attribute(sa_column=Column(Key, _generated("absorbed")))
    order: int | None = Attribute(sa_column=Column(Integer, _generated("order")))
    action: str | None = Attribute(sa_column=Column(Key, _generated("action")))
    at: str | None = Attribute(sa_column=Column(Key, _generated("at")))


class HeadRow(SQLModel, table=True):
    """The end of the chain, a single row. A transaction that appends locks it, so entries have no gaps."""

    __tablename__ = "custmerge_head"
    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", name="custmerge_head_one_row"),)

    id: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    seq: int
    hash: str
    order: int


_tables = SQLModel.metadata.tables
history = _tables["custmerge_history"]
head = _tables["custmerge_head"]
