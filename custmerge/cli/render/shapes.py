"""Values as scripts see them: the shapes of contract §4, key by key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from custmerge.rules.audit import Verdict
from custmerge.rules.bulk import Result
from custmerge.rules.compare import Decision
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, IDENTITY_FIELDS
from custmerge.rules.history import NO_HASH
from custmerge.rules.records import CONTACT_COLUMNS, contact_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custmerge.rules.audit import Audit, CheckName
    from custmerge.rules.bulk import Batch
    from custmerge.rules.compare import Comparison
    from custmerge.rules.fields import Customer, Package
    from custmerge.rules.history import Entry
    from custmerge.rules.people import Person, Proof, Service
    from custmerge.rules.plan import Order
    from custmerge.rules.transfers import Transfer
    from custmerge.services.access import Caller
    from custmerge.services.bulk.file import RunSummary
    from custmerge.services.doctor import Check
    from custmerge.services.find import Profile
    from custmerge.services.history import Event
    from custmerge.services.imports import Imported
    from custmerge.services.merge.orders import Receipt
    from custmerge.services.purge import Purged

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
Shape: TypeAlias = dict[str, Json]

SERVICE_COLUMNS = ("name", "role", "created_by", "created_at", "expires_at", "revoked_at")
TRANSFER_COLUMNS = (
    *("id", "survivor", "absorbed", "status", "filed_by", "decided_by", "reason"),
    *("sha256", "size", "type", "at"),
)
BATCH_COLUMNS = ("batch", "rows", "done", "merged", "state", "approved_by", "run_by", "at")
ENTRY_COLUMNS = ("seq", "at", "by", "action", "order", "survivor", "absorbed", "choice", "hash", "body")


def whoami(caller: Caller) -> Shape:
    """Return who is logged in."""
    return {
        "kind": "customer" if caller.is_customer else "staff",
        "number": caller.name if caller.is_customer else None,
        "name": None if caller.is_customer else caller.name,
        "role": caller.role.value,
        "expires_at": caller.expires_at,
    }


def verified(proof: Proof) -> Shape:
    """Return a proof that holds."""
    return {
        "survivor": proof.survivor,
        "absorbed": proof.absorbed,
        "domain": proof.domain,
        "verified": True,
        "valid_until": proof.valid_until,
    }


def diff(comparison: Comparison) -> Shape:
    """Return a comparison with its eleven fields."""
    return {
        "survivor": comparison.survivor,
        "absorbed": comparison.absorbed,
        "identical": comparison.is_identical,
        "mergeable": comparison.decision is not Decision.BLOCKED,
        "blocked_by": [field.value for field in comparison.blocked_by],
        "transfer": comparison.transfer,
        "fields": diff_fields(comparison),
    }


def diff_fields(comparison: Comparison) -> list[Shape]:
    """Return the eleven fields of a comparison, one object each."""
    return [
        {
            "field": line.field.value,
            "group": "identity" if line.field in IDENTITY_FIELDS else "detail",
            "survivor": line.survivor,
            "absorbed": line.absorbed,
            "status": line.status.value,
        }
        for line in comparison.fields
    ]


def merge(receipt: Receipt) -> Shape:
    """Return what an order did."""
    return {
        "order": receipt.order,
        "survivor": receipt.survivor,
        "absorbed": receipt.absorbed,
        "choice": receipt.choice.value,
        "taken": [field.value for field in receipt.taken],
        "moved": {"packages": list(receipt.packages), "domains": list(receipt.domains)},
        "at": receipt.at,
        "by": receipt.by,
        "dry_run": receipt.dry_run,
    }


def merge_row(receipt: Receipt) -> Shape:
    """Return what an order did as one flat row."""
    return {
        **{key: value for key, value in merge(receipt).items() if key != "moved"},
        "packages": list(receipt.packages),
        "domains": list(receipt.domains),
    }


def event(entry: Event) -> Shape:
    """Return a history entry as it is listed."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "by": entry.by,
        "action": entry.action,
        "order": entry.order,
        "survivor": entry.survivor,
        "absorbed": entry.absorbed,
        "choice": entry.choice,
        "hash": entry.hash,
    }


