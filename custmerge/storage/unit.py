"""What can be read and written inside one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from custmerge.storage.catalogue import Protection
from custmerge.storage.dialect import dialect_of
from custmerge.storage.ledger.batches import Batches
from custmerge.storage.ledger.digested_rows import DigestedRows
from custmerge.storage.ledger.history import Chain
from custmerge.storage.ledger.orders import Ledger
from custmerge.storage.ledger.transfers import Transfers
from custmerge.storage.people.guesses import Guesses
from custmerge.storage.people.staff import People
from custmerge.storage.register.records import Register

if TYPE_CHECKING:
    from custmerge.storage.ledger.reader import LedgerReader
    from custmerge.storage.register.imports import RegisterImport
    from custmerge.storage.register.reader import RegisterReader


class GoneError(Exception):
    """A table or column is missing."""


class Unit:
    """What can be read and written inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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

    def newest_entry(self) -> datetime | None:
        """Return the moment of the newest history entry, None where no entry can be read."""
        return self.chain.newest_moment()

    def stranger(self) -> str | None:
        """Return the connected role if it doesn't own the tables; None for their owner, and for an SQLite file."""
        # Imported here: hardly any command asks.
        from custmerge.storage import rights

        return rights.stranger(self._connection)

    @cached_property
    def register(self) -> Register:
        """Customers, packages and domains."""
        return Register(self._connection)

    @cached_property
    def register_import(self) -> RegisterImport:
        """Rows of a file on their way into the register."""
        from custmerge.storage.register.imports import RegisterImport

        return RegisterImport(self._connection)

    @cached_property
    def ledger(self) -> Ledger:
        """Orders and before-images."""
        return Ledger(self._connection)

    @cached_property
    def batches(self) -> Batches:
        """Bulk files."""
        from custmerge.storage.ledger.batches import Batches

        return Batches(self._connection)

    @cached_property
    def chain(self) -> Chain:
        """The history."""
        return Chain(self._connection)

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
    def protection(self) -> Protection:
        """What the database itself refuses."""
        from custmerge.storage.catalogue import Protection

        return Protection(self._connection)

    @cached_property
    def digested_rows(self) -> DigestedRows:
        """Rows whose digests are in history entries."""
        from custmerge.storage.ledger.digested_rows import DigestedRows

        return DigestedRows(self._connection)

    @cached_property
    def people(self) -> People:
        """Staff, service tokens, sessions and proofs."""
        return People(self._connection)

    @cached_property
    def guesses(self) -> Guesses:
        """Wrong tries and locks."""
        return Guesses(self._connection)

    @cached_property
    def transfers(self) -> Transfers:
        """Contract transfers."""
        return Transfers(self._connection)
