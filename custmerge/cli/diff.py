"""custmerge diff."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, IntoOption, RevealOption
from custmerge.cli.render.data.comparison import comparison_shape, field_shapes
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.cli.render.text.comparison import comparison_parts
from custmerge.errors import BadUsage, Declined
from custmerge.services import find


def diff(
    ctx: typer.Context,
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help=_("The number to take over; without it you are asked.")),
    ] = None,
    kept: Annotated[
        str | None, typer.Argument(metavar="INTO", help=_("The number that is kept, as with --into."))
    ] = None,
    into: IntoOption = None,
    all_rows: Annotated[bool, typer.Option("--all", help=_("Show equal rows too."))] = False,
    reveal: RevealOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare two numbers; exit code 0: identical or equivalent, 1: details differ, 3: blocked by identity."""
    context: Context = ctx.obj
    if kept is not None and into is not None and kept != into:
        raise BadUsage(problem=_("The number that is kept is given twice: leave INTO or --into out."))
    if number is None:
        context.terminal.demand_person(_("Customer number to take over"), "NUMBER")
    caller = context.caller()
    if number is None:
        number = context.terminal.ask(_("Customer number to take over"), option="NUMBER")
        if not number:
            raise Declined
    into = context.survivor(caller, kept if into is None else into)
    comparison = find.diff(context.database, caller, number, into=into, reveal=reveal, now=context.now())
    if form is Format.TABLE:
        context.terminal.print(*comparison_parts(comparison, all_rows=all_rows))
    else:
        write_one(comparison_shape(comparison), form, field_shapes(comparison))
    raise typer.Exit(comparison.exit)


app = single(
    diff,
    "custmerge diff 20002",
    "custmerge diff 20002 10001",
    "custmerge diff 20002 --into 10001 --all --format json",
    explained=_(
        "Compare two numbers, differences highlighted; of two numbers (`diff 20002 10001`) the second is the one "
        "that is kept. Exit code 0: identical or equivalent, 1: details differ, 3: blocked by an identity field."
    ),
)
