"""Bulk files: how far they are, what a run did or would do."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.bulk import Batch, Result
from custmerge.services.bulk.file import RunSummary

BATCH_COLUMNS = ("batch", "rows", "done", "merged", "state", "approved_by", "run_by", "at")


def batch_shape(batch: Batch) -> Shape:
    """Return how far a bulk file is."""
    return {
        "batch": batch.id,
        "rows": batch.rows,
        "done": batch.done,
        "merged": batch.merged,
        "state": batch.state.value,
        "approved_by": batch.approved_by,
        "run_by": batch.run_by,
        "at": batch.at,
    }


def run_shape(run: RunSummary, seconds: float, report: str | None) -> Shape:
    """Return what a bulk run came to."""
    well_or_failed = (Result.MERGED, Result.ALREADY, Result.FAILED)
    return {
        "batch": run.batch,
        "rows": run.rows,
        "merged": run.counts.get(Result.MERGED, 0),
        "already": run.counts.get(Result.ALREADY, 0),
        "refused": sum(count for result, count in run.counts.items() if result not in well_or_failed),
        "failed": run.counts.get(Result.FAILED, 0),
        "seconds": round(seconds, 3),
        "report": report,
    }


def check_shape(run: RunSummary, report: str | None) -> Shape:
    """Return what a bulk run would come to."""
    return {"rows": run.rows, "sha256": run.sha256, "counts": _counts(run), "report": report}


def approval_shape(approved: Batch, dry_run: RunSummary) -> Shape:
    """Return what was approved, with what a run would come to."""
    return {**batch_shape(approved), "sha256": approved.sha256, "counts": _counts(dry_run)}


def approval_row(approved: Batch, dry_run: RunSummary) -> Shape:
    """Return the same as one flat row: `merged` is what was done, `would_be_merged` what a run would do."""
    would_be = {f"would_be_{status}": count for status, count in _counts(dry_run).items()}
    return {**batch_shape(approved), "sha256": approved.sha256, **would_be}


def _counts(run: RunSummary) -> Shape:
    return {result.value: run.counts.get(result, 0) for result in Result}
