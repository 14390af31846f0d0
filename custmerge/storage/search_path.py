"""What a name without its schema means to PostgreSQL: in every transaction first what the server itself has of it.

It does by default. But the setting `search_path` of a database or a role, which its owner may change, can put
pg_catalog behind other schemas; whoever may create there then decides what the server's own names mean: a view
`pg_inherits` that hides something, an operator `=` that says what somebody wants to hear.
Source: PostgreSQL, "Client Connection Defaults", search_path.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

# An unquoted name is known without regard to case.
# No backslash: what one means in a literal is a setting too (standard_conforming_strings).
_PG_CATALOG = '[[:space:]]*(?:[Pp][Gg]_[Cc][Aa][Tt][Aa][Ll][Oo][Gg]|"pg_catalog")[[:space:]]*'
SERVER_FIRST = (
    "SELECT pg_catalog.set_config('search_path', pg_catalog.regexp_replace("
    f"pg_catalog.current_setting('search_path'), '^{_PG_CATALOG}(?:,|$)|,{_PG_CATALOG}(?=,|$)', '', 'g'), true), "
    # What the audit compares is written as we know it, too.
    "pg_catalog.set_config('quote_all_identifiers', 'off', true), "
    # And where nothing is in an array that we send, there isn't the word NULL.
    "pg_catalog.set_config('array_nulls', 'on', true)"
)
"""Takes pg_catalog out of this transaction's search path: what isn't named there is searched first.

Other settings that change what our statements mean are put as we know them.
"""
_SET = text("SELECT pg_catalog.set_config('search_path', :path, true)")
_NOW = text("SELECT pg_catalog.current_setting('search_path')")
_SERVER_ONLY = "pg_catalog, pg_temp"
"""Temporary tables last: unnamed, they would be first."""


@contextmanager
def server_names_only(connection: Connection) -> Iterator[None]:
    """Know nothing but the server's own names inside: nobody else's function or operator fits better than its own.

    Where it fails, whoever goes on rolls back to before it, and the search path with it.
    """
    before = connection.execute(_NOW).scalar()
    connection.execute(_SET, {"path": _SERVER_ONLY})
    yield
    connection.execute(_SET, {"path": before})
