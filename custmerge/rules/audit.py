"""The result of an audit: checks, findings, the verdict as monitoring plugins give it, checkpoints (contract §7).

Source: Monitoring Plugins Development Guidelines, "Plugin Return Codes".
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from custmerge.errors import N_
from custmerge.rules.history import Head, canonical, moment

FINDINGS_AT_MOST = 100
"""How many findings of one check are listed; the rest are only counted."""
_KEYS = ["seq", "hash", "at"]
_SIGNED_KEYS = [*_KEYS, "signature"]
_HASH = re.compile(r"[0-9a-f]{64}")
LARGEST_SEQ = 2**53 - 1
"""Canonical JSON has one way to write an integer up to here. Source: RFC 8785 §3.2.2.3."""
_BEGINNING = '{"seq": '
# _WRITTEN is a line of `checkpoint_line`; _REST and _ENDS complete a torn line to a line of that shape.
_WRITTEN = re.compile(
    r'\{"seq": (0|[1-9][0-9]*), "hash": "[0-9a-f]{64}", '
    r'"at": "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"'
    r'(, "signature": "[A-Za-z0-9+/]{86}==")?\}'
)
_REST = f', "hash": "{"0" * 64}", "at": "0000-00-00T00:00:00Z"'
_ENDS = ("}", f', "signature": "{"A" * 86}=="' + "}")


class Severity(StrEnum):
    """How bad a finding is."""

    WARNING = "warning"
    """Somebody should look after it; nothing was touched."""
    CRITICAL = "critical"
    """Something isn't as custmerge left it."""


class Verdict(IntEnum):
    """The result of an audit; the value is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class CheckName(StrEnum):
    """The checks of an audit, in the order in which they are reported."""

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
    IDENTITIES = "identities"
    REFERENCES = "references"
    TRANSFERS = "transfers"
    FORMS = "forms"
    STAFF = "staff"
    TOKENS = "tokens"
    BATCHES = "batches"
    DISMISSALS = "dismissals"
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
    CheckName.IDENTITIES: N_("customers are found as duplicates by the names that they have"),
    CheckName.REFERENCES: N_(
        "a host's mapping is the one that was attached, and no row of its tables points at a number that was merged "
        "away"
    ),
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
    CheckName.DISMISSALS: N_("pairs that were dismissed as duplicates are as the history has them"),
    CheckName.LOGINS: N_("no unusual number of wrong passwords or locks since the last audit"),
    CheckName.EXPIRY: N_("no service token ends within a week"),
    CheckName.OPEN: N_("no transfer or approval has been left open for long"),
    CheckName.RETENTION: N_("no before-image, signed form or quoted cell is older than the retention setting"),
}


_ABOUT_PEOPLE = (CheckName.STAFF, CheckName.TOKENS)
_ABOUT_REGISTER = (CheckName.TOMBSTONES, CheckName.CIRCLES, CheckName.DOMAINS, CheckName.PACKAGES, CheckName.CONTACTS)


def next_step(check: CheckName) -> str:
    """Return what to do about a critical finding, an English text for translation."""
    if check in _ABOUT_PEOPLE:
        return N_("Disable or revoke it, then look for who had access to the database.")
    if check in _ABOUT_REGISTER:
        return N_("Look the number up with `custmerge history`, and put it right from the last backup.")
    return N_("Keep a copy of the database as it is, and compare with the last backup.")


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


@dataclass(slots=True)
class Findings:
    """The findings of all checks: the first FINDINGS_AT_MOST of each are kept, the rest only counted."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[CheckName] = field(default_factory=Counter)

    def add(self, check: CheckName, subject: str, message: str, **details: str | int) -> None:
        """Add a critical finding."""
        self.keep(Finding(check, Severity.CRITICAL, subject, message, details))

    def warn(self, check: CheckName, subject: str, message: str, **details: str | int) -> None:
        """Add a warning."""
        self.keep(Finding(check, Severity.WARNING, subject, message, details))

    def keep(self, finding: Finding) -> None:
        """Add a finding."""
        self.counts[finding.check] += 1
        if self.counts[finding.check] <= FINDINGS_AT_MOST:
            self.kept.append(finding)

    def extend(self, added: Findings) -> None:
        """Add the findings of another part of the audit."""
        for finding in added.kept:
            self.keep(finding)
        # The findings that the other part only counted.
        self.counts.update(added.counts - Counter(finding.check for finding in added.kept))

    def checked(self, check: CheckName) -> Checked:
        """Return one check with its findings."""
        kept = [finding for finding in self.kept if finding.check is check]
        return Checked(check, kept, self.counts[check] - len(kept))

    def without(self, check: CheckName) -> Findings:
        """Return the findings of all other checks."""
        counts = Counter({name: count for name, count in self.counts.items() if name is not check})
        return Findings([finding for finding in self.kept if finding.check is not check], counts)


