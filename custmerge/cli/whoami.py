"""custmerge whoami."""

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data.access import caller_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.access import caller_lines


def whoami(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Say who is logged in and until when."""
    context: Context = ctx.obj
    context.print_one(context.caller(), form, caller_shape, caller_lines)


app = single(whoami, "custmerge whoami", "custmerge whoami --format json")
