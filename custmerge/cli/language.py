"""Texts for people: German or English, one catalogue for all of them; values in them are made visible."""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from custmerge.rules.characters import foreign_letters, is_hidden
from custmerge.settings import LANGUAGES

DOMAIN = "custmerge"
_MANUAL = Path(__file__).parents[1] / "help"
_LOCALE = Path(__file__).parents[1] / "locale"
_HARMLESS = re.compile(r"[ -~]*")
_LETTERS = re.compile(r"[^\W\d_]+")
_COMMANDS = re.compile(r"`[^`\n]*`[^\s`]*|\S+")
"""Words, and commands in backticks, which are copied as a whole."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class SafeText(str):
    """Text that a terminal gets as it is: words of the program, with every value in them made visible.

    It is made here and in `words` only: of the program's own words by `_`, `ngettext` and `literal`, of a value by
    `visible` and `json_safe`, and of both by the methods below, which make visible what isn't safe yet.
    """

    __slots__ = ()

    def format(self, *parts: object, **values: object) -> SafeText:
        """Return the text filled with values."""
        safe = {name: _safe(value) for name, value in values.items()}
        return SafeText(super().format(*map(_safe, parts), **safe))

    def join(self, parts: Iterable[str], /) -> SafeText:
        """Return the parts with this text between them."""
        return SafeText(super().join(map(_visible_part, parts)))

    def rstrip(self, characters: str | None = None, /) -> SafeText:
        """Return the text without blanks, or without `characters`, at its end."""
        return SafeText(super().rstrip(characters))

    def wrapped(self, width: int) -> SafeText:
        """Return the text broken at blanks into lines of `width` at most; a word that is longer stays as it is.

        A line's indentation is kept, and a command in backticks broken only where it is longer than a line.
        """
        return SafeText("\n".join(line for whole in self.split("\n") for line in _wrapped(whole, width)))


def _(text: str) -> SafeText:
    """Return a text of the program in the person's language."""
    return SafeText(_catalogue(os.environ.get("LANGUAGE", "")).gettext(text))


def ngettext(singular: str, plural: str, count: int) -> SafeText:
    """Return the form of a text of the program that belongs to a count, likewise."""
    return SafeText(_catalogue(os.environ.get("LANGUAGE", "")).ngettext(singular, plural, count))


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Return the texts in a language; `gettext.gettext` would look for their file at each call."""
    return gettext.translation(DOMAIN, _LOCALE, [language], fallback=True)


def german(text: str) -> str:
    """Return a text of the program in German, whatever the person's language is."""
    return _catalogue("de").gettext(text)


def literal(text: str) -> SafeText:
    """Return a text of the program that is the same in every language; it stands in the call, letter by letter."""
    return SafeText(text)


def visible(text: str) -> SafeText:
    r"""Return `text` with every character that a terminal obeys or hides written out: `\n`, `\x1b`, `\u200b`.

    What comes back has no control characters, no bidi overrides, no line ends and nothing that is drawn as nothing.
    In a word that has Latin letters, letters of another script that look like them are written out too.
    Source: OWASP ASVS 5 §1.2, Unicode TR 36 and TR 39.
    """
    if _HARMLESS.fullmatch(text):
        return SafeText(text)
    shown = "".join(written_out(c) if is_hidden(c) else c for c in text)
    return SafeText(_LETTERS.sub(lambda word: _without_lookalikes(word[0]), shown))


def written_out(text: str) -> SafeText:
    r"""Return the number of each character of `text`, like `\x1b` or `\u200b`."""
    return SafeText("".join(_SHORT.get(c) or _number(ord(c)) for c in text))


def json_safe(document: str) -> SafeText:
    """Return a JSON text in which hidden characters are written as JSON escapes; it says the same."""
    if _HARMLESS.fullmatch(document):
        return SafeText(document)
    return SafeText("".join(_json_escape(c) if c != "\n" and is_hidden(c) else c for c in document))


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    lines, current = [], indent
    for command in _COMMANDS.findall(line):
        for word in [command] if len(command) <= width else command.split():
            if current.strip() and len(current) + 1 + len(word) > width:
                lines.append(current)
                current = indent
            current += f" {word}" if current.strip() else word
    return [*lines, current]


def _safe(value: object) -> object:
    return value if isinstance(value, (SafeText, int, float)) else visible(str(value))


def _visible_part(text: str) -> SafeText:
    return text if isinstance(text, SafeText) else visible(text)


def _without_lookalikes(word: str) -> str:
    strange = foreign_letters(word)
    return "".join(written_out(c) if c in strange else c for c in word) if strange else word


def _number(code: int) -> str:
    if code <= 0xFF:  # noqa: PLR2004 (one byte)
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 (two bytes)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def choose(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return `de` or `en` before anything is parsed, so that help and usage errors are translated too.

    The first that is given wins: --lang, CUSTMERGE_LANG, LANGUAGE, LC_ALL, LC_MESSAGES, LANG; else `en`.
    Source: GNU gettext, "The LANGUAGE variable": a list, of which the first language counts that there is a
    catalogue for, in the place of the locale; it doesn't count in the locale C.
    """
    wanted = [
        after if argument == "--lang" else argument.partition("=")[2]
        for argument, after in pairwise([*argv, ""])
        if argument == "--lang" or argument.startswith("--lang=")
    ]
    wanted += [environ.get("CUSTMERGE_LANG", "")]
    if chosen := next(filter(None, wanted), ""):
        return _language_of(chosen) or "en"
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    listed = "" if locale in ("C", "POSIX") else environ.get("LANGUAGE", "")
    return next(filter(None, map(_language_of, (listed or locale).split(":"))), "en")


def variable(environ: Mapping[str, str]) -> str | None:
    """Return the name of the locale's variable that the language is taken from; None where none names one of ours."""
    locale = next((name for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "LANG")
    is_listed = environ.get("LANGUAGE") and environ.get(locale) not in ("C", "POSIX")
    name = "LANGUAGE" if is_listed else locale
    return name if any(map(_language_of, environ.get(name, "").split(":"))) else None


def _language_of(value: str) -> str | None:
    """Return which of our languages a locale's name is of, None for another's."""
    name = re.split(r"[_.@-]", value.lower())[0]
    return name if name in LANGUAGES else None


def install(language: str) -> None:
    """Make `language` (`de` or `en`) that of every text from now on."""
    # Looked at when a text is wanted; Typer asks gettext for its own texts too.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, _LOCALE)
    gettext.textdomain(DOMAIN)


def manual_page(topic: str) -> SafeText:
    """Return a page of the manual, Markdown, in the person's language, or in English where it isn't translated."""
    language = os.environ["LANGUAGE"] if is_translated(topic) else "en"
    return SafeText((_MANUAL / language / f"{topic}.md").read_text("utf-8").rstrip("\n"))


def is_translated(topic: str) -> bool:
    """Whether a page of the manual is in the person's language."""
    return (_MANUAL / os.environ["LANGUAGE"] / f"{topic}.md").is_file()
