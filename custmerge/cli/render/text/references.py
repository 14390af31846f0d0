"""Which rows of a host's tables follow in an order."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, literal, ngettext, visible
from custmerge.rules.mapping import Policy
from custmerge.rules.references.counts import ReferenceCount


def reference_lines(references: Sequence[ReferenceCount]) -> list[SafeText]:
    """Return for each reference of a host's tables what follows, what is dropped, and why."""
    return [_reference_line(reference) for reference in references]


def _rows_of(reference: ReferenceCount) -> SafeText:
    """Return how many rows of a reference follow, and how many go because the other number has the same."""
    parts = []
    if reference.rows or not reference.dropped:
        follow = ngettext("{count} row follows", "{count} rows follow", reference.rows)
        parts.append(follow.format(count=reference.rows))
    if reference.dropped:
        if reference.policy is Policy.ADD:
            dropped = ngettext(
                "{count} row is added up with the other number's",
                "{count} rows are added up with the other number's",
                reference.dropped,
            )
        else:
            dropped = ngettext("{count} row is dropped", "{count} rows are dropped", reference.dropped)
        parts.append(dropped.format(count=reference.dropped))
    return literal("{column}: {parts}").format(column=visible(reference.column), parts=literal(", ").join(parts))


def _reference_line(reference: ReferenceCount) -> SafeText:
    line = _rows_of(reference)
    if reference.why:
        line = literal("{line} ({why})").format(line=line, why=visible(reference.why))
    if not reference.are_credentials:
        return line
    careful = _("{line}. Careful: these look like credentials, and open the account of the survivor afterwards.")
    return careful.format(line=line)
