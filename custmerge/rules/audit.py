"""What an audit says: checks, findings, and the verdict of the monitoring-plugins' convention (contract §7).

Source: Monitoring Plugins Development Guidelines, "Plugin Return Codes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from custmerge.errors import N_

if TYPE_CHECKING:
    from custmerge.rules.history import Head


class Severity(StrEnum):
    """How bad a finding is."""

    WARNING = "warning"
    """Somebody should look after it; nothing was touched."""
    CRITICAL = "critical"
    """Something isn't as custmerge left it."""


class Verdict(IntEnum):
    """What an audit comes to; the value is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class CheckName(StrEnum):
    """Everything that is looked at, in the order in which it is reported."""

    CHAIN = "chain"
    CHECKPOINT = "checkpoint"
    TRIGGERS = "triggers"
    COLUMNS = "columns"
    ORDERS = "orders"
    IMAGES = "images"
    TOMBSTONES = "tombstones"
    CIRCLES = "circles"
    DOMAINS = "domains"
    PACKAGES = "packages"
    CONTACTS = "contacts"
    TRANSFERS = "transfers"
    FORMS = "forms"
    STAFF = "staff"
    TOKENS = "tokens"
    BATCHES = "batches"
    LOGINS = "logins"
    EXPIRY = "expiry"
    OPEN = "open"
    RETENTION = "retention"


DESCRIPTIONS: Mapping[CheckName, str] = {
    CheckName.CHAIN: N_("every history entry follows from the one before it, and the last one is the head"),
    CheckName.CHECKPOINT: N_("the history goes on from every line of the checkpoint file"),
    CheckName.TRIGGERS: N_(
        "the database itself refuses to change or delete history; triggers, rules, rights and inheritance of our "
        "tables are as they were made"
    ),
    CheckName.COLUMNS: N_(
        "tables, columns, constraints and indexes are as they were made; what history is searched by is generated "
        "from its entries"
    ),
    CheckName.ORDERS: N_("each order has one history entry that says the same, and none is missing"),
    CheckName.IMAGES: N_("each order has the before-image that its entry was made for, or it was purged"),
    CheckName.TOMBSTONES: N_("no package is under a number that was merged away"),
    CheckName.CIRCLES: N_("every number that was merged away leads to one that is in use"),
    CheckName.DOMAINS: N_("no domain is in two packages"),
    CheckName.PACKAGES: N_("packages that moved with an order are where it put them, with their domains"),
    CheckName.CONTACTS: N_("packages have the contact that their last order left them"),
    CheckName.TRANSFERS: N_(
        "contract transfers are as they were filed, decided by two people who still may, used once, "
        "and what their newest entry says"
    ),
    CheckName.FORMS: N_("every signed form is there, byte for byte"),
    CheckName.STAFF: N_("staff, their roles and passwords are as the history has them"),
    CheckName.TOKENS: N_("service tokens are as the history has them"),
    CheckName.BATCHES: N_(
        "approvals of bulk files, and how far these were run, are as the history has them, by people who still may"
    ),
    CheckName.LOGINS: N_("no unusual number of wrong passwords or locks since the last audit"),
    CheckName.EXPIRY: N_("no service token ends within a week"),
    CheckName.OPEN: N_("no transfer or approval has been left open for long"),
    CheckName.RETENTION: N_("no before-image, signed form or quoted cell is older than the retention setting"),
}


_EVIDENCE = N_("Keep a copy of the database as it is, and compare with the last backup.")
_REGISTER = N_("Look the number up with `custmerge history`, and put it right from the last backup.")
_DOOR = N_("Disable or revoke it, then look for who had access to the database.")
_ABOUT_REGISTER = (CheckName.TOMBSTONES, CheckName.CIRCLES, CheckName.DOMAINS, CheckName.PACKAGES, CheckName.CONTACTS)


def next_step(check: CheckName) -> str:
    """Return what to do about a critical finding, an English text for translation."""
    if check in (CheckName.STAFF, CheckName.TOKENS):
        return _DOOR
    return _REGISTER if check in _ABOUT_REGISTER else _EVIDENCE


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that isn't as it should be."""

    check: CheckName
    severity: Severity
    subject: str
    """The row, for instance `history 17`, `order 3`, `package P1`: never translated, never personal."""
    message: str
    """An English template for translation, filled from `details`: what is wrong; for a warning, what to do too."""
    details: Mapping[str, str | int] = field(default_factory=dict)


FINDINGS_AT_MOST = 100
"""Findings of one check that are listed; the others are counted."""


@dataclass(slots=True)
class Findings:
    """Findings of any check: some are kept, the others counted."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[CheckName, int] = field(default_factory=dict)

    def add(self, check: CheckName, subject: str, message: str, **details: str | int) -> None:
        """Add a critical finding."""
        self.keep(Finding(check, Severity.CRITICAL, subject, message, details))

    def keep(self, finding: Finding) -> None:
        """Add a finding."""
        count = self.counts[finding.check] = self.counts.get(finding.check, 0) + 1
        if count <= FINDINGS_AT_MOST:
            self.kept.append(finding)

    def extend(self, others: Findings) -> None:
        """Add the findings that another look has made."""
        left_out = {check: count - others.listed(check) for check, count in others.counts.items()}
        for finding in others.kept:
            self.keep(finding)
        for check, count in left_out.items():
            self.counts[check] = self.counts.get(check, 0) + count

    def listed(self, check: CheckName) -> int:
        """Return how many findings of a check are kept."""
        return sum(1 for finding in self.kept if finding.check is check)

    def without(self, check: CheckName) -> Findings:
        """Return the findings of all other checks."""
        others = {other: count for other, count in self.counts.items() if other is not check}
        return Findings([finding for finding in self.kept if finding.check is not check], others)


@dataclass(frozen=True, slots=True)
class Checked:
    """One check and what it found."""

    check: CheckName
    findings: Sequence[Finding]
    more: int = 0
    """So many findings besides were counted and left out."""

    @property
    def count(self) -> int:
        """How many findings there are."""
        return len(self.findings) + self.more


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit came to."""

    checks: Sequence[Checked]
    head: Head
    seconds: float

    @property
    def findings(self) -> list[Finding]:
        """Return every finding that is listed, in the order of the checks."""
        return [found for checked in self.checks for found in checked.findings]

    @property
    def verdict(self) -> Verdict:
        """Return the worst that was found."""
        severities = {found.severity for found in self.findings}
        if Severity.CRITICAL in severities:
            return Verdict.CRITICAL
        return Verdict.WARNING if severities else Verdict.OK