def customer(record: Customer) -> Shape:
    """Return a record: as an exported line, and as `find` and `show` begin."""
    return {
        "number": record.number,
        **{field.value: record[field] for field in FIELDS},
        "merged_into": record.merged_into,
    }


def customer_columns() -> list[str]:
    """Return the keys of `customer`, for a list that may be empty."""
    return ["number", *FIELDS, "merged_into"]


def package(found: Package) -> Shape:
    """Return a package as an exported line."""
    details = _package_details(found)
    return {
        "package": found.package,
        "number": found.number,
        "name": found.name,
        "domains": details["domains"],
        "contact": details["contact"],
    }


def package_row(found: Package) -> Shape:
    """Return a package as `import packages` reads it."""
    return {
        "package": found.package,
        "number": found.number,
        "name": found.name,
        "domains": list(found.domains),
        **dict(zip(CONTACT_COLUMNS, contact_cells(found.contact), strict=True)),
    }


def exported(shape: Shape, password_hash: str | None, *, with_hashes: bool) -> Shape:
    """Return an exported line with its password hash where it is asked for."""
    return {**shape, "password_hash": password_hash} if with_hashes else shape


def entry(found: Entry) -> Shape:
    """Return a history entry as anyone can verify it (contract §7)."""
    return {"body": json.loads(found.body), "hash": found.hash}


def entry_row(found: Entry) -> Shape:
    """Return a history entry as one flat row; `body` is the canonical text that was hashed."""
    body = json.loads(found.body)
    return {**{key: body.get(key) for key in ENTRY_COLUMNS[:-2]}, "hash": found.hash, "body": found.body}


def profile(found: Profile) -> Shape:
    """Return all there is about one number."""
    record = customer(found.customer)
    return {
        "number": record.pop("number"),
        "merged_into": record.pop("merged_into"),
        **record,
        "packages": [{"package": p.package, **_package_details(p)} for p in found.packages],
        "orders": [order(done) for done in found.orders],
    }


def order(done: Order) -> Shape:
    """Return an order as `show` lists it."""
    return {
        "order": done.order,
        "survivor": done.survivor,
        "absorbed": done.absorbed,
        "choice": done.choice.value,
        "taken": [field.value for field in done.taken],
        "at": done.at,
        "by": done.by,
    }


def person(found: Person) -> Shape:
    """Return somebody who works here."""
    return {
        "name": found.name,
        "role": found.role.value,
        "created_at": found.created_at,
        "disabled_at": found.disabled_at,
    }


def service(found: Service) -> Shape:
    """Return a service token."""
    return {
        "name": found.name,
        "role": found.role.value,
        "created_by": found.created_by_name,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "revoked_at": found.revoked_at,
    }


def created_service(made: Service, token: str) -> Shape:
    """Return a service token that was just made, with the token itself: the only copy that there is."""
    return {
        "name": made.name,
        "role": made.role.value,
        "created_by": made.created_by_name,
        "created_at": made.created_at,
        "expires_at": made.expires_at,
        "token": token,
    }


def transfer(found: Transfer) -> Shape:
    """Return a contract transfer."""
    return {
        "id": found.id,
        "survivor": found.survivor,
        "absorbed": found.absorbed,
        "status": found.status.value,
        "filed_by": found.filed_by,
        "decided_by": found.decided_by,
        "reason": found.reason,
        "sha256": found.form.sha256,
        "size": found.form.size,
        "type": found.form.type,
        "at": found.at,
    }


def batch(found: Batch) -> Shape:
    """Return how far a bulk file is."""
    return {
        "batch": found.id,
        "rows": found.rows,
        "done": found.done,
        "merged": found.merged,
        "state": found.state.value,
        "approved_by": found.approved_by,
        "run_by": found.run_by,
        "at": found.at,
    }


