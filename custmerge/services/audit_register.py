"""The register's part of an audit: tombstones, circles, domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.audit import CheckName
from custmerge.rules.ledger_check import Findings
from custmerge.rules.normalise import domain_in_ascii
from custmerge.services.audit_guard import readable

if TYPE_CHECKING:
    from collections.abc import Collection

    from custmerge.storage.unit import Unit

_UNDER_TOMBSTONE = N_("is under {number}, which was merged away: it belongs to the number that that one leads to.")
_FILLED = N_("was merged away and has a record again: it was changed.")
_CIRCLE = N_("was merged away and leads to no number that is in use: its way is a circle.")
_NOWHERE = N_("was merged away into {number}, which there isn't.")
_TWICE = N_("is in two packages: the database's own key is gone.")
_OTHER_KEY = N_("is kept apart from other domains as {key}, which isn't its name: it could be in two packages.")
_HOMELESS = N_("is in a package that there isn't.")


def examine(unit: Unit, checks: frozenset[CheckName], only: Collection[str] | None = None) -> Findings:
    """Look at the register; at what concerns the numbers `only` alone unless that is None."""
    findings = Findings()
    looks = {
        CheckName.TOMBSTONES: _look_at_tombstones,
        CheckName.CIRCLES: _look_for_circles,
        CheckName.DOMAINS: _look_at_domains,
    }
    for check, look in looks.items():
        if check in checks:
            with readable(unit, findings, check):
                look(unit, findings, only)
    return findings


def _look_at_tombstones(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    for package, number in unit.evidence.packages_under_tombstones(only):
        findings.add(CheckName.TOMBSTONES, f"package {package}", _UNDER_TOMBSTONE, number=number)
    for number in () if only is not None else unit.evidence.filled_tombstones():
        findings.add(CheckName.TOMBSTONES, f"customer {number}", _FILLED)


def _look_at_domains(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    if only is not None:
        return
    for name in unit.evidence.domains_twice():
        findings.add(CheckName.DOMAINS, f"domain {name}", _TWICE)
    for name in unit.evidence.domains_without_package():
        findings.add(CheckName.DOMAINS, f"domain {name}", _HOMELESS)
    for name, key in unit.evidence.other_domain_keys():
        if not isinstance(name, str) or domain_in_ascii(name) != key:
            findings.add(CheckName.DOMAINS, f"domain {name}", _OTHER_KEY, key=key)


def _look_for_circles(unit: Unit, findings: Findings, only: Collection[str] | None) -> None:
    if only is not None:
        for number in unit.evidence.going_further(only):
            record = unit.register.customer(unit.register.end_of_chain(number))
            if record is not None and record.merged_into is not None:
                findings.add(CheckName.CIRCLES, f"customer {number}", _CIRCLE)
        return
    for number in unit.evidence.circles():
        findings.add(CheckName.CIRCLES, f"customer {number}", _CIRCLE)
    for number, target in unit.evidence.leading_nowhere():
        findings.add(CheckName.CIRCLES, f"customer {number}", _NOWHERE, number=target)
