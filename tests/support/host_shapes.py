"""Small databases in the shape of other programs', without constraints, filled at random from a description.

A table is described as `name: column column:kind …`; its first column is its key. Kinds are `t` text, `n` number,
`d` moment, `b` boolean; without one a column is an integer. What stands in `references` holds customers' keys, in
`typed` only in the rows whose type column says so, in `forms` inside a text; other numbers are of something else.
"""

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field

_TYPES = {"": "integer", "t": "varchar(64)", "n": "numeric", "d": "timestamp", "b": "boolean"}
_OTHER_KINDS = ("order", "invoice")
_WORDS = ("alpha", "Beta", "gamma 12", "delta", "Kurz", "lang")
CUSTOMERS, ROWS = 300, 120


@dataclass(frozen=True)
class Shape:
    """A program's tables, and what is true of them."""

    name: str
    customers: str
    tables: str
    references: frozenset[str]
    typed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The type column and its value for customers."""
    forms: dict[str, str] = field(default_factory=dict)

    @property
    def truth(self):
        """Every column that holds customers' keys."""
        return self.references | set(self.typed) | set(self.forms)

    def parsed(self):
        """Return the (column, kind) pairs of each table."""
        lines = (line.split(":", 1) for line in self.tables.strip().splitlines())
        return {name.strip(): [tuple((c + ":").split(":")[:2]) for c in columns.split()] for name, columns in lines}


def lay_out_shape(path, shape, first):
    """Make the tables in an SQLite file; the customers' keys begin at `first`, and some of them were deleted."""
    chance = random.Random(7)  # noqa: S311 (no secret)
    keys = [first + place for place in range(CUSTOMERS) if chance.random() > 0.07]
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, columns in shape.parsed().items():
            parts = [f'"{name}" {_TYPES[kind]}' for name, kind in columns]
            connection.execute(f'CREATE TABLE "{table}" ({", ".join(parts)}, PRIMARY KEY ("{columns[0][0]}"))')
            numbers = keys if table == shape.customers else range(1, ROWS + 1)
            rows = [_row(shape, table, columns, number, keys, chance) for number in numbers]
            connection.executemany(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})', rows)


def _row(shape, table, columns, number, keys, chance):
    cells = {columns[0][0]: number}
    for name, kind in columns[1:]:
        cells[name] = _cell(shape, f"{table}.{name}", kind, keys, chance)
    for column, (type_column, value) in shape.typed.items():
        of_table, name = column.split(".")
        if of_table == table:
            is_customer = chance.random() < 0.6
            cells[type_column] = value if is_customer else chance.choice(_OTHER_KINDS)
            cells[name] = chance.choice(keys) if is_customer else chance.randint(1, 900)
    return [cells[name] for name, _ in columns]


def _cell(shape, column, kind, keys, chance):
    if column in shape.forms:
        is_customer = chance.random() < 0.5
        return shape.forms[column] % chance.choice(keys) if is_customer else f"invoice,{chance.randint(1, 900)}"
    if column in shape.references:
        key = chance.choice([None, 0, keys[0] + chance.randint(0, CUSTOMERS), *[chance.choice(keys)] * 12])
        return str(key) if kind == "t" and key is not None else key
    texts = _OTHER_KINDS if column.endswith(("type", "typ")) else _WORDS
    made = {"t": chance.choice(texts), "n": round(chance.random() * 100, 2), "b": chance.randint(0, 1)}
    return made.get(kind, f"2024-01-{chance.randint(1, 28):02} 10:00:00" if kind else chance.randint(0, 60))
