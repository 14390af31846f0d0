"""What can be read and written inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

from custmerge import errors
from custmerge.settings import shown_url
from custmerge.storage.dialect import dialect_of
from custmerge.storage.ledger.batches import Batches
from custmerge.storage.ledger.history import Chain
from custmerge.storage.ledger.orders import Ledger
from custmerge.storage.ledger.transfers import Transfers
from custmerge.storage.people import Guesses, People
from custmerge.storage.register.records import Register
from custmerge.storage.tables import VERSIONS

if TYPE_CHECKING:
    from custmerge.storage.catalogue import Protection
    from custmerge.storage.ledger.reader import DigestedRows, LedgerReader
    from custmerge.storage.register.imports import RegisterImport
    from custmerge.storage.register.reader import RegisterReader
    from custmerge.storage.rights import Rights


T = TypeVar("T")


class GoneError(Exception):
    """A table or column is missing."""


def stored_version(connection: Connection) -> str | None:
    """Return the version that is stored; several rows give a text that is no version."""
    rows = connection.exec_driver_sql("SELECT version_num FROM custmerge_version")
    return " + ".join(map(str, rows.scalars())) or None


def _part(kind: Callable[[Connection], T]) -> cached_property[T]:
    """Return the property of a unit that holds a part of the database, made when it is first asked for."""
    return cached_property(lambda unit: kind(unit._connection))  # noqa: SLF001 (the unit's own)


class Unit:
    """What can be read and written inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def demand_version(self, url: str) -> None:
        """Raise NoSchema, OldSchema or NewSchema unless the database is of this program's version."""
        try:
            # Not looked up in the catalogue first: that would cost every command a statement.
            stored = stored_version(self._connection)
        except (OperationalError, ProgrammingError) as error:
            if getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig):
                raise errors.NoSchema(database=shown_url(url)) from None
            raise
        if stored == VERSIONS[-1]:
            return
        wrong_version = errors.OldSchema if stored in VERSIONS else errors.NewSchema
        raise wrong_version(database=shown_url(url), version=stored)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Run a block of reads whose failure leaves the rest of the transaction as it is.

        Raises ValueError where a value in a row isn't what the column is for, GoneError where a table or column is
        missing.
        """
        dialect = dialect_of(self._connection)
        try:
            with self._connection.begin_nested():
                yield
        except Exception as error:
            if dialect.is_gone(error):
                raise GoneError from None
            if not dialect.is_odd_data(error):
                raise
            raise ValueError(str(type(error).__name__)) from None

    def find_by_index(self) -> None:
        """Have the database find rows by index until the transaction ends."""
        dialect_of(self._connection).find_by_index(self._connection)

    def server_time(self) -> datetime | None:
        """Return the time of the server's clock, None for SQLite, which has none."""
        return dialect_of(self._connection).server_time(self._connection)

    def now(self) -> datetime:
        """Return the present time, asked for at this moment."""
        return self.server_time() or datetime.now(UTC)

    register = _part(Register)
    """Customers, packages and domains."""
    ledger = _part(Ledger)
    """Orders and before-images."""
    batches = _part(Batches)
    """Bulk files."""
    chain = _part(Chain)
    """The history."""
    people = _part(People)
    """Staff, service tokens, sessions and proofs."""
    guesses = _part(Guesses)
    """Wrong tries and locks."""
    transfers = _part(Transfers)
    """Contract transfers."""

    # From here on: what audits, imports and `init` use. No other command is to load it.

    @cached_property
    def protection(self) -> Protection:
        """What the database itself refuses."""
        from custmerge.storage.catalogue import Protection

        return Protection(self._connection)

    @cached_property
    def digested_rows(self) -> DigestedRows:
        """Rows whose digests are in history entries."""
        from custmerge.storage.ledger.reader import DigestedRows

        return DigestedRows(self._connection)

    @cached_property
    def ledger_reader(self) -> LedgerReader:
        """What an audit reads of the ledger."""
        from custmerge.storage.ledger.reader import LedgerReader

        return LedgerReader(self._connection)

    @cached_property
    def register_reader(self) -> RegisterReader:
        """What an audit reads of the register."""
        from custmerge.storage.register.reader import RegisterReader

        return RegisterReader(self._connection)

    @cached_property
    def rights(self) -> Rights:
        """The rights of PostgreSQL's roles."""
        from custmerge.storage.rights import Rights

        return Rights(self._connection)

    @cached_property
    def register_import(self) -> RegisterImport:
        """Rows of a file on their way into the register."""
        from custmerge.storage.register.imports import RegisterImport

        return RegisterImport(self._connection)
