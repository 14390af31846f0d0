"""The audit of a host's tables: the mapping that holds, the tables that it names, and rows that were left behind."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.history import Action

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

_ROWS_LEFT = N_(
    "{rows} of its rows point at {number}, which was merged away: `custmerge undo {order}`, and merge it again."
)
_OTHER_MAPPING = N_("doesn't name the mapping that was attached last: somebody has put another in its place.")


def check_references(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    """Check what an order's rows of a host's tables rest on; with `only`, just the rows of these numbers."""
    attached = next(unit.chain.newest(action=Action.ATTACH.value, limit=1), None)
    body = None if attached is None else json.loads(attached.body)
    if unit.mappings.state(unit.mapping.host) != (None if body is None else (body.get("sha256"), body.get("schema"))):
        findings.add(CheckName.REFERENCES, "table custmerge_version", _OTHER_MAPPING)
    # Rows are found by columns that may be gone; tables that were changed are among the check of columns.
    if unit.changed_tables():
        return
    left = list(unit.rows_left(only))
    orders = unit.ledger.newest_orders({each.number for each in left}) if left else {}
    for each in left:
        order, _survivor = orders.get(each.number, (0, ""))
        subject = f"column {each.table}.{each.column}"
        findings.warn(CheckName.REFERENCES, subject, _ROWS_LEFT, rows=each.rows, number=each.number, order=order)
