"""What an SQLite file has of our tables: its own text of each, read word by word.

The text in `sqlite_master` is what SQLite makes a table of at each opening, so it is the table. Comments and white
space are left out, and strings and quoted names are kept apart from words, as SQLite's own tokeniser does it: to it a
byte order mark between words is white space, and anything else beyond ASCII a letter.
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
LOOKED_AT_WHOLE = 5_000
"""Rows of a table up to which each is held against its indexes."""
_OF_INDEX = re.compile(
    r"(?:.* missing from|wrong # of entries in|non-unique entry in|.* values differ from) index (.+)"
)
"""What `PRAGMA integrity_check` says of an index. Source: SQLite, pragma.c."""
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
    """Return everything that the file has of `tables`."""
    columns = {table: _columns(connection, table) for table in tables}
    return [one for row in connection.execute(_MADE) for one in _of_row(row, columns)]


def _columns(connection: Connection, table: str) -> frozenset[str]:
    return frozenset(row[1].lower() for row in connection.exec_driver_sql(f"PRAGMA table_xinfo('{table}')"))


def unsound(connection: Connection, tables: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return what SQLite says first of each of `tables`, and of each index of them, that isn't sound.

    It holds every row against every index, both ways, and against what its columns take; of a table with more than
    `LOOKED_AT_WHOLE` rows only their number against each index's, because the rest takes half as long as reading
    the history.
    """
    found: dict[tuple[str, str], str] = {}
    for table in connection.execute(_TABLES).scalars().all():
        if str(table).lower() in tables:
            for problem in _problems(connection, table):
                index = _OF_INDEX.fullmatch(problem)
                subject = f"index {index[1]}" if index else f"table {table.lower()}"
                found.setdefault((table.lower(), subject), problem)
    return found


def _problems(connection: Connection, table: str) -> Iterator[str]:
    rows = connection.exec_driver_sql(f"SELECT count(*) FROM {table} NOT INDEXED").scalar_one()  # noqa: S608 (of ours)
    if rows <= LOOKED_AT_WHOLE:
        for (problem,) in connection.exec_driver_sql(f"PRAGMA integrity_check('{table}')").all():
            if problem != "ok":
                yield problem
        return
    for index in connection.execute(_INDEXES, {"table": table}).scalars().all():
        name = index.replace('"', '""')
        # Not `count(*)`: that SQLite counts by whichever index is shortest.
        counted = f'SELECT count(1) FROM {table} INDEXED BY "{name}"'  # noqa: S608 (quoted)
        if connection.exec_driver_sql(counted).scalar_one() != rows:
            yield f"wrong # of entries in index {index}"


# Any: a row of sqlite_master, in which somebody may have put anything.
def _of_row(row: Sequence[Any], tables: Mapping[str, frozenset[str]]) -> Iterator[Object]:
    # SQLite reads a cell up to its first NUL.
    name, table, made = (str(cell).partition("\0")[0] for cell in row)
    tokens = _tokens(made)
    # By its text: that alone says what it is, whatever stands beside it.
    kind = next((token for token in tokens[1:3] if token in _KINDS), "")
    # SQLite knows names without regard to case, and keeps them as somebody wrote them.
    table = table.lower()
    if kind != "table" and table not in tables:
        table = _table_behind_on(tokens)
    if table not in tables:
        return
    if kind == "table":
        yield from _of_table(table, tokens)
    elif kind == "index":
        yield Object(table, f"index {name}", " ".join(tokens), _is_plain_index(tokens, tables[table]))
    elif "view" not in tokens[1:3]:
        # A trigger, and whatever else SQLite may read there.
        yield Object(table, f"trigger {name}", " ".join(tokens))


def _is_plain_index(tokens: list[str], columns: frozenset[str]) -> bool:
    """Return whether an index is neither unique nor partial nor of anything but columns: then it can refuse no row.

    What is quoted and no column's name is a text to SQLite, which makes an expression.
    """
    if tokens[:2] != ["create", "index"] or "(" not in tokens:
        return False
    items, rest = _items(tokens[tokens.index("(") + 1 :])
    names = [item[:-1] if item[-1:] in (["asc"], ["desc"]) else item for item in items]
    return not rest and all(len(name) == 1 and name[0].strip('"').lower() in columns for name in names)


def _of_table(table: str, tokens: list[str]) -> Iterator[Object]:
    """Give the table itself, its columns, and its constraints, of which most have no name but their text."""
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
    """Return what stands between the commas up to the closing bracket, and what comes behind it."""
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


def _table_behind_on(tokens: list[str]) -> str:
    """Return the table of a trigger or an index: what its first ON names, behind the schema where that is given."""
    place = tokens.index("on") + 1 if "on" in tokens else len(tokens)
    named = tokens[place : place + 3]
    name = named[2] if named[1:2] == ["."] else "".join(named[:1])
    return name.strip('"').lower()


def _tokens(made: str) -> list[str]:
    found: list[str] = []
    for match in _TOKEN.finditer(made):
        token = match[0]
        if match.lastgroup == "name":
            # Never a word: a column may be called CHECK.
            token = f'"{token[1:-1]}"'
        elif match.lastgroup == "word" and token.isascii():
            # Only there SQLite takes no notice of case.
            token = token.lower()
        if match.lastgroup != "left_out":
            found.append(token)
    return found
