"""custmerge whoami."""

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data.access import caller_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.access import caller_lines, waiting_lines
from custmerge.services.waiting import waiting


def whoami(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Say who is logged in and until when."""
    context: Context = ctx.obj
    caller = context.caller()
    context.print_one(caller, form, caller_shape, caller_lines)
    if form is Format.TABLE:
        context.terminal.print(*waiting_lines(waiting(context.database, caller, context.now())))


app = single(whoami, "custmerge whoami", "custmerge whoami --format json")
