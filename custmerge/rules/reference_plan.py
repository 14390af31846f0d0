"""What an order does to the rows that point at its two customers: they move, are dropped, added up, or refuse it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from custmerge.errors import N_, Detail, FieldNotWritable, ReferenceRefused
from custmerge.rules.adding import added, earlier, later
from custmerge.rules.cells import Keys, NewCell, OrderNumber, are_alike, cell_order, key_order, like, text_of
from custmerge.rules.fields import DETAIL_FIELDS, Customer, Field, Package
from custmerge.rules.mapping import Itself, Placeholder, Policy, Side, Value
from custmerge.rules.reference_rows import AsIf, HostRow, Row, place_in, value_of
from custmerge.rules.references import (
    Changes,
    ChildReference,
    CustomerReference,
    NewCells,
    RowDropped,
    RowsChanged,
    UniqueRules,
)

if TYPE_CHECKING:
    from custmerge.rules.plain_rows import CellFor
    from custmerge.rules.reference_state import References

Mover = CustomerReference | ChildReference
"""Why a row moves."""
Moving = Mapping[HostRow, Sequence[Mover]]

REFUSED = N_("the mapping allows no merge while there are any")
CLASH = N_("the row that stays has the same already in {columns}, and the policy of {column} is move")
ITSELF = N_("{column} would then point from {survivor} to itself; `itself` in the mapping can say drop or leave")
OWN_ROW = N_("a customer's or a package's own row would have to be dropped")
SEVERAL = N_("one of them clashes with several rows at once, so their values can't be added up")
BOTH_WAYS = N_("they clash with each other in several ways, so it isn't clear which row stays")
BECOME_ALIKE = N_("they would become the same in {columns}")
NO_PARENT = N_("they refer to a row that would be dropped, and no row stays in its place")
OWN_PARENT = N_("the row that stays in the place of another would refer to itself by {column}")
NO_NUMBER = N_("{column} holds something that can't be added up or compared")
NO_KEY = N_("{survivor} has no key that {column} could hold")


def columns_of(mover: Mover) -> tuple[str, ...]:
    """Return the columns that a mover gives new cells, without those of its `set`."""
    return (mover.column,) if isinstance(mover, CustomerReference) else mover.columns


class Decision:
    """One order: every changed row as if it were done, and which rows are dropped into which."""

    def __init__(self, references: References, survivor: Customer, absorbed: Customer, place: int) -> None:
        self._references, self._survivor, self._absorbed, self._place = references, survivor, absorbed, place
        self._as_if: dict[str, AsIf] = {}
        self._stays: dict[HostRow, HostRow | None] = {}
        self._dropped = deque[tuple[str, HostRow]]()
        """Rows whose children haven't followed yet."""
        self._followed: set[tuple[HostRow, str, tuple[str, ...]]] = set()

    def changes(self, fields: Mapping[Field, str], packages: Sequence[tuple[Package, Package]]) -> Changes:
        """Return everything that the order does; see `References.decide`."""
        plain = [change for table in self._references.plain for change in self._move_plain(table)]
        for table in self._references.tables:
            if table not in self._references.plain:
                self._move(table)
        while self._dropped:
            self._move_children(*self._dropped.popleft())
        # After the references: what the mapping says of a customer's own row has the last word.
        self._write_fields(fields)
        self._retire()
        self._move_packages(packages)
        self._touch()
        return self._all_changes(plain)

    def _refused(self, table: str, count: int, why: str, **fills: Detail) -> ReferenceRefused:
        numbers = {"survivor": self._survivor.number, "absorbed": self._absorbed.number}
        return ReferenceRefused(**numbers, table=table, count=count, why=why, **fills)

    def _rows(self, table: str) -> AsIf:
        if (as_if := self._as_if.get(table)) is None:
            as_if = self._as_if[table] = AsIf(self._references.rows(table))
        return as_if

    # The rows that are the customers and packages themselves.

    def _write_fields(self, fields: Mapping[Field, str]) -> None:
        cells = self._references.own.fields
        for field, text in fields.items():
            if self._survivor[field] == text:
                continue
            if (at := cells.get((self._survivor.number, field))) is None:
                raise FieldNotWritable(number=self._survivor.number, field=field)
            taken = cells.get((self._absorbed.number, field))
            cell = None
            if taken is not None and (taken.table, taken.column) == (at.table, at.column):
                # The cell itself, so that NULL stays NULL and a number a number.
                row = self._references.own_row(taken.table, taken.key)
                cell = (row.now or ())[self._rows(taken.table).rows.positions[taken.column]]
            own_row = self._staying(at.table, self._references.own_row(at.table, at.key))
            if own_row is None:
                raise FieldNotWritable(number=self._survivor.number, field=field)
            if (text_of(cell) or "") != text:
                cell = self._text_cell(at.table, at.column, text, self._cell(at.table, own_row, at.column))
            self._put(at.table, own_row, {at.column: cell})

    def _retire(self) -> None:
        own = self._references.own
        if (at := own.customers.get(self._absorbed.number)) is not None and own.retire:
            row = self._references.own_row(at.table, at.key)
            cell_for = self._cell_for(at.table)
            cells = {
                name: cell_for(name, value, self._cell(at.table, row, name)) for name, value in own.retire.items()
            }
            self._put(at.table, row, cells)

    def _move_packages(self, packages: Sequence[tuple[Package, Package]]) -> None:
        for before, after in packages:
            if (at := self._references.own.packages.get(before.package)) is None:
                continue
            row = self._references.own_row(at.table, at.key)
            holder = self._cell(at.table, row, at.customer)
            cells: dict[str, NewCell] = {}
            if text_of(holder) == self._key_of(self._absorbed, 0):
                cells[at.customer] = like(holder, self._key_of(self._survivor, 0))
            details = dict(zip(DETAIL_FIELDS, after.contact or (), strict=False))
            for field, column in at.contact.items():
                cell, text = self._cell(at.table, row, column), details.get(field, "")
                if (text_of(cell) or "") != text:
                    cells[column] = self._text_cell(at.table, column, text, cell)
            self._put(at.table, row, cells)

    def _cell(self, table: str, row: HostRow, column: str) -> NewCell:
        as_if = self._rows(table)
        return (as_if.now(row) or ())[as_if.rows.positions[column]]

    def _put(self, table: str, row: HostRow, cells: Mapping[str, NewCell]) -> None:
        if cells:
            as_if = self._rows(table)
            as_if.put(row, self._with_cells(table, as_if.now(row) or (), cells))

    def _with_cells(self, table: str, row: Row, cells: Mapping[str, NewCell]) -> Row:
        changed = list(row)
        positions = self._rows(table).rows.positions
        for name, cell in cells.items():
            changed[positions[name]] = cell
        return tuple(changed)

    def _text_cell(self, table: str, column: str, text: str, before: NewCell) -> NewCell:
        if (table, column, text) in self._references.written:
            return self._references.written[table, column, text]
        return like(before, text) if text else None

    def _cell_for(self, table: str) -> CellFor:
        """Return what gives the cell of a value of the mapping in a table."""

        def cell_for(column: str, value: Value, before: NewCell) -> NewCell:
            match value:
                case Placeholder.NULL:
                    return None
                case Placeholder.ORDER:
                    return OrderNumber(self._place)
                case Placeholder.SURVIVOR_KEY:
                    return self._text_cell(table, column, self._key_of(self._survivor, 0), before)
                case Placeholder.SURVIVOR_NUMBER:
                    return self._text_cell(table, column, self._survivor.number, before)
                case Placeholder.NOW:
                    return self._references.written[table, column, value]
                case _:
                    return self._references.written.get((table, column, value), value)

        return cell_for

    def _key_of(self, customer: Customer, key: int) -> str:
        return customer.keys[key] if key < len(customer.keys) else ""

    # The rows that hold the absorbed number's key.

    def _texts(self, table: str, reference: CustomerReference, count: int) -> tuple[str, str]:
        """Return the survivor's and the absorbed number's key as the reference holds them."""
        head, tail = reference.form
        survivor = self._key_of(self._survivor, reference.key)
        if count and not survivor:
            raise self._refused(table, count, NO_KEY, column=reference.column)
        return head + survivor + tail, head + self._key_of(self._absorbed, reference.key) + tail

    def _refuse_by_policy(self, table: str, reference: CustomerReference, count: int) -> None:
        if count and reference.policy is Policy.REFUSE:
            # The mapping's own sentence isn't a template.
            why = reference.why.replace("{", "{{").replace("}", "}}")
            raise self._refused(table, count, why or REFUSED)

    def _move_plain(self, table: str) -> Iterable[RowsChanged]:
        rows = self._references.plain[table]
        if not self._key_of(self._absorbed, rows.reference.key):
            return ()
        _, absorbed = self._texts(table, rows.reference, 0)
        if not (count := rows.count(absorbed)):
            return ()
        self._refuse_by_policy(table, rows.reference, count)
        survivor, _ = self._texts(table, rows.reference, count)
        return rows.moves(absorbed, survivor, self._cell_for(table))

    def _move(self, table: str) -> None:
        moving: dict[HostRow, list[CustomerReference]] = {}
        rows = self._references.rows(table)
        for reference in rows.rules.references:
            if reference.policy is Policy.LEAVE or not self._key_of(self._absorbed, reference.key):
                continue
            _, absorbed = self._texts(table, reference, 0)
            at = rows.at((reference.column,))
            found = [row for row in rows.find(at, (absorbed,), by_text=True) if rows.holds(row.now or (), reference)]
            self._refuse_by_policy(table, reference, len(found))
            survivor, _ = self._texts(table, reference, len(found))
            if survivor != absorbed:
                for row in found:
                    moving.setdefault(row, []).append(reference)
        if not moving:
            return
        moving = self._without_itself(table, moving)
        cell_for = self._cell_for(table)
        for row, references in moving.items():
            cells: dict[str, NewCell] = {}
            for reference in references:
                survivor, _ = self._texts(table, reference, 1)
                cells[reference.column] = like(self._cell(table, row, reference.column), survivor)
                cells |= {n: cell_for(n, value, self._cell(table, row, n)) for n, value in reference.set.items()}
            self._put(table, row, cells)
        self._settle(table, moving)

    def _without_itself(
        self, table: str, moving: dict[HostRow, list[CustomerReference]]
    ) -> dict[HostRow, list[CustomerReference]]:
        """Return the rows that move; one that would point from the survivor to the survivor does as `itself` says."""
        own = self._references.own.customers.get(self._survivor.number)
        own_row = None if own is None or own.table != table else self._references.own_row(table, own.key)
        kept, refused = dict(moving), list[str]()
        for row, references in moving.items():
            if row is not own_row and not self._points_at_survivor(table, row, references):
                continue
            del kept[row]
            wishes = {reference.itself for reference in references}
            if Itself.REFUSE in wishes:
                refused += [next(r.column for r in references if r.itself is Itself.REFUSE)]
            elif Itself.LEAVE not in wishes:
                self._drop(table, row, None)
        if refused:
            raise self._refused(table, len(refused), ITSELF, column=refused[0])
        return kept

    def _points_at_survivor(self, table: str, row: HostRow, moving: Sequence[CustomerReference]) -> bool:
        rows, cells = self._references.rows(table), row.now or ()
        return any(
            reference not in moving
            and reference.policy is not Policy.LEAVE
            and self._key_of(self._survivor, reference.key) != ""
            and text_of(cells[rows.positions[reference.column]]) == self._texts(table, reference, 0)[0]
            and rows.holds(cells, reference)
            for reference in rows.rules.references
        )

    def _drop(self, table: str, row: HostRow, stays: HostRow | None) -> None:
        if self._references.is_holder(row):
            raise self._refused(table, 1, OWN_ROW)
        self._rows(table).put(row, None)
        self._stays[row] = stays
        self._dropped.append((table, row))

    # Rows that would be the same.

    def _settle(self, table: str, moving: Moving) -> None:
        """Drop, or refuse, moved rows of a table that clash with rows that don't move now; they have new cells."""
        as_if = self._rows(table)
        clashes = self._clashes(table, moving)
        strict = [
            (row, unique, mover)
            for row, found in clashes.items()
            for _, unique, mover in found
            if mover.policy not in (Policy.DROP, Policy.ADD)
        ]
        if strict:
            _, unique, mover = strict[0]
            columns, column = self._named(table, unique), ", ".join(columns_of(mover))
            raise self._refused(table, len({row for row, *_ in strict}), CLASH, columns=columns, column=column)
        for row in as_if.in_order(clashes):
            # A row that was dropped into another one is in nobody's way any more.
            movers = {other: mover for other, _, mover in clashes[row] if as_if.now(other) is not None}
            if movers:
                self._drop_clashing(table, row, movers)
        self._refuse_alike(table, moving)

    def _clashes(self, table: str, moving: Moving) -> dict[HostRow, list[tuple[HostRow, UniqueRules, Mover]]]:
        """Return for each moved row that clashes the rows with which it does."""
        as_if = self._rows(table)
        clashes: dict[HostRow, list[tuple[HostRow, UniqueRules, Mover]]] = {}
        for unique in as_if.rows.rules.uniques:
            at = as_if.rows.at(unique.columns)
            for row in moving:
                place = as_if.occupied(row, unique)
                if place is None or place == place_in(as_if.rows, row.now or (), unique):
                    continue
                for other in as_if.find(at, place, by_text=False):
                    if other not in moving and as_if.occupied(other, unique) == place:
                        clashes.setdefault(row, []).append((other, unique, _deciding(moving[row], unique)))
        return clashes

    def _drop_clashing(self, table: str, row: HostRow, movers: Mapping[HostRow, Mover]) -> None:
        """Drop a moved row into the one with which it clashes, or all of these into it."""
        others = self._rows(table).in_order(movers)
        if len(others) > 1 and any(mover.policy is Policy.ADD for mover in movers.values()):
            raise self._refused(table, len(others), SEVERAL)
        winners = {mover.winner for mover in movers.values()}
        if len(winners) > 1:
            raise self._refused(table, 1 + len(others), BOTH_WAYS)
        if Side.SURVIVOR in winners:
            self._drop_into(table, row, others[0], movers[others[0]])
            return
        for other in others:
            self._drop_into(table, other, row, movers[other])

    def _drop_into(self, table: str, row: HostRow, stays: HostRow, mover: Mover) -> None:
        cells = self._rows(table).now(row) or ()
        self._drop(table, row, stays)
        if mover.policy is Policy.ADD:
            self._add_up(table, stays, cells, mover)

    def _add_up(self, table: str, stays: HostRow, goes: Row, mover: Mover) -> None:
        cells: dict[str, NewCell] = {}
        for names, combined in ((mover.add, added), (mover.latest, later), (mover.earliest, earlier)):
            for name in names:
                other = goes[self._rows(table).rows.positions[name]]
                try:
                    cells[name] = combined(self._cell(table, stays, name), other)
                except ValueError:
                    raise self._refused(table, 1, NO_NUMBER, column=name) from None
        self._put(table, stays, cells)

    def _refuse_alike(self, table: str, moving: Moving) -> None:
        """Refuse rows that become the same by moving: the database would, after everything else was written."""
        as_if = self._rows(table)
        for unique in as_if.rows.rules.uniques:
            if unique.of is not None:
                continue
            places = set()
            for row in moving:
                place = as_if.occupied(row, unique)
                if place is None or place == place_in(as_if.rows, row.now or (), unique):
                    continue
                if place in places:
                    raise self._refused(table, 2, BECOME_ALIKE, columns=self._named(table, unique))
                places.add(place)

    def _named(self, table: str, unique: UniqueRules) -> list[str]:
        computed = self._references.tables[table].computed
        return [computed.get(name, name) for name in unique.columns]

    # The rows that refer to dropped ones.

    def _move_children(self, table: str, row: HostRow) -> None:
        """Let the rows that refer to a dropped row refer to the one that stays; that may drop further rows."""
        for child_table, child in self._references.children_of(table):
            if children := self._children(table, row, child_table, child):
                stays = self._staying(table, row)
                self._demand_follows(child_table, child, children, stays)
                for follower in children:
                    self._follow(child_table, follower, child, (table, stays))
                self._settle(child_table, dict.fromkeys(children, (child,)))

    def _children(self, table: str, row: HostRow, child_table: str, child: ChildReference) -> list[HostRow]:
        """Return the rows that refer to a dropped one, before the order or since it began."""
        parents, as_if = self._references.rows(table), self._rows(child_table)
        value = value_of(row.now or (), parents.at(child.to), by_text=True)
        if None in value:
            return []
        at = as_if.rows.at(child.columns)
        before = [
            r
            for r in as_if.rows.find(at, value, by_text=True)
            if (r, child.parent, child.columns) not in self._followed
        ]
        found = {**dict.fromkeys(before), **dict.fromkeys(as_if.find(at, value, by_text=True))}
        return as_if.in_order(follower for follower in found if as_if.now(follower) is not None)

    def _staying(self, table: str, row: HostRow) -> HostRow | None:
        """Return a row, or if it is dropped the one in whose place it is, None if there is none."""
        stays: HostRow | None = row
        while stays is not None and self._rows(table).now(stays) is None:
            stays = self._stays[stays]
        return stays

    def _demand_follows(
        self, table: str, child: ChildReference, children: Sequence[HostRow], stays: HostRow | None
    ) -> None:
        if stays is None:
            raise self._refused(table, len(children), NO_PARENT)
        if child.policy in (Policy.REFUSE, Policy.LEAVE):
            raise self._refused(table, len(children), REFUSED)
        if stays in children:
            raise self._refused(table, 1, OWN_PARENT, column=", ".join(child.columns))

    def _follow(self, table: str, row: HostRow, child: ChildReference, parent: tuple[str, HostRow | None]) -> None:
        parent_table, stays = parent
        if stays is None:
            return
        cells: dict[str, NewCell] = {}
        for column, to in zip(child.columns, child.to, strict=True):
            held, new = self._cell(table, row, column), self._cell(parent_table, stays, to)
            text = text_of(new)
            cells[column] = new if text is None or type(held) is type(new) else like(held, text)
        cell_for = self._cell_for(table)
        cells |= {name: cell_for(name, value, self._cell(table, row, name)) for name, value in child.set.items()}
        self._put(table, row, cells)
        self._followed.add((row, child.parent, child.columns))

    # The order as a whole.

    def _touch(self) -> None:
        for table, as_if in self._as_if.items():
            touch = {name: value for name, value in as_if.rows.rules.touch.items() if name in as_if.rows.positions}
            cell_for = self._cell_for(table)
            for row in list(as_if.cells) if touch else ():
                if as_if.differing(row):
                    cells = {n: cell_for(n, value, self._cell(table, row, n)) for n, value in touch.items()}
                    self._put(table, row, cells)

    def _all_changes(self, plain: Iterable[RowsChanged]) -> Changes:
        changed, dropped = list(plain), list[RowDropped]()
        for table in sorted(self._as_if):
            as_if = self._as_if[table]
            changed += _changed(table, as_if)
            dropped += [
                RowDropped(
                    table, as_if.key_before(row), _all_cells(as_if, row.now or ()), self._stays_key(table, row)
                )
                for row in as_if.in_order(row for row, cells in as_if.cells.items() if cells is None)
            ]
        return Changes(tuple(sorted(changed, key=_change_order)), tuple(dropped))

    def _stays_key(self, table: str, row: HostRow) -> tuple[str | int | float | bytes | None, ...] | None:
        if (stays := self._staying(table, row)) is None:
            return None
        as_if = self._rows(table)
        return as_if.rows.key_of(as_if.now(stays) or ())


