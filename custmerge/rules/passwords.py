"""Passwords that staff can't choose, and the writings of one password.

Source: NIST SP 800-63B §5.1.1.2: a least length, no common passwords, none made of the names of the service or the
person, no other rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

from custmerge.errors import N_
from custmerge.rules.characters import composed, is_unseen

SHORTEST = 12
"""Least number of characters of a password of staff."""
LONGEST = 1_024
"""Greatest number of characters."""
PRODUCT = "custmerge"
LONG_NAME, SHORT_NAME = 5, 3
"""Numbers of characters. A shorter name doesn't count, a longer one counts everywhere in a password; one between the
two, which many words contain by chance, counts as a word of its own, or if the rest is shorter than SHORTEST_REST."""
SHORTEST_REST = 8
SHORTEST_RUN = 3
"""Least number of neighbours that make a sequence: two stand side by side in any text."""
_NO_LETTER = re.compile(r"[\W\d_]+")
# The first character of a row follows its last: 0 follows 9, a follows z. The long rows are keyboards.
_ROWS = (
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "qwertzuiopüasdfghjklöäyxcvbnm",
)


def normal(password: str) -> str:
    """Return the writing of a password that is hashed: Unicode NFC. Source: NIST SP 800-63B §5.1.1.2, RFC 8265 §4."""
    # A text with many marks in a row, which would take long to compose, is hashed as it is.
    return composed(password)


def writings(password: str) -> tuple[str, ...]:
    """Return the texts of which a typed `password` may be a writing, each once: as typed, NFC, NFD.

    custmerge hashes NFC. Other programs, and older versions, hashed what the person's keyboard and system gave.
    """
    return tuple(dict.fromkeys((password, normal(password), unicodedata.normalize("NFD", password))))


def wrong_with_password(password: str, *, name: str, host: str, common: Container[str]) -> str | None:
    """Return why the person called `name` can't choose a password, None if they can.

    `host` is the name of the computer, `common` are the most common passwords in small letters.
    """
    text = normal(password)
    # The length first: NFKC of many marks in a row takes long.
    if why := _wrong_with_length(text):
        return why
    plain = _plain(text)
    return _is_guessed_first(plain, common) or _contains_a_name(_visible(plain), name, host)


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


def _is_guessed_first(text: str, common: Container[str]) -> str | None:
    visible = _visible(text)
    if not visible:
        return N_("consists of blanks")
    if len(set(visible)) == 1:
        return N_("is one repeated character")
    if any(guess in common for guess in (visible, _repeated(visible), _repeated(text))):
        return N_("is one of the most common passwords")
    if _is_sequence(text):
        return N_("is a sequence like 123456 or qwertz")
    return None


def _contains_a_name(text: str, name: str, host: str) -> str | None:
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
    """Return a text without capitals and other forms of letters, such as full-width ones."""
    return unicodedata.normalize("NFKC", text.casefold())


def _visible(text: str) -> str:
    return "".join(character for character in text if not is_unseen(character))


def _is_made_of(text: str, name: str) -> bool:
    if len(name) >= LONG_NAME:
        return name in text
    if len(name) < SHORT_NAME:
        return False
    is_by_itself = re.search(rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])", text) is not None
    return is_by_itself or (name in text and len(text.replace(name, "")) < SHORTEST_REST)


def _repeated(text: str) -> str:
    """Return the shortest text that `text` repeats, the last time perhaps in part; `text` itself if none."""
    return text[: next(length for length in range(1, len(text) + 1) if text.startswith(text[length:]))]


def _is_sequence(text: str) -> bool:
    """Return whether a text consists of runs of neighbours, up or down, or repeats one or two characters."""
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
    """Return the ways in which a run can go on from the first character: for each, the character after each."""
    same = {text[0]: text[0]}
    rows = [row for row in _ROWS if text[0] in row]
    up = [dict(zip(row, row[1:] + row[0], strict=True)) for row in rows]
    return [same, *up, *({after: before for before, after in step.items()} for step in up)]


def _run(text: str, step: dict[str, str]) -> int:
    """Return the length of the run at the beginning of `text` by one way of `_steps`."""
    length = 1
    while length < len(text) and step.get(text[length - 1]) == text[length]:
        length += 1
    return length
