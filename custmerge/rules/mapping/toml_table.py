"""Takes the values of a TOML file one after the other: what is wrong is told by its line and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import TypeVar

from custmerge.errors import N_, BadMapping, Detail
from custmerge.rules.mapping import Placeholder, Value

Choice = TypeVar("Choice", bound=StrEnum)
Toml = object
"""A value as `tomllib` returns it."""

_PLACEHOLDERS = [item.value for item in Placeholder]
_LIKE_A_PLACEHOLDER = re.compile(r"\{[a-z_.]+\}")


@dataclass(slots=True)
class TomlTable:
    """A table of the file: its values are taken one after the other, and one that nobody takes is a mistake."""

    values: Mapping[str, Toml]
    path: str
    lines: Mapping[str, int]
    file: str
    known: list[str] = field(default_factory=list)

    def bad(self, key: str, why: str, **details: Detail) -> BadMapping:
        """Return the error for a key of this table; an empty key stands for the table itself."""
        path = self._path(key)
        line = self.lines.get(path) or self.lines.get(self.path) or 1
        return BadMapping(file=self.file, line=line, key=path, why=why, **details)

    @property
    def line(self) -> int:
        """The line on which the table begins."""
        return self.lines.get(self.path, 1)

    def know(self, key: str) -> None:
        """Take a key to be known, also where it isn't there."""
        if key not in self.known:
            self.known.append(key)

    def is_table(self, key: str) -> bool:
        """Return whether the value of a key is a table."""
        return isinstance(self.values.get(key), dict)

    def has(self, key: str) -> bool:
        """Return whether a key is there."""
        return key in self.values

    def end(self) -> None:
        """Raise BadMapping for a key that nobody took."""
        for key in self.values:
            if key not in self.known:
                raise self.bad(key, N_("there is no such key; known here: {known}"), known=self.known)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that isn't empty; one without a default has to be there."""
        value = self._taken(key)
        if value is None and default is not None:
            return default
        if value is None:
            raise self.bad(key, N_("is missing"))
        if not isinstance(value, str) or not value.strip():
            raise self.bad(key, N_("has to be a text that isn't empty"))
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return a text, or None if it isn't there."""
        return None if self._taken(key) is None else self.text(key)

    def integer(self, key: str, default: int) -> int:
        """Return a whole number."""
        value = self._taken(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.bad(key, N_("has to be a whole number"))
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._taken(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.bad(key, N_("has to be true or false"))
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, none of which is empty or there twice."""
        value = self._taken(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.bad(key, N_("has to be a list of texts that aren't empty"))
        for place, item in enumerate(value):
            if item in value[:place]:
                raise self.bad(f"{key}.{place + 1}", N_("{value} is there twice"), value=item)
        return tuple(value)

    def choice(self, key: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        """Return one of an enum's values."""
        text = self.text(key, default and default.value)
        try:
            return kind(text)
        except ValueError:
            raise self.bad(
                key, N_("{value} isn't one of {known}"), value=text, known=[item.value for item in kind]
            ) from None

    def values_by_column(self, key: str) -> dict[str, Value]:
        """Return what is written into columns: literals and placeholders."""
        part = self.table(key, may_be_missing=True)
        return {column: part.value(column) for column in part.values}

    def value(self, key: str) -> Value:
        """Return a literal or a placeholder; dates and times become texts, as they are written in SQL."""
        value = self._taken(key)
        if isinstance(value, str) and value in _PLACEHOLDERS:
            return Placeholder(value)
        if isinstance(value, str) and _LIKE_A_PLACEHOLDER.fullmatch(value):
            raise self.bad(key, N_("{value} isn't one of {known}"), value=value, known=_PLACEHOLDERS)
        if isinstance(value, str) and any(placeholder in value for placeholder in _PLACEHOLDERS):
            raise self.bad(
                key,
                N_("{value} has more in it than one of {known}: these stand alone"),
                value=value,
                known=_PLACEHOLDERS,
            )
        if isinstance(value, (datetime, date, time)):
            return value.isoformat(*(" ",) if isinstance(value, datetime) else ())
        if not isinstance(value, (str, int, float, bool)):
            raise self.bad(key, N_("has to be a text, a number, true or false"))
        return value

    def table(self, key: str, *, may_be_missing: bool = False) -> TomlTable:
        """Return the table below a key."""
        value = self._taken(key)
        if value is None and may_be_missing:
            value = {}
        if value is None:
            raise self.bad(key, N_("is missing"))
        return self._below(value, key)

    def tables(self, key: str) -> list[TomlTable]:
        """Return the tables of an array."""
        value = self._taken(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.bad(key, N_("has to be a list of tables: write {header}"), header=f"[[{self._path(key)}]]")
        return [self._below(item, f"{key}.{place}") for place, item in enumerate(value, start=1)]

    def tables_by_name(self, key: str) -> dict[str, TomlTable]:
        """Return the tables below a key by their names."""
        outer = self.table(key, may_be_missing=True)
        return {name: outer.table(name) for name in outer.values}

    def _below(self, value: Toml, key: str) -> TomlTable:
        if not isinstance(value, dict):
            raise self.bad(key, N_("has to be a table"))
        return TomlTable(value, self._path(key), self.lines, self.file)

    def _taken(self, key: str) -> Toml:
        self.know(key)
        return self.values.get(key)

    def _path(self, key: str) -> str:
        return ".".join(filter(None, (self.path, key)))
