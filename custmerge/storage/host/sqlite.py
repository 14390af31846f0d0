"""A host's catalogue in an SQLite file: from the pragmas, and from the texts in its master table what they lack."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from custmerge.rules.host_schema import ForeignKey, HostColumn, HostTable, Kind, Unique, UniqueKind
from custmerge.rules.sql_words import quoted

_MADE = text(
    "SELECT type, name, tbl_name, coalesce(sql, '') AS sql FROM sqlite_master "
    r"WHERE type IN ('table', 'index', 'trigger') AND name NOT LIKE 'sqlite\_stat%' ESCAPE '\' "
    "AND name <> 'sqlite_sequence' ORDER BY name"
)
_OF_TABLES = "FROM sqlite_master m JOIN {pragma}(m.name) p WHERE m.type = 'table'"
_COLUMNS = text(
    'SELECT m.name AS "table", p.name, p.type, p."notnull", p.pk, p.hidden '
    + _OF_TABLES.format(pragma="pragma_table_xinfo")
    + " ORDER BY m.name, p.cid"
)
_INDEXES = text(
    'SELECT m.name AS "table", l.name, l."unique", l.origin, l.partial, x.cid, x.name AS "column", x.coll '
    "FROM sqlite_master m JOIN pragma_index_list(m.name) l JOIN pragma_index_xinfo(l.name) x "
    "WHERE m.type = 'table' AND x.key ORDER BY m.name, l.name, x.seqno"
)
_FOREIGN_KEYS = text(
    'SELECT m.name AS "table", p.id, p."table" AS target, p."from", p."to", p.on_delete '
    + _OF_TABLES.format(pragma="pragma_foreign_key_list")
    + " ORDER BY m.name, p.id, p.seq"
)
_BY_TYPE = (
    ("bool", Kind.BOOLEAN),
    ("json", Kind.JSON),
    ("date", Kind.MOMENT),
    ("time", Kind.MOMENT),
    ("uuid", Kind.TEXT),
    ("guid", Kind.TEXT),
    ("int", Kind.INTEGER),
    ("char", Kind.TEXT),
    ("clob", Kind.TEXT),
    ("text", Kind.TEXT),
    ("blob", Kind.BYTES),
    *((name, Kind.NUMBER) for name in ("real", "floa", "doub", "num", "dec", "money")),
)
"""What a declared type holds, by the first part that is in it; UUIDs are texts here."""
_ORIGINS = {"pk": UniqueKind.PRIMARY, "u": UniqueKind.CONSTRAINT, "c": UniqueKind.INDEX}
_SKIPPED = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)""", re.DOTALL
)
"""Strings, quoted names and comments: brackets and commas in them are none."""
_CHECK = re.compile(r"\bcheck\s*$", re.IGNORECASE)
_ORDERED = re.compile(r"\s+(?:asc|desc)$", re.IGNORECASE)
_COLLATED = re.compile(r"""\s+collate\s+["\w]+$""", re.IGNORECASE)
_WHERE = re.compile(r"\s*where\s+(.*?)\s*;?\s*", re.IGNORECASE | re.DOTALL)
_ONLY_NOT_NULL = re.compile(r'["`\[]?(\w+)["`\]]?\s+is\s+not\s+null', re.IGNORECASE)
BINARY = "BINARY"


@dataclass(slots=True)
class _Index:
    name: str
    kind: UniqueKind
    is_unique: bool
    is_partial: bool
    columns: list[str] = field(default_factory=list)
    by_locale: set[str] = field(default_factory=set)
    """Columns that it compares by another collation than BINARY."""


