"""What an order changed in a host's tables, as a before-image holds it.

`{"changed": [{"table", "before": {column: cell}, "after": {column: cell}, "keys", "each"?: {column: [cells]},
"key"?: [columns]}…],
"dropped": [{"table", "key": [cells], "cells": {column: cell}, "stays": [cells]|null}…]}`. Keys of one integer are
ranges (`"1-5,9"`), of the text of one `{"texts": "1-5,9"}`, others lists. A cell that JSON hasn't is an object.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from operator import sub
from typing import Any

from custmerge.rules.references.cells import Cell, Key, Keys, NewCell, numbered
from custmerge.rules.references.changes import Cells, Changes, NewCells, RowDropped, RowsChanged

Json = dict[str, object]


def encoded(changes: Changes, first_order: int) -> Json:
    """Return changes as JSON values; `first_order` is the number of the transaction's first order."""
    return {
        "changed": [_changed(rows, first_order) for rows in changes.changed],
        "dropped": [
            {
                "table": row.table,
                "key": [_cell(cell, first_order) for cell in row.key],
                "cells": _cells(row.cells, first_order),
                "stays": None if row.stays is None else [_cell(cell, first_order) for cell in row.stays],
            }
            for row in changes.dropped
        ],
    }


# Any: a before-image as JSON gives it.
def decoded(image: Mapping[str, Any]) -> Changes:
    """Return the changes that `encoded` gave; raises ValueError, LookupError or TypeError for something else."""
    return Changes(
        changed=tuple(
            RowsChanged(
                rows["table"],
                _read_cells(rows["before"]),
                _read_cells(rows["after"]),
                _read_keys(rows["keys"]),
                tuple((name, tuple(map(_read_cell, cells))) for name, cells in sorted(rows.get("each", {}).items())),
                tuple(rows.get("key", ())),
            )
            for rows in image["changed"]
        ),
        dropped=tuple(
            RowDropped(
                row["table"],
                _read_key(row["key"]),
                _read_cells(row["cells"]),
                None if row["stays"] is None else _read_key(row["stays"]),
            )
            for row in image["dropped"]
        ),
    )


def _changed(rows: RowsChanged, first_order: int) -> Json:
    image: Json = {
        "table": rows.table,
        "before": _cells(rows.before, first_order),
        "after": _cells(rows.after, first_order),
        "keys": _keys(rows.keys),
    }
    if rows.each:
        image["each"] = {name: [_cell(cell, first_order) for cell in cells] for name, cells in rows.each}
    if rows.key:
        image["key"] = list(rows.key)
    return image


def _cells(cells: NewCells, first_order: int) -> Json:
    return {name: _cell(cell, first_order) for name, cell in cells}


def _cell(cell: NewCell, first_order: int) -> object:
    match cell:
        case bytes():
            return {"hex": cell.hex()}
        case float() if not isfinite(cell):
            return {"float": repr(cell)}
        case _:
            return numbered(cell, first_order)


def _keys(keys: Keys) -> object:
    if keys.numbers is None:
        return [[_cell(cell, 0) for cell in key] for key in keys]
    ranges = _written_ranges(keys.numbers)
    return {"texts": ranges} if keys.are_texts else ranges


def _written_ranges(numbers: Sequence[int]) -> str:
    if 1 not in map(sub, numbers[1:], numbers):
        # Most customers' rows lie scattered.
        return ",".join(map(str, numbers))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in _ranges(numbers))


def _ranges(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    if not numbers:
        return
    first = last = numbers[0]
    for number in numbers:
        if number > last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _read_cells(cells: Mapping[str, Any]) -> Cells:
    return tuple((name, _read_cell(cell)) for name, cell in sorted(cells.items()))


def _read_cell(cell: object) -> Cell:
    match cell:
        case None | str() | int() | float():
            return cell
        case {"hex": str(text)}:
            return bytes.fromhex(text)
        case {"float": str(text)}:
            return float(text)
        case _:
            raise ValueError(cell)


def _read_key(cells: Sequence[object]) -> Key:
    return tuple(map(_read_cell, cells))


def _read_keys(keys: list[list[object]] | dict[str, str] | str) -> Keys:
    if isinstance(keys, list):
        return Keys(map(_read_key, keys))
    text, are_texts = (keys["texts"], True) if isinstance(keys, dict) else (keys, False)
    numbers = array("q")
    for part in text.split(","):
        # The first character may be a minus.
        first, dash, last = part[1:].partition("-")
        start = int(part[:1] + first)
        numbers.extend(range(start, (int(last) if dash else start) + 1))
    return Keys.of_sorted(numbers, are_texts)
