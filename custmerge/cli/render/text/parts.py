"""What the renderers of text make: lines, tables and grids, which the terminal draws.

A cell of a table or a grid is any text: what isn't `SafeText` is made visible when it is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from custmerge.cli.language import SafeText, literal, visible, written_out
from custmerge.cli.render.text.styles import Style

_DASH = re.compile(r"\s*[\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d]\s*")


@dataclass(frozen=True, slots=True)
class Line:
    """A text in one style, and more of it in others."""

    text: SafeText
    style: Style | None = None
    more: tuple[Line, ...] = ()


Cell: TypeAlias = Line | str | int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table that stands out as a whole."""

    cells: Sequence[Cell]
    style: Style | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    heading: SafeText
    is_wide: bool = False
    """Whether long words in it may be folded."""
    is_moment: bool = False
    """Whether its cells are moments: a line each, or two, the day and the time."""
    is_key: bool = False
    """Whether its cells say what a row is, so that they need no heading."""
    words: Mapping[str, SafeText] = field(default_factory=dict)
    """What its marks mean: for whoever hears them read."""


def moments(heading: SafeText) -> Column:
    """Return a column of moments."""
    return Column(heading, is_moment=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings."""

    columns: Sequence[SafeText | Column]
    rows: Sequence[Sequence[Cell] | Row]


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows without headings; the last column takes the room that the others leave."""

    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the manual."""

    markdown: SafeText


Part: TypeAlias = SafeText | Line | Table | Grid | Page

BLANK = literal("")
INDENTED = literal("  {text}")


def value_or_dash(value: str) -> SafeText:
    """Return a field's value for a person, a dash where it is empty; a value that looks like that is written out."""
    shown = visible(value)
    return written_out(shown.strip()) if _DASH.fullmatch(shown) else shown or literal("–")
