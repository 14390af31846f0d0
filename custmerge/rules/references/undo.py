"""The undo of an order in a host's tables: each cell gets its old value, or what is in the way is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.obstacles import Obstacle
from custmerge.rules.references.cells import Cell, Key, Keys, NewCell, are_alike, numbered, same, text_of
from custmerge.rules.references.changes import GivenBack, RowDropped, RowsChanged, RowsWritten
from custmerge.rules.references.nothing import RowChanges
from custmerge.rules.references.rows import HostRow, PlannedRows, Row
from custmerge.rules.references.steps import updates
from custmerge.rules.references.wanted import key_after

if TYPE_CHECKING:
    from custmerge.rules.references.state import References

SHOWN = 20
"""How many rows in the way are named."""
CHANGED = N_("{column} of {table} {key} was changed since")
GONE = N_("{table} {key} isn't there any more")
TAKEN = N_("{table} {key} would come back, and there is another one")
PLACE_TAKEN = N_("{table} {key} would come back, and {other} has the same {columns}")
VALUE_TAKEN = N_("{columns} of {table} {key} would be as before, and {other} has the same")
STAYED = N_("{table} {key} isn't there any more, and took the place of {dropped}")
UNKNOWN = N_("{column} of {table} isn't in the mapping any more")
MORE = N_("{count} further rows were changed since")


def plan_undo_references(
    changes: RowChanges, references: References, keys: Sequence[str] = (), *, gone: int = 0
) -> tuple[GivenBack, list[Obstacle]]:
    """Return what undoing an order's changes does to the present rows, and what is in the way: at most SHOWN rows.

    `keys` are those of the absorbed customer, `gone` is how many of the two customers aren't there any more.
    """
    undoing = _Undoing(references, keys)
    undoing.plan(changes)
    return undoing.given_back(), undoing.obstacles(gone)


class _Undoing:
    """One order's undo: every row as if it were done, and what is in the way."""

    def __init__(self, references: References, keys: Sequence[str]) -> None:
        self._references, self._keys = references, keys
        self._planned: dict[str, PlannedRows] = {}
        self._plain: list[RowsWritten] = []
        self._restored: dict[HostRow, RowDropped] = {}
        self._obstacles: list[Obstacle] = []
        self._more = 0
        self._gone: set[tuple[str, Key]] = set()

    def plan(self, changes: RowChanges) -> None:
        for rows in changes.changed:
            if not self._is_known(rows.table, [name for name, _ in rows.after]):
                continue
            if rows.table in self._references.plain:
                self._give_back_plain(rows)
            else:
                for place, key in enumerate(rows.keys):
                    self._give_back(rows.table, key, _before(rows, place), dict(rows.after))
        for row in changes.dropped:
            if self._is_known(row.table, [name for name, _ in row.cells]):
                self._restore(row)
        self._demand_places()

    def given_back(self) -> GivenBack:
        changed = list(self._plain)
        for table in sorted(self._planned):
            planned = self._planned[table]
            pairs = [(row.now, cells) for row, cells in planned.cells.items() if row.now and cells]
            changed += updates(planned.rows, pairs, 0)
        return GivenBack(tuple(changed), tuple(self._restored.values()))

    def obstacles(self, gone: int) -> list[Obstacle]:
        table = self._references.customers
        own = [each for each in self._obstacles if each.why == GONE and each.fills["table"] == table]
        # Of more rows it isn't known which are the two customers' own.
        named = own if len(own) <= gone else []
        obstacles = [each for each in self._obstacles if each not in named]
        if self._more:
            obstacles.append(Obstacle("references", MORE, {"count": self._more}))
        return obstacles

    def _rows(self, table: str) -> PlannedRows:
        if (planned := self._planned.get(table)) is None:
            planned = self._planned[table] = PlannedRows(self._references.rows(table))
        return planned

    def _in_the_way(self, table: str, key: Key, why: str, **fills: str) -> None:
        if len(self._obstacles) >= SHOWN:
            self._more += 1
            return
        self._obstacles.append(Obstacle(row_name(table, key), why, {"table": table, "key": _named(key), **fills}))

    def _is_known(self, table: str, columns: Sequence[str]) -> bool:
        rules = self._references.tables.get(table)
        known = () if rules is None else rules.columns
        unknown = [name for name in columns if name not in known]
        if unknown:
            self._obstacles.append(Obstacle(f"table {table}", UNKNOWN, {"table": table, "column": unknown[0]}))
        return not unknown

    def _give_back(self, table: str, key: Key, before: Mapping[str, NewCell], after: Mapping[str, NewCell]) -> None:
        planned = self._rows(table)
        rows = planned.rows
        moved = key_after(rows.rules, key, after)
        row = rows.by_key.get(moved) or rows.by_key.get(key)
        if row is None or row.now is None:
            self._gone.add((table, moved))
            self._in_the_way(table, moved, GONE)
            return
        cells = list(row.now)
        for name, old in before.items():
            position = rows.positions[name]
            if same(cells[position], after[name]):
                cells[position] = old
            elif not same(cells[position], old) and name not in rows.rules.touch:
                self._in_the_way(table, rows.key_of(row.now), CHANGED, column=name)
        if tuple(cells) != row.now:
            planned.put(row, tuple(cells))

    def _give_back_plain(self, rows: RowsChanged) -> None:
        plain = self._references.plain[rows.table]
        kept: list[int] = []
        for place, (key, at) in enumerate(zip(rows.keys, plain.places_of(rows.keys), strict=True)):
            if at is None:
                self._gone.add((rows.table, key))
                self._in_the_way(rows.table, key, GONE)
            else:
                kept.append(place)
        if not kept:
            return
        keys = rows.keys if len(kept) == len(rows.keys) else Keys(rows.keys[place] for place in kept)
        ats = [at for at in plain.places_of(keys) if at is not None]
        cells, each = list[tuple[str, Cell]](), list[tuple[str, tuple[Cell, ...]]]()
        before = {**{name: [cell] * len(rows.keys) for name, cell in rows.before}, **dict(rows.each)}
        for name, after in rows.after:
            olds = before[name] if keys is rows.keys else [before[name][place] for place in kept]
            new = self._cells_back(rows.table, name, after, zip(keys, ats, olds, strict=True))
            if are_alike(new):
                cells.append((name, new[0]))
            else:
                each.append((name, tuple(new)))
        self._plain.append(RowsWritten(rows.table, tuple(cells), keys, tuple(each)))

    def _cells_back(
        self, table: str, column: str, after: NewCell, rows: Iterable[tuple[Key, int, NewCell]]
    ) -> list[Cell]:
        """Return a plain table's cells of a column as they are afterwards, from (key, place, the old cell)."""
        plain = self._references.plain[table]
        is_touch, cells = column in plain.rules.touch, list[Cell]()
        for key, at, old in rows:
            now = plain.cell(at, column)
            is_back = same(now, after)
            if not is_back and not is_touch and not same(now, old):
                self._in_the_way(table, key, CHANGED, column=column)
            # An image's cells have their orders' numbers.
            cells.append(numbered(old if is_back else now, 0))
        return cells

    def _restore(self, row: RowDropped) -> None:
        planned = self._rows(row.table)
        host_row = HostRow(None, None)
        self._restored[host_row] = row
        planned.put(host_row, planned.rows.row_of(row.cells))
        if row.stays is None or row.stays in planned.rows.by_key or (row.table, row.stays) in self._gone:
            return
        self._gone.add((row.table, row.stays))
        self._in_the_way(row.table, row.stays, STAYED, dropped=_named(row.key))

    def _demand_places(self) -> None:
        """Name the rows that have the key, or the place in a unique, that a row of this undo comes back to."""
        for table in sorted(self._planned):
            planned = self._planned[table]
            key_at = planned.rows.at(planned.rows.rules.key)
            for row, cells in list(planned.cells.items()):
                if cells is None:
                    continue
                key = planned.rows.key_of(cells)
                if len(planned.find(key_at, key, by_text=False)) > 1:
                    self._in_the_way(table, key, TAKEN)
                else:
                    self._demand_place(table, planned, row, cells)

    def _demand_place(self, table: str, planned: PlannedRows, row: HostRow, cells: Row) -> None:
        for place in planned.rows.places:
            unique, value = place.unique, place.of(cells)
            if unique.of is not None and not self._is_absorbed(planned, cells, unique.of):
                # The order had nothing to do with it: who has the same had it before.
                continue
            if value is None or (row.now is not None and value == place.of(row.now)):
                continue
            # What a program takes for unique may have been there twice before the order.
            others = [
                other
                for other in planned.find(place.at, value, by_text=False)
                if other is not row and (unique.of is None or other not in planned.cells)
            ]
            others = [other for other in others if place.of(planned.now(other) or ()) == value]
            if others:
                other, columns = _named(planned.key_before(others[0])), ", ".join(unique.columns)
                why = PLACE_TAKEN if row.now is None else VALUE_TAKEN
                self._in_the_way(table, planned.rows.key_of(cells), why, other=other, columns=columns)
                return

    def _is_absorbed(self, planned: PlannedRows, cells: Row, column: str) -> bool:
        reference = next(known for known in planned.rows.rules.references if known.column == column)
        absorbed = reference.text(self._keys)
        return absorbed is not None and text_of(cells[planned.rows.positions[column]]) == absorbed


def _before(rows: RowsChanged, place: int) -> dict[str, NewCell]:
    return {**dict(rows.before), **{name: cells[place] for name, cells in rows.each}}


def row_name(table: str, key: Key) -> str:
    """Return what an obstacle calls a row."""
    return f"{table} {_named(key)}"


def _named(key: Key) -> str:
    return ", ".join(text_of(cell) or "?" for cell in key)
