"""Shapes as JSON, JSON lines or CSV, streamed; the formats that commands offer."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice, takewhile
from typing import TextIO, TypeAlias

from custmerge import files
from custmerge.cli.language import SafeText, json_safe, literal, visible
from custmerge.cli.streams import is_unread, stdout, write_text
from custmerge.database_url import without_urls_secrets

# `rules.records` is imported where CSV is written: a table, or a number that a shell completes, needs nothing of it.
Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
Shape: TypeAlias = dict[str, Json]

# How commands print their data; `history`, `audit` and `export` have formats of their own.
Format = StrEnum("Format", ("TABLE", "JSON", "CSV"))
StreamFormat = StrEnum("StreamFormat", ("TABLE", "JSON", "JSONL", "CSV"))
AuditFormat = StrEnum("AuditFormat", ("TABLE", "JSON", "NAGIOS", "PROMETHEUS"))
ExportFormat = StrEnum("ExportFormat", ("CSV", "JSON", "JSONL"))
_ROWS_AT_ONCE = 500


def to_text(value: Json) -> SafeText:
    """Return a value as compact JSON on one line, without characters that a terminal obeys."""
    return json_safe(json.dumps(value, ensure_ascii=False))


def json_line(value: Json) -> SafeText:
    """Return a value as a line of JSON with its end."""
    return literal("{document}\n").format(document=to_text(value))


@contextmanager
def whole_file(path: str, mode: int = 0o600) -> Iterator[TextIO]:
    """Give a file that gets its name only when all is in it; `mode` says who can read it.

    A reader finds the old file or the new one, never half of one; of the old one neither mode nor link is kept.
    Raises BadFile where it can't be written, or where a link, a pipe or a device has its name.
    """
    try:
        number, temporary = files.beside(path)
        try:
            with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
                os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise files.unwritable(path, error) from None


def flat(shape: Shape) -> Shape:
    """Return an object as a row of CSV: what is in an object of it stands in that one's place."""
    inner = [value if isinstance(value, Mapping) else {key: value} for key, value in shape.items()]
    return {key: value for part in inner for key, value in part.items()}


def write_one(shape: Shape, form: str, rows: Iterable[Shape] | None = None) -> None:
    """Print one object: as JSON, or as CSV with one row, or with `rows` where it has an obvious list."""
    if form == Format.JSON:
        write_text(json_line(shape))
    else:
        write_many([flat(shape)] if rows is None else rows, form)


def write_many(shapes: Iterable[Shape], form: str, columns: Iterable[str] = (), *, out: TextIO | None = None) -> None:
    """Write objects to stdout or `out`, as they come, as a JSON array, JSON lines, or CSV.

    CSV has the keys of the first object as its columns, or `columns` where there may be no object. Ends early
    where whoever reads `out` has gone.
    """
    out = stdout() if out is None else out
    shapes = _while_read(shapes, out)
    if form == StreamFormat.JSONL:
        out.writelines(to_text(shape) + "\n" for shape in shapes)
    elif form == StreamFormat.JSON:
        _write_array(shapes, out)
    else:
        from custmerge.rules.records import guard

        # On a terminal somebody looks at it; in a file or a pipe every byte of a value has to stay.
        _write_cells(shapes, out, list(columns), _guarded_visible if out.isatty() else guard, delimiter=",")


def write_cells(rows: Iterable[Sequence[str]], columns: Sequence[str], *, out: TextIO | None = None) -> None:
    """Write rows of texts as CSV likewise: many, for which objects would take longer than all the rest."""
    from custmerge.rules.records import guard

    out = stdout() if out is None else out
    protect = _guarded_visible if out.isatty() else guard
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    rows = iter(rows)
    while (some := list(islice(rows, _ROWS_AT_ONCE))) and not is_unread(out):
        writer.writerows([cell and protect(cell) for cell in row] for row in some)


def _while_read(shapes: Iterable[Shape], out: TextIO) -> Iterator[Shape]:
    return takewhile(lambda _: not is_unread(out), shapes)


def _write_array(shapes: Iterable[Shape], out: TextIO) -> None:
    lead = "["
    for shape in shapes:
        out.write(f"{lead}{to_text(shape)}")
        lead = ",\n "
    out.write("[]\n" if lead == "[" else "]\n")


def write_for_excel(shapes: Iterable[Shape], out: TextIO, columns: Iterable[str]) -> None:
    """Write objects as CSV that a German Excel opens by a double click, and saves again without changing a value."""
    from custmerge.rules.records import guard_for_excel

    out.write("\ufeff")
    _write_cells(_while_read(shapes, out), out, list(columns), guard_for_excel, delimiter=";")


def _write_cells(
    shapes: Iterable[Shape], out: TextIO, columns: list[str], protect: Callable[[str], str], *, delimiter: str
) -> None:
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    if columns:
        writer.writerow(columns)
    for shape in shapes:
        if not columns:
            columns = list(shape)
            writer.writerow(columns)
        writer.writerow([protect(_cell(shape[column])) for column in columns])


def guarded(value: Json) -> str:
    """Return a value as a cell of a CSV file that a spreadsheet doesn't run."""
    from custmerge.rules.records import guard

    return guard(_cell(value))


def _guarded_visible(cell: str) -> str:
    from custmerge.rules.records import guard

    return visible(guard(cell))


def _cell(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(item, str) for item in value):
            return " ".join(str(item) for item in value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def error_document(code: str, exit_code: int, message: str, details: Mapping[str, Json]) -> SafeText:
    """Return an error as one JSON object on one line (contract §4)."""
    shown = {name: _without_secrets(value) for name, value in details.items()}
    return to_text({"error": {"code": code, "exit": exit_code, "message": message, "details": shown}})


def _without_secrets(value: Json) -> Json:
    """Return a detail without the password of a URL that somebody typed in its place."""
    if isinstance(value, str):
        return without_urls_secrets(value)
    if isinstance(value, dict):
        return {name: _without_secrets(part) for name, part in value.items()}
    return [_without_secrets(part) for part in value] if isinstance(value, list) else value
