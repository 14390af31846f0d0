"""Rows that would be there twice after an order: one of them goes, or they refuse it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from custmerge.errors import N_
from custmerge.rules.mapping import Policy, Side
from custmerge.rules.references.adding import added, earlier, later
from custmerge.rules.references.cells import NewCell
from custmerge.rules.references.draft import Draft
from custmerge.rules.references.rows import HostRow, Row
from custmerge.rules.references.table_rules import ChildReference, CustomerReference, UniqueRules

Mover = CustomerReference | ChildReference
"""Why a row moves."""
Moving = Mapping[HostRow, Sequence[Mover]]
Clash = tuple[HostRow, UniqueRules, Mover]
"""The row that is there already, in what both would be the same, and why the other moves."""

CLASH = N_("the row that stays has the same already in {columns}, and the policy of {column} is move")
SEVERAL = N_("one of them clashes with several rows at once, so their values can't be added up")
BOTH_WAYS = N_("they clash with each other in several ways, so it isn't clear which row stays")
BECOME_ALIKE = N_("they would become the same in {columns}")
NO_NUMBER = N_("{column} holds something that can't be added up or compared")
_STRICTNESS = {Policy.DROP: 0, Policy.ADD: 1}


def settle(draft: Draft, table: str, moving: Moving) -> None:
    """Drop moved rows of a table that clash with rows that don't move now, or these; raises ReferenceRefused.

    The moved rows have their new cells.
    """
    if not draft.rows(table).rows.places:
        return
    clashes, alike = _clashes(draft, table, moving)
    strict = [
        (row, unique, mover)
        for row, found in clashes.items()
        for _, unique, mover in found
        if mover.policy not in _STRICTNESS
    ]
    if strict:
        _, unique, mover = strict[0]
        columns, column = _named(draft, table, unique), ", ".join(columns_of(mover))
        raise draft.refused(table, len({row for row, *_ in strict}), CLASH, columns=columns, column=column)
    planned = draft.rows(table)
    for row in planned.in_order(clashes):
        # A row that was dropped into another one is in nobody's way any more.
        movers = {other: mover for other, _, mover in clashes[row] if planned.now(other) is not None}
        if movers:
            _drop_clashing(draft, table, row, movers)
    for unique, one, other in alike:
        # The database would refuse them after everything else was written.
        if planned.now(one) is not None and planned.now(other) is not None:
            raise draft.refused(table, 2, BECOME_ALIKE, columns=_named(draft, table, unique))


def columns_of(mover: Mover) -> tuple[str, ...]:
    """Return the columns that a mover gives new cells, without those of its `set`."""
    return (mover.column,) if isinstance(mover, CustomerReference) else mover.columns


def _clashes(
    draft: Draft, table: str, moving: Moving
) -> tuple[dict[HostRow, list[Clash]], list[tuple[UniqueRules, HostRow, HostRow]]]:
    """Return what each moved row clashes with, and moved rows that become the same in a unique of the database."""
    planned = draft.rows(table)
    clashes: dict[HostRow, list[Clash]] = {}
    alike: list[tuple[UniqueRules, HostRow, HostRow]] = []
    for place in planned.rows.places:
        unique, taken = place.unique, dict[tuple[NewCell, ...], HostRow]()
        for row in moving:
            value = place.of(planned.now(row) or ())
            if value is None or value == place.of(row.now or ()):
                continue
            if unique.of is None and (before := taken.setdefault(value, row)) is not row:
                alike.append((unique, before, row))
            for other in planned.find(place.at, value, by_text=False):
                if other not in moving and place.of(planned.now(other) or ()) == value:
                    clashes.setdefault(row, []).append((other, unique, _deciding(moving[row], unique)))
    return clashes, alike


def _deciding(movers: Sequence[Mover], unique: UniqueRules) -> Mover:
    """Return the mover whose policy holds for a clash: of those that change its columns, the strictest."""
    of = [mover for mover in movers if unique.of in columns_of(mover)]
    among = of or [mover for mover in movers if set(columns_of(mover)) & set(unique.columns)] or list(movers)
    return max(among, key=lambda mover: _STRICTNESS.get(mover.policy, len(_STRICTNESS)))


def _drop_clashing(draft: Draft, table: str, row: HostRow, movers: Mapping[HostRow, Mover]) -> None:
    """Drop a moved row into the one with which it clashes, or all of these into it."""
    others = draft.rows(table).in_order(movers)
    if len(others) > 1 and any(mover.policy is Policy.ADD for mover in movers.values()):
        raise draft.refused(table, len(others), SEVERAL)
    winners = {mover.winner for mover in movers.values()}
    if len(winners) > 1:
        raise draft.refused(table, 1 + len(others), BOTH_WAYS)
    if Side.SURVIVOR in winners:
        _drop_into(draft, table, (row, others[0]), movers[others[0]])
        return
    for other in others:
        _drop_into(draft, table, (other, row), movers[other])


def _drop_into(draft: Draft, table: str, rows: tuple[HostRow, HostRow], mover: Mover) -> None:
    goes, stays = rows
    cells = draft.rows(table).now(goes) or ()
    draft.drop(table, goes, stays)
    if mover.policy is Policy.ADD:
        _add_up(draft, table, stays, cells, mover)


def _add_up(draft: Draft, table: str, stays: HostRow, goes: Row, mover: Mover) -> None:
    cells: dict[str, NewCell] = {}
    for names, combined in ((mover.add, added), (mover.latest, later), (mover.earliest, earlier)):
        for name in names:
            other = goes[draft.rows(table).rows.positions[name]]
            try:
                cells[name] = combined(draft.cell(table, stays, name), other)
            except ValueError:
                raise draft.refused(table, 1, NO_NUMBER, column=name) from None
    draft.put(table, stays, cells)


def _named(draft: Draft, table: str, unique: UniqueRules) -> list[str]:
    computed = draft.references.tables[table].computed
    return [computed.get(name, name) for name in unique.columns]
