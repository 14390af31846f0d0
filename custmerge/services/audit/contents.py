"""Whether the tables and indexes of an SQLite file hold what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.audit import CheckName
from custmerge.rules.ledger_check import Findings
from custmerge.services.audit.guard import readable

if TYPE_CHECKING:
    from collections.abc import Collection

    from custmerge.storage.unit import Unit

_UNSOUND = N_(
    "doesn't hold what it should for table {table} ({definition}): it was changed past the database, or damaged."
)


def examine(unit: Unit, checks: Collection[CheckName]) -> Findings:
    """Return what is wrong; every row is read, so one of several processes does it while others read the history."""
    findings = Findings()
    if CheckName.COLUMNS in checks:
        with readable(unit, findings, CheckName.COLUMNS):
            for one in unit.protection.unsound():
                details = {"table": one.table, "definition": one.definition}
                findings.add(CheckName.COLUMNS, one.subject, _UNSOUND, **details)
    return findings
