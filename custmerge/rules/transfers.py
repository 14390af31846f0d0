"""The contract transfer: the signed form that lifts an identity block once (contract §2, rule 5).

Source: the article, "ein unterschriebenes Formular der Vertragsübergabe".
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from custmerge.rules.fields import Customer, Records
from custmerge.rules.history import Fact

LARGEST_FORM_BYTES = 20 * 1024 * 1024
# Source: ISO 32000 (PDF), TIFF 6.0, RFC 2083 (PNG), ITU-T T.81 (JPEG).
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)


class Status(StrEnum):
    """The status of a transfer."""

    FILED = "filed"
    APPROVED = "approved"
    REJECTED = "rejected"
    USED = "used"
    """One order has used it; it can be used once."""
    VOID = "void"
    """It can never be used again, see `Why`."""


OPEN = (Status.FILED, Status.APPROVED)


class Why(StrEnum):
    """Why a transfer became void, as its history entry says."""

    IDENTITY_CHANGED = "identity_changed"
    """An identity field of a record was changed after the filing."""
    NUMBER_MERGED = "number_merged"
    """One of the numbers went elsewhere."""
    FILER_DISABLED = "filer_disabled"
    FILER_ROLE = "filer_role"
    """The role of the person who filed it doesn't allow that any more."""
    APPROVER_DISABLED = "approver_disabled"
    APPROVER_ROLE = "approver_role"
    NOT_AS_TOLD = "not_as_told"
    """Its row isn't as the history has it."""
    OLDER_VERSION = "older_version"
    """Made void by a version that wrote no entry of it."""


@dataclass(frozen=True, slots=True)
class Form:
    """A signed form as it was filed."""

    sha256: str
    size: int
    """In bytes."""
    type: str
    """A media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A filed form, and its decision."""

    id: int
    survivor: str
    absorbed: str
    status: Status
    filed_by: str
    filed_by_person: int
    """The id of the person, which no change of name or role changes."""
    at: str
    form: Form
    salt: bytes
    identity_sha256: str
    decided_by: str | None = None
    decided_by_person: int | None = None
    decided_at: str | None = None
    reason: str | None = None
    """The reason for a rejection."""

    @property
    def facts(self) -> dict[str, Fact]:
        """What every history entry about the transfer says."""
        pair: dict[str, Fact] = {"survivor": self.survivor, "absorbed": self.absorbed}
        return pair | {"transfer": self.id, "form_sha256": self.form.sha256}


@dataclass(frozen=True, slots=True)
class Decision:
    """A supervisor's decision on a transfer."""

    status: Status
    """APPROVED or REJECTED."""
    by: str
    person: int
    """The id of the person, see `Transfer.filed_by_person`."""
    at: str
    reason: str | None


def form_type(content: bytes) -> str | None:
    """Return the media type of a form by its content; None if it is no PDF, TIFF, PNG or JPEG."""
    return next((name for signature, name in _SIGNATURES if content.startswith(signature)), None)


def identity_digest(salt: bytes, survivor: Customer, absorbed: Customer) -> str:
    """Return the salted SHA-256 of the numbers and identity fields of a pair, in hex."""
    identities = [[record.number, *record.identity] for record in (survivor, absorbed)]
    return hashlib.sha256(salt + json.dumps(identities).encode()).hexdigest()


def is_as_filed(content: object, sha256: str) -> bool:
    """Return whether what is stored as a form is, byte for byte, the one whose digest was filed."""
    return isinstance(content, bytes) and hashlib.sha256(content).hexdigest() == sha256


def approved_now(transfer: Transfer | None, records: Records) -> int | None:
    """Return the id of a transfer that is approved, given its pair's records as they are now; None where none is."""
    return None if transfer is None or status_now(transfer, records) is not Status.APPROVED else transfer.id


def status_now(transfer: Transfer, records: Records) -> Status:
    """Return the status of a transfer, given its pair's records as they are now: they may make an open one void."""
    if transfer.status not in OPEN:
        return transfer.status
    survivor, absorbed = records.get(transfer.survivor), records.get(transfer.absorbed)
    if survivor is None or absorbed is None or survivor.merged_into or absorbed.merged_into:
        return Status.VOID
    unchanged = identity_digest(transfer.salt, survivor, absorbed) == transfer.identity_sha256
    return transfer.status if unchanged else Status.VOID
