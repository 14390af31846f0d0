"""The audit of tables.

The catalogue: custmerge's tables and indexes as the database itself describes them. The register: tombstones,
circles, domains, packages.
"""

from __future__ import annotations

from collections.abc import Collection

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.fields import chain
from custmerge.rules.normalise import domain_in_ascii
from custmerge.services.audit.attached import check_references
from custmerge.services.audit.workers import readable
from custmerge.storage.catalogue import CHECK_OF_TABLE, Why
from custmerge.storage.unit import Unit

DEFINITION_AT_MOST = 200
"""How many characters of a changed definition a finding shows."""
_NO_TABLE = N_("is gone: it was dropped.")
_OTHER_COLUMN = N_("is gone or of another type: the table was changed.")
_MESSAGES = {
    Why.GONE: N_("is gone from table {table}: put it back from this version's migrations."),
    Why.CHANGED: N_("isn't as this version's migrations made it for table {table}; it is now: {definition}"),
    Why.ADDED: N_("wasn't made by custmerge: somebody put it on table {table}."),
    Why.TWICE: N_(
        "is there as custmerge made it, but another one of the name was put on table {table}: {definition}"
    ),
    Why.UNSOUND: N_(
        "doesn't hold what it should for table {table} ({definition}): it was changed past the database, or damaged."
    ),
}
_CHECK_OF_KIND = {
    **dict.fromkeys(("table", "column", "constraint", "index", "sequence"), CheckName.COLUMNS),
    **dict.fromkeys(("trigger", "rule", "policy", "inheritance", "right", "setting"), CheckName.TRIGGERS),
    **dict.fromkeys(("operator", "function"), CheckName.TRIGGERS),
}
_NOT_AS_ATTACHED = N_("isn't as it was when it was attached: run `custmerge attach FILE --check`, then attach again.")
_UNDER_TOMBSTONE = N_("is under {number}, which was merged away: it belongs to the number that that one leads to.")
_FILLED = N_("was merged away and has a record again: it was changed.")
_NO_ORDER = N_("leads to {number}, and no order merged it away: its tombstone was put in.")
_CIRCLE = N_("was merged away and leads to no number that is in use: its way is a circle.")
_NOWHERE = N_("was merged away into {number}, which there isn't.")
_DOMAIN_TWICE = N_("is in two packages: the database's own key is gone.")
_OTHER_KEY = N_("is kept apart from other domains as {key}, which isn't its name: it could be in two packages.")
_OTHER_IDENTITY = N_(
    "isn't found as a duplicate by the names that it has: they were changed past custmerge. "
    "`custmerge import customers --update` puts that right."
)
_NO_CUSTOMER = N_("is under {number}, which there isn't.")
_NO_PACKAGE = N_("is in a package that there isn't.")


def unreadable(unit: Unit, findings: Findings, checks: frozenset[CheckName]) -> set[CheckName | None]:
    """Report tables and columns that are gone or of another type; returns the checks that need these tables."""
    needed = set()
    for table, column in unit.protection.unreadable():
        needed.add(CHECK_OF_TABLE.get(table))
        # Reported whichever checks are wanted, because a missing table is never right.
        check = next(check for check in (CHECK_OF_TABLE.get(table), *CheckName) if check in checks)
        if column is None:
            findings.add(check, f"table {table}", _NO_TABLE)
        else:
            findings.add(check, f"column {table}.{column}", _OTHER_COLUMN)
    return needed


def examine_catalogue(unit: Unit, checks: frozenset[CheckName], known: frozenset[str]) -> Findings:
    """Report what differs in custmerge's tables from the migrations, except the subjects that are `known` already."""
    findings = Findings()
    if checks.isdisjoint(_CHECK_OF_KIND.values()):
        return findings
    with readable(unit, findings, CheckName.COLUMNS):
        for deviation in unit.protection.deviations():
            check = _CHECK_OF_KIND[deviation.kind]
            if check in checks and deviation.subject not in known:
                details = {"table": deviation.table, "definition": deviation.definition[:DEFINITION_AT_MOST]}
                findings.add(check, deviation.subject, _MESSAGES[deviation.why], **details)
        # A host may change its tables; only nothing is merged until somebody has looked.
        for table in unit.changed_tables() if CheckName.COLUMNS in checks else ():
            findings.warn(CheckName.COLUMNS, f"table {table}", _NOT_AS_ATTACHED)
    return findings


