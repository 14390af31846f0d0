"""What a history entry's body tells, in the SQL of both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


class FromBody(ColumnElement[str]):
    """A value out of a history entry's body, as the expression of a generated column."""

    inherit_cache = False

    def __init__(self, key: str) -> None:
        self.key_in_body = key


@compiles(FromBody, "sqlite")
def _from_body_sqlite(element: FromBody, _compiler: SQLCompiler, **_: object) -> str:
    return f"body ->> '{element.key_in_body}'"


@compiles(FromBody, "postgresql")
def _from_body_postgresql(element: FromBody, _compiler: SQLCompiler, **_: object) -> str:
    cast = "::integer" if element.key_in_body == "order" else ""
    return f"(body::json ->> '{element.key_in_body}'){cast}"


class TextFromBody(FromBody):
    """A value out of a history entry's body as text, in a query."""

    inherit_cache = False


@compiles(TextFromBody, "sqlite")
def _text_from_body_sqlite(element: FromBody, _compiler: SQLCompiler, **_: object) -> str:
    # There a number in JSON stays a number.
    return f"CAST(body ->> '{element.key_in_body}' AS TEXT)"


@compiles(TextFromBody, "postgresql")
def _text_from_body_postgresql(element: FromBody, _compiler: SQLCompiler, **_: object) -> str:
    # Named, because the server doesn't choose between the body's collation and that of a key.
    return f"(body::json ->> '{element.key_in_body}') COLLATE \"C\""
