"""What the two databases do differently: a `Dialect` knows one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Integer, Table, Text
    from sqlalchemy.dialects.postgresql import Insert as PostgreSQLInsert
    from sqlalchemy.dialects.sqlite import Insert as SQLiteInsert
    from sqlalchemy.types import TypeEngine

    from custmerge.errors import CustmergeError

Row = tuple[Any, ...]
"""Values as the driver takes them."""
LOCK_TIMEOUT_SECONDS = 5.0
"""How long a transaction waits for others who write, unless it is told otherwise."""
WRITES = "custmerge_writes"
"""Execution option of a connection: whether its transaction writes."""
WAIT_SECONDS = "custmerge_wait_seconds"
"""Execution option of a connection: how long it waits for others who write, None for LOCK_TIMEOUT_SECONDS."""


class Dialect(ABC):
    """One of the two databases: how to connect to it, what its errors mean, the SQL that only it has."""

    is_server: ClassVar[bool]
    """Whether a server keeps the data, with roles, row locks and a clock of its own; otherwise it is one file."""
    driver_errors: ClassVar[tuple[type[BaseException], ...]]
    """What the driver raises where it is used without SQLAlchemy."""

    # ---- connecting

    @abstractmethod
    def place(self, url: str) -> str:
        """Return what tells the database of a URL from every other one."""

    @abstractmethod
    def open_engine(self, url: str, *, create: bool) -> Engine:
        """Return an engine whose transactions begin as the options WRITES and WAIT_SECONDS of a connection say.

        Nothing is connected yet. With `create` a missing file is made.
        """

    @abstractmethod
    def begin_upgrade(self, connection: Connection, wait_seconds: float) -> None:
        """Let one transaction at a time create or change tables; another one waits up to `wait_seconds`."""

    @abstractmethod
    def demand_unchanged(self, connection: Connection, url: str) -> None:
        """Raise DatabaseConflict where somebody wrote while a transaction read without a lock."""

    @abstractmethod
    def find_by_index(self, connection: Connection) -> None:
        """Have the database find rows by index until the transaction ends."""

    @abstractmethod
    def server_time(self, connection: Connection) -> datetime | None:
        """Return the time of the server's clock, None where there is no server."""

    # ---- errors

    @abstractmethod
    def meaning(self, url: str, error: BaseException) -> CustmergeError:
        """Return what a driver's error means; the URL is shown in it without its password."""

    @abstractmethod
    def is_gone(self, error: BaseException) -> bool:
        """Return whether an error says that a table or column is missing or of another type."""

    @abstractmethod
    def is_odd_data(self, error: BaseException) -> bool:
        """Return whether an error only says that a value in a row can't be read as what it should be."""

    @abstractmethod
    def is_unreadable(self, error: BaseException) -> bool:
        """Return whether an error says that a text isn't UTF-8."""

    @abstractmethod
    def is_refused(self, error: BaseException) -> bool:
        """Return whether an error says that a constraint of a table refused a row, such as its key."""

    # ---- many rows at once

    @abstractmethod
    def insert_rows(self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows; `table` and `columns` are names of ours, never somebody's text."""

    @abstractmethod
    def update_rows(
        self,
        connection: Connection,
        table: str,
        key: str,
        columns: Sequence[str],
        rows: Sequence[Row],
        *,
        emptied: Sequence[str] = (),
    ) -> None:
        """Write `columns` of the rows whose keys stand first in `rows`; all values are texts or None.

        The columns `emptied` become empty texts. Names are ours, as in `insert_rows`.
        """

    @abstractmethod
    def upsert(self, table: Table) -> SQLiteInsert | PostgreSQLInsert:
        """Return an INSERT that can say what happens to a row that exists."""

    # ---- SQL, as text

    @abstractmethod
    def keys_type(self, kind: type[Integer | Text]) -> TypeEngine[Any]:
        """Return the type of a parameter that holds many keys of a kind."""

    @abstractmethod
    def keys(self, values: Iterable[str | int]) -> str | list[str | int]:
        """Return many keys as the value of one parameter."""

    @abstractmethod
    def among(self, keys: str) -> str:
        """Return the condition `IN`, without its left side, for a parameter that holds many keys."""

    @abstractmethod
    def column_from_body(self, key: str) -> str:
        """Return the expression of a column that is generated from the body of a history entry."""

    @abstractmethod
    def text_from_body(self, key: str) -> str:
        """Return the expression of a value in the body of a history entry, as text."""