@dataclass(frozen=True, slots=True)
class Checked:
    """One check and its findings."""

    check: CheckName
    findings: Sequence[Finding]
    more: int = 0
    """How many findings were only counted, beyond `findings`."""

    @property
    def count(self) -> int:
        """How many findings there are."""
        return len(self.findings) + self.more


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit: every check, the end of the history, how long it took."""

    checks: Sequence[Checked]
    head: Head
    seconds: float

    @property
    def findings(self) -> list[Finding]:
        """Return every finding that is listed, in the order of the checks."""
        return [finding for checked in self.checks for finding in checked.findings]

    @property
    def verdict(self) -> Verdict:
        """Return the verdict for the worst severity among the findings."""
        severities = {finding.severity for finding in self.findings}
        if Severity.CRITICAL in severities:
            return Verdict.CRITICAL
        return Verdict.WARNING if severities else Verdict.OK


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of the history as an audit found it."""

    seq: int
    """The last entry's, 0 for an empty history."""
    hash: str
    """64 lower-case hex digits."""
    at: str
    """When it was audited, see `history.stamp`."""
    signature: str | None
    """Ed25519 over `signed_text`, in base64; None for an unsigned checkpoint."""


def signed_text(checkpoint: Checkpoint) -> str:
    """Return the text that is signed: canonical JSON of the first three keys. Source: RFC 8785."""
    return canonical({"seq": checkpoint.seq, "hash": checkpoint.hash, "at": checkpoint.at})


def checkpoint_line(checkpoint: Checkpoint) -> str:
    """Return a checkpoint as its line, without the line's end."""
    shape: dict[str, str | int] = {"seq": checkpoint.seq, "hash": checkpoint.hash, "at": checkpoint.at}
    if checkpoint.signature is not None:
        shape["signature"] = checkpoint.signature
    return json.dumps(shape)


def read_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a line; raises ValueError if the line isn't a valid checkpoint.

    The signature isn't checked here but by `storage.files.checkpoint_file`.
    """
    try:
        shape = json.loads(text)
    except RecursionError:
        raise ValueError("no checkpoint") from None
    if not isinstance(shape, dict) or list(shape) not in (_KEYS, _SIGNED_KEYS):
        raise ValueError("no checkpoint")
    seq, digest, at, signature = shape["seq"], shape["hash"], shape["at"], shape.get("signature")
    if type(seq) is not int or not 0 <= seq <= LARGEST_SEQ:
        raise ValueError("no seq")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise ValueError("no hash")
    if not isinstance(at, str) or not at.isascii():
        raise ValueError("no moment")
    moment(at)
    if "signature" in shape and not isinstance(signature, str):
        raise ValueError("no signature")
    return Checkpoint(seq, digest, at, signature)


def is_torn_line(text: str) -> bool:
    """Return whether `text` is the beginning of a checkpoint line whose end is missing, as a crash may leave it."""
    digits = re.match("[0-9]*", text.removeprefix(_BEGINNING))
    # If the line ends before the number, any digit completes it.
    seq = digits[0] if text.startswith(_BEGINNING) and digits and digits[0] else "0"
    wholes = (_BEGINNING + seq + _REST + end for end in _ENDS)
    return any(len(text) < len(whole) and _WRITTEN.fullmatch(text + whole[len(text) :]) for whole in wholes)
