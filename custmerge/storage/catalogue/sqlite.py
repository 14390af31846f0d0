"""The objects of custmerge's tables in an SQLite file: their texts, split into tokens.

SQLite makes a table from the text in `sqlite_master` each time the file is opened, so the text is its definition.
Comments and white space are left out, and strings and quoted names are distinguished from words, as SQLite's own
tokeniser does: for it a byte order mark between words is white space, and any other character beyond ASCII a letter.
Source: SQLite, tokenize.c and "SQL Language Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from custmerge.storage.catalogue import Object

_MADE = text(
    "SELECT CAST(name AS TEXT), CAST(tbl_name AS TEXT), CAST(sql AS TEXT) FROM sqlite_master WHERE sql IS NOT NULL"
)
_TABLES = text("SELECT CAST(name AS TEXT) FROM sqlite_master WHERE lower(CAST(type AS TEXT)) = 'table'")
_INDEXES = text("SELECT CAST(name AS TEXT) FROM pragma_index_list(:table) WHERE NOT partial ORDER BY 1")
COMPARED_BY_ROW = 5_000
"""A table with more rows isn't compared row by row with its indexes."""
_OF_INDEX = re.compile(
    r"(?:.* missing from|wrong # of entries in|non-unique entry in|.* values differ from) index (.+)"
)
"""The messages of `PRAGMA integrity_check` about an index. Source: SQLite, pragma.c."""
_TOKEN = re.compile(
    r"""(?P<left_out>[ \t\n\f\r]+|\ufeff|--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>[xX]?'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\])
    |(?P<word>[\w$\x80-\U0010ffff]+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_KINDS = ("table", "index", "trigger")
_CONSTRAINTS = ("constraint", "primary", "unique", "check", "foreign")


def objects(connection: Connection, tables: Sequence[str]) -> list[Object]:
    """Return all objects of `tables` in the file."""
    columns = {table: _columns(connection, table) for table in tables}
    return [item for row in connection.execute(_MADE) for item in _of_row(row, columns)]


def _columns(connection: Connection, table: str) -> frozenset[str]:
    return frozenset(row[1].lower() for row in connection.exec_driver_sql(f"PRAGMA table_xinfo('{table}')"))


def unsound(connection: Connection, tables: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return SQLite's first message about each of `tables`, and each index of them, that isn't sound.

    Rows are compared with every index, both ways, and with the types of their columns. For a table with more than
    `COMPARED_BY_ROW` rows, only their number is compared with each index's, because everything would take half as
    long as reading the history.
    """
    problems: dict[tuple[str, str], str] = {}
    for table in connection.execute(_TABLES).scalars().all():
        if str(table).lower() in tables:
            for problem in _problems(connection, table):
                index = _OF_INDEX.fullmatch(problem)
                subject = f"index {index[1]}" if index else f"table {table.lower()}"
                problems.setdefault((table.lower(), subject), problem)
    return problems


def _problems(connection: Connection, table: str) -> Iterator[str]:
    rows = connection.exec_driver_sql(f"SELECT count(*) FROM {table} NOT INDEXED").scalar_one()  # noqa: S608 (of ours)
    if rows <= COMPARED_BY_ROW:
        for (problem,) in connection.exec_driver_sql(f"PRAGMA integrity_check('{table}')").all():
            if problem != "ok":
                yield problem
        return
    for index in connection.execute(_INDEXES, {"table": table}).scalars().all():
        name = index.replace('"', '""')
        # Not `count(*)`, because SQLite counts that by the shortest index.
        counted = f'SELECT count(1) FROM {table} INDEXED BY "{name}"'  # noqa: S608 (quoted)
        if connection.exec_driver_sql(counted).scalar_one() != rows:
            yield f"wrong # of entries in index {index}"


# Any: a row of sqlite_master, in which somebody may have written any value.
def _of_row(row: Sequence[Any], tables: Mapping[str, frozenset[str]]) -> Iterator[Object]:
    # SQLite reads a cell up to its first NUL.
    name, table, made = (str(cell).partition("\0")[0] for cell in row)
    tokens = _tokens(made)
    # By its text: only that decides what it is, not the other columns.
    kind = next((token for token in tokens[1:3] if token in _KINDS), "")
    # SQLite ignores the case of names, and stores them as they were written.
    table = table.lower()
    if kind != "table" and table not in tables:
        table = _table_after_on(tokens)
    if table not in tables:
        return
    if kind == "table":
        yield from _of_table(table, tokens)
    elif kind == "index":
        yield Object(table, f"index {name}", " ".join(tokens), _is_plain_index(tokens, tables[table]))
    elif "view" not in tokens[1:3]:
        # A trigger, or anything else that SQLite may read there.
        yield Object(table, f"trigger {name}", " ".join(tokens))


def _is_plain_index(tokens: list[str], columns: frozenset[str]) -> bool:
    """Return whether an index is not unique, not partial and only of columns, so that it can't refuse a row.

    A quoted name that is no column is a text for SQLite, and so an expression.
    """
    if tokens[:2] != ["create", "index"] or "(" not in tokens:
        return False
    items, rest = _items(tokens[tokens.index("(") + 1 :])
    names = [item[:-1] if item[-1:] in (["asc"], ["desc"]) else item for item in items]
    return not rest and all(len(name) == 1 and name[0].strip('"').lower() in columns for name in names)


def _of_table(table: str, tokens: list[str]) -> Iterator[Object]:
    """Yield the table itself, its columns, and its constraints, most of which are named only by their text."""
    begin = tokens.index("(") if "(" in tokens else len(tokens)
    items, rest = _items(tokens[begin + 1 :])
    yield Object(table, f"table {table}", " ".join([*tokens[:begin], *rest]))
    for item in items:
        definition = " ".join(item)
        if not item or item[0] not in _CONSTRAINTS:
            name = item[0].strip('"').lower() if item else ""
            yield Object(table, f"column {table}.{name}", definition)
        elif item[0] == "constraint":
            yield Object(table, f"constraint {table}.{' '.join(item[1:2])}", definition)
        else:
            yield Object(table, f"constraint {table}: {definition}", definition)


def _items(words: list[str]) -> tuple[list[list[str]], list[str]]:
    """Return the items between commas up to the closing bracket, and the words after it."""
    items: list[list[str]] = [[]]
    depth = 0
    for place, word in enumerate(words):
        if word == ")" and not depth:
            return items, words[place + 1 :]
        if word == "," and not depth:
            items.append([])
            continue
        depth += (word == "(") - (word == ")")
        items[-1].append(word)
    return items, []


def _table_after_on(tokens: list[str]) -> str:
    """Return the table of a trigger or an index: the name after its first ON, without the schema."""
    place = tokens.index("on") + 1 if "on" in tokens else len(tokens)
    named = tokens[place : place + 3]
    name = named[2] if named[1:2] == ["."] else "".join(named[:1])
    return name.strip('"').lower()


def _tokens(made: str) -> list[str]:
    tokens: list[str] = []
    for match in _TOKEN.finditer(made):
        token = match[0]
        if match.lastgroup == "name":
            # A quoted name is never a word: a column may be called CHECK.
            token = f'"{token[1:-1]}"'
        elif match.lastgroup == "word" and token.isascii():
            # SQLite ignores the case of ASCII words only.
            token = token.lower()
        if match.lastgroup != "left_out":
            tokens.append(token)
    return tokens
