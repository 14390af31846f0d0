"""The comparison: both records side by side, what differs marked and coloured."""

from __future__ import annotations

import re
from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, field_label, field_list, literal, sentence
from custmerge.cli.render.text.parts import BLANK, Column, Line, Part, Table, value_or_dash
from custmerge.errors import N_, IdentityBlocked
from custmerge.rules.characters import composed, foreign_letters, is_hidden, look_alikes, script
from custmerge.rules.compare import Comparison, Decision, FieldComparison, Status

_MARKS = {
    Status.SAME: literal("="),
    Status.EQUIVALENT: literal("≈"),
    Status.DIFFERENT: literal("≠"),
    Status.BLOCKED: literal("✗"),
}
_STYLES = {
    Status.SAME: "dim",
    Status.EQUIVALENT: "cyan",
    Status.DIFFERENT: "bold yellow",
    Status.BLOCKED: "bold reverse red",
}
_REMARK_STYLES = {Status.DIFFERENT: "yellow", Status.BLOCKED: "red"}
REMARKS_AT_MOST = 5
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "CYRILLIC": N_("Cyrillic {letter}"),
    "GREEK": N_("Greek {letter}"),
    "ARMENIAN": N_("Armenian {letter}"),
    "CHEROKEE": N_("Cherokee {letter}"),
}


def comparison_parts(comparison: Comparison, *, all_rows: bool) -> list[Part]:
    """Return the table and the sentence below it; equal rows are folded into one line unless `all_rows`."""
    rows = [line for line in comparison.fields if all_rows or line.status is not Status.SAME]
    folded = [line.field for line in comparison.fields if line not in rows]
    parts: list[Part] = [_table(comparison, rows)] if rows else []
    if folded:
        equal = _("equal: {fields}").format(fields=field_list(folded))
        parts.append(Line(literal(" = {equal}").format(equal=equal), _STYLES[Status.SAME]))
    parts.append(BLANK)
    if comparison.transfer is not None:
        lifted = _(
            "Contract transfer {id} is approved for this pair: it stands in for what differs in identity, once."
        )
        parts.append(Line(literal("✓ {lifted}").format(lifted=lifted.format(id=comparison.transfer)), "green"))
    return [*parts, _verdict(comparison)]


def character_remarks(value: str, other: str) -> list[SafeText]:
    """Return for a value that differs from another one what its characters are that people can't tell, each once.

    They are what is drawn as nothing, white space but the plain one that the other value doesn't have, and letters
    that are drawn like those of another script.
    """
    if value != other and composed(value) == composed(other):
        return [_("the same letters, composed in another way")]
    strange = look_alikes(value, other).union(*(foreign_letters(word) for word in _WORD.findall(value)))
    remarks = [
        remark for character in dict.fromkeys(composed(value)) if (remark := _remark(character, other, strange))
    ]
    return remarks if len(remarks) <= REMARKS_AT_MOST else [*remarks[:REMARKS_AT_MOST], literal("…")]


def _table(comparison: Comparison, lines: Sequence[FieldComparison]) -> Table:
    heading = literal("{number}\n{part}")
    columns = (
        Column(literal(""), is_mark=True),
        Column(_("Field")),
        Column(heading.format(number=comparison.survivor, part=_("kept")), is_wide=True),
        Column(heading.format(number=comparison.absorbed, part=_("taken over")), is_wide=True),
    )
    rows = [
        (
            Line(_MARKS[line.status], _STYLES[line.status]),
            Line(field_label(line.field), _STYLES[line.status]),
            _value(line.status, line.survivor, line.absorbed),
            _value(line.status, line.absorbed, line.survivor),
        )
        for line in lines
    ]
    return Table(columns, rows)


def _value(status: Status, value: str, other: str) -> Line:
    """Return a value; where it differs, with the characters below it that nobody sees or takes for other letters."""
    text = value_or_dash(value)
    if status not in _REMARK_STYLES:
        return Line(text, _STYLES[status])
    # Masked account numbers alone look alike and are different.
    remarks = [_("differs where it is masked")] if value == other else character_remarks(value, other)
    if not remarks:
        return Line(text, _STYLES[status])
    below = literal("\n({remarks})").format(remarks=literal(", ").join(remarks))
    return Line(text, _STYLES[status], more=(Line(below, _REMARK_STYLES[status]),))


def _remark(character: str, other: str, strange: set[str]) -> SafeText:
    code = f"U+{ord(character):04X}"
    if is_hidden(character):
        return _("invisible character {code}").format(code=code)
    if character.isspace():
        is_plain = character == " " or character in other
        return literal("") if is_plain else _("white space {code}").format(code=code)
    if character not in strange or character.isascii():
        return literal("")
    name = script(character)
    if name not in _SCRIPTS:
        return _("look-alike {code}").format(code=code)
    return _(_SCRIPTS[name]).format(letter=character)


def _verdict(comparison: Comparison) -> Line:
    match comparison.decision:
        case Decision.BLOCKED:
            blocked = IdentityBlocked(
                survivor=comparison.survivor, absorbed=comparison.absorbed, blocked_by=comparison.blocked_by
            )
            return Line(literal("✗ {blocked}").format(blocked=sentence(blocked)), "bold red")
        case Decision.CHOOSE:
            differ = _("The records differ in {fields}: adopt the data of {survivor}, or keep each.").format(
                fields=field_list(comparison.different), survivor=comparison.survivor
            )
            return Line(literal("≠ {differ}").format(differ=differ), "yellow")
        case Decision.IDENTICAL:
            same = (
                _("Both records say the same: the order can be executed.")
                if comparison.is_identical
                else _("Details don't differ: the order can be executed.")
            )
            return Line(literal("= {same}").format(same=same), "green")
