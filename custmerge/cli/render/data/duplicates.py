"""Candidates and dismissals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.duplicates.candidate import Candidate
from custmerge.rules.duplicates.dismissal import Dismissal
from custmerge.rules.fields import Pair

if TYPE_CHECKING:
    from custmerge.services.duplicates.dismissals import Dismissed

BULK_COLUMNS = ("survivor", "absorbed", "choice", "take")
"""Without a password: a file that has none is checked as an approved one, and not run before it is approved."""
DISMISSED_COLUMNS = ("number", "other", "reason", "by", "at", "holds")


def candidate_shape(candidate: Candidate) -> Shape:
    """Return a candidate (contract §4)."""
    return {
        "survivor": candidate.survivor,
        "absorbed": candidate.absorbed,
        "kind": candidate.kind.value,
        "probability": candidate.probability,
        "why": [*candidate.why, *_earlier(candidate)],
        "identity": candidate.identity.value,
        "packages": candidate.packages,
        "via": candidate.via,
    }


def _earlier(candidate: Candidate) -> list[str]:
    if candidate.dismissal is None:
        return []
    third = candidate.dismissed_third
    what = "dismissed before" if third is None else f"dismissed from {third} before"
    return [f"{what}: {candidate.dismissal.reason or 'the reason was purged'}"]


def bulk_cells(pair: Pair) -> tuple[str, str, str, str]:
    """Return a pair as a row of a bulk file (contract §6); who reviews it fills in what is empty."""
    return *pair, "", ""


def dismissal_shape(dismissal: Dismissal) -> Shape:
    """Return a pair that is two customers."""
    return {
        "number": dismissal.number,
        "other": dismissal.other,
        "reason": dismissal.reason,
        "by": dismissal.by,
        "at": dismissal.at,
    }


def dismissed_shape(dismissed: Dismissed) -> Shape:
    """Return the same, and whether it still keeps the pair out of searches."""
    return {**dismissal_shape(dismissed.dismissal), "holds": dismissed.holds}
