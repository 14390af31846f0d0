"""What a person is told of characters that can't be seen, or that look like others."""

from __future__ import annotations

import re

from custmerge.cli.language import _
from custmerge.errors import N_
from custmerge.rules.characters import composed, doubles, is_hidden, script, strangers

REMARKS_AT_MOST = 5
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "CYRILLIC": N_("Cyrillic {letter}"),
    "GREEK": N_("Greek {letter}"),
    "ARMENIAN": N_("Armenian {letter}"),
    "CHEROKEE": N_("Cherokee {letter}"),
}


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
