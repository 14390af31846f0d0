"""custmerge whoami."""

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, role_label
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data import access as shapes
from custmerge.cli.render.data.writing import Format, write_one


def whoami(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Say who is logged in and until when."""
    context: Context = ctx.obj
    caller = context.caller()
    if form is not Format.TABLE:
        write_one(shapes.whoami(caller), form)
        return
    text = _("{name} ({role}), until {until}")
    context.terminal.print(text.format(name=caller.name, role=role_label(caller.role), until=caller.expires_at))


app = single(whoami, "custmerge whoami", "custmerge whoami --format json")
