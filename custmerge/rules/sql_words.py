"""Names and texts as both databases' SQL writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custmerge.rules.host_schema import HostTable

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = """
all analyse analyze and any array as asc both case cast check collate column constraint create current default desc
distinct do else end except for foreign from grant group having in initially intersect into is join leading left like
limit natural not null offset on or order outer primary references right select session_user table then to union
unique user using when where window with index key values set transaction
"""


def quoted(name: str) -> str:
    """Return a name in quotes."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(table: HostTable) -> str:
    """Return a table's name in quotes, with its schema where the search path doesn't find it."""
    name = quoted(table.plain_name)
    return name if table.schema is None else f"{quoted(table.schema)}.{name}"


def readable(name: str) -> str:
    """Return a name for people to read: in quotes only where it needs them."""
    return name if _PLAIN.fullmatch(name) and name not in _RESERVED.split() else quoted(name)


def literal(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("'", "''") + "'"
