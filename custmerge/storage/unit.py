"""What can be read and written inside one transaction."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from custmerge.storage import clock
from custmerge.storage.engine import is_gone, is_odd_data
from custmerge.storage.ledger.history import Chain
from custmerge.storage.ledger.orders import Ledger
from custmerge.storage.ledger.transfers import Transfers
from custmerge.storage.people.guesses import Guesses
from custmerge.storage.people.staff import People
from custmerge.storage.register.records import Register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from custmerge.storage.catalogue import Protection
    from custmerge.storage.ledger.batches import Batches
    from custmerge.storage.ledger.digested_rows import DigestedRows
    from custmerge.storage.ledger.reader import LedgerReader
    from custmerge.storage.register.imports import RegisterImport
    from custmerge.storage.register.reader import RegisterReader


class GoneError(Exception):
    """A table or column isn't there any more."""


class Unit:
    """What can be read and written inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Read something whose failure leaves the rest of the transaction as it is.

        Raises ValueError where the database can't make sense of what somebody has put into a row, and GoneError
        where a table or column isn't there.
        """
        try:
            with self._connection.begin_nested():
                yield
        except Exception as error:
            if is_gone(error):
                raise GoneError from None
            if not is_odd_data(error):
                raise
            raise ValueError(str(type(error).__name__)) from None

    def server_time(self) -> datetime | None:
        """Return what the database's own clock says, None where it has none: SQLite."""
        return clock.server_time(self._connection)

    def now(self) -> datetime:
        """Return what time it is, asked for at this moment."""
        return self.server_time() or datetime.now(UTC)

    def newest_entry(self) -> datetime | None:
        """Return the moment of the newest history entry, None where there is none that can be read."""
        return clock.newest_entry(self._connection)

    def stranger(self) -> str | None:
        """Return who is connected if they don't own the tables; None for their owner, and for a file of SQLite's."""
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
        # Imported here: it loads both dialects, and only an import needs it.
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
