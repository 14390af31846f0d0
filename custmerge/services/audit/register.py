"""The register's part of an audit: tombstones, circles, domains."""

from __future__ import annotations

from collections.abc import Collection

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.fields import chain
from custmerge.rules.normalise import domain_in_ascii
from custmerge.services.audit.processes import readable
from custmerge.storage.unit import Unit

_UNDER_TOMBSTONE = N_("is under {number}, which was merged away: it belongs to the number that that one leads to.")
_FILLED = N_("was merged away and has a record again: it was changed.")
_RETIRED = N_("leads to {number}, and no order merged it away: its tombstone was put in.")
_CIRCLE = N_("was merged away and leads to no number that is in use: its way is a circle.")
_NOWHERE = N_("was merged away into {number}, which there isn't.")
_TWICE = N_("is in two packages: the database's own key is gone.")
_OTHER_KEY = N_("is kept apart from other domains as {key}, which isn't its name: it could be in two packages.")
_OF_NOBODY = N_("is under {number}, which there isn't.")
_HOMELESS = N_("is in a package that there isn't.")


def examine(unit: Unit, checks: frozenset[CheckName], only: Collection[str] | None = None) -> Findings:
    """Check the register; with `only`, what concerns those numbers alone."""
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
        for number, merged_into in reader.retired_by_nobody(only):
            findings.add(CheckName.TOMBSTONES, f"customer {number}", _RETIRED, number=merged_into)


def _check_circles(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    if only is not None:
        for number in unit.register_reader.going_further(only):
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
    for name in unit.register_reader.domains_twice() if only is None else ():
        findings.add(CheckName.DOMAINS, f"domain {name}", _TWICE)
    for name in unit.register_reader.domains_without_package() if only is None else ():
        findings.add(CheckName.DOMAINS, f"domain {name}", _HOMELESS)
    for name, key in unit.register_reader.unsure_domain_keys(only):
        if not isinstance(name, str) or domain_in_ascii(name.strip()) != key:
            findings.add(CheckName.DOMAINS, f"domain {name}", _OTHER_KEY, key=key)


def _check_packages(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    if only is None:
        for package, number in unit.register_reader.packages_of_nobody():
            findings.add(CheckName.PACKAGES, f"package {package}", _OF_NOBODY, number=number)


_PARTS = {
    CheckName.PACKAGES: _check_packages,
    CheckName.TOMBSTONES: _check_tombstones,
    CheckName.CIRCLES: _check_circles,
    CheckName.DOMAINS: _check_domains,
}