def _deciding(movers: Sequence[Mover], unique: UniqueRules) -> Mover:
    """Return the mover whose policy holds for a clash: of those that change its columns, the strictest."""
    of = [mover for mover in movers if unique.of in columns_of(mover)]
    among = of or [mover for mover in movers if set(columns_of(mover)) & set(unique.columns)] or list(movers)
    strictness = [Policy.DROP, Policy.ADD]
    return max(among, key=lambda mover: strictness.index(mover.policy) if mover.policy in strictness else 2)


def _changed(table: str, as_if: AsIf) -> list[RowsChanged]:
    """Return the changed rows of a table, those with the same new cells as one value."""
    alike_rows: dict[tuple[object, ...], tuple[NewCells, list[HostRow]]] = {}
    for row in as_if.cells:
        if names := as_if.differing(row):
            cells = as_if.cells[row] or ()
            after = tuple((name, cells[as_if.rows.positions[name]]) for name in names)
            kinds = (*after, *(type(cell) for _, cell in after))
            alike_rows.setdefault(kinds, (after, []))[1].append(row)
    return [_one_change(table, as_if, after, as_if.in_order(rows)) for after, rows in alike_rows.values()]


def _one_change(table: str, as_if: AsIf, after: NewCells, rows: Sequence[HostRow]) -> RowsChanged:
    before, each = list[tuple[str, NewCell]](), list[tuple[str, tuple[NewCell, ...]]]()
    for name, _ in after:
        position = as_if.rows.positions[name]
        cells = tuple((row.now or ())[position] for row in rows)
        if are_alike(cells):
            before.append((name, cells[0]))
        else:
            each.append((name, cells))
    return RowsChanged(table, tuple(before), after, Keys(map(as_if.key_before, rows)), tuple(each))


def _all_cells(as_if: AsIf, row: Row) -> NewCells:
    generated = as_if.rows.rules.generated
    named = zip(as_if.rows.rules.columns, row, strict=False)
    return tuple(sorted(((name, cell) for name, cell in named if name not in generated), key=lambda pair: pair[0]))


def _change_order(change: RowsChanged) -> tuple[object, ...]:
    first = key_order(change.keys[0]) if change.keys else ()
    return change.table, [(name, cell_order(cell)) for name, cell in change.after], first
