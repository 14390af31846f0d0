"""The rows that are an order's customers and packages themselves: fields, what retires a customer, contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from custmerge.errors import FieldNotWritable
from custmerge.rules.fields import DETAIL_FIELDS, Field, Package
from custmerge.rules.references.cells import NewCell, like, text_of
from custmerge.rules.references.draft import Draft, key_of
from custmerge.rules.references.rows import HostRow
from custmerge.rules.references.table_rules import CellAt


def write_fields(draft: Draft, fields: Mapping[Field, str]) -> None:
    """Write the survivor's fields; raises FieldNotWritable."""
    cells = draft.references.own.fields
    for field, text in fields.items():
        if draft.survivor[field] == text:
            continue
        at = cells.get((draft.survivor.number, field))
        row = None if at is None else draft.staying(at.table, draft.references.own_row(at.table, at.key))
        if at is None or row is None:
            raise FieldNotWritable(number=draft.survivor.number, field=field)
        draft.put(
            at.table, row, {at.column: _taken(draft, (at, row), cells.get((draft.absorbed.number, field)), text)}
        )


def _taken(draft: Draft, to: tuple[CellAt, HostRow], taken: CellAt | None, text: str) -> NewCell:
    """Return the cell of a field that is taken."""
    at, row = to
    if taken is not None and (taken.table, taken.column) == (at.table, at.column):
        # The cell itself, so that NULL stays NULL and a number a number; as it was before the order retires it.
        host_row = draft.references.own_row(taken.table, taken.key)
        cell = (host_row.now or ())[draft.rows(taken.table).rows.positions[taken.column]]
        if (text_of(cell) or "") == text:
            return cell
    return draft.text_cell(at.table, at.column, text, draft.cell(at.table, row, at.column))


def retire(draft: Draft) -> None:
    """Give the absorbed customer's own row what the mapping says."""
    own = draft.references.own
    if (at := own.customers.get(draft.absorbed.number)) is not None:
        row, cell_for = draft.references.own_row(at.table, at.key), draft.cell_for(at.table)
        cells = {n: cell_for(n, value, draft.cell(at.table, row, n)) for n, value in own.retire.items()}
        draft.put(at.table, row, cells)


def move_packages(draft: Draft, packages: Sequence[tuple[Package, Package]]) -> None:
    """Give packages, as they are before and after the order, their customer and their contact."""
    for before, after in packages:
        if (at := draft.references.own.packages.get(before.package)) is None:
            continue
        row = draft.references.own_row(at.table, at.key)
        holder, cells = draft.cell(at.table, row, at.customer), dict[str, NewCell]()
        if text_of(holder) == key_of(draft.absorbed, 0):
            cells[at.customer] = like(holder, key_of(draft.survivor, 0))
        details = dict(zip(DETAIL_FIELDS, after.contact or (), strict=False))
        for field, column in at.contact.items():
            cell, text = draft.cell(at.table, row, column), details.get(field, "")
            if (text_of(cell) or "") != text:
                cells[column] = draft.text_cell(at.table, column, text, cell)
        draft.put(at.table, row, cells)
