"""custmerge whoami."""

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, examples, single
from custmerge.cli.render import shapes
from custmerge.cli.render.escape import visible
from custmerge.cli.render.output import Format, write_one


def whoami(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Say who is logged in and until when."""
    context: Context = ctx.obj
    caller = context.caller()
    if form is not Format.TABLE:
        write_one(shapes.whoami(caller), form)
        return
    said = _("{name} ({role}), until {until}")
    context.terminal.print(said.format(name=visible(caller.name), role=_(caller.role.value), until=caller.expires_at))


app = single(whoami, epilog=examples("custmerge whoami", "custmerge whoami --format json"))