def host_tables(connection: Connection) -> Iterable[HostTable]:
    """Yield every ordinary table of the file."""
    made = connection.execute(_MADE).all()
    sql = {(row.type, row.name): row.sql for row in made}
    triggers: dict[str, list[str]] = defaultdict(list)
    for row in made:
        if row.type == "trigger":
            triggers[row.tbl_name.lower()].append(" ".join(row.sql.split()))
    indexes = _indexes(connection)
    columns, primary = _columns(connection, indexes)
    foreign_keys = _foreign_keys(connection, columns, primary)
    for name in _ordinary(sql):
        uniques = _uniques(primary.get(name, ()), indexes[name], sql)
        yield HostTable(
            name=name,
            schema=None,
            plain_name=name,
            columns=tuple(columns[name]),
            uniques=tuple(uniques),
            foreign_keys=tuple(foreign_keys[name]),
            indexes=tuple(_leading(primary.get(name, ()), indexes[name], sql)),
            triggers=tuple(sorted(triggers[name.lower()])),
            checks=tuple(sorted(_checks(sql["table", name]))),
            home="main",
            rows=_rows(connection, name, sql["table", name]),
        )


def _ordinary(sql: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Yield the names of tables that are neither virtual nor hold the content of a virtual one."""
    tables = [name for kind, name in sql if kind == "table"]
    virtual = [name for name in tables if sql["table", name][:14].upper() == "CREATE VIRTUAL"]
    for name in tables:
        if name not in virtual and not any(name.startswith(f"{table}_") for table in virtual):
            yield name


def _columns(
    connection: Connection, indexes: Mapping[str, list[_Index]]
) -> tuple[dict[str, list[HostColumn]], dict[str, tuple[str, ...]]]:
    """Return the columns and the primary key of each table."""
    columns: dict[str, list[HostColumn]] = defaultdict(list)
    keys: dict[str, dict[int, str]] = defaultdict(dict)
    for row in connection.execute(_COLUMNS):
        by_locale = any(row.name in index.by_locale for index in indexes[row.table])
        column = HostColumn(
            row.name, row.type, _kind(row.type), not (row.notnull or row.pk), row.hidden in (2, 3), by_locale
        )
        columns[row.table].append(column)
        if row.pk:
            keys[row.table][row.pk] = row.name
    return columns, {table: tuple(key[place] for place in sorted(key)) for table, key in keys.items()}


def _kind(type_name: str) -> Kind:
    name = type_name.lower()
    return next((kind for part, kind in _BY_TYPE if part in name), Kind.OTHER)


def _indexes(connection: Connection) -> dict[str, list[_Index]]:
    indexes: dict[str, list[_Index]] = defaultdict(list)
    for row in connection.execute(_INDEXES):
        of_table = indexes[row.table]
        if not of_table or of_table[-1].name != row.name:
            of_table.append(_Index(row.name, _ORIGINS[row.origin], bool(row.unique), bool(row.partial)))
        index, column = of_table[-1], row.column if row.cid >= 0 else ""
        index.columns.append(column or "")
        if column and row.coll != BINARY:
            index.by_locale.add(column)
    return indexes


def _uniques(
    primary: tuple[str, ...], indexes: Sequence[_Index], sql: Mapping[tuple[str, str], str]
) -> Iterator[Unique]:
    """Yield the primary key, which has no index where it is the row's number, and the unique indexes."""
    if primary:
        yield Unique("", UniqueKind.PRIMARY, primary, definition=f"PRIMARY KEY ({', '.join(primary)})")
    for index in indexes:
        if index.is_unique and index.kind is not UniqueKind.PRIMARY:
            items, where = _index_parts(sql.get(("index", index.name), ""))
            expressions = tuple(
                _plain(item) for item, column in zip(items, index.columns, strict=False) if not column
            )
            # A constraint has no text of its own.
            definition = (
                " ".join(sql.get(("index", index.name), "").split()) or f"UNIQUE ({', '.join(index.columns)})"
            )
            yield Unique(
                index.name, index.kind, tuple(index.columns), expressions, where=where, definition=definition
            )


def _leading(
    primary: tuple[str, ...], indexes: Sequence[_Index], sql: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, ...]]:
    """Yield the plain columns by which each index begins, if it has every row whose first column isn't NULL."""
    if primary:
        yield primary
    for index in indexes:
        columns = index.columns[: index.columns.index("")] if "" in index.columns else index.columns
        if index.is_partial:
            where = _index_parts(sql.get(("index", index.name), ""))[1] or ""
            only = _ONLY_NOT_NULL.fullmatch(where)
            columns = columns if only and only[1] == columns[0] else []
        if columns and columns[0] not in index.by_locale:
            yield tuple(columns)


