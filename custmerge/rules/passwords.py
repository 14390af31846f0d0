"""Which passwords people who work here can choose, and in which writings one password is the same.

Source: NIST SP 800-63B §5.1.1.2: length, no common ones, none that is made of the service's or the person's name, no
other rules.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.characters import composed, is_unseen

if TYPE_CHECKING:
    from collections.abc import Container

SHORTEST = 12
"""Characters that a password of staff has at least."""
LONGEST = 1_024
"""Characters; hashing more would only cost time."""
PRODUCT = "custmerge"
LONG_NAME, SHORT_NAME = 5, 3
"""Characters; a name between the two is in many a word by chance: it counts by itself, or where little is left."""
SHORTEST_REST = 8
SHORTEST_RUN = 3
"""Characters; two neighbours stand side by side in any text."""
_NO_LETTER = re.compile(r"[\W\d_]+")
# Each goes round: 9 is followed by 0, z by a. The long ones are German and English keyboards, row after row.
_ROWS = (
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "qwertzuiopüasdfghjklöäyxcvbnm",
)


def normal(password: str) -> str:
    """Return the writing of a password that is hashed: Unicode NFC. Source: NIST SP 800-63B §5.1.1.2, RFC 8265 §4."""
    # Composing many marks in a row takes for ever; what has them is hashed as it is.
    return composed(password)


def writings(password: str) -> tuple[str, ...]:
    """Return the texts that may have been hashed where somebody types `password`, each once, as typed first.

    What we hash is NFC. Another program, or an older version of this one, hashed what it was given: composed or not,
    by the keyboard and system of whoever chose it.
    """
    return tuple(dict.fromkeys((password, normal(password), unicodedata.normalize("NFD", password))))


def wrong_with_password(password: str, *, name: str, host: str, common: Container[str]) -> str | None:
    """Return why the person called `name` can't choose a password, None where they can.

    `host` is the name of the computer, `common` are passwords in small letters that everybody tries first.
    """
    text = normal(password)
    # First of all: NFKC of many marks in a row takes for ever.
    if why := _wrong_with_length(text):
        return why
    plain = _plain(text)
    return _guessed_at_once(plain, common) or _names_something(_seen(plain), name, host)


def _wrong_with_length(text: str) -> str | None:
    if not text:
        return N_("is empty")
    if "\0" in text:
        return N_("has a NUL character in it")
    if len(text) < SHORTEST:
        return N_("is shorter than 12 characters")
    if len(text) > LONGEST:
        return N_("is longer than 1,024 characters")
    return None


def _guessed_at_once(text: str, common: Container[str]) -> str | None:
    seen = _seen(text)
    if not seen:
        return N_("consists of blanks")
    if len(set(seen)) == 1:
        return N_("is one repeated character")
    if any(one in common for one in (seen, _repeated(seen), _repeated(text))):
        return N_("is one of the most common passwords")
    if _is_sequence(text):
        return N_("is a sequence like 123456 or qwertz")
    return None


def _names_something(text: str, name: str, host: str) -> str | None:
    if PRODUCT in _NO_LETTER.sub("", text):
        return N_("contains the name of this program")
    if _contains(text, (host, host.partition(".")[0], "localhost")):
        return N_("contains the name of this computer")
    if _contains(text, (name, *re.split(r"[\W_]+", name))):
        return N_("contains the name of the person")
    return None


def _contains(text: str, names: tuple[str, ...]) -> bool:
    return any(_is_made_of(text, _plain(normal(name))) for name in names)


def _plain(text: str) -> str:
    """Return a text without what only its writing is: capitals, full-width letters."""
    return unicodedata.normalize("NFKC", text.casefold())


def _seen(text: str) -> str:
    return "".join(character for character in text if not is_unseen(character))


def _is_made_of(text: str, name: str) -> bool:
    if len(name) >= LONG_NAME:
        return name in text
    if len(name) < SHORT_NAME:
        return False
    is_by_itself = re.search(rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])", text) is not None
    return is_by_itself or (name in text and len(text.replace(name, "")) < SHORTEST_REST)


def _repeated(text: str) -> str:
    """Return the shortest text that `text` repeats, a last time perhaps in part; `text` itself if none."""
    return text[: next(length for length in range(1, len(text) + 1) if text.startswith(text[length:]))]


def _is_sequence(text: str) -> bool:
    """Return whether a text is made of nothing but neighbours, up or down, or repeats a character or two."""
    if len(_repeated(text)) < SHORTEST_RUN:
        return True
    place = 0
    while place < len(text):
        length = max(_run(text[place:], step) for step in _steps(text[place:]))
        if length < SHORTEST_RUN:
            return False
        place += length
    return True


def _steps(text: str) -> list[dict[str, str]]:
    """Return for each way that `text` can begin to go what follows each character."""
    same = {text[0]: text[0]}
    rows = [row for row in _ROWS if text[0] in row]
    up = [dict(zip(row, row[1:] + row[0], strict=True)) for row in rows]
    return [same, *up, *({after: before for before, after in step.items()} for step in up)]


def _run(text: str, step: dict[str, str]) -> int:
    """Return how many characters from the first on follow each other."""
    length = 1
    while length < len(text) and step.get(text[length - 1]) == text[length]:
        length += 1
    return length
