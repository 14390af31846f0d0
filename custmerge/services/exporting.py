"""Export: everything, streamed, in the order of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from custmerge.rules.roles import Capability
from custmerge.services.access import demand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from custmerge.rules.fields import Customer, Package
    from custmerge.rules.history import Entry
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database, Unit

T = TypeVar("T")


def customers(database: Database, caller: Caller) -> Iterator[tuple[Customer, str | None]]:
    """Give every record, unmasked, with its password hash."""
    demand(caller, Capability.EXPORT)
    return _streamed(database, lambda unit: unit.register.all_customers())


def packages(database: Database, caller: Caller) -> Iterator[tuple[Package, str | None]]:
    """Give every package with its domains, contact (unmasked) and password hash."""
    demand(caller, Capability.EXPORT)
    return _streamed(database, lambda unit: unit.register.all_packages())


def history(database: Database, caller: Caller) -> Iterator[Entry]:
    """Give the whole chain, oldest entry first."""
    demand(caller, Capability.EXPORT_HISTORY)
    return _streamed(database, lambda unit: unit.chain.oldest())


def _streamed(database: Database, rows: Callable[[Unit], Iterator[T]]) -> Iterator[T]:
    # A generator of its own: who may is asked when the export is asked for, not when its first row is.
    with database.reading() as unit:
        yield from rows(unit)
