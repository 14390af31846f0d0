"""Passwords: which ones staff can choose, their writings, how many wrong tries lock.

Sources: NIST SP 800-63B §5.1.1.2 for the passwords of staff: a least length, no common passwords, none made of the
names of the service or the person, no other rules. For tries contract §5.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from custmerge.errors import N_
from custmerge.rules.characters import composed, is_invisible
from custmerge.rules.history import CLOCK_TOLERANCE, stamp

SHORTEST = 12
"""Least number of characters of a password of staff."""
LONGEST = 1_024
"""Greatest number of characters."""
PRODUCT = "custmerge"
LONG_NAME, SHORT_NAME = 5, 3
"""In characters. A name of LONG_NAME or more may be nowhere in a password. A shorter one, which many words contain by
chance, may neither be a separate word nor leave a rest shorter than SHORTEST_REST. Below SHORT_NAME it is ignored."""
SHORTEST_REST = 8
SHORTEST_RUN = 3
"""Least number of neighbours that make a sequence: any text has two of them by chance."""
_NO_LETTER = re.compile(r"[\W\d_]+")
# The first character of a row follows its last: 0 follows 9, a follows z. The long rows are keyboards.
_ROWS = (
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "qwertzuiopüasdfghjklöäyxcvbnm",
)

WINDOW = timedelta(minutes=15)
"""Wrong tries within this time are counted."""
LOCKED_FOR = timedelta(minutes=15)
TRIES = 5
CALLER_TRIES = 20
PENDING_FOR = timedelta(seconds=30)
"""A try is pending for at most this time. If its process is killed, the try counts as wrong."""


def normal(password: str) -> str:
    """Return the writing of a password that is hashed: Unicode NFC. Source: NIST SP 800-63B §5.1.1.2, RFC 8265 §4."""
    # A text with many marks in a row would take long to compose: it is hashed as it is.
    return composed(password)


def writings(password: str) -> tuple[str, ...]:
    """Return the different writings of a typed `password`: as typed, NFC, NFD.

    custmerge hashes NFC. Other programs and older versions hashed the text as the person's system gave it.
    """
    return tuple(dict.fromkeys((password, normal(password), unicodedata.normalize("NFD", password))))


def wrong_with_password(password: str, *, name: str, host: str, common: Container[str]) -> str | None:
    """Return why the person called `name` can't choose a password, None if they can.

    `host` is the name of the computer, `common` are the most common passwords in small letters.
    """
    text = normal(password)
    # Check the length first: NFKC of many marks in a row takes long.
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
    """Return a text in small letters, without other forms of letters such as full-width ones."""
    return unicodedata.normalize("NFKC", text.casefold())


def _visible(text: str) -> str:
    return "".join(character for character in text if not is_invisible(character))


def _is_made_of(text: str, name: str) -> bool:
    if len(name) >= LONG_NAME:
        return name in text
    if len(name) < SHORT_NAME:
        return False
    is_by_itself = re.search(rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])", text) is not None
    return is_by_itself or (name in text and len(text.replace(name, "")) < SHORTEST_REST)


def _repeated(text: str) -> str:
    """Return the shortest text whose repetition gives `text`, perhaps cut off at the end; else `text` itself."""
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
    """Return the ways to continue a run from the first character: each a map from a character to the next one."""
    same = {text[0]: text[0]}
    rows = [row for row in _ROWS if text[0] in row]
    up = [dict(zip(row, row[1:] + row[0], strict=True)) for row in rows]
    return [same, *up, *({after: before for before, after in step.items()} for step in up)]


def _run(text: str, step: dict[str, str]) -> int:
    """Return the length of the run at the beginning of `text`, for one of `_steps`."""
    length = 1
    while length < len(text) and step.get(text[length - 1]) == text[length]:
        length += 1
    return length


@dataclass(frozen=True, slots=True)
class Subject:
    """A target of wrong tries (number, staff name), or a caller who makes them; each can be locked."""

    kind: Literal["number", "staff", "customer_caller", "staff_caller"]
    name: str

    @property
    def limit(self) -> int:
        """How many wrong tries lock it."""
        return TRIES if self.kind in ("number", "staff") else CALLER_TRIES

    @property
    def key(self) -> str:
        """The subject's key in the database: a digest, because some people type their password as their name."""
        return hashlib.sha256(f"{self.kind}:{self.name}".encode()).hexdigest()


def subjects_named(name: str) -> tuple[Subject, ...]:
    """Return every subject of that name."""
    return tuple(Subject(kind, name) for kind in ("number", "staff", "customer_caller", "staff_caller"))


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries at one subject inside the window."""

    wrong: int
    pending: int
    locked_until: str
    """See `history.stamp`; in the past if the subject isn't locked."""

    def is_locked(self, now: datetime) -> bool:
        """Return whether the subject is locked; a lock that begins in the future doesn't count."""
        return stamp(now) < self.locked_until <= stamp(now + LOCKED_FOR + CLOCK_TOLERANCE)
