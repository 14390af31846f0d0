"""Bulk files: how far they are, what a run did or would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.render.text.parts import Table, moments
from custmerge.cli.words import moment, word
from custmerge.rules.bulk import Batch, Result


def batches_table(batches: Sequence[Batch]) -> Table:
    """Return bulk files and how far they are, a line each."""
    rows = [
        (b.id, f"{b.done}/{b.rows}", b.merged, word(b.state.value), b.approved_by, b.run_by, moment(b.at))
        for b in batches
    ]
    columns = (
        *(_("Batch"), _("Done"), _("Merged"), _("State")),
        *(_("Approved by"), _("Run by"), moments(_("At"))),
    )
    return Table(columns, rows)


def would_be_lines(counts: Mapping[Result, int]) -> list[SafeText]:
    """Return what a run would come to, in words that nobody takes for what it did."""
    return _lines(counts, {Result.MERGED: _("would be merged"), Result.REFUSED: _("would be refused")})


def count_lines(counts: Mapping[Result, int]) -> list[SafeText]:
    """Return what a run came to."""
    return _lines(counts, {})


def _lines(counts: Mapping[Result, int], words: Mapping[Result, SafeText]) -> list[SafeText]:
    return [
        literal("{count:>9}  {result}").format(count=counts[result], result=words.get(result) or word(result.value))
        for result in Result
        if counts.get(result)
    ]
