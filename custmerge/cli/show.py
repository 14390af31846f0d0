"""custmerge show."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, RevealOption
from custmerge.cli.render.data.records import profile_shape
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.cli.render.text.parts import BLANK
from custmerge.cli.render.text.records import profile_parts
from custmerge.services import find


def show(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help=_("A customer number."))],
    reveal: RevealOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a record with its packages, domains and orders; a retired number leads to the one in use."""
    context: Context = ctx.obj
    caller = context.caller()
    profile = find.show(context.database, caller, number, reveal=reveal, now=context.now())
    if form is not Format.TABLE:
        write_one(profile_shape(profile), form)
        return
    context.terminal.print(*profile_parts(profile))
    target = profile.customer.merged_into
    if target is not None:
        context.terminal.print(BLANK, _("{number} is now:").format(number=number), BLANK)
        survivor = find.show(context.database, caller, target, reveal=reveal, now=context.now())
        context.terminal.print(*profile_parts(survivor))


app = single(show, "custmerge show 10001", "custmerge show 10001 --format json")
