"""How a page of the manual is drawn on a terminal: by Rich, without colours, and nothing of it cut at any width."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from markdown_it.token import Token
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, TableElement
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from custmerge.cli.drawing import FILE_WIDTH
from custmerge.cli.language import SafeText, literal

_LINK_INSIDE = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]+\)")
"""A link to another page or to a file of the repository: its words say where it leads."""
_GAP = 3
"""At most so many blanks between two columns, in any version of Rich."""
_CROWDED = 3
"""A table whose longest cells would fill more than so many lines of the screen together is shown row by row."""
# Only what every terminal shows on every background.
_STYLES = {
    "markdown.h1": Style(bold=True, underline=True),
    "markdown.h2": Style(bold=True, underline=True),
    "markdown.h3": Style(bold=True),
    "markdown.code": Style(bold=True),
    "markdown.item.bullet": Style(),
    "markdown.item.number": Style(),
    "markdown.link": Style(),
    "markdown.link_url": Style(underline=True),
    "markdown.table.header": Style(bold=True),
}


class _LeftHeading(Heading):
    """A heading at the left; where nothing can be bold, a line below it."""

    is_underlined = True

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> Heading:
        """Return a heading of a page."""
        heading = cls(token.tag)
        heading.is_underlined = not (isinstance(markdown, Manual) and markdown.is_plain)
        return heading

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text
        if console.color_system is None and self.is_underlined:
            yield Text("-" * min(self.text.cell_len, options.max_width))


class _PlainCode(CodeBlock):
    """A block of code as it stands: indented, every line whole, because it is copied from the screen."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Without Padding, which would break the lines; where one is longer than the screen the terminal folds it.
        for line in self.text.plain.rstrip().splitlines():
            yield Text(f"    {line}" if line else "", no_wrap=True, overflow="ignore")


class _WholeTable(TableElement):
    """A table that is shown row by row where its columns would be too narrow, or nobody sees them."""

    has_columns = True

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> TableElement:  # noqa: ARG003 (Rich's signature)
        """Return a table of a page."""
        table = cls()
        table.has_columns = not (isinstance(markdown, Manual) and markdown.is_plain)
        return table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        heads = _cells(self.header.row) if self.header and self.header.row else []
        rows = [_cells(row) for row in self.body.rows] if self.body else []
        columns = list(zip(heads, *rows, strict=True))
        least = [max(len(word) for cell in column for word in (*cell.plain.split(), "")) for column in columns]
        whole = [max(cell.cell_len for cell in column) for column in columns]
        room = options.max_width - _GAP * (len(columns) - 1)
        if not self.has_columns or sum(least) > room or sum(whole) > _CROWDED * room:
            yield from _records(heads, rows)
        else:
            yield _table(heads, rows, _widths(least, whole, room))


def _cells(row: object) -> list[Text]:
    return [cell.content for cell in getattr(row, "cells", ())]


def _widths(least: list[int], whole: list[int], room: int) -> list[int]:
    """Return the widths of columns that share `room`: each gets its longest word, and of the rest what it needs."""
    wanted = [more - less for less, more in zip(least, whole, strict=True)]
    part = min(1.0, (room - sum(least)) / max(1, sum(wanted)))
    return [less + int(part * more) for less, more in zip(least, wanted, strict=True)]


def _table(heads: list[Text], rows: list[list[Text]], widths: list[int]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), collapse_padding=True)
    for head, width in zip(heads, widths, strict=True):
        table.add_column(head, overflow="fold", width=width, header_style="bold")
    for row in rows:
        table.add_row(*row)
    return table


def _records(heads: list[Text], rows: list[list[Text]]) -> RenderResult:
    for position, row in enumerate(rows):
        if position:
            yield Text()
        for column, (head, cell) in enumerate(zip(heads, row, strict=True)):
            if cell.plain:
                line = Text.assemble((head.plain, "italic"), ": ", cell) if head.plain else cell
                line.overflow = "fold"
                if not column:
                    line.stylize("bold")
                yield Padding(line, (0, 0, 0, 2 if column else 0))


class Manual(Markdown):
    """A page of the manual, ready to be drawn."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _LeftHeading,
        "fence": _PlainCode,
        "table_open": _WholeTable,
    }

    def __init__(self, page: SafeText, *, is_plain: bool = False) -> None:
        self.is_plain = is_plain
        super().__init__(_LINK_INSIDE.sub(r"\1", page), hyperlinks=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it in the manual's styles."""
        if console.color_system is None:
            _quote_code(self.parsed)
        with console.use_theme(Theme(_STYLES)):
            yield from super().__rich_console__(console, options)


def in_plain_lines(page: SafeText) -> SafeText:
    """Return a page in whole lines without columns, for `--plain`."""
    console = Console(color_system=None, width=FILE_WIDTH, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(Manual(page, is_plain=True))
    return literal("\n").join([line.rstrip() for line in captured.get().splitlines()])


def _quote_code(tokens: Iterable[Token]) -> None:
    """Leave the Markdown's quotes around code, which nothing else sets off."""
    for token in tokens:
        _quote_code(token.children or ())
        if token.type == "code_inline" and token.markup:
            token.content, token.markup = f"`{token.content}`", ""