def _foreign_keys(
    connection: Connection, columns: Mapping[str, list[HostColumn]], primary: Mapping[str, tuple[str, ...]]
) -> dict[str, list[ForeignKey]]:
    """Return the foreign keys of each table; SQLite keeps names there as they were written, in any case."""
    tables = {name.lower(): name for name in columns}
    found: dict[tuple[str, int], list[tuple[str, str, str | None, str]]] = defaultdict(list)
    for row in connection.execute(_FOREIGN_KEYS):
        target = tables.get(row.target.lower(), row.target)
        found[row.table, row.id].append((target, getattr(row, "from"), row.to, row.on_delete))
    keys: dict[str, list[ForeignKey]] = defaultdict(list)
    for (table, _), parts in found.items():
        target, on_delete = parts[0][0], parts[0][3]
        own = tuple(_named(columns[table], part[1]) for part in parts)
        to = tuple(_named(columns.get(target, ()), part[2]) for part in parts if part[2] is not None)
        keys[table].append(ForeignKey("", own, target, to or primary.get(target, ()), on_delete))
    return {
        name: sorted(keys[name], key=lambda foreign_key: (foreign_key.columns, foreign_key.table)) for name in columns
    }


def _named(columns: Iterable[HostColumn], name: str) -> str:
    return next((column.name for column in columns if column.name.lower() == name.lower()), name)


def _rows(connection: Connection, table: str, sql: str) -> int:
    """Return about how many rows there are: counting them would read the whole table."""
    if re.search(r"without\s+rowid", sql, re.IGNORECASE):
        return 0
    statement = f"SELECT coalesce(max(rowid), 0) FROM {quoted(table)}"  # noqa: S608 (quoted)
    return int(connection.exec_driver_sql(statement).scalar_one())


def _index_parts(sql: str) -> tuple[list[str], str | None]:
    """Return the items of a CREATE INDEX and its WHERE, as they are written."""
    brackets = list(_brackets(sql))
    if not brackets:
        return [], None
    begin, end = brackets[0]
    where = _WHERE.fullmatch(sql[end + 1 :])
    return _items(sql[begin + 1 : end]), where[1] if where else None


def _plain(item: str) -> str:
    """Return an index's expression without what says how it is sorted."""
    return _COLLATED.sub("", _ORDERED.sub("", item))


def _checks(sql: str) -> Iterator[str]:
    """Yield the CHECK constraints of a CREATE TABLE, in whatever depth."""
    for outer, end in list(_brackets(sql))[:1]:
        body = sql[outer + 1 : end]
        for begin, close in _brackets(body):
            if _CHECK.search(_blanked(body)[:begin]):
                yield "CHECK " + " ".join(body[begin : close + 1].split())


def _brackets(sql: str) -> Iterator[tuple[int, int]]:
    """Yield where each outermost pair of brackets begins and ends."""
    depth = begin = 0
    for place, character in enumerate(_blanked(sql)):
        if character == "(":
            begin = begin if depth else place
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                yield begin, place


def _items(sql: str) -> list[str]:
    items, begin, depth, blanked = [], 0, 0, _blanked(sql)
    for place, character in enumerate(blanked):
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            items.append(sql[begin:place].strip())
            begin = place + 1
    return [*items, sql[begin:].strip()]


def _blanked(sql: str) -> str:
    """Return a text of the same length without the content of strings, quoted names and comments."""
    return _SKIPPED.sub(lambda match: " " * len(match[0]), sql)
