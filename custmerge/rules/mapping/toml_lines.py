"""On which line of a TOML text each key stands: Python's own reader doesn't say."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field

Path = tuple[str, ...]

_TOKEN = re.compile(
    r'''(?P<string>"""(?:[^\\]|\\.)*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')
    |(?P<comment>\#[^\n]*)
    |(?P<end>\n)
    |(?P<mark>[\[\]{}=,.])
    |(?P<word>[^\s\[\]{}=,.\#"']+)''',
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def key_lines(text: str) -> dict[str, int]:
    """Return the line of each table, key and item of a list, by its path, in a text that `tomllib` has read.

    Tables of an array and items of a list are counted from 1: `customer.key`, `reference.2.columns.1`.
    """
    scanner = _Scanner(_tokens(text))
    scanner.document()
    return {".".join(path): line for path, line in scanner.lines.items()}


def _tokens(text: str) -> list[_Token]:
    tokens, line, before = [], 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", before, match.start())
        before = match.start()
        if (kind := str(match.lastgroup)) != "comment":
            tokens.append(_Token(kind, match[0], line))
    return tokens


@dataclass(slots=True)
class _Scanner:
    tokens: list[_Token]
    place: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    counts: dict[Path, int] = field(default_factory=dict)
    """How many tables each array of tables has so far."""

    def document(self) -> None:
        table: Path = ()
        while self.place < len(self.tokens):
            token = self.tokens[self.place]
            if token.kind == "end":
                self.place += 1
            elif token.text == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        """Read `[a.b]` or `[[a.b]]` and return the table's path."""
        line, is_array = self.tokens[self.place].line, self._next_is("[", ahead=1)
        self.place += 2 if is_array else 1
        *outer, last = self._key("]")
        self.place += 2 if is_array else 1
        path: Path = ()
        for part in outer:
            self._note((*path, part), line)
            path = self._newest((*path, part))
        path = (*path, last)
        if is_array:
            self.counts[path] = self.counts.get(path, 0) + 1
        self._note(path, line)
        self._note(path := self._newest(path), line)
        return path

    def _newest(self, path: Path) -> Path:
        """Return the path of the last table, if `path` is an array of tables."""
        return (*path, str(self.counts[path])) if path in self.counts else path

    def _pair(self, table: Path) -> None:
        line = self.tokens[self.place].line
        path = table
        for part in self._key("="):
            path = (*path, part)
            self._note(path, line)
        self.place += 1
        self._value(path)

    def _key(self, end: str) -> list[str]:
        """Read the parts of a key up to the mark `end`."""
        parts = []
        while not self._next_is(end):
            token = self.tokens[self.place]
            self.place += 1
            if token.kind == "string":
                parts.append(str(tomllib.loads(f"key = {token.text}")["key"]))
            elif token.kind == "word":
                parts.append(token.text)
        return parts

    def _value(self, path: Path) -> None:
        if self._next_is("["):
            self._items(path)
        elif self._next_is("{"):
            self._inline_table(path)
        else:
            while self.place < len(self.tokens) and not self._ends_a_value(self.tokens[self.place]):
                self.place += 1

    def _items(self, path: Path) -> None:
        self.place += 1
        count = 0
        while not self._next_is("]"):
            token = self.tokens[self.place]
            if token.kind == "end" or token.text == ",":
                self.place += 1
                continue
            count += 1
            self._note((*path, str(count)), token.line)
            self._value((*path, str(count)))
        self.place += 1

    def _inline_table(self, path: Path) -> None:
        self.place += 1
        while not self._next_is("}"):
            if self._next_is(",") or self.tokens[self.place].kind == "end":
                self.place += 1
            else:
                self._pair(path)
        self.place += 1

    def _next_is(self, mark: str, *, ahead: int = 0) -> bool:
        place = self.place + ahead
        # A text that ends early ends every loop here.
        return place >= len(self.tokens) or (self.tokens[place].kind, self.tokens[place].text) == ("mark", mark)

    @staticmethod
    def _ends_a_value(token: _Token) -> bool:
        return token.kind == "end" or (token.kind == "mark" and token.text in ",]}")

    def _note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)
