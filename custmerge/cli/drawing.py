"""Parts → what Rich prints, laid out for a width: nothing is cut, and no word is broken that fits into a line.

A table that doesn't fit is drawn as records: each row by itself, a line for each cell with its heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from custmerge.cli.language import SafeText, literal, visible
from custmerge.cli.render.text.parts import Cell, Column, Grid, Line, Page, Part, Row, Table
from custmerge.cli.render.text.styles import Style

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

GAP = 2
"""Columns between two columns."""
LEAST_VALUE = 24
"""A wide column with less room than this makes records of a table; longer words are folded in it."""
LEAST_LAST = 16
"""The last column of a grid with less room than this is drawn below the others."""
FILE_WIDTH = 10_000
"""Columns of what isn't drawn for a screen: a sentence in a pipe, an audit in a file, code of a manual page.

A program that searches its lines finds a sentence, or a row, in one of them. Tables in a pipe have $COLUMNS or 80.
"""
_UNITS = re.compile(r"\S+ → \S+|\d\d:\d\d:\d\d \S+|\S+")
"""What isn't broken: words, which number went into which, a time and its zone."""


def drawn(part: Part, width: int) -> RenderableType:
    """Return what Rich prints for a part in so many columns."""
    match part:
        case SafeText():
            return part.wrapped(width)
        case Line():
            return _line(_text(part), width)
        case Grid():
            return _grid([[*map(_text, row)] for row in part.rows], width)
        case Page():
            # Imported here: Markdown is slow to load.
            from custmerge.cli.markdown import Manual

            return Manual(part.markdown)
        case _:
            return _table(part, width)


def as_text(parts: Iterable[Part], width: int = FILE_WIDTH) -> SafeText:
    """Return what goes to a file or a pipe in place of a terminal: each row on a line of its own where it fits."""
    from rich.console import Console
    from rich.theme import Theme

    from custmerge.cli.render.text.styles import definitions

    theme = Theme(definitions(None))
    console = Console(theme=theme, color_system=None, width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for part in parts:
            console.print(drawn(part, width))
    lines = captured.get().splitlines()
    return literal("\n").join([*(line.rstrip() for line in lines), literal("")])


def _text(cell: Cell) -> Text:
    from rich.text import Text

    if not isinstance(cell, Line):
        return Text(cell if isinstance(cell, SafeText) else visible("" if cell is None else str(cell)))
    text = Text(cell.text, style=cell.style or "")
    for line in cell.more:
        text.append(line.text, line.style or "")
    return text


def _table(table: Table, width: int) -> RenderableType:
    """Return a table, or its rows as records where a word or a moment would be broken."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Drawn

    columns = [column if isinstance(column, Column) else Column(column) for column in table.columns]
    rows = [row if isinstance(row, Row) else Row(row) for row in table.rows]
    cells = [[*map(_text, row.cells)] for row in rows]
    headed = [[_text(column.heading) for column in columns], *cells]
    least = [_least(column, texts) for column, texts in zip(columns, zip(*headed, strict=True), strict=True)]
    most = [max(map(_width, texts)) for texts in zip(*headed, strict=True)]
    room = width - GAP * (len(columns) - 1)
    if sum(least) > room:
        return _records(columns, rows, cells, width)
    result = Drawn(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), collapse_padding=True)
    for column, size in zip(columns, _shared(columns, least, most, room), strict=True):
        result.add_column(column.heading, overflow="fold", width=size)
    for row, texts in zip(rows, cells, strict=True):
        result.add_row(*texts, style=row.style)
    return result


def _records(
    columns: Sequence[Column], rows: Sequence[Row], cells: Sequence[Sequence[Text]], width: int
) -> RenderableType:
    """Return each row by itself: its keys in one line, the other cells below, each behind its heading."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for row, texts in zip(rows, cells, strict=True):
        pairs = list(zip(columns, texts, strict=True))
        if parts:
            parts.append(Text())
        if keys := [text for column, text in pairs if column.is_key]:
            title = Text(" ").join(keys)
            title.stylize(row.style or Style.HEADING)
            parts.append(title)
        others = [(column, text) for column, text in pairs if text.plain and not column.is_key]
        lines = [(Text(" ".join(column.heading.split())), text) for column, text in others]
        parts.append(_grid(lines, width))
    return Group(*parts)


def _grid(rows: Sequence[Sequence[Text]], width: int) -> RenderableType:
    """Return rows whose last cell takes the room that the others leave.

    It gets lines of its own where that is little, or where a word of it would be broken.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table as Drawn
    from rich.text import Text

    if not rows:
        return Text()
    most = [max(map(_width, texts)) for texts in zip(*rows, strict=True)]
    room = width - sum(most[:-1]) - GAP * (len(most) - 1)
    parts: list[RenderableType] = []
    lines: Drawn | None = None
    for row in rows:
        if room < min(most[-1], LEAST_LAST) or room < _longest_unit(row[-1]):
            parts += [Text(" " * GAP).join(filter(None, row[:-1])), Padding(row[-1], (0, 0, 0, GAP))]
            lines = None
            continue
        if lines is None:
            lines = Drawn.grid(padding=(0, GAP))
            for size in (*most[:-1], min(most[-1], room)):
                lines.add_column(overflow="fold", width=size)
            parts.append(lines)
        lines.add_row(*row)
    return Group(*parts)


def _line(text: Text, width: int) -> RenderableType:
    """Return a line whose indentation is kept where it is wrapped."""
    from rich.padding import Padding

    indent = len(text.plain) - len(text.plain.lstrip())
    return Padding(text[indent:], (0, 0, 0, indent)) if indent and _width(text) > width else text


def _least(column: Column, texts: Sequence[Text]) -> int:
    """Return in how many columns these cells can be drawn so that nothing is broken that belongs together."""
    longest = max(map(_longest_unit, texts))
    return min(longest, LEAST_VALUE) if column.is_wide else longest


def _longest_unit(text: Text) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, _UNITS.findall(text.plain)), default=0)


def _width(text: Text) -> int:
    """Return how many columns a text takes where none of its lines is wrapped."""
    from rich.cells import cell_len

    return max(map(cell_len, text.plain.split("\n")))


def _shared(columns: Sequence[Column], least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Return each column's width: at least this, at most that, together `room` at most; who wants little gets it."""
    widths, spare = list(least), room - sum(least)
    wants = sorted(range(len(least)), key=lambda at: (not columns[at].is_moment, most[at] - least[at]))
    for position, at in enumerate(wants):
        wanted = most[at] - least[at]
        more = min(wanted, spare if columns[at].is_moment else spare // (len(wants) - position))
        if more == wanted or not columns[at].is_moment:
            widths[at] += more
            spare -= more
    return widths
