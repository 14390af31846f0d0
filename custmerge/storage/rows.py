"""Many rows at once, by the fastest way that each driver has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custmerge.storage.engine import is_sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

Row = tuple[Any, ...]
"""Values as the driver takes them."""
WORTH_COPYING = 8
"""From so many rows on COPY is quicker than INSERT."""


def insert_rows(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows; `table` and `columns` are names of ours, never somebody's text."""
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns)
    if not is_sqlite(connection) and len(rows) >= WORTH_COPYING:
        # Measured: SQLAlchemy's batched INSERT reaches a quarter of COPY.
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    mark = "?" if is_sqlite(connection) else "%s"
    marks = ", ".join([mark] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows))  # noqa: S608 (names of ours)


def update_rows(connection: Connection, table: str, key: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write `columns` of the rows whose keys stand first in `rows`; all are texts or None."""
    if not rows:
        return
    if is_sqlite(connection):
        changes = ", ".join(f"{name} = ?{position}" for position, name in enumerate(columns, start=2))
        connection.exec_driver_sql(f"UPDATE {table} SET {changes} WHERE {key} = ?1", list(rows))  # noqa: S608 (as above)
        return
    # One statement for all rows, by arrays and not by a temporary table, so that a pooler may stand between.
    names = [key, *columns]
    arrays = ", ".join(["%s::text[]"] * len(names))
    changes = ", ".join(f"{name} = new.{name}" for name in columns)
    connection.exec_driver_sql(
        f"UPDATE {table} SET {changes} FROM unnest({arrays}) AS new ({', '.join(names)}) "  # noqa: S608 (as above)
        f"WHERE {table}.{key} = new.{key}",
        tuple(list(values) for values in zip(*rows, strict=True)),
    )
