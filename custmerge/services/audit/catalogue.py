"""The catalogue's part of an audit: our tables as the database itself describes them, and its indexes."""

from __future__ import annotations

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.services.audit.processes import readable
from custmerge.storage.catalogue import Why
from custmerge.storage.unit import Unit

DEFINITION_AT_MOST = 200
"""Characters of what somebody made of a table that a finding shows."""
_CHECK_OF = {
    "custmerge_history": CheckName.CHAIN,
    "custmerge_head": CheckName.CHAIN,
    "custmerge_order": CheckName.ORDERS,
    "custmerge_before_image": CheckName.IMAGES,
    "customer": CheckName.TOMBSTONES,
    "package": CheckName.PACKAGES,
    "domain": CheckName.DOMAINS,
    "custmerge_transfer": CheckName.TRANSFERS,
    "custmerge_form": CheckName.FORMS,
    "custmerge_staff": CheckName.STAFF,
    "custmerge_service": CheckName.TOKENS,
    "custmerge_session": CheckName.TOKENS,
    "custmerge_batch": CheckName.BATCHES,
    "custmerge_batch_chunk": CheckName.BATCHES,
}
_NO_TABLE = N_("is gone: it was dropped.")
_OTHER_COLUMN = N_("is gone or of another type: the table was changed.")
_GONE = N_("is gone from table {table}: put it back from this version's migrations.")
_CHANGED = N_("isn't as this version's migrations made it for table {table}; it is now: {definition}")
_ADDED = N_("wasn't made by custmerge: somebody put it on table {table}.")
_TWICE = N_("is there as custmerge made it, but another one of the name was put on table {table}: {definition}")
_UNSOUND = N_(
    "doesn't hold what it should for table {table} ({definition}): it was changed past the database, or damaged."
)
_MESSAGES = {Why.GONE: _GONE, Why.CHANGED: _CHANGED, Why.ADDED: _ADDED, Why.TWICE: _TWICE}
_CHECK_OF_KIND = {
    **dict.fromkeys(("table", "column", "constraint", "index", "sequence"), CheckName.COLUMNS),
    **dict.fromkeys(("trigger", "rule", "policy", "inheritance", "right", "setting"), CheckName.TRIGGERS),
    **dict.fromkeys(("operator", "function"), CheckName.TRIGGERS),
}


def unreadable(unit: Unit, findings: Findings, checks: frozenset[CheckName]) -> set[str]:
    """Take note of tables and columns that are gone or of another type; returns the tables."""
    changed = unit.protection.unreadable()
    for table, column in changed:
        # Whatever is wanted: without a table nothing is well.
        check = next(check for check in (_CHECK_OF.get(table), *CheckName) if check in checks)
        if column is None:
            findings.add(check, f"table {table}", _NO_TABLE)
        else:
            findings.add(check, f"column {table}.{column}", _OTHER_COLUMN)
    return {table for table, _column in changed}


def examine(unit: Unit, checks: frozenset[CheckName], known: frozenset[str]) -> Findings:
    """Say what of our tables isn't as the migrations made it, but for the subjects that are `known` already."""
    findings = Findings()
    if checks.isdisjoint(_CHECK_OF_KIND.values()):
        return findings
    with readable(unit, findings, CheckName.COLUMNS):
        for deviation in unit.protection.deviations():
            check = _CHECK_OF_KIND[deviation.kind]
            if check in checks and deviation.subject not in known:
                details = {"table": deviation.table, "definition": deviation.definition[:DEFINITION_AT_MOST]}
                findings.add(check, deviation.subject, _MESSAGES[deviation.why], **details)
    return findings


def examine_contents(unit: Unit, checks: frozenset[CheckName]) -> Findings:
    """Report tables and indexes of an SQLite file that don't hold what they should.

    Every row is read, so it is a part of its own: another process reads the history meanwhile.
    """
    findings = Findings()
    if CheckName.COLUMNS in checks:
        with readable(unit, findings, CheckName.COLUMNS):
            for deviation in unit.protection.unsound():
                details = {"table": deviation.table, "definition": deviation.definition}
                findings.add(CheckName.COLUMNS, deviation.subject, _UNSOUND, **details)
    return findings
