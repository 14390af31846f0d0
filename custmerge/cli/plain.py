"""Parts → plain lines, one fact each: no boxes, no columns, nothing that has to be seen in its place (`--plain`).

For screen readers, and for whoever searches lines. Source: WCAG 2.2, 1.3.2 (meaningful sequence).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from custmerge.cli.language import SafeText, literal, visible
from custmerge.cli.render.text.parts import BLANK, Cell, Column, Grid, Line, Page, Part, Row, Table

_FACT = literal("{label}: {value}")


def plain_lines(part: Part) -> Iterator[SafeText]:
    """Give a part line by line: of a table each cell with its heading, and an empty line behind each row."""
    match part:
        case SafeText():
            yield part
        case Page():
            # Imported here: Markdown is slow to load.
            from custmerge.cli.markdown import in_plain_lines

            yield in_plain_lines(part.markdown)
        case Line():
            yield _text(part)
        case Grid():
            for cells in part.rows:
                label, *values = [text for cell in cells if (text := _text(cell))] or [BLANK]
                yield _FACT.format(label=label, value=literal(" ").join(values)) if values else label
        case Table():
            yield from _table_lines(part)


def _table_lines(table: Table) -> Iterator[SafeText]:
    columns = [column if isinstance(column, Column) else Column(column) for column in table.columns]
    for row in table.rows:
        yield from _row_lines(columns, row.cells if isinstance(row, Row) else row)
        yield BLANK


def _row_lines(columns: Sequence[Column], cells: Sequence[Cell]) -> Iterator[SafeText]:
    for column, cell in zip(columns, cells, strict=True):
        text = _text(cell)
        if text in column.words:
            text = column.words[text]
        heading = literal(" ").join(column.heading.split())
        if text:
            yield _FACT.format(label=heading, value=text) if heading else text


def _text(cell: Cell) -> SafeText:
    """Return a cell in one line."""
    if isinstance(cell, Line):
        text = literal("").join((cell.text, *(more.text for more in cell.more)))
    else:
        text = cell if isinstance(cell, SafeText) else visible("" if cell is None else str(cell))
    return literal(" ").join(part.strip() for part in text.split("\n"))
