"""custmerge logout."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext


def logout(
    ctx: typer.Context,
    everywhere: Annotated[bool, typer.Option("--all", help=_("End all your sessions."))] = False,
) -> None:
    """End your session."""
    from custmerge.services.people import sessions

    context: Context = ctx.obj
    ended = sessions.logout(context.database, context.token(), everywhere=everywhere)
    if not context.tokens.is_given():
        context.tokens.forget()
    text = ngettext("{count} session ended.", "{count} sessions ended.", ended)
    context.terminal.say(text, count=ended)


app = single(logout, "custmerge logout", "custmerge logout --all")
