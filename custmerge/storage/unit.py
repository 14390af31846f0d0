"""The unit of work: everything that can be read and written inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from custmerge import errors
from custmerge.database_url import shown_url
from custmerge.storage.dialect import by_driver, dialect_of
from custmerge.storage.ledger.history import Chain
from custmerge.storage.people import People
from custmerge.storage.register.following import FollowingRows
from custmerge.storage.register.mapping import OWN, RegisterMapping
from custmerge.storage.register.records import Register
from custmerge.storage.tables import VERSIONS

if TYPE_CHECKING:
    from custmerge.storage.catalogue import Protection
    from custmerge.storage.guesses import Guesses
    from custmerge.storage.host.check import HostCheck
    from custmerge.storage.host.values import HostValues
    from custmerge.storage.ledger.batches import Batches
    from custmerge.storage.ledger.dismissals import Dismissals
    from custmerge.storage.ledger.mappings import Mappings
    from custmerge.storage.ledger.orders import Ledger
    from custmerge.storage.ledger.reader import DigestedRows, LedgerReader
    from custmerge.storage.ledger.transfers import Transfers
    from custmerge.storage.matching.exact import IdentityGroups
    from custmerge.storage.register.attached.audit import RowsLeft
    from custmerge.storage.register.imports import RegisterImport
    from custmerge.storage.register.reader import RegisterReader
    from custmerge.storage.rights import Rights


class GoneError(Exception):
    """A table or column is missing."""


def stored_version(connection: Connection) -> tuple[str | None, str | None]:
    """Return the stored version, and the SHA-256 of the mapping that holds, None for our own tables.

    Several rows give a text that is no version.
    """
    # Every column, because versions before 0007 have only the first.
    rows = by_driver(connection, "SELECT * FROM custmerge_version").fetchall()
    version = " + ".join(str(row[0]) for row in rows) or None
    return version, next((row[1] for row in rows if len(row) > 1), None)


def demand_version(connection: Connection, url: str) -> str | None:
    """Return the SHA-256 of the mapping that holds, None for our own tables.

    Raises NoSchema, OldSchema or NewSchema unless the database is of this program's version.
    """
    try:
        # The catalogue isn't queried first, because that would cost every command a statement.
        stored, mapping = stored_version(connection)
    except dialect_of(connection).driver_error as error:
        if getattr(error, "sqlstate", None) == "42P01" or "no such table" in str(error):
            raise errors.NoSchema(database=shown_url(url)) from None
        raise
    if stored == VERSIONS[-1]:
        return mapping
    wrong_version = errors.OldSchema if stored in VERSIONS else errors.NewSchema
    raise wrong_version(database=shown_url(url), version=stored)


class Unit:
    """A unit of work: everything that can be read and written inside one transaction."""

    def __init__(self, connection: Connection, mapping: RegisterMapping = OWN) -> None:
        self._connection = connection
        self.mapping = mapping
        """Where the register is kept."""

    def changed_tables(self) -> list[str]:
        """Return the host's tables that aren't as they were when they were attached; none of them for our own."""
        return [] if self.mapping.host is None else self.host.changed(self.mapping.host)

    def demand_schema(self, url: str) -> None:
        """Raise SchemaChanged if a host's tables aren't as they were when they were attached."""
        if changed := self.changed_tables():
            raise errors.SchemaChanged(database=shown_url(url), tables=changed)

    def demand_own_register(self) -> None:
        """Raise Attached unless the register is custmerge's own tables."""
        if not self.mapping.is_ours:
            raise errors.Attached

    def drop_own_register(self) -> None:
        """Drop our own register, if there is one; raises RegisterInUse unless it is empty."""
        from custmerge.storage import schema

        if not self.mapping.is_ours or not schema.has_register(self._connection):
            return
        customers, packages, domains = self.register.count()
        if customers or packages or domains:
            raise errors.RegisterInUse(customers=customers, packages=packages, domains=domains)
        schema.drop_register(self._connection)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run a block of reads; if it fails, the rest of the transaction can go on.

        Raises ValueError for a value that doesn't fit its column, GoneError for a missing table or column.
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
        """Make the database find rows by index until the transaction ends."""
        dialect_of(self._connection).find_by_index(self._connection)

    def server_time(self) -> datetime | None:
        """Return the time of the server's clock, None for SQLite, which has none."""
        return dialect_of(self._connection).server_time(self._connection)

    def now(self) -> datetime:
        """Return the present time by the server's clock, on SQLite by this machine's."""
        return self.server_time() or datetime.now(UTC)

    @cached_property
    def register(self) -> Register:
        """Customers, packages and domains."""
        return Register(self._connection, self.mapping)

    @cached_property
    def references(self) -> FollowingRows:
        """Rows of other tables that follow customers."""
        return self.mapping.references(self._connection)

    @cached_property
    def chain(self) -> Chain:
        """The history."""
        return Chain(self._connection)

    @cached_property
    def people(self) -> People:
        """Staff, service tokens, sessions and proofs."""
        return People(self._connection)

    # From here on: parts that some commands do without, and so don't load.

    @cached_property
    def ledger(self) -> Ledger:
        """Orders and before-images."""
        from custmerge.storage.ledger.orders import Ledger

        return Ledger(self._connection)

    @cached_property
    def batches(self) -> Batches:
        """Bulk files."""
        from custmerge.storage.ledger.batches import Batches

        return Batches(self._connection)

    @cached_property
    def guesses(self) -> Guesses:
        """Password tries and locks."""
        from custmerge.storage.guesses import Guesses

        return Guesses(self._connection)

    @cached_property
    def transfers(self) -> Transfers:
        """Contract transfers."""
        from custmerge.storage.ledger.transfers import Transfers

        return Transfers(self._connection)

    @cached_property
    def mappings(self) -> Mappings:
        """The mappings of a host's tables."""
        from custmerge.storage.ledger.mappings import Mappings

        return Mappings(self._connection)

    @cached_property
    def host(self) -> HostCheck:
        """A look at a host's tables."""
        from custmerge.storage.host.check import HostCheck

        return HostCheck(self._connection)

    @cached_property
    def values(self) -> HostValues:
        """Samples of a host's rows."""
        from custmerge.storage.host.values import HostValues

        return HostValues(self._connection)

    @cached_property
    def protection(self) -> Protection:
        """The protection of tables by the database itself."""
        from custmerge.storage.catalogue import Protection

        return Protection(self._connection, self.mapping)

    @cached_property
    def digested_rows(self) -> DigestedRows:
        """Rows whose digests are in history entries."""
        from custmerge.storage.ledger.reader import DigestedRows

        return DigestedRows(self._connection)

    @cached_property
    def ledger_reader(self) -> LedgerReader:
        """The audit's queries of the ledger."""
        from custmerge.storage.ledger.reader import LedgerReader

        return LedgerReader(self._connection, self.mapping)

    @cached_property
    def register_reader(self) -> RegisterReader:
        """The audit's queries of the register."""
        from custmerge.storage.register.reader import RegisterReader

        return RegisterReader(self._connection, self.mapping)

    @cached_property
    def rights(self) -> Rights:
        """The rights of PostgreSQL's roles."""
        from custmerge.storage.rights import Rights

        return Rights(self._connection, self.mapping)

    @cached_property
    def identity_groups(self) -> IdentityGroups:
        """Records of equal identity."""
        from custmerge.storage.matching.exact import IdentityGroups

        return IdentityGroups(self._connection, self.mapping)

    @cached_property
    def dismissals(self) -> Dismissals:
        """Pairs that are two customers."""
        from custmerge.storage.ledger.dismissals import Dismissals

        return Dismissals(self._connection)

    @cached_property
    def register_import(self) -> RegisterImport:
        """The import of rows into the register; raises Attached as `demand_own_register`."""
        self.demand_own_register()
        from custmerge.storage.register.imports import RegisterImport

        return RegisterImport(self._connection)

    def rows_left(self, only: Collection[str] | None) -> Iterator[RowsLeft]:
        """Yield the rows of a host's tables that point at retired numbers, at `only` these unless it is None."""
        if self.mapping.host is not None:
            from custmerge.storage.register.attached.audit import ReferenceAudit

            yield from ReferenceAudit(self._connection, self.register, self.mapping.host.followed).rows_left(only)
