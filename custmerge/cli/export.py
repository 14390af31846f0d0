"""custmerge export."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, TextIO

import typer

from custmerge import files
from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext
from custmerge.cli.progress import Progress
from custmerge.cli.render.data import history as entry_shapes
from custmerge.cli.render.data import records as shapes
from custmerge.cli.render.data.writing import ExportFormat, Shape, stdout, whole_file, write_for_excel, write_many
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
    target = _target(out, form, excel=excel)
    records = export.customers(context.database, context.caller(), with_hashes=with_hashes, now=context.now())
    columns = _columns(CUSTOMER_COLUMNS, with_hashes=with_hashes)
    _write(
        context,
        (shapes.exported(shapes.customer(c), h, with_hashes=with_hashes) for c, h in records),
        target,
        columns,
    )


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
    target = _target(out, form, excel=excel)
    records = export.packages(context.database, context.caller(), with_hashes=with_hashes, now=context.now())
    shape = shapes.package_row if form is ExportFormat.CSV else shapes.package
    columns = _columns(PACKAGE_COLUMNS, with_hashes=with_hashes)
    _write(context, (shapes.exported(shape(p), h, with_hashes=with_hashes) for p, h in records), target, columns)


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
    target = _target(out, form, excel=excel)
    entries = export.history(context.database, context.caller())
    shape = entry_shapes.entry_row if form is ExportFormat.CSV else entry_shapes.entry
    _write(context, (shape(entry) for entry in entries), target, entry_shapes.ENTRY_COLUMNS)


def _columns(known: Iterable[str], *, with_hashes: bool) -> list[str]:
    return [c for c in known if c != "password" and (with_hashes or c != "password_hash")]


@dataclass(frozen=True, slots=True)
class Target:
    """Where an export goes, and how."""

    file: str | None
    """None for standard output."""
    form: ExportFormat
    excel: bool

    def write(self, rows: Iterable[Shape], out: TextIO, columns: Iterable[str]) -> None:
        """Write the rows in this form."""
        if self.excel:
            write_for_excel(rows, out, columns)
        else:
            write_many(rows, self.form, columns, out=out)


def _target(out: str | None, form: ExportFormat, *, excel: bool) -> Target:
    """Return where and how to write; raises BadUsage, and BadFile before anything is read for a wrong place."""
    if excel and form is not ExportFormat.CSV:
        raise BadUsage(problem=_("--excel is a kind of CSV: leave --format out."))
    file = None if out == STDOUT else out
    if file is not None:
        files.demand_place(file)
    return Target(file, form, excel)


def _write(context: Context, rows: Iterable[Shape], target: Target, columns: Iterable[str]) -> None:
    with Progress(context.terminal, _("Exporting")) as progress:
        counted = Counted(rows, progress)
        if target.file is None:
            target.write(counted, stdout(), columns)
            return
        with whole_file(target.file) as file:
            target.write(counted, file, columns)
    text = ngettext("{rows} row written to {file}.", "{rows} rows written to {file}.", counted.done)
    context.terminal.say(text, rows=counted.done, file=target.file)


class Counted:
    """Rows, counted as they go by, with a progress bar."""

    def __init__(self, rows: Iterable[Shape], progress: Progress) -> None:
        self._rows = rows
        self._progress = progress
        self.done = 0

    def __iter__(self) -> Iterator[Shape]:
        """Give the rows."""
        for row in self._rows:
            self.done += 1
            if self.done % ROWS_PER_UPDATE == 0:
                self._progress.advanced(self.done, None)
            yield row
