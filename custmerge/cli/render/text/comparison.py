"""The comparison: both records side by side, what differs marked and coloured."""

from __future__ import annotations

import re

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from custmerge.cli.language import (
    _,
    field_label,
    field_list,
    filled,
)
from custmerge.cli.render.escape import value_or_dash, visible
from custmerge.errors import N_, IdentityBlocked
from custmerge.rules.characters import composed, doubles, is_hidden, script, strangers
from custmerge.rules.compare import Comparison, Decision, FieldComparison, Status

_MARKS = {Status.SAME: "=", Status.EQUIVALENT: "≈", Status.DIFFERENT: "≠", Status.BLOCKED: "✗"}
_STYLES = {
    Status.SAME: Style(dim=True),
    Status.EQUIVALENT: Style(color="cyan"),
    Status.DIFFERENT: Style(color="yellow", bold=True),
    Status.BLOCKED: Style(color="red", bold=True, reverse=True),
}
REMARKS_AT_MOST = 5
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "CYRILLIC": N_("Cyrillic {letter}"),
    "GREEK": N_("Greek {letter}"),
    "ARMENIAN": N_("Armenian {letter}"),
    "CHEROKEE": N_("Cherokee {letter}"),
}


def comparison_parts(comparison: Comparison, *, all_rows: bool) -> list[RenderableType]:
    """Return the table and the sentence below it; equal rows are folded into one line unless `all_rows`."""
    rows = [line for line in comparison.fields if all_rows or line.status is not Status.SAME]
    folded = [line.field for line in comparison.fields if line not in rows]
    parts: list[RenderableType] = [_table(comparison, rows)] if rows else []
    if folded:
        equal = _("equal: {fields}").format(fields=field_list(folded))
        parts.append(Text(f" = {equal}", style=_STYLES[Status.SAME]))
    parts.append(Text())
    if comparison.transfer is not None:
        lifted = _(
            "Contract transfer {id} is approved for this pair: it stands in for what differs in identity, once."
        )
        parts.append(Text(f"✓ {lifted.format(id=comparison.transfer)}", style=Style(color="green")))
    return [*parts, _verdict(comparison)]


def _table(comparison: Comparison, rows: list[FieldComparison]) -> Table:
    kept, taken_over = _("kept"), _("taken over")
    table = Table(box=SIMPLE_HEAD, expand=False, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column(_("Field"), overflow="fold")
    table.add_column(f"{visible(comparison.survivor)}\n{kept}", overflow="fold", ratio=1)
    table.add_column(f"{visible(comparison.absorbed)}\n{taken_over}", overflow="fold", ratio=1)
    for line in rows:
        style = _STYLES[line.status]
        table.add_row(
            Text(_MARKS[line.status], style=style),
            Text(field_label(line.field), style=style),
            _value(line, line.survivor, line.absorbed),
            _value(line, line.absorbed, line.survivor),
        )
    return table


def _value(line: FieldComparison, value: str, other: str) -> Text:
    """Return a value; where it differs, with what nobody sees or takes for another letter said below it."""
    shown = Text(value_or_dash(value), style=_STYLES[line.status])
    if line.status not in (Status.DIFFERENT, Status.BLOCKED):
        return shown
    # Masked account numbers alone look alike and are different.
    remarks = [_("differs where it is masked")] if value == other else character_remarks(value, other)
    if remarks:
        shown.append(f"\n({', '.join(remarks)})", style=Style(color=_STYLES[line.status].color))
    return shown


def _verdict(comparison: Comparison) -> Text:
    match comparison.decision:
        case Decision.BLOCKED:
            blocked = IdentityBlocked(
                survivor=comparison.survivor, absorbed=comparison.absorbed, blocked_by=comparison.blocked_by
            )
            return Text(f"✗ {filled(blocked.template, blocked.details)}", style=Style(color="red", bold=True))
        case Decision.CHOOSE:
            text = _("The records differ in {fields}: adopt the data of {survivor}, or keep each.").format(
                fields=field_list(comparison.different), survivor=visible(comparison.survivor)
            )
            return Text(f"≠ {text}", style=Style(color="yellow"))
        case Decision.IDENTICAL:
            text = (
                _("Both records say the same: the order can be executed.")
                if comparison.is_identical
                else _("Details don't differ: the order can be executed.")
            )
            return Text(f"= {text}", style=Style(color="green"))


def character_remarks(value: str, other: str) -> list[str]:
    """Return for a value that differs from another one what its characters are that people can't tell, each once.

    They are what is drawn as nothing, white space but the plain one that the other value doesn't have, and letters
    that are drawn like those of another script.
    """
    if value != other and composed(value) == composed(other):
        return [_("the same letters, composed in another way")]
    strange = doubles(value, other).union(*(strangers(word) for word in _WORD.findall(value)))
    remarks = [
        remark for character in dict.fromkeys(composed(value)) if (remark := _remark(character, other, strange))
    ]
    return remarks if len(remarks) <= REMARKS_AT_MOST else [*remarks[:REMARKS_AT_MOST], "…"]


def _remark(character: str, other: str, strange: set[str]) -> str:
    code = f"U+{ord(character):04X}"
    if is_hidden(character):
        return _("invisible character {code}").format(code=code)
    if character.isspace():
        return "" if character == " " or character in other else _("white space {code}").format(code=code)
    if character not in strange or character.isascii():
        return ""
    template = _SCRIPTS.get(script(character))
    return _("look-alike {code}").format(code=code) if template is None else _(template).format(letter=character)
