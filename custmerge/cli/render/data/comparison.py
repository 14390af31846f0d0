"""The comparison of two records."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.compare import Comparison, Decision
from custmerge.rules.fields import IDENTITY_FIELDS


def comparison_shape(comparison: Comparison) -> Shape:
    """Return a comparison with its eleven fields."""
    return {
        "survivor": comparison.survivor,
        "absorbed": comparison.absorbed,
        "identical": comparison.is_identical,
        "mergeable": comparison.decision is not Decision.BLOCKED,
        "blocked_by": [field.value for field in comparison.blocked_by],
        "transfer": comparison.transfer,
        "fields": field_shapes(comparison),
    }


def field_shapes(comparison: Comparison) -> list[Shape]:
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
