"""Export: everything, streamed, in the order of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.rules.roles import Capability
from custmerge.services.access import demand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custmerge.rules.fields import Customer, Package
    from custmerge.rules.history import Entry
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database


def customers(database: Database, caller: Caller) -> Iterator[tuple[Customer, str | None]]:
    """Give every record, unmasked, with its password hash."""
    demand(caller, Capability.EXPORT)
    with database.reading() as unit:
        yield from unit.register.all_customers()


def packages(database: Database, caller: Caller) -> Iterator[tuple[Package, str | None]]:
    """Give every package with its domains, contact (unmasked) and password hash."""
    demand(caller, Capability.EXPORT)
    with database.reading() as unit:
        yield from unit.register.all_packages()


def history(database: Database, caller: Caller) -> Iterator[Entry]:
    """Give the whole chain, oldest entry first."""
    demand(caller, Capability.EXPORT_HISTORY)
    with database.reading() as unit:
        yield from unit.chain.oldest()
