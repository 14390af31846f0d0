"""Columns and conditions of a host's tables: keys of every kind, and the SQL that a mapping brings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Text, Uuid, cast, column, func, literal_column, quoted_name, table
from sqlalchemy.types import TypeEngine

from custmerge.rules.host_schema import HostColumn, HostTable, Kind
from custmerge.storage.dialect import InType, TextAsInteger, TextAsUuid, TextByBytes
from custmerge.storage.register.attached import key_texts
from custmerge.storage.register.mapping import KeyColumn

if TYPE_CHECKING:
    from sqlalchemy import TableClause

_QUALIFIER = re.compile(
    r"""'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^\W\d]\w*))\s*\.""", re.DOTALL
)
_PADDED, _ANY_CASE = re.compile(r"char(?:acter)?\b(?! varying)"), re.compile("citext")


def host_table(of: HostTable) -> TableClause:
    """Return a host's table with all its columns; every name is quoted, whatever it is."""
    schema = None if of.schema is None else _quoted(of.schema)
    columns = (column(_quoted(each.name), _type(each)) for each in of.columns)
    return table(_quoted(of.plain_name), *columns, schema=schema)


def alias(name: str) -> quoted_name:
    """Return a name for a part of a statement, quoted."""
    return _quoted(name)


def sql_of(text: str) -> ColumnElement[Any]:
    """Return an expression of the mapping; a comment at its end doesn't reach beyond it."""
    return literal_column(f"({text}\n)", Text())


def qualifiers(text: str) -> set[str]:
    """Return the names that stand before a dot in an SQL expression: of tables, and of schemas."""
    return {
        match["plain"] or match["quoted"].replace('""', '"')
        for match in _QUALIFIER.finditer(text)
        if match["plain"] or match["quoted"]
    }


# Any: a column of any type.
def key_column(expression: ColumnElement[Any], of: HostColumn) -> KeyColumn:
    """Return a column of keys; `expression` is that column, or another one that holds the same."""
    text: ColumnElement[str] = TextByBytes(expression)
    match of.kind:
        case Kind.INTEGER:
            return KeyColumn(expression, text, key_texts.integers)
        case Kind.UUID:
            return KeyColumn(expression, text, key_texts.uuids)
        case Kind.TEXT:
            return KeyColumn(expression, text, key_texts.plain_texts)
        case _ if not of.type:
            # Only SQLite has columns without a type.
            return KeyColumn(expression, text, key_texts.texts_and_integers)
        case _:
            return KeyColumn(text, text, key_texts.plain_texts)


# Any: as above.
def is_same(
    holder: ColumnElement[Any], of_holder: HostColumn, key: ColumnElement[Any], of_key: HostColumn
) -> ColumnElement[bool]:
    """Return the condition that a column holds a key of another one, so that the holder's index is used.

    Of a text only the canonical writing is a number or a UUID: `007` isn't 7.
    """
    if of_holder.kind is of_key.kind:
        return holder == key
    match of_holder.kind:
        case Kind.INTEGER:
            return holder == TextAsInteger(TextByBytes(key))
        case Kind.UUID:
            return holder == TextAsUuid(TextByBytes(key))
        case Kind.TEXT:
            return holder == cast(key, Text)
        case _:
            return TextByBytes(holder) == TextByBytes(key)


# Any: as above.
def text_or_empty(expression: ColumnElement[Any]) -> ColumnElement[str]:
    """Return an expression as a text, NULL as an empty one."""
    return func.coalesce(cast(expression, Text), literal_column("''", Text()))


def of_column(tables: Mapping[str, HostTable], name: str, column_name: str) -> HostColumn:
    """Return a column of the catalogue; raises LookupError where there is none."""
    found = tables[name].column(column_name)
    if found is None:
        raise LookupError(f"{name}.{column_name}")
    return found


def _quoted(name: str) -> quoted_name:
    return quoted_name(name, quote=True)


# Any: types of several kinds.
def _type(of: HostColumn) -> TypeEngine[Any]:
    match of.kind:
        case Kind.INTEGER:
            return BigInteger()
        case Kind.UUID:
            return Uuid(as_uuid=False)
        case Kind.TEXT if _PADDED.match(of.type):
            return InType("bpchar")
        case Kind.TEXT if _ANY_CASE.match(of.type):
            return InType("citext")
        case _:
            return Text()