def bulk_ran(ran: RunSummary, seconds: float, report: str | None) -> Shape:
    """Return what a bulk run came to."""
    well_or_failed = (Result.MERGED, Result.ALREADY, Result.FAILED)
    return {
        "batch": ran.batch,
        "rows": ran.rows,
        "merged": ran.counts.get(Result.MERGED, 0),
        "already": ran.counts.get(Result.ALREADY, 0),
        "refused": sum(count for result, count in ran.counts.items() if result not in well_or_failed),
        "failed": ran.counts.get(Result.FAILED, 0),
        "seconds": round(seconds, 3),
        "report": report,
    }


def bulk_checked(ran: RunSummary, report: str | None) -> Shape:
    """Return what a bulk run would come to."""
    return {"rows": ran.rows, "sha256": ran.sha256, "counts": _counts(ran), "report": report}


def bulk_checked_row(ran: RunSummary, report: str | None) -> Shape:
    """Return what a bulk run would come to as one flat row, a column a status."""
    return {"rows": ran.rows, "sha256": ran.sha256, **_counts(ran), "report": report}


def bulk_approved(found: Batch, ran: RunSummary) -> Shape:
    """Return what was approved."""
    return {**batch(found), "sha256": found.sha256, "counts": _counts(ran)}


def bulk_approved_row(found: Batch, ran: RunSummary) -> Shape:
    """Return what was approved as one flat row: `merged` is what was done, `would_be_merged` what a run would do."""
    counts = {f"would_be_{status}": count for status, count in _counts(ran).items()}
    return {**batch(found), "sha256": found.sha256, **counts}


def _counts(ran: RunSummary) -> Shape:
    return {result.value: ran.counts.get(result, 0) for result in Result}


def purged(done: Purged) -> Shape:
    """Return what a purge erased, or would erase."""
    erased = {"orders": done.orders, "forms": done.forms, "reasons": done.reasons, "rows": done.rows}
    return {"until": done.until, **erased, "dry_run": done.dry_run}


def imported(done: Imported) -> Shape:
    """Return what an import did."""
    skipped = {} if done.skipped is None else {"skipped": done.skipped}
    return {"kind": done.kind, "rows": done.rows, "added": done.added, "updated": done.updated, **skipped}


def check(found: Check, message: str) -> Shape:
    """Return one of doctor's findings with its sentence."""
    return {"check": found.check, "ok": found.ok, "message": message}


def audit(done: Audit, messages: Sequence[str]) -> Shape:
    """Return what an audit came to; `messages` are the sentences of its findings, in their order."""
    return {
        "status": done.verdict.name.lower(),
        "entries": done.head.seq,
        "checks": [{"check": c.check.value, "ok": c.count == 0, "findings": c.count} for c in done.checks],
        "findings": [
            {"check": f.check.value, "severity": f.severity.value, "subject": f.subject, "message": message}
            for f, message in zip(done.findings, messages, strict=True)
        ],
        "head": {"seq": done.head.seq, "hash": done.head.hash},
        "seconds": round(done.seconds, 3),
    }


def audit_unknown() -> Shape:
    """Return what an audit says that couldn't look."""
    return {
        "status": Verdict.UNKNOWN.name.lower(),
        "entries": 0,
        "checks": [],
        "findings": [],
        "head": {"seq": 0, "hash": NO_HASH},
        "seconds": 0.0,
    }


def audit_check(name: CheckName, description: str) -> Shape:
    """Return a check that there is."""
    return {"check": name.value, "description": description}


def _package_details(found: Package) -> Shape:
    contact: Json = None
    if found.contact is not None:
        contact = {field.value: value for field, value in zip(DETAIL_FIELDS, found.contact, strict=True)}
    return {"name": found.name, "contact": contact, "domains": list(found.domains)}
