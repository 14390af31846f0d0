"""Orders and their before-images."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Column, Index, Integer, LargeBinary
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.storage.tables import Key


class OrderRow(SQLModel, table=True):
    """An executed merge; every column repeats its history entry and is compared with it."""

    __tablename__ = "custmerge_order"
    __table_args__: ClassVar[Any] = (
        Index("custmerge_order_survivor", "survivor"),
        Index("custmerge_order_absorbed", "absorbed"),
    )

    order: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    survivor: str = Attribute(sa_column=Column(Key, nullable=False))
    absorbed: str = Attribute(sa_column=Column(Key, nullable=False))
    choice: str
    taken: str
    """Field names, separated by spaces, in the order of the fields."""
    at: str
    by: str


class BeforeImageRow(SQLModel, table=True):
    """The state of records and packages before an order changed them: for undo, until purge erases it."""

    __tablename__ = "custmerge_before_image"

    order: int = Attribute(foreign_key="custmerge_order.order", primary_key=True)
    salt: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))
    image: str


_tables = SQLModel.metadata.tables
order = _tables["custmerge_order"]
before_image = _tables["custmerge_before_image"]
