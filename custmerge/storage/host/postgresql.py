"""A host's catalogue on PostgreSQL.

Partitions aren't tables of their own: their foreign keys are given as the partitioned table's. Unique indexes and
triggers that only a partition has aren't read: the database itself refuses a row that clashes there. Definitions are
printed with every name's schema, whatever the search path is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, Row, text

from custmerge.rules.host_schema import ForeignKey, HostColumn, HostTable, Kind, Unique, UniqueKind
from custmerge.storage.dialect.postgresql import server_names_only

_TABLES = text("""
SELECT c.oid::bigint AS oid, relname::text AS plain_name, nspname::text AS schema, relkind = 'p' AS is_partitioned,
       pg_table_is_visible(c.oid) AS is_visible, relispartition AS is_partition,
       CASE WHEN relispartition THEN pg_partition_root(c.oid)::oid::bigint ELSE c.oid::bigint END AS root,
       greatest(reltuples, 0)::bigint AS rows,
       relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid) AS has_heirs
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
AND relpersistence <> 't'""")
# A domain may be made of another domain.
_COLUMNS = text("""
WITH RECURSIVE base AS (
    SELECT oid, oid AS root, typtype, typbasetype FROM pg_type
    UNION ALL
    SELECT base.oid, t.oid, t.typtype, t.typbasetype FROM base JOIN pg_type t ON t.oid = base.typbasetype
    WHERE base.typtype = 'd')
SELECT attrelid::bigint AS oid, attname::text AS name, format_type(atttypid, atttypmod) AS type,
       root.typname::text AS base, NOT attnotnull AND NOT EXISTS (
           SELECT FROM pg_type d WHERE d.oid = atttypid AND d.typnotnull) AS is_nullable,
       attgenerated <> '' AS is_generated,
       root.typname = 'citext' OR EXISTS (
           SELECT FROM pg_collation WHERE pg_collation.oid = attcollation AND NOT collisdeterministic) AS is_by_locale
FROM pg_attribute JOIN base ON base.oid = atttypid AND base.typtype <> 'd'
JOIN pg_type root ON root.oid = base.root
WHERE attrelid = ANY (CAST(:oids AS oid[])) AND attnum > 0 AND NOT attisdropped
ORDER BY attrelid, attnum""")
# Before version 15, no unique takes NULLs for equal.
_INDEXES = text("""
SELECT i.indrelid::bigint AS oid, name.relname::text AS name, c.contype::text AS constraint_type,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, NOT i.indimmediate AS is_deferrable,
       am.amname::text IN ('btree', 'hash') AS is_looked_up,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_are_equal,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.indexrelid)) AS definition,
       ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
             WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS columns,
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, k.place::integer, false)
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
             WHERE k.place <= i.indnkeyatts AND k.attnum = 0 ORDER BY k.place) AS expressions
FROM pg_index i JOIN pg_class name ON name.oid = i.indexrelid JOIN pg_am am ON am.oid = name.relam
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u', 'x')
WHERE i.indrelid = ANY (CAST(:oids AS oid[])) AND i.indislive
ORDER BY i.indrelid, i.indisprimary DESC, name.relname""")
_FOREIGN_KEYS = text("""
SELECT conrelid::bigint AS oid, conname::text AS name, confrelid::bigint AS target, confdeltype::text AS on_delete,
       condeferrable AS is_deferrable,
       ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum ORDER BY k.place) AS columns,
       ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.attnum ORDER BY k.place) AS targets
FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY (CAST(:oids AS oid[]))
ORDER BY conrelid, conname""")
_TRIGGERS = text("""
SELECT tgrelid::bigint AS oid, pg_get_triggerdef(t.oid) AS definition FROM pg_trigger t
WHERE NOT tgisinternal AND tgrelid = ANY (CAST(:oids AS oid[])) ORDER BY tgrelid, 2""")
_CHECKS = text("""
SELECT conrelid::bigint AS oid, conname || ' ' || pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c
WHERE contype = 'c' AND conrelid = ANY (CAST(:oids AS oid[])) ORDER BY conrelid, 2""")

_KINDS = {
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "citext"), Kind.TEXT),
    **dict.fromkeys(("int2", "int4", "int8"), Kind.INTEGER),
    **dict.fromkeys(("numeric", "float4", "float8"), Kind.NUMBER),
    **dict.fromkeys(("date", "timestamp", "timestamptz", "time", "timetz"), Kind.MOMENT),
    **dict.fromkeys(("json", "jsonb"), Kind.JSON),
    "uuid": Kind.UUID,
    "bool": Kind.BOOLEAN,
    "bytea": Kind.BYTES,
}
_UNIQUE_KINDS = {"p": UniqueKind.PRIMARY, "u": UniqueKind.CONSTRAINT, "x": UniqueKind.EXCLUSION}
_ON_DELETE = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


@dataclass(slots=True)
class _TableParts:
    """What the catalogue has of one table."""

    columns: list[HostColumn] = field(default_factory=list)
    uniques: list[Unique] = field(default_factory=list)
    indexes: list[tuple[str, ...]] = field(default_factory=list)
    foreign_keys: dict[tuple[tuple[str, ...], str, tuple[str, ...]], ForeignKey] = field(default_factory=dict)
    """By what it says: each partition may have a foreign key of its own that says the same."""
    triggers: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    rows: int = 0


def host_tables(connection: Connection) -> Iterable[HostTable]:
    """Yield every ordinary and partitioned table outside of the server's own schemas."""
    rows = connection.execute(_TABLES).all()
    # Only here the search path says which tables are found without a schema.
    names = {row.oid: row.plain_name if row.is_visible else f"{row.schema}.{row.plain_name}" for row in rows}
    roots = {row.oid: row.root for row in rows}
    found: dict[int, _TableParts] = defaultdict(_TableParts)
    for row in rows:
        found[row.root].rows += 0 if row.is_partitioned else row.rows
    tables = [row for row in rows if not row.is_partition]
    own = {"oids": [row.oid for row in tables]}
    with server_names_only(connection):
        _read_columns_and_indexes(connection, own, found)
        for row in connection.execute(_FOREIGN_KEYS, {"oids": [row.oid for row in rows]}):
            if (target := names.get(roots.get(row.target, row.target))) is not None:
                _add_foreign_key(found[roots[row.oid]], row, target)
        for row in connection.execute(_TRIGGERS, own):
            found[row.oid].triggers.append(row.definition)
        for row in connection.execute(_CHECKS, own):
            found[row.oid].checks.append(row.definition)
    for row in tables:
        yield _table(row, names[row.oid], found[row.oid])


# Any: rows of statements that are texts.
def _read_columns_and_indexes(
    connection: Connection, own: dict[str, list[int]], found: dict[int, _TableParts]
) -> None:
    for row in connection.execute(_COLUMNS, own):
        kind = _KINDS.get(row.base, Kind.OTHER)
        column = HostColumn(row.name, row.type, kind, row.is_nullable, row.is_generated, row.is_by_locale)
        found[row.oid].columns.append(column)
    for row in connection.execute(_INDEXES, own):
        table = found[row.oid]
        if row.is_unique or row.constraint_type == "x":
            table.uniques.append(_unique(row))
        if row.is_looked_up and _covers_keys(row):
            table.indexes.append(_leading(row.columns))


def _covers_keys(row: Row[tuple[object, ...]]) -> bool:
    """Return whether an index has every row whose first column isn't NULL."""
    return row.predicate is None or row.predicate == f"({row.columns[0]} IS NOT NULL)"


def _leading(columns: list[str]) -> tuple[str, ...]:
    """Return the columns before the first expression."""
    return tuple(columns[: columns.index("")] if "" in columns else columns)


def _unique(row: Row[tuple[object, ...]]) -> Unique:
    return Unique(
        name=row.name,
        kind=_UNIQUE_KINDS.get(row.constraint_type or "", UniqueKind.INDEX),
        columns=tuple(row.columns),
        expressions=tuple(row.expressions),
        where=row.predicate,
        nulls_are_equal=row.nulls_are_equal,
        is_deferrable=row.is_deferrable,
        definition=row.definition,
    )


def _add_foreign_key(table: _TableParts, row: Row[tuple[object, ...]], target: str) -> None:
    columns, to = tuple(row.columns), tuple(row.targets)
    foreign_key = ForeignKey(row.name, columns, target, to, _ON_DELETE[row.on_delete], row.is_deferrable)
    table.foreign_keys.setdefault((columns, target, to), foreign_key)


def _table(row: Row[tuple[object, ...]], name: str, found: _TableParts) -> HostTable:
    return HostTable(
        name=name,
        schema=None if row.is_visible else row.schema,
        plain_name=row.plain_name,
        columns=tuple(found.columns),
        uniques=tuple(sorted(found.uniques, key=lambda unique: unique.kind is not UniqueKind.PRIMARY)),
        foreign_keys=tuple(found.foreign_keys.values()),
        indexes=tuple(found.indexes),
        is_partitioned=row.is_partitioned,
        has_heirs=row.has_heirs,
        triggers=tuple(found.triggers),
        checks=tuple(found.checks),
        home=row.schema,
        rows=found.rows,
    )
