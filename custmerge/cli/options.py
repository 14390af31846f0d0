"""Options and arguments that several verbs share, and how a verb is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from custmerge.cli.language import _
from custmerge.cli.render.output import Format

if TYPE_CHECKING:
    from collections.abc import Callable

FormatOption = Annotated[Format, typer.Option("--format", "-f", help=_("How to print."), show_default=True)]
IntoOption = Annotated[
    str | None,
    typer.Option("--into", metavar="NUMBER", help=_("The number that is kept (staff)."), show_default=False),
]
RevealOption = Annotated[bool, typer.Option("--reveal", help=_("Show bank data unmasked (staff; recorded)."))]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help=_("Don't ask for confirmation."))]
PasswordStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help=_("Read the password from standard input."))
]
DomainOption = Annotated[
    str | None,
    typer.Option("--domain", metavar="NAME", help=_("A domain of the number to take over."), show_default=False),
]


def verb_group(summary: str) -> typer.Typer:
    """Return an app for a verb that has verbs of its own, or exactly one command."""
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, help=summary)


def examples(*lines: str) -> str:
    r"""Return the end of a command's help; `\b` keeps its lines as they are."""
    return "\b\n" + _("Examples:") + "\n" + "\n".join(f"  {line}" for line in lines)


def single(function: Callable[..., int | None], *, epilog: str) -> typer.Typer:
    """Return an app for a verb that is one command; its help is the verb's summary in the root command."""
    app = verb_group("")
    app.command(help="", epilog=epilog)(function)
    return app
