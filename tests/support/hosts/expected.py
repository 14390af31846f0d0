"""What an order does to rows, in plain Python: the words in which each host's module says it for its own tables.

Rows are those of a snapshot: texts on PostgreSQL, values on SQLite. Everything works on them in place.
"""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

from support.hosts.snapshot import WAS_SET, Snapshot


def after(before, host, *merges):
    """Return what a snapshot is to be after orders, one after the other."""
    rows = deepcopy(before.rows)
    for merge in merges:
        host.merge(rows, merge)
    return Snapshot(rows, before.keys)


def numbered(merges, first=1):
    """Return orders with their numbers, as a run gives them."""
    return [replace(merge, order=first + place) for place, merge in enumerate(merges)]


def only(rows, **cells):
    """Return the one row that has these cells."""
    (found,) = where(rows, **cells)
    return found


def where(rows, **cells):
    """Return the rows that have these cells; numbers are compared as their texts."""
    return [row for row in rows if all(said(row[column]) == said(value) for column, value in cells.items())]


def said(value):
    """Return a value as it is said on both databases: a number's text, `true` for what SQLite keeps as 1."""
    if isinstance(value, bool):
        return str(int(value))
    return {"true": "1", "false": "0"}.get(value, value) if isinstance(value, str) else _text(value)


def _text(value):
    return None if value is None else str(value)


def repoint(rows, column, old, new, *, form="{}"):
    """Have every row whose `column` holds the key `old` hold `new`; returns those that changed."""
    changed = []
    for row in rows:
        if row[column] is not None and _text(row[column]) == form.format(old):
            row[column] = like(row[column], form.format(new))
            changed.append(row)
    return changed


def like(cell, value):
    """Return a value in the type of the cell that it is written into."""
    return int(value) if isinstance(cell, int) else _text(value)


def boolean(cell_of_kind, value):
    """Return a truth value as a column of truth values holds it: a text on PostgreSQL, a number on SQLite."""
    return ("true" if value else "false") if isinstance(cell_of_kind, str) else int(value)


def touch(rows, **cells):
    """Have changed rows say so, where they have the columns."""
    for row in rows:
        for column, value in cells.items():
            if column in row:
                row[column] = value


def added(one, other):
    """Return a sum as a column of amounts holds it."""
    if isinstance(one, str):
        return str(Decimal(one) + Decimal(other))
    total = Decimal(str(one)) + Decimal(str(other))
    # SQLite keeps a number without a fraction as an integer where the column is NUMERIC.
    return int(total) if total == total.to_integral_value() else float(total)


def take(survivor, absorbed, columns, fields):
    """Write details of one row into another; `columns` has the column of each field."""
    for name in fields:
        survivor[columns[name]] = absorbed[columns[name]]


__all__ = [
    "WAS_SET",
    "added",
    "after",
    "boolean",
    "like",
    "numbered",
    "only",
    "repoint",
    "said",
    "take",
    "touch",
    "where",
]
