"""Bulk files and how far they are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from custmerge.cli.language import (
    _,
    moment,
    word,
)
from custmerge.cli.render.text.records import table_of
from custmerge.rules.bulk import Batch


def batches_table(batches: Sequence[Batch]) -> Table:
    """Return bulk files and how far they are."""
    rows = (
        (b.id, f"{b.done}/{b.rows}", b.merged, word(b.state.value), b.approved_by, b.run_by, moment(b.at))
        for b in batches
    )
    headings = (
        _("Batch"),
        _("Done"),
        _("Merged"),
        _("State"),
        _("Approved by"),
        _("Run by"),
        _("At (UTC)"),
    )
    return table_of(headings, rows)
