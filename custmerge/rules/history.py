"""The format of the history: bodies, their canonical text, the chain of hashes, moments (contract §7).

Moments are always stored in UTC and in one format.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

Fact = str | int | None | list[str]
"""A value in a body: no fractions, so that canonical JSON has only one way to write it."""

Facts = Mapping[str, Fact]
"""The body of a history entry."""
Cell = str | int | bytes | None
"""A cell of a row that goes into a digest."""

FORMAT_VERSION = 1
# One encoder for all bodies: making one takes as long as encoding a body.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
NO_HASH = "00" * 32
_GERMAN_DAY = re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})")

CLOCK_TOLERANCE = timedelta(seconds=60)
"""A moment up to this far ahead of now counts as begun: two processes never read their clocks at the same time."""


class Action(StrEnum):
    """What an entry records. `reveal`: bank data was shown unmasked (contract §4)."""

    MERGE = "merge"
    UNDO = "undo"
    TRANSFER_FILE = "transfer_file"
    TRANSFER_APPROVE = "transfer_approve"
    TRANSFER_REJECT = "transfer_reject"
    TRANSFER_VOID = "transfer_void"
    BULK_APPROVE = "bulk_approve"
    IMPORT = "import"
    EXPORT = "export"
    PURGE = "purge"
    USER = "user"
    TOKEN = "token"  # noqa: S105 (the name of an action)
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOCKED = "locked"
    DENIED = "denied"
    REVEAL = "reveal"
    ATTACH = "attach"
    DISMISS = "dismiss"
    UNDISMISS = "undismiss"


FOR_CUSTOMERS = (Action.MERGE, Action.UNDO)
"""Entries that customers see of their own number: all others may name numbers that they haven't proved."""
ROUTINE = (Action.LOGIN, Action.DENIED)
"""Actions that are so frequent that a table without a filter leaves them out."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something."""

    name: str
    """A staff name, a customer number, a service token's name, or that of a command that needs no login."""
    kind: Literal["staff", "customer", "service", "system"]


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry without its place in the chain."""

    at: str
    """ISO 8601 UTC, see `stamp`."""
    by: Actor
    action: Action
    facts: Mapping[str, Fact]
    """`order`, `survivor`, `absorbed`, `choice` if the action has them, and the action's own values."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with its place in the chain."""

    seq: int
    body: str
    """Canonical JSON, exactly the text that was hashed."""
    hash: str
    """64 lower-case hex digits."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain."""

    seq: int
    """The last entry's, 0 for an empty history."""
    hash: str
    order: int
    """The last order's number, 0 if there is none."""


def canonical(body: Mapping[str, Fact]) -> str:
    """Return `body` as canonical JSON.

    For objects with ASCII keys whose values are strings, integers below 2**53, nulls and lists of such,
    this is exactly what RFC 8785 says. Raises ValueError for a key that isn't ASCII.
    """
    if not all(key.isascii() for key in body):
        raise ValueError("the keys of a history body are ASCII")
    return _ENCODER.encode(body)


def chain_hash(previous: str, body: str) -> str:
    """Return the SHA-256 of the previous entry's 32 hash bytes followed by `body` in UTF-8, in hex."""
    return hashlib.sha256(bytes.fromhex(previous) + body.encode()).hexdigest()


def extend(head: Head, drafts: Sequence[Draft]) -> list[Entry]:
    """Return `drafts` as the entries that follow `head`, in their order."""
    entries: list[Entry] = []
    seq, previous = head.seq, head.hash
    for draft in drafts:
        seq += 1
        body = canonical(
            {
                "order": None,
                "survivor": None,
                "absorbed": None,
                "choice": None,
                **draft.facts,
                "v": FORMAT_VERSION,
                "seq": seq,
                "at": draft.at,
                "by": draft.by.name,
                "by_kind": draft.by.kind,
                "action": draft.action.value,
            }
        )
        previous = chain_hash(previous, body)
        entries.append(Entry(seq, body, previous))
    return entries


def image_digest(salt: bytes, image: str) -> str:
    """Return the SHA-256, in hex, that binds a before-image to its entry without revealing its content.

    The salt (16 random bytes) is stored with the image and erased with it: then nobody can guess the content.
    """
    return hashlib.sha256(salt + image.encode()).hexdigest()


def seq_of(facts: Facts) -> int:
    """Return the seq of the history entry whose body is `facts`."""
    return int(str(facts["seq"]))


def row_digest(kind: str, *cells: Cell) -> str:
    """Return the SHA-256, in hex, of a row's cells; an audit detects by it that the row was changed by hand.

    The digest reveals none of the cells: personal ones come with a random salt (a password hash has its own). Bytes
    never have the digest of a text: SQLite stores both in any column, but custmerge writes only texts.
    """
    return hashlib.sha256(json.dumps([kind, *cells], default=repr).encode()).hexdigest()


def has_begun(begin: str, now: datetime) -> bool:
    """Return whether a moment (see `stamp`) isn't in the future: what hasn't begun doesn't count."""
    return begin <= stamp(now + CLOCK_TOLERANCE)


def stamp(moment: datetime) -> str:
    """Return an aware moment as ISO 8601 in UTC with seconds and `Z`; such texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return the aware moment that `stamp` wrote; raises ValueError for any other text."""
    # `strptime` takes four times as long.
    read = datetime.fromisoformat(text)
    if read.tzinfo is not UTC or stamp(read) != text:
        raise ValueError(text)
    return read


def day_bounds(text: str) -> tuple[str, str]:
    """Return the stamps of the first second of what `text` names and of the first second after it.

    `text` is a date (a whole UTC day) or an ISO 8601 moment (without an offset: UTC); the date may be written as
    Germans write it, 31.01.2026. Raises ValueError.
    """
    if german := _GERMAN_DAY.match(text):
        text = f"{german['year']}-{german['month']:0>2}-{german['day']:0>2}{text[german.end() :]}"
    first = datetime.fromisoformat(text)
    if first.tzinfo is None:
        first = first.replace(tzinfo=UTC)
    length = timedelta(days=1) if len(text) <= len("2026-01-31") else timedelta(seconds=1)
    last = datetime.max.replace(microsecond=0, tzinfo=UTC)
    return stamp(first), stamp(first + length if first <= last - length else last)
