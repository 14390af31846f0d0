"""The whole of a host's database, every column of every table, and what is different between two of them."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from support.hosts.host import SQLITE, kind_of, path_of

OWN = "custmerge_"
"""What custmerge's own tables begin with: they aren't the host's."""
WAS_SET = "<a time after all that the rows began with>"
"""Stands in an expectation for the time of an order."""
_LATER = re.compile(r"(202[6-9]|20[3-9]\d)-\d\d-\d\d")


@dataclass(frozen=True)
class Snapshot:
    """All rows of a host's tables: on PostgreSQL as the text of each cell, on SQLite as the values themselves."""

    rows: dict[str, list[dict[str, object]]]
    keys: dict[str, tuple[str, ...]]
    """The primary key of each table; empty for one without."""


@dataclass(frozen=True)
class Difference:
    """What is different: nothing, if it is false."""

    changed: dict[tuple[str, tuple[object, ...]], dict[str, tuple[object, object]]] = field(default_factory=dict)
    """By table and key: the columns with their old and new values."""
    gone: dict[tuple[str, tuple[object, ...]], dict[str, object]] = field(default_factory=dict)
    """By table and key: the whole rows."""
    new: dict[tuple[str, tuple[object, ...]], dict[str, object]] = field(default_factory=dict)

    def __bool__(self):
        return bool(self.changed or self.gone or self.new)


def snapshot(url):
    """Return everything in the host's tables."""
    if kind_of(url) == SQLITE:
        with closing(sqlite3.connect(path_of(url))) as connection:
            return _sqlite_snapshot(connection)
    with psycopg.connect(url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute("SET bytea_output = hex")
        return _postgresql_snapshot(connection)


def _sqlite_snapshot(connection):
    rows, keys = {}, {}
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    for (table,) in connection.execute(names).fetchall():
        if table.startswith(OWN):
            continue
        columns = connection.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
        keys[table] = tuple(name for name, place in sorted(columns, key=lambda column: column[1]) if place)
        listed = ", ".join(f'"{name}"' for name, _ in columns)
        found = connection.execute(f'SELECT {listed} FROM "{table}"')
        rows[table] = [dict(zip([name for name, _ in columns], row, strict=True)) for row in found]
    return Snapshot(rows, keys)


def _postgresql_snapshot(connection):
    tables = connection.execute(
        # A partition's rows are read with the table that it is a part of.
        "SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'"
    ).fetchall()
    rows, keys = {}, {}
    for oid, schema, table in tables:
        if table.startswith(OWN):
            continue
        columns = [
            name
            for (name,) in connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped "
                "ORDER BY attnum",
                (oid,),
            )
        ]
        keys[table] = tuple(
            name
            for (name,) in connection.execute(
                "SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place) "
                "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
                "WHERE i.indrelid = %s AND i.indisprimary ORDER BY k.place",
                (oid,),
            )
        )
        cells = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
        statement = sql.SQL("SELECT {} FROM {}").format(cells, sql.Identifier(schema, table))
        rows[table] = [dict(zip(columns, row, strict=True)) for row in connection.execute(statement)]
    return Snapshot(rows, keys)


def difference(before, after, theirs=()):
    """Return what is different in `after`; both are snapshots, or what is expected of one.

    WAS_SET in `before` is the same as any time of today. `theirs` are columns by table that a host's triggers write:
    there, a time of today is the same as any.
    """
    theirs = dict(theirs)
    changed, gone, new = {}, {}, {}
    for table in sorted({*before.rows, *after.rows}):
        old = _by_key(before.rows.get(table, []), before.keys.get(table, ()))
        now = _by_key(after.rows.get(table, []), after.keys.get(table, ()))
        gone |= {(table, key): row for key, row in old.items() if key not in now}
        new |= {(table, key): row for key, row in now.items() if key not in old}
        for key, row in old.items():
            if key in now and (cells := _cells(row, now[key], theirs.get(table, ()))):
                changed[table, key] = cells
    return Difference(changed, gone, new)


def taken_back(after, found):
    """Return what a snapshot was before it became different so."""
    rows = {}
    for table, some in after.rows.items():
        by_key = _by_key(some, after.keys[table])
        rows[table] = [
            row | {column: old for column, (old, _) in found.changed.get((table, key), {}).items()}
            for key, row in by_key.items()
            if (table, key) not in found.new
        ]
    for (table, _), row in found.gone.items():
        rows[table].append(row)
    return Snapshot(rows, after.keys)


def _by_key(rows, key):
    """Return rows by their primary keys; those of a table without one by all of their cells and a count."""
    if key:
        return {tuple(row[column] for column in key): row for row in rows}
    times = Counter()
    found = {}
    for row in rows:
        cells = tuple(row.values())
        times[cells] += 1
        found[*cells, times[cells]] = row
    return found


def _cells(old, new, theirs):
    return {
        column: (old[column], new[column])
        for column in old
        if not _is_same(old[column], new[column]) and not (column in theirs and _is_of_today(new[column]))
    }


def _is_same(old, new):
    if old is WAS_SET:
        return new is WAS_SET or _is_of_today(new)
    # 1 and 1.0 and '1' are three values of a database.
    return type(old) is type(new) and old == new


def _is_of_today(value):
    return isinstance(value, str) and _LATER.match(value) is not None


def constraints_that_fail(url):
    """Return what is against the foreign keys and checks of a database, as the database says itself."""
    if kind_of(url) == SQLITE:
        with closing(sqlite3.connect(path_of(url))) as connection:
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
            found = [line for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
            return [*map(str, broken), *found]
    with psycopg.connect(url) as connection:
        constraints = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype IN ('f', 'c') "
            "AND conrelid <> 0 AND conparentid = 0 AND connamespace <> 'pg_catalog'::regnamespace "
            "AND connamespace <> 'information_schema'::regnamespace"
        ).fetchall()
        return [message for table, name in constraints if (message := _why_it_fails(connection, table, name))]


def _why_it_fails(connection, table, name):
    """Return what a constraint says if it is validated anew, None if it holds; nothing is changed."""
    try:
        with connection.transaction(force_rollback=True):
            definition = connection.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass",
                (name, table),
            ).fetchone()[0]
            connection.execute(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT validated_anew {}").format(
                    sql.SQL(table), sql.SQL(definition.removesuffix(" NOT VALID"))
                )
            )
    except psycopg.errors.IntegrityError as error:
        return f"{table}.{name}: {error}"
    return None
