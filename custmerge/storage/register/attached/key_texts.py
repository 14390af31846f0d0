"""Which texts can be keys of a column: those that the database itself writes for one of its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LARGEST = 2**63 - 1
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def plain_texts(keys: Iterable[str]) -> list[str]:
    """Return those that can be a text: PostgreSQL has no NUL in it."""
    return [key for key in keys if "\0" not in key]


def integers(keys: Iterable[str]) -> list[int]:
    """Return the integers of those that can be one."""
    numbers = [int(key) for key in keys if _INTEGER.fullmatch(key)]
    return [number for number in numbers if abs(number) <= _LARGEST]


def texts_and_integers(keys: Iterable[str]) -> list[str | int]:
    """Return all as texts, and the integers once more: a column without a type tells them apart."""
    keys = list(keys)
    return [*plain_texts(keys), *integers(keys)]


def uuids(keys: Iterable[str]) -> list[str]:
    """Return those that can be a UUID."""
    return [key for key in keys if _UUID.fullmatch(key)]


class KeyTexts(frozenset[str]):
    """Texts of keys, as statements take them: each shape is made once, for many tables have a column of its kind."""

    @cached_property
    def plain(self) -> list[str]:
        """Those that can be a text."""
        return plain_texts(self)

    @cached_property
    def integers(self) -> list[str]:
        """Those that can be an integer."""
        return list(map(str, integers(self)))

    @cached_property
    def uuids(self) -> list[str]:
        """Those that can be a UUID."""
        return uuids(self)

    @cached_property
    def json(self) -> str:
        """All of them as JSON, see `texts_and_integers`."""
        return json.dumps(texts_and_integers(self))
