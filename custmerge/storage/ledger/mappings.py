"""The mappings of a host's tables, with the catalogue that these tables had."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, text

from custmerge.storage.dialect import dialect_of
from custmerge.storage.tables.attached import mapping, tombstone

if TYPE_CHECKING:
    from custmerge.storage.register.attached.host import Host

_HELD = text("SELECT mapping FROM custmerge_version")
_HOLD = text("UPDATE custmerge_version SET mapping = :sha256")


@dataclass(frozen=True, slots=True)
class StoredMapping:
    """A mapping as it was attached."""

    text: str
    """The mapping's file."""
    catalogue: str
    """The host's tables, see `host_schema.schema_text`."""
    at: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text, by which it is stored."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Mappings:
    """The stored mappings, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stored(self, sha256: str) -> StoredMapping | None:
        """Return a mapping by its SHA-256; None if there is none, or it isn't the one of that SHA-256."""
        columns = mapping.c.text, mapping.c.catalogue, mapping.c.at
        row = self._connection.execute(select(*columns).where(mapping.c.sha256 == sha256)).first()
        stored = None if row is None else StoredMapping(*row)
        return stored if stored is not None and stored.sha256 == sha256 else None

    def held(self) -> StoredMapping | None:
        """Return the mapping that holds; None if the register is our own."""
        sha256 = self._connection.execute(_HELD).scalar()
        return None if sha256 is None else self.stored(str(sha256))

    def has_tombstones(self) -> bool:
        """Return whether any of a host's numbers is merged away."""
        return self._connection.execute(select(tombstone.c.number).limit(1)).first() is not None

    def state(self, host: Host | None) -> tuple[str, str] | None:
        """Return the SHA-256 of the mapping that holds and the fingerprint of its tables as they are stored.

        `host` is what that mapping was read as; None for our own register, of which nothing is stored.
        """
        sha256 = self._connection.execute(_HELD).scalar()
        if sha256 is None or host is None:
            return None
        return str(sha256), host.resolved.schema

    def hold(self, stored: StoredMapping) -> None:
        """Let a mapping hold from the end of this transaction on; one of the same text is replaced."""
        values = asdict(stored)
        upsert = dialect_of(self._connection).upsert(mapping).values(sha256=stored.sha256, **values)
        self._connection.execute(upsert.on_conflict_do_update(index_elements=["sha256"], set_=values))
        self._connection.execute(_HOLD, {"sha256": stored.sha256})
