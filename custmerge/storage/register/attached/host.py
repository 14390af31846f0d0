"""What a host's tables were attached by: the mapping, their catalogue, and what follows from both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from custmerge.rules.host_schema import HostSchema
from custmerge.rules.mapping import HostMapping

if TYPE_CHECKING:
    from custmerge.rules.attach import Resolved
    from custmerge.storage.register.attached.references import Followed, HostReferences


@dataclass(frozen=True)
class Host:
    """A mapping and the catalogue with which it is stored; they are resolved once, when it is first needed."""

    mapping: HostMapping
    schema: HostSchema

    @cached_property
    def resolved(self) -> Resolved:
        """What the mapping says of the catalogue."""
        from custmerge.rules.attach import resolve

        return resolve(self.mapping, self.schema)

    @cached_property
    def followed(self) -> Followed:
        """The tables that follow the customers."""
        from custmerge.storage.register.attached.references import Followed

        return Followed(self.mapping, self.schema, tuple(self.resolved.tables.values()))

    @cached_property
    def records_shift(self) -> bool:
        """See `RegisterMapping.records_shift`."""
        follows = {(table, each.column) for table, rules in self.resolved.tables.items() for each in rules.references}
        return any((related.table, related.on) in follows for related in self.mapping.related.values())

    def references(self, connection: Connection) -> HostReferences:
        """Return what reads and writes the rows that follow, inside one transaction."""
        from custmerge.storage.register.attached.references import HostReferences

        return HostReferences(connection, self.followed)
