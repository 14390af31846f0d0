"""The contract transfer: the signed form that lifts an identity block once (contract §2, rule 5).

Rows can be changed by hand, so the newest history entry decides what the status of a transfer is.
Source: the article, "ein unterschriebenes Formular der Vertragsübergabe".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from custmerge.errors import N_, BadFile
from custmerge.rules.fields import Customer, Records
from custmerge.rules.history import Action, Actor, Cell, Draft, Fact, Facts, row_digest, seq_of

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
STATUS_AFTER: Mapping[Action, Status] = {
    Action.TRANSFER_FILE: Status.FILED,
    Action.TRANSFER_APPROVE: Status.APPROVED,
    Action.TRANSFER_REJECT: Status.REJECTED,
    Action.TRANSFER_VOID: Status.VOID,
    Action.MERGE: Status.USED,
}
"""The status of a transfer after an entry that names it."""
DECISIONS = (Action.TRANSFER_APPROVE, Action.TRANSFER_REJECT)
# Columns, in the order of the digests.
_FILED = (
    *("id", "survivor", "absorbed", "filed_by", "filed_by_person", "at"),
    *("sha256", "size", "type", "salt", "identity_sha256"),
)
DECIDED = ("decided_by", "decided_by_person", "decided_at", "reason")
"""Columns that a decision fills."""


class Why(StrEnum):
    """Why a transfer became void, as its history entry says."""

    IDENTITY_CHANGED = "identity_changed"
    """An identity field of a record was changed after the filing."""
    NUMBER_MERGED = "number_merged"
    """One of the numbers was merged into another number."""
    FILER_DISABLED = "filer_disabled"
    FILER_ROLE = "filer_role"
    """The role of the person who filed it doesn't allow that any more."""
    APPROVER_DISABLED = "approver_disabled"
    APPROVER_ROLE = "approver_role"
    NOT_AS_TOLD = "not_as_told"
    """Its row doesn't match the history."""
    WITHDRAWN = "withdrawn"
    """The person who filed it withdrew it."""
    OLDER_VERSION = "older_version"
    """An older version made it void without writing an entry."""


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
        """The values that every history entry about the transfer has."""
        pair: dict[str, Fact] = {"survivor": self.survivor, "absorbed": self.absorbed}
        return pair | {"transfer": self.id, "form_sha256": self.form.sha256}

    @property
    def row(self) -> dict[str, Cell]:
        """The cells of its row by column."""
        cells = asdict(self)
        return {**cells.pop("form"), **cells}


@dataclass(frozen=True, slots=True)
class TransferHistory:
    """What the history says about one contract transfer."""

    status: Status
    """The status after the newest entry."""
    filed: int
    """The seq of the filing's entry, 0 if there is none."""
    decided: int
    """The seq of the newest decision's entry, 0 if there is none."""
    filing_digest: str | None
    decision_digest: str | None
    """The digest of the newest decision."""


def transfer_history(entries: Iterable[Facts]) -> TransferHistory | None:
    """Return what `entries`, oldest first, say about the one transfer that they name; None without entries."""
    newest: dict[Action, int] = {}
    digests: dict[Action, str] = {}
    status = None
    for facts in entries:
        action = Action(str(facts["action"]))
        if "row_sha256" in facts:
            digests[action] = str(facts["row_sha256"])
        # An entry that only adds the digest which an older version didn't write changes no status.
        if facts.get("did") != "seal":
            newest[action] = seq_of(facts)
            status = STATUS_AFTER[action]
    if status is None:
        return None
    decision = max(DECISIONS, key=lambda action: newest.get(action, 0))
    return TransferHistory(
        status=status,
        filed=newest.get(Action.TRANSFER_FILE, 0),
        decided=newest.get(decision, 0),
        filing_digest=digests.get(Action.TRANSFER_FILE),
        decision_digest=digests.get(decision),
    )


