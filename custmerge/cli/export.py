"""custmerge export."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Annotated

import typer

from custmerge import files
from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext
from custmerge.cli.progress import Progress
from custmerge.cli.render.data.history import ENTRY_COLUMNS, entry_row, entry_shape
from custmerge.cli.render.data.records import customer_shape, exported_shape, package_row, package_shape
from custmerge.cli.render.data.writing import ExportFormat, Shape, whole_file, write_for_excel, write_many
from custmerge.cli.streams import stdout
from custmerge.errors import BadUsage
from custmerge.rules.records import CUSTOMER_COLUMNS, PACKAGE_COLUMNS
from custmerge.services import export

ROWS_PER_UPDATE = 1_000
STDOUT = "-"

app = verb_group(_("Write everything out, streamed, in the order of its keys."))

OutOption = Annotated[
    str | None, typer.Option("--out", "-o", metavar="FILE", help=_("Write to a file that only you can read."))
]
FormOption = Annotated[ExportFormat, typer.Option("--format", "-f", help=_("How to write."))]
ExcelOption = Annotated[
    bool, typer.Option("--excel", help=_("CSV that a German Excel opens and saves unharmed; `import` reads it back."))
]
HashesOption = Annotated[bool, typer.Option("--with-hashes", help=_("With password hashes."))]


@verb(
    app,
    _("Write the customers as `import customers` reads them; bank data isn't masked."),
    "custmerge export customers --out customers.csv",
    "custmerge export customers --excel --out kunden.csv",
    "custmerge export customers -f jsonl",
)
def customers(
    ctx: typer.Context,
    out: OutOption = None,
    with_hashes: HashesOption = False,
    excel: ExcelOption = False,
    form: FormOption = ExportFormat.CSV,
) -> None:
    """Write the customers as `import customers` reads them; bank data isn't masked."""
    context: Context = ctx.obj
    file = _checked_file(out, form, excel=excel)
    records = export.customers(context.database, context.caller(), with_hashes=with_hashes, now=context.now())
    rows = (exported_shape(customer_shape(c), h, with_hashes=with_hashes) for c, h in records)
    _write(context, rows, _columns(CUSTOMER_COLUMNS, with_hashes=with_hashes), file, form, excel=excel)


@verb(
    app,
    _("Write the packages with their domains as `import packages` reads them."),
    "custmerge export packages --out packages.csv",
)
def packages(
    ctx: typer.Context,
    out: OutOption = None,
    with_hashes: HashesOption = False,
    excel: ExcelOption = False,
    form: FormOption = ExportFormat.CSV,
) -> None:
    """Write the packages with their domains as `import packages` reads them."""
    context: Context = ctx.obj
    file = _checked_file(out, form, excel=excel)
    records = export.packages(context.database, context.caller(), with_hashes=with_hashes, now=context.now())
    shape = package_row if form is ExportFormat.CSV else package_shape
    rows = (exported_shape(shape(p), h, with_hashes=with_hashes) for p, h in records)
    _write(context, rows, _columns(PACKAGE_COLUMNS, with_hashes=with_hashes), file, form, excel=excel)


@verb(
    app,
    _("Write the whole history, oldest first; as JSON lines anyone can verify it without custmerge."),
    "custmerge export history --format jsonl --out history.jsonl",
)
def history(
    ctx: typer.Context, out: OutOption = None, excel: ExcelOption = False, form: FormOption = ExportFormat.CSV
) -> None:
    """Write the whole history, oldest first; as JSON lines anyone can verify it without custmerge."""
    context: Context = ctx.obj
    file = _checked_file(out, form, excel=excel)
    entries = export.history(context.database, context.caller())
    shape = entry_row if form is ExportFormat.CSV else entry_shape
    _write(context, map(shape, entries), ENTRY_COLUMNS, file, form, excel=excel)


def _columns(known: Iterable[str], *, with_hashes: bool) -> list[str]:
    return [c for c in known if c != "password" and (with_hashes or c != "password_hash")]


def _checked_file(out: str | None, form: ExportFormat, *, excel: bool) -> str | None:
    """Return the file to write, None for standard output.

    Raises BadUsage, and BadFile before anything is read for a wrong place.
    """
    if excel and form is not ExportFormat.CSV:
        raise BadUsage(problem=_("--excel is a kind of CSV: leave --format out."))
    if out is None or out == STDOUT:
        return None
    files.demand_place(out)
    return out


def _write(
    context: Context, rows: Iterable[Shape], columns: Iterable[str], file: str | None, form: str, *, excel: bool
) -> None:
    with (
        Progress(context.terminal, _("Exporting")) as progress,
        nullcontext(stdout()) if file is None else whole_file(file) as out,
    ):
        if excel:
            write_for_excel(_counted(rows, progress), out, columns)
        else:
            write_many(_counted(rows, progress), form, columns, out=out)
    if file is not None:
        text = ngettext("{rows} row written to {file}.", "{rows} rows written to {file}.", progress.done)
        context.terminal.say(text, rows=progress.done, file=file)


def _counted(rows: Iterable[Shape], progress: Progress) -> Iterator[Shape]:
    """Give the rows, counted as they go by."""
    for row in rows:
        progress.done += 1
        if progress.done % ROWS_PER_UPDATE == 0:
            progress.advanced(progress.done, None)
        yield row
