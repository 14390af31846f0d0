"""The options that every command takes, before its name and after it."""

from __future__ import annotations

import copy
from functools import cache
from typing import Annotated, Any

import typer

from custmerge.cli.language import _


def _declare(
    *,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help=_("sqlite:///path or postgresql://…"), show_default=False),
    ] = None,
    lang: Annotated[
        str | None, typer.Option(metavar="de|en", help=_("Language of texts."), show_default=False)
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help=_("Never ask."))] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=_("No messages, only data and errors."))] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=_("Say what is done."))] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help=_("No colours."))] = False,
) -> None:
    """Name the options; `custmerge.cli.context.GlobalOptions` has a place for each."""


# Any: Typer keeps the class of its options private.
def global_options(*, hidden: bool) -> list[Any]:
    """Return the global options for a command; `hidden` leaves them out of its help."""
    options = [copy.copy(option) for option in _declared()]
    for option in options:
        option.hidden = hidden
    return options


@cache
def _declared() -> tuple[Any, ...]:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(_declare)
    options = tuple(typer.main.get_command(app).params)
    for option in options:
        option.expose_value = False
        option.callback = _keep
    return options


def _keep(ctx: Any, option: Any, value: Any) -> Any:  # noqa: ANN401 (as above)
    """Keep what was given for the whole run, wherever it stood."""
    # What is given and empty, as an unset variable of a script is, isn't left out.
    if value not in (None, False) and ctx.obj is not None:
        setattr(ctx.obj.options, option.name, value)
    return value
