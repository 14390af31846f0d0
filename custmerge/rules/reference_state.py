"""The rows of a transaction's references: as they were read, changed by each order and undo, and what is to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from custmerge.rules.cells import Cell, Key
from custmerge.rules.fields import Customer, Field, Package
from custmerge.rules.references import Changes, GivenBack, OwnRows, Step, TableRules, WrittenCells


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """The rows that the storage has to add before undos are planned."""

    keys: Mapping[str, frozenset[Key]]
    """By table: the rows with these keys, as far as they exist."""
    values: Mapping[str, Mapping[tuple[str, ...], frozenset[tuple[Cell, ...]]]]
    """By table and columns: the rows that hold these cells there, which would be in the way."""


def rows_wanted(tables: Mapping[str, TableRules], changes: Iterable[Changes]) -> RowsWanted:
    """Return the rows that the undos of `changes` (of many orders) depend on."""
    raise NotImplementedError


class References:
    """The rows of every followed table that orders or undos of one transaction may change, and how they are now.

    The storage adds rows as it reads them. For orders: the rows of every reference that hold a key of one of the
    numbers (of a table that `is_plain`, those of the absorbed numbers are enough), the rows that `OwnRows` names, and
    level by level the rows that refer to one of these by a `ChildReference`. For undos: those of `rows_wanted`.
    """

    def __init__(
        self, tables: Mapping[str, TableRules], own: OwnRows | None = None, written: WrittenCells | None = None
    ) -> None:
        """Begin without rows."""
        raise NotImplementedError

    def is_plain(self, table: str) -> bool:
        """Return whether a table's rows can only move: nothing in it can clash, and nothing refers to it."""
        raise NotImplementedError

    def add(self, table: str, rows: Iterable[Sequence[Cell]]) -> None:
        """Add rows as they were read: cells of `TableRules.columns`, then of `TableRules.computed`.

        A condition's cell is 1 or "true" where it holds. A row that was added before is passed over; a plain table's
        rows must come once.
        """
        raise NotImplementedError

    def keys(self, table: str) -> Iterator[Key]:
        """Yield the keys of the rows that were added, as they were read."""
        raise NotImplementedError

    def decide(
        self,
        survivor: Customer,
        absorbed: Customer,
        changes: Mapping[Field, str],
        packages: Sequence[tuple[Package, Package]],
        place: int,
    ) -> Changes:
        """Return what an order does; changes nothing.

        `changes` are the survivor's fields that are written, `packages` the moving ones before and after, `place` is
        the order's in the transaction, from 0. Raises ReferenceRefused, FieldNotWritable.
        """
        raise NotImplementedError

    def apply(self, changes: Changes) -> None:
        """Change the rows as an order does."""
        raise NotImplementedError

    def undo(self, given_back: GivenBack) -> None:
        """Change the rows as the undo of an order does."""
        raise NotImplementedError

    def steps(self, first_order: int = 0) -> list[Step]:
        """Return what the storage has to write, in this order: each row once, with its last cells.

        `first_order` is the number of the transaction's first order.
        """
        raise NotImplementedError