def examine_contents(unit: Unit, checks: frozenset[CheckName]) -> Findings:
    """Report tables and indexes of an SQLite file whose contents are damaged.

    Every row is read, so this is a task of its own: another process reads the history meanwhile.
    """
    findings = Findings()
    if CheckName.COLUMNS in checks:
        with readable(unit, findings, CheckName.COLUMNS):
            for deviation in unit.protection.unsound():
                details = {"table": deviation.table, "definition": deviation.definition}
                findings.add(CheckName.COLUMNS, deviation.subject, _MESSAGES[deviation.why], **details)
    return findings


def examine_register(unit: Unit, checks: frozenset[CheckName], only: Collection[str] | None) -> Findings:
    """Check the register; with `only`, just what concerns these numbers."""
    findings = Findings()
    unit.ledger_reader.expect(stretches=False)
    for check, examine_part in _PARTS.items():
        if check in checks:
            with readable(unit, findings, check):
                examine_part(unit, findings, only)
    return findings


def _check_tombstones(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    reader = unit.register_reader
    tombstones = reader.tombstones if only is None else None
    if tombstones is None or tombstones.have_packages:
        for package, number in reader.packages_under_tombstones(only):
            findings.add(CheckName.TOMBSTONES, f"package {package}", _UNDER_TOMBSTONE, number=number)
    if tombstones is None or tombstones.are_filled:
        for number in reader.filled_tombstones(only):
            findings.add(CheckName.TOMBSTONES, f"customer {number}", _FILLED)
    # An absorbed number leads to the number that its order kept, unless the order was undone.
    if tombstones is None or tombstones.lead_further or reader.has_undos():
        for number, merged_into in reader.tombstones_without_order(only):
            findings.add(CheckName.TOMBSTONES, f"customer {number}", _NO_ORDER, number=merged_into)


def _check_circles(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    if only is not None:
        for number in unit.register_reader.leading_to_tombstones(only):
            records = unit.register.customers_with_chains([number])
            end = records.get(chain(number, records)[-1])
            if end is not None and end.merged_into is not None:
                findings.add(CheckName.CIRCLES, f"customer {number}", _CIRCLE)
        return
    tombstones = unit.register_reader.tombstones
    for number in unit.register_reader.circles() if tombstones.lead_further else ():
        findings.add(CheckName.CIRCLES, f"customer {number}", _CIRCLE)
    for number, target in unit.register_reader.leading_nowhere() if tombstones.lead_nowhere else ():
        findings.add(CheckName.CIRCLES, f"customer {number}", _NOWHERE, number=target)


def _check_domains(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    for name in unit.register_reader.duplicate_domains() if only is None else ():
        findings.add(CheckName.DOMAINS, f"domain {name}", _DOMAIN_TWICE)
    for name in unit.register_reader.domains_without_package() if only is None else ():
        findings.add(CheckName.DOMAINS, f"domain {name}", _NO_PACKAGE)
    for name, key in unit.register_reader.unsure_domain_keys(only):
        if not isinstance(name, str) or domain_in_ascii(name.strip()) != key:
            findings.add(CheckName.DOMAINS, f"domain {name}", _OTHER_KEY, key=key)


def _check_identities(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    for number, merged_into, identity, key in unit.register_reader.unsure_identity_keys(only):
        # SQLite stores anything in a text's place, and upgrades take that for an empty name.
        names = [name if isinstance(name, str) else "" for name in identity]
        if key != (None if merged_into is not None else identity_key(names)):
            findings.warn(CheckName.IDENTITIES, f"customer {number}", _OTHER_IDENTITY)


def _check_packages(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    if only is None:
        for package, number in unit.register_reader.packages_without_customer():
            findings.add(CheckName.PACKAGES, f"package {package}", _NO_CUSTOMER, number=number)


_PARTS = {
    CheckName.PACKAGES: _check_packages,
    CheckName.TOMBSTONES: _check_tombstones,
    CheckName.CIRCLES: _check_circles,
    CheckName.DOMAINS: _check_domains,
    CheckName.IDENTITIES: _check_identities,
    CheckName.REFERENCES: check_references,
}