def read_form(content: bytes, *, file: str) -> Form:
    """Return the digest, size and type of a form; raises BadFile, naming `file`, if it is too large or no form."""
    if len(content) > LARGEST_FORM_BYTES:
        raise BadFile(file=file, why=N_("is larger than 20 MB"))
    if (kind := form_type(content)) is None:
        raise BadFile(file=file, why=N_("is no PDF, TIFF, PNG or JPEG file"))
    return Form(hashlib.sha256(content).hexdigest(), len(content), kind)


def form_type(content: bytes) -> str | None:
    """Return the media type of a form by its content; None if it is no PDF, TIFF, PNG or JPEG."""
    return next((name for signature, name in _SIGNATURES if content.startswith(signature)), None)


def identity_digest(salt: bytes, survivor: Customer, absorbed: Customer) -> str:
    """Return the salted SHA-256 of the numbers and identity fields of a pair, in hex."""
    identities = [[record.number, *record.identity] for record in (survivor, absorbed)]
    return hashlib.sha256(salt + json.dumps(identities).encode()).hexdigest()


def is_as_filed(content: object, sha256: str) -> bool:
    """Return whether a stored form has the digest that was filed."""
    return isinstance(content, bytes) and hashlib.sha256(content).hexdigest() == sha256


def approved_now(transfer: Transfer | None, records: Records) -> int | None:
    """Return the id of `transfer` if it is approved, given its pair's present records; else None."""
    return None if transfer is None or status_now(transfer, records) is not Status.APPROVED else transfer.id


def status_now(transfer: Transfer, records: Records) -> Status:
    """Return the status of a transfer, given its pair's present records, which may make an open transfer void."""
    if transfer.status not in OPEN:
        return transfer.status
    survivor, absorbed = records.get(transfer.survivor), records.get(transfer.absorbed)
    if survivor is None or absorbed is None or survivor.merged_into or absorbed.merged_into:
        return Status.VOID
    unchanged = identity_digest(transfer.salt, survivor, absorbed) == transfer.identity_sha256
    return transfer.status if unchanged else Status.VOID


def why_lost(role: str | None, *, is_approver: bool) -> Why:
    """Return why a transfer is void whose filer or approver is disabled (`role` is None) or has another role."""
    if role is None:
        return Why.APPROVER_DISABLED if is_approver else Why.FILER_DISABLED
    return Why.APPROVER_ROLE if is_approver else Why.FILER_ROLE


def void_entries(transfers: Iterable[Transfer], why: Why, by: Actor, at: str) -> list[Draft]:
    """Return the history entries of transfers that became void, one each, in the order of their ids."""
    drafts = []
    for transfer in sorted(transfers, key=lambda transfer: transfer.id):
        facts = {**transfer.facts, "why": why.value, "row_sha256": void_digest(transfer.row, why.value)}
        drafts.append(Draft(at, by, Action.TRANSFER_VOID, facts))
    return drafts


def filing_digest(row: Mapping[str, Cell]) -> str:
    """Return the digest of a contract transfer as it was filed."""
    return row_digest("transfer", *(_salt(row[name]) if name == "salt" else row[name] for name in _FILED))


def decision_digest(row: Mapping[str, Cell], status: Status) -> str:
    """Return the digest of a decision about a transfer, with its reason, where `status` was decided."""
    return row_digest("decision", row["id"], _salt(row["salt"]), status.value, *(row[name] for name in DECIDED))


def void_digest(row: Mapping[str, Cell], why: str | None) -> str:
    """Return the digest of a contract transfer that became void."""
    return row_digest("void", row["id"], row["survivor"], row["absorbed"], _salt(row["salt"]), why)


def _salt(cell: Cell) -> Cell:
    """Return a salt as it goes into a digest; a value that isn't bytes never gives the digest of bytes."""
    return cell.hex() if isinstance(cell, bytes) else f"no bytes: {cell!r}"
