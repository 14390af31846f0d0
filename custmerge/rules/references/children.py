"""The rows that refer to a dropped row, or to one whose key changes: they follow."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from custmerge.errors import N_
from custmerge.rules.mapping import Policy
from custmerge.rules.references.cells import NewCell, like, text_of
from custmerge.rules.references.clashes import settle
from custmerge.rules.references.draft import Draft
from custmerge.rules.references.rows import HostRow, texts_of
from custmerge.rules.references.table_rules import ChildReference

REFUSED = N_("the mapping allows no merge while there are any")
NO_PARENT = N_("they refer to a row that would be dropped, and no row stays in its place")
OWN_PARENT = N_("the row that stays in the place of another would refer to itself by {column}")


class Followers:
    """The rows that follow, of one order."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._followed: set[tuple[HostRow, str, tuple[str, ...]]] = set()

    def follow_all(self) -> None:
        """Let every row that refers to a dropped one refer to the one that stays; that may drop further rows.

        Where the cells change to which a row is referred to, what refers to it gets the new ones.
        """
        draft = self._draft
        moved = deque(
            (table, row)
            for table, planned in draft.tables.items()
            if draft.references.children_of(table)
            for row in planned.in_order(planned.cells)
        )
        while draft.dropped or moved:
            if draft.dropped:
                moved.extend(self._follow(*draft.dropped.popleft(), is_dropped=True))
            else:
                moved.extend(self._follow(*moved.popleft(), is_dropped=False))

    def _follow(self, table: str, row: HostRow, *, is_dropped: bool) -> list[tuple[str, HostRow]]:
        """Return the rows that have followed, with their tables."""
        draft, followed = self._draft, list[tuple[str, HostRow]]()
        for child_table, child in draft.references.children_of(table):
            if not is_dropped and not self._moves_away(table, row, child):
                continue
            if children := self._children(table, row, child_table, child):
                stays = self._demand_parent((table, row), child_table, child, children) if is_dropped else row
                for follower in children:
                    self._refer(child_table, follower, child, (table, stays))
                settle(draft, child_table, dict.fromkeys(children, (child,)))
                followed += [(child_table, follower) for follower in children]
        return followed

    def _moves_away(self, table: str, row: HostRow, child: ChildReference) -> bool:
        planned = self._draft.rows(table)
        now, at = planned.now(row), planned.rows.at(child.to)
        return now is not None and texts_of(now, at) != texts_of(row.now or (), at)

    def _children(self, table: str, row: HostRow, child_table: str, child: ChildReference) -> list[HostRow]:
        """Return the rows that refer to one, before the order or since it began."""
        parents, planned = self._draft.references.rows(table), self._draft.rows(child_table)
        value = texts_of(row.now or (), parents.at(child.to))
        if None in value:
            return []
        at, name = planned.rows.at(child.columns), (child.parent, child.columns)
        before = [each for each in planned.rows.find(at, value, by_text=True) if (each, *name) not in self._followed]
        found = {**dict.fromkeys(before), **dict.fromkeys(planned.find(at, value, by_text=True))}
        return planned.in_order(follower for follower in found if planned.now(follower) is not None)

    def _demand_parent(
        self, parent: tuple[str, HostRow], table: str, child: ChildReference, children: Sequence[HostRow]
    ) -> HostRow:
        """Return the row to which the children will refer; raises ReferenceRefused."""
        stays = self._draft.staying(*parent)
        if stays is None:
            raise self._draft.refused(table, len(children), NO_PARENT)
        if child.policy in (Policy.REFUSE, Policy.LEAVE):
            raise self._draft.refused(table, len(children), REFUSED)
        if stays in children:
            raise self._draft.refused(table, 1, OWN_PARENT, column=", ".join(child.columns))
        return stays

    def _refer(self, table: str, row: HostRow, child: ChildReference, parent: tuple[str, HostRow]) -> None:
        cells: dict[str, NewCell] = {}
        for column, to in zip(child.columns, child.to, strict=True):
            held, new = self._draft.cell(table, row, column), self._draft.cell(*parent, to)
            text = text_of(new)
            cells[column] = new if text is None or type(held) is type(new) else like(held, text)
        cell_for = self._draft.cell_for(table)
        for name, value in child.set.items():
            cells[name] = cell_for(name, value, self._draft.cell(table, row, name))
        self._draft.put(table, row, cells)
        self._followed.add((row, child.parent, child.columns))
