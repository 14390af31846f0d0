"""What an order does to the rows that point at its two customers: they move, are dropped, added up, or refuse it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.fields import Customer, Field, Package
from custmerge.rules.mapping import Itself, Policy
from custmerge.rules.references.cells import NewCell, like
from custmerge.rules.references.changes import Changes, RowsChanged
from custmerge.rules.references.children import REFUSED, Followers
from custmerge.rules.references.clashes import settle
from custmerge.rules.references.draft import Draft, with_cells
from custmerge.rules.references.outcome import changes_of
from custmerge.rules.references.own_rows import move_packages, retire, write_fields
from custmerge.rules.references.rows import HostRow, as_text
from custmerge.rules.references.table_rules import CustomerReference

if TYPE_CHECKING:
    from custmerge.rules.references.state import References

ITSELF = N_("{column} would then point from {survivor} to itself; `itself` in the mapping can say drop or leave")
NO_KEY = N_("{survivor} has no key that {column} could hold")
Pointing = dict[HostRow, list[CustomerReference]]
"""Rows, with their references that hold the absorbed number's key."""


def decide(
    references: References,
    pair: tuple[Customer, Customer],
    fields: Mapping[Field, str],
    packages: Sequence[tuple[Package, Package]],
    place: int,
) -> Changes:
    """Return what the order for a survivor and an absorbed customer does, see `References.decide`."""
    draft = Draft(references, *pair, place)
    plain = [change for table in references.plain for change in _move_plain(draft, table)]
    for table in references.tables:
        if table not in references.plain:
            _move(draft, table)
    Followers(draft).follow_all()
    # After the references: what the mapping says of a customer's own row has the last word.
    write_fields(draft, fields)
    retire(draft)
    move_packages(draft, packages)
    _touch(draft)
    return changes_of(draft, plain)


def _texts(draft: Draft, reference: CustomerReference) -> tuple[str | None, str | None]:
    """Return the survivor's and the absorbed number's key as the reference holds them; None without such a key."""
    return reference.text(draft.survivor.keys), reference.text(draft.absorbed.keys)


def _demand_movable(draft: Draft, table: str, reference: CustomerReference, count: int, survivor: str | None) -> str:
    """Return the survivor's key as the rows will hold it; raises ReferenceRefused."""
    if reference.policy is Policy.REFUSE:
        # The mapping's own sentence is no template.
        raise draft.refused(table, count, N_("{rule}") if reference.why else REFUSED, rule=reference.why)
    if survivor is None:
        raise draft.refused(table, count, NO_KEY, column=reference.column)
    return survivor


def _move_plain(draft: Draft, table: str) -> Iterable[RowsChanged]:
    rows = draft.references.plain[table]
    survivor, absorbed = _texts(draft, rows.reference)
    if absorbed is None or not (count := rows.count(absorbed)):
        return ()
    survivor = _demand_movable(draft, table, rows.reference, count, survivor)
    return rows.moves(absorbed, survivor, draft.cell_for(table))


def _move(draft: Draft, table: str) -> None:
    if not (moving := _without_itself(draft, table, _pointing(draft, table))):
        return
    planned, cell_for = draft.rows(table), draft.cell_for(table)
    positions = planned.rows.positions
    for row, references in moving.items():
        held = planned.now(row) or ()
        cells: dict[str, NewCell] = {}
        for reference in references:
            survivor, _ = _texts(draft, reference)
            cells[reference.column] = like(held[positions[reference.column]], survivor or "")
            for name, value in reference.set.items():
                cells[name] = cell_for(name, value, held[positions[name]])
            for name, after in reference.computed_after.items():
                cells[name] = held[positions[after]]
        planned.put(row, with_cells(planned, held, cells.items()))
    settle(draft, table, moving)


def _pointing(draft: Draft, table: str) -> Pointing:
    """Return the rows that hold the absorbed number's key and may move; raises ReferenceRefused."""
    rows, pointing = draft.references.rows(table), Pointing()
    for reference in rows.rules.references:
        survivor, absorbed = _texts(draft, reference)
        if reference.policy is Policy.LEAVE or absorbed is None:
            continue
        held = rows.find(rows.at((reference.column,)), (absorbed,), by_text=True)
        if reference.where is not None:
            held = [row for row in held if rows.holds(row.now or (), reference)]
        if held and _demand_movable(draft, table, reference, len(held), survivor) != absorbed:
            for row in held:
                pointing.setdefault(row, []).append(reference)
    return pointing


def _without_itself(draft: Draft, table: str, pointing: Pointing) -> Pointing:
    """Return the rows that move; one that would point from the survivor to the survivor does as `itself` says."""
    references = draft.references
    own = references.own.customers.get(draft.survivor.number)
    own_row = None if own is None or own.table != table else references.own_row(table, own.key)
    if not pointing or (own_row not in pointing and len(references.tables[table].references) == 1):
        return pointing
    kept, refused = dict(pointing), list[str]()
    for row, moving in pointing.items():
        if row is not own_row and not _points_at_survivor(draft, table, row, moving):
            continue
        del kept[row]
        wishes = {reference.itself for reference in moving}
        if Itself.REFUSE in wishes:
            refused.append(next(each.column for each in moving if each.itself is Itself.REFUSE))
        elif Itself.LEAVE not in wishes:
            draft.drop(table, row, None)
    if refused:
        raise draft.refused(table, len(refused), ITSELF, column=refused[0])
    return kept


def _points_at_survivor(draft: Draft, table: str, row: HostRow, moving: Sequence[CustomerReference]) -> bool:
    rows, cells = draft.references.rows(table), row.now or ()
    for reference in rows.rules.references:
        survivor, _ = _texts(draft, reference)
        if reference in moving or reference.policy is Policy.LEAVE or survivor is None:
            continue
        if as_text(cells[rows.positions[reference.column]]) == survivor and rows.holds(cells, reference):
            return True
    return False


def _touch(draft: Draft) -> None:
    """Give every changed row what the mapping says."""
    for table, planned in draft.tables.items():
        touch = [(n, value) for n, value in planned.rows.rules.touch.items() if n in planned.rows.positions]
        cell_for = draft.cell_for(table)
        for row, cells in list(planned.cells.items()) if touch else ():
            if cells is not None and planned.differing(row):
                new = [(n, cell_for(n, value, cells[planned.rows.positions[n]])) for n, value in touch]
                # Not `put`: no row is looked up any more.
                planned.cells[row] = with_cells(planned, cells, new)
