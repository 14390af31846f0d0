"""The comparison: both records side by side, what differs marked and coloured."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.render.text.characters import character_remarks, explained, with_remarks
from custmerge.cli.render.text.parts import BLANK, Column, Line, Part, Row, Table, value_or_dash
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import field_label, field_list, sentence
from custmerge.errors import N_
from custmerge.rules.compare import Comparison, Decision, FieldComparison, Status

_MARKS = {
    Status.SAME: literal("="),
    Status.EQUIVALENT: literal("≈"),
    Status.DIFFERENT: literal("≠"),
    Status.BLOCKED: literal("✗"),
}
_WORDS = {
    "=": N_("the same"),
    "≈": N_("written differently"),
    "≠": N_("different"),
    "✗": N_("different, stands in the way"),
}
_STYLES = {Status.DIFFERENT: Style.NOTICE, Status.BLOCKED: Style.PROBLEM}


def comparison_parts(comparison: Comparison, *, all_rows: bool, has_verdict: bool = True) -> list[Part]:
    """Return the table and, unless it is said elsewhere, the sentence below it.

    Equal rows are folded into one line unless `all_rows`.
    """
    rows = [line for line in comparison.fields if all_rows or line.status is not Status.SAME]
    folded = [line.field for line in comparison.fields if line not in rows]
    parts: list[Part] = [_table(comparison, rows)] if rows else []
    if folded:
        equal = _("equal: {fields}").format(fields=field_list(folded))
        parts.append(literal(" = {equal}").format(equal=equal))
    parts.append(BLANK)
    if comparison.transfer is not None:
        lifted = _(
            "Contract transfer {id} is approved for this pair: it stands in for what differs in identity, once."
        )
        parts.append(Line(literal("✓ {lifted}").format(lifted=lifted.format(id=comparison.transfer)), Style.GOOD))
    return [*parts, _verdict(comparison)] if has_verdict else parts


def _table(comparison: Comparison, lines: Sequence[FieldComparison]) -> Table:
    heading = literal("{number}\n{part}")
    columns = (
        Column(literal(""), is_key=True, words={mark: _(_WORDS[mark]) for mark in _WORDS}),
        Column(_("Field"), is_key=True),
        Column(heading.format(number=comparison.survivor, part=_("kept")), is_wide=True),
        Column(heading.format(number=comparison.absorbed, part=_("taken over")), is_wide=True),
    )
    rows = [
        Row(
            (
                _MARKS[line.status],
                field_label(line.field),
                _value(line.status, line.survivor, line.absorbed),
                _value(line.status, line.absorbed, line.survivor),
            ),
            _STYLES.get(line.status),
        )
        for line in lines
    ]
    return Table(columns, rows)


def _value(status: Status, value: str, other: str) -> SafeText:
    """Return a value; where it differs, with the characters below it that nobody sees or takes for other letters."""
    if status not in _STYLES:
        return explained(value)
    # Masked account numbers alone look alike and are different.
    remarks = [_("differs where it is masked")] if value == other else character_remarks(value, other)
    return with_remarks(value_or_dash(value), remarks)


def _verdict(comparison: Comparison) -> Line:
    match comparison.decision:
        case Decision.BLOCKED:
            return Line(literal("✗ {blocked}").format(blocked=sentence(comparison.block)), Style.PROBLEM)
        case Decision.CHOOSE:
            differ = _("The records differ in {fields}: adopt the data of {survivor}, or keep each.").format(
                fields=field_list(comparison.different), survivor=comparison.survivor
            )
            return Line(literal("≠ {differ}").format(differ=differ), Style.NOTICE)
        case Decision.IDENTICAL:
            same = (
                _("Both records say the same: the order can be executed.")
                if comparison.is_identical
                else _("Details don't differ: the order can be executed.")
            )
            return Line(literal("= {same}").format(same=same), Style.GOOD)
