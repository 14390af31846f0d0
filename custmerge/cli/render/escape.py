"""Untrusted text on its way to a terminal: the one place where it is neutralised."""

from __future__ import annotations

import re

from custmerge.rules.characters import is_hidden, strangers

_EMPTY = "–"
_DASH = re.compile(r"\s*[\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d]\s*")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_WORD = re.compile(r"[^\W\d_]+")
_HARMLESS = re.compile(r"[ -~]*")


def visible(text: str) -> str:
    r"""Return `text` with every character that a terminal obeys or hides written out: `\n`, `\x1b`, `\u200b`.

    What comes back has no control characters, no bidi overrides, no line ends and nothing that is drawn as nothing.
    In a word that has Latin letters, letters of another script that look like them are written out too.
    Source: OWASP ASVS 5 §1.2, Unicode TR 36 and TR 39.
    """
    if _HARMLESS.fullmatch(text):
        return text
    shown = "".join(_escaped(c) if is_hidden(c) else c for c in text)
    return _WORD.sub(lambda word: _without_lookalikes(word[0]), shown)


def value_or_dash(value: str) -> str:
    """Return a field's value for a person, a dash where it is empty; a value that looks like that is written out."""
    shown = visible(value)
    return "".join(map(_escaped, shown.strip())) if _DASH.fullmatch(shown) else shown or _EMPTY


def json_safe(document: str) -> str:
    """Return a JSON text in which such characters are written as JSON escapes; it says the same."""
    if _HARMLESS.fullmatch(document):
        return document
    return "".join(_json_escape(c) if c != "\n" and is_hidden(c) else c for c in document)


def _without_lookalikes(word: str) -> str:
    strange = strangers(word)
    return "".join(_escaped(c) if c in strange else c for c in word) if strange else word


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code <= 0xFF:  # noqa: PLR2004 (one byte)
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 (two bytes)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
