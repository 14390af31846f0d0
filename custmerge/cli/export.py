"""custmerge export."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.render import shapes
from custmerge.cli.render.output import ExportFormat, stdout, whole_file, write_many
from custmerge.cli.render.shapes import Shape
from custmerge.cli.terminal import ProgressBar
from custmerge.cli.verbs import Verb, examples, verb_group
from custmerge.rules.records import CUSTOMER_COLUMNS, PACKAGE_COLUMNS
from custmerge.services import exporting

ROWS_PER_UPDATE = 1_000

app = verb_group(_("Write everything out, streamed, in the order of its keys."))

OutOption = Annotated[
    str | None,
    typer.Option(
        "--out", "-o", metavar="FILE", help=_("Write to a file that only you can read."), show_default=False
    ),
]
FormOption = Annotated[ExportFormat, typer.Option("--format", "-f", help=_("How to write."))]
HashesOption = Annotated[bool, typer.Option("--with-hashes", help=_("With password hashes."))]


@app.command(
    cls=Verb,
    help=_("Write the customers as `import customers` reads them; bank data isn't masked."),
    epilog=examples("custmerge export customers --out customers.csv", "custmerge export customers -f jsonl"),
)
def customers(
    ctx: typer.Context,
    out: OutOption = None,
    with_hashes: HashesOption = False,
    form: FormOption = ExportFormat.CSV,
) -> None:
    """Write the customers as `import customers` reads them; bank data isn't masked."""
    context: Context = ctx.obj
    found = exporting.customers(context.database, context.caller(), with_hashes=with_hashes, now=context.now())
    columns = _columns(CUSTOMER_COLUMNS, with_hashes=with_hashes)
    _write(
        context,
        (shapes.exported(shapes.customer(c), h, with_hashes=with_hashes) for c, h in found),
        out,
        form,
        columns,
    )


@app.command(
    cls=Verb,
    help=_("Write the packages with their domains as `import packages` reads them."),
    epilog=examples("custmerge export packages --out packages.csv"),
)
def packages(
    ctx: typer.Context,
    out: OutOption = None,
    with_hashes: HashesOption = False,
    form: FormOption = ExportFormat.CSV,
) -> None:
    """Write the packages with their domains as `import packages` reads them."""
    context: Context = ctx.obj
    found = exporting.packages(context.database, context.caller(), with_hashes=with_hashes, now=context.now())
    shape = shapes.package_row if form is ExportFormat.CSV else shapes.package
    columns = _columns(PACKAGE_COLUMNS, with_hashes=with_hashes)
    _write(context, (shapes.exported(shape(p), h, with_hashes=with_hashes) for p, h in found), out, form, columns)


@app.command(
    cls=Verb,
    help=_("Write the whole history, oldest first; as JSON lines anyone can verify it without custmerge."),
    epilog=examples("custmerge export history --format jsonl --out history.jsonl"),
)
def history(ctx: typer.Context, out: OutOption = None, form: FormOption = ExportFormat.CSV) -> None:
    """Write the whole history, oldest first; as JSON lines anyone can verify it without custmerge."""
    context: Context = ctx.obj
    entries = exporting.history(context.database, context.caller())
    shape = shapes.entry_row if form is ExportFormat.CSV else shapes.entry
    _write(context, (shape(entry) for entry in entries), out, form, shapes.ENTRY_COLUMNS)


def _columns(known: Iterable[str], *, with_hashes: bool) -> list[str]:
    return [c for c in known if c != "password" and (with_hashes or c != "password_hash")]


def _write(
    context: Context, rows: Iterable[Shape], out: str | None, form: ExportFormat, columns: Iterable[str]
) -> None:
    with context.terminal.progress(_("Exporting")) as bar:
        if out is None:
            write_many(_counted(rows, bar), form, stdout(), columns)
            return
        with whole_file(out) as file:
            write_many(_counted(rows, bar), form, file, columns)


def _counted(rows: Iterable[Shape], bar: ProgressBar) -> Iterator[Shape]:
    for done, row in enumerate(rows, start=1):
        if done % ROWS_PER_UPDATE == 0:
            bar.update(done, None)
        yield row
