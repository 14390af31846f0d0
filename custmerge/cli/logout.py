"""custmerge logout."""

from typing import Annotated

import typer

from custmerge.cli.app import examples, single
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
    said = ngettext("{count} session ended.", "{count} sessions ended.", ended)
    context.terminal.say(said, count=ended)


app = single(logout, epilog=examples("custmerge logout", "custmerge logout --all"))
