"""What the characters of a value are that people can't tell by looking at them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.render.text.parts import value_or_dash
from custmerge.errors import N_
from custmerge.rules.characters import composed, foreign_letters, is_hidden, look_alikes, script

REMARKS_AT_MOST = 5
BELOW = literal("\n")
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "CYRILLIC": N_("Cyrillic {letter}"),
    "GREEK": N_("Greek {letter}"),
    "ARMENIAN": N_("Armenian {letter}"),
    "CHEROKEE": N_("Cherokee {letter}"),
}


def explained(value: str) -> SafeText:
    """Return a field's value for a person, with what is written out in it, see `visible`, told below."""
    return with_remarks(value_or_dash(value), character_remarks(value, value))


def with_remarks(text: SafeText, remarks: Sequence[SafeText], before: SafeText = BELOW) -> SafeText:
    """Return a text with remarks in a line below it, or behind what comes `before` them, if there are any."""
    if not remarks:
        return text
    return literal("{text}{before}({remarks})").format(text=text, before=before, remarks=literal(", ").join(remarks))


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
