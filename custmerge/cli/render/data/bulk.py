"""Bulk files: how far they are, what a run did or would do."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.bulk import Batch, Result
from custmerge.services.bulk.inputs import Ran

BATCH_COLUMNS = ("batch", "rows", "done", "merged", "state", "approved_by", "run_by", "at")


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


def bulk_ran(ran: Ran, seconds: float, report: str | None) -> Shape:
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


def bulk_checked(ran: Ran, report: str | None) -> Shape:
    """Return what a bulk run would come to."""
    return {"rows": ran.rows, "sha256": ran.sha256, "counts": _counts(ran), "report": report}


def bulk_checked_row(ran: Ran, report: str | None) -> Shape:
    """Return what a bulk run would come to as one flat row, a column a status."""
    return {"rows": ran.rows, "sha256": ran.sha256, **_counts(ran), "report": report}


def bulk_approved(found: Batch, ran: Ran) -> Shape:
    """Return what was approved."""
    return {**batch(found), "sha256": found.sha256, "counts": _counts(ran)}


def bulk_approved_row(found: Batch, ran: Ran) -> Shape:
    """Return what was approved as one flat row: `merged` is what was done, `would_be_merged` what a run would do."""
    counts = {f"would_be_{status}": count for status, count in _counts(ran).items()}
    return {**batch(found), "sha256": found.sha256, **counts}


def _counts(ran: Ran) -> Shape:
    return {result.value: ran.counts.get(result, 0) for result in Result}
