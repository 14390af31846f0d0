"""The rows of an order in the making: as if it were done, and which are dropped into which."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from custmerge.errors import N_, Detail, ReferenceRefused
from custmerge.rules.fields import Customer
from custmerge.rules.mapping import Placeholder, Value
from custmerge.rules.references.cells import NewCell, OrderNumber, like
from custmerge.rules.references.rows import HostRow, PlannedRows, Row

if TYPE_CHECKING:
    from custmerge.rules.references.plain_rows import CellFor
    from custmerge.rules.references.state import References

OWN_ROW = N_("a customer's or a package's own row would have to be dropped")


class Draft:
    """What one order would leave behind."""

    def __init__(self, references: References, survivor: Customer, absorbed: Customer, place: int) -> None:
        self.references, self.survivor, self.absorbed, self._place = references, survivor, absorbed, place
        self.tables: dict[str, PlannedRows] = {}
        """The tables that the order looked at, by name."""
        self.dropped = deque[tuple[str, HostRow]]()
        """Table and row of those whose children haven't followed yet."""
        self._stays: dict[HostRow, HostRow | None] = {}

    def refused(self, table: str, count: int, why: str, **fills: Detail) -> ReferenceRefused:
        """Return the error that `count` rows of a table don't allow the order."""
        numbers = {"survivor": self.survivor.number, "absorbed": self.absorbed.number}
        return ReferenceRefused(**numbers, table=table, count=count, why=why, **fills)

    def rows(self, table: str) -> PlannedRows:
        """Return the rows of a table that isn't plain, as the order would leave them."""
        if (planned := self.tables.get(table)) is None:
            planned = self.tables[table] = PlannedRows(self.references.rows(table))
        return planned

    def cell(self, table: str, row: HostRow, column: str) -> NewCell:
        """Return a cell of a row that isn't dropped."""
        planned = self.rows(table)
        return (planned.now(row) or ())[planned.rows.positions[column]]

    def put(self, table: str, row: HostRow, cells: Mapping[str, NewCell]) -> None:
        """Give a row new cells."""
        if cells:
            planned = self.rows(table)
            planned.put(row, with_cells(planned, planned.now(row) or (), cells.items()))

    def drop(self, table: str, row: HostRow, stays: HostRow | None) -> None:
        """Drop a row; raises ReferenceRefused if it is a customer or a package."""
        if self.references.is_holder(row):
            raise self.refused(table, 1, OWN_ROW)
        self.rows(table).put(row, None)
        self._stays[row] = stays
        self.dropped.append((table, row))

    def staying(self, table: str, row: HostRow) -> HostRow | None:
        """Return a row, or if it is dropped the one in whose place it is, None if there is none."""
        stays: HostRow | None = row
        while stays is not None and self.rows(table).now(stays) is None:
            stays = self._stays[stays]
        return stays

    def text_cell(self, table: str, column: str, text: str, before: NewCell) -> NewCell:
        """Return the cell that holds a text; an empty one is NULL."""
        if (table, column, text) in self.references.written:
            return self.references.written[table, column, text]
        return like(before, text) if text else None

    def cell_for(self, table: str) -> CellFor:
        """Return what gives the cell of a value of the mapping in a table."""

        def cell_for(column: str, value: Value, before: NewCell) -> NewCell:
            match value:
                case Placeholder.NULL:
                    return None
                case Placeholder.ORDER:
                    return OrderNumber(self._place)
                case Placeholder.SURVIVOR_KEY:
                    return self.text_cell(table, column, key_of(self.survivor, 0), before)
                case Placeholder.SURVIVOR_NUMBER:
                    return self.text_cell(table, column, self.survivor.number, before)
                case Placeholder.NOW:
                    return self.references.written[table, column, value]
                case _:
                    return self.references.written.get((table, column, value), value)

        return cell_for


def key_of(customer: Customer, key: int) -> str:
    """Return one of a customer's keys; an empty text if it has none."""
    return customer.keys[key] if key < len(customer.keys) else ""


def with_cells(planned: PlannedRows, row: Row, cells: Iterable[tuple[str, NewCell]]) -> Row:
    """Return a row with new cells."""
    changed = list(row)
    for name, cell in cells:
        changed[planned.rows.positions[name]] = cell
    return tuple(changed)
