"""Attach: a host's tables become the register, as a mapping says; it needs the rights of the database's owner."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custmerge.errors import ChangedMeanwhile, NotAttached, OtherCustomers, RunMeanwhile
from custmerge.rules.attach import resolve
from custmerge.rules.bulk import is_alive
from custmerge.rules.history import Action, Actor, Draft, stamp
from custmerge.rules.host_schema import changed_tables, schema_text
from custmerge.services.attach.check import Checked
from custmerge.storage.database import Database
from custmerge.storage.ledger.mappings import StoredMapping

if TYPE_CHECKING:
    from custmerge.rules.host_schema import HostSchema
    from custmerge.rules.mapping import HostMapping
    from custmerge.storage.unit import Unit

ATTACH = Actor("attach", "system")


def attach(database: Database, checked: Checked) -> None:
    """Let a mapping that was checked hold from now on, in place of our own tables or of another mapping.

    A database without custmerge's tables gets those of the ledger. Like `init` it needs no login, but the rights of
    the owner of our tables: raises NotOwnerToAttach. Raises RunMeanwhile while a bulk file runs, RegisterInUse
    if our own register isn't empty, OtherCustomers if retired numbers would mean others, ChangedMeanwhile if the
    host's tables were changed since they were checked.
    """
    with database.attaching() as (unit, now):
        if any(is_alive(batch, now) for batch in unit.batches.unfinished()):
            raise RunMeanwhile(database=database.name)
        schema = unit.host.schema()
        if changed_tables(checked.catalogue, schema) and _resolved_otherwise(checked, schema):
            raise ChangedMeanwhile(database=database.name)
        _demand_same_customers(unit, checked.resolved.mapping)
        unit.drop_own_register()
        stored = StoredMapping(checked.text, schema_text(replace(schema, facts=checked.catalogue.facts)), stamp(now))
        unit.mappings.hold(stored)
        facts = {"name": checked.name, "sha256": stored.sha256, "schema": checked.resolved.schema}
        unit.chain.append([Draft(stamp(now), ATTACH, Action.ATTACH, facts)])


def _resolved_otherwise(checked: Checked, schema: HostSchema) -> bool:
    """Return whether tables of a mapping are among those that aren't as they were checked."""
    return resolve(checked.resolved.mapping, schema).schema != checked.resolved.schema


def _demand_same_customers(unit: Unit, mapping: HostMapping) -> None:
    """Raise OtherCustomers if numbers would mean other customers than those of which orders were made."""
    if unit.mapping.host is None or not unit.mappings.has_tombstones():
        return
    before, now = unit.mapping.host.mapping.customer, mapping.customer
    for name, was, is_now in (
        ("table", before.table, now.table),
        ("key", before.key, now.key),
        ("number", before.number, now.number),
    ):
        if was != is_now:
            raise OtherCustomers(key=f"customer.{name}", before=was, value=is_now)


def held(database: Database) -> str:
    """Return the text of the mapping that holds; raises NotAttached."""
    with database.reading() as unit:
        stored = unit.mappings.held()
    if stored is None:
        raise NotAttached(database=database.name)
    return stored.text
