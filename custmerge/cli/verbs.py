"""How a verb is declared, and what Typer says in the person's language."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from custmerge.cli.context import Context
from custmerge.cli.global_options import global_options
from custmerge.cli.language import SafeText, _, literal, visible
from custmerge.errors import N_, BadUsage, CustmergeError
from custmerge.settings import without_urls_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_INVALID = r"Invalid value for '?(?P<name>[A-Za-z-]+)[^:]*: "
_NO_COMMAND, _NO_OPTION = N_("There is no command {name}."), N_("There is no option {name}.")
_UNKNOWN = (_NO_COMMAND, _NO_OPTION)
_WORD = re.compile(r"[\w-]{1,30}")
"""What may be meant for a command or an option; anything else may be a URL with its password."""
# What Typer says when a command line is wrong; it has no catalogue for these.
_USAGE_PROBLEMS = {
    re.compile(r"Missing argument '(?P<name>.+)'\."): N_("The argument {name} is missing."),
    re.compile(r"Missing option '(?P<name>[^']+)'.*\.", re.DOTALL): N_("The option {name} is missing."),
    re.compile(r"Missing command\."): N_("A command is missing: --help lists them."),
    re.compile(r"No such command '(?P<name>.+)'\."): _NO_COMMAND,
    re.compile(r"No such option: (?P<name>\S+)"): _NO_OPTION,
    re.compile(r"Option '(?P<name>.+)' requires an argument\."): N_("The option {name} needs a value."),
    re.compile(r"Option '(?P<name>.+)' does not take a value\."): N_("The option {name} takes no value."),
    # Not repeated: what stands in a wrong place may be a password.
    re.compile(r"Got unexpected extra argument.*", re.DOTALL): N_(
        "There are more arguments than the command takes: --help tells which."
    ),
    re.compile(_INVALID + r"(?:Value error, )?'(?P<value>.*)' is not one of (?P<rest>.+?)\.?", re.DOTALL): N_(
        "{name}: {value} isn't one of {rest}."
    ),
    re.compile(_INVALID + r".*valid integer.*", re.DOTALL): N_("{name} needs a whole number."),
    re.compile(_INVALID + r".*greater than or equal to (?P<rest>-?\d+).*", re.DOTALL): N_("{name}: at least {rest}."),
    re.compile(_INVALID + r".*less than or equal to (?P<rest>-?\d+).*", re.DOTALL): N_("{name}: at most {rest}."),
    re.compile(_INVALID + r"(?P<rest>.*)", re.DOTALL): N_("{name}: {rest}"),
}


NEAR = 0.7
"""How alike two words are, from 0 to 1, that one is suggested for the other."""


class Verb(TyperCommand):
    """A command whose help is in the person's language throughout, and that takes the global options too."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:  # noqa: ANN401 (Typer's own signature)
        super().__init__(*arguments, **attributes)
        self.params = [*self.params, *global_options(hidden=True)]

    # Any: Typer keeps the classes in these signatures private.
    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run it, all global options being read by now; note where it is refused to who is logged in."""
        context: Context = ctx.obj
        self._demand_filled(ctx)
        context.begin()
        try:
            return super().invoke(ctx)
        except CustmergeError as error:
            if error.is_refusal:
                # Without the program's name; nothing of what was typed behind the command.
                context.note_refusal(ctx.command_path.partition(" ")[2], error)
            raise

    def _demand_filled(self, ctx: Any) -> None:  # noqa: ANN401
        """Raise BadUsage for an option that is given empty, as an unset variable is: it isn't left out."""
        for option in self.params:
            if option.param_type_name == "option" and ctx.params.get(option.name) == "":
                raise BadUsage(
                    problem=_("{name} is empty: leave it out, or give it a value.").format(name=option.opts[0])
                )

    def format_usage(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the line that says how to call it."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix=_usage())

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401
        """Return --help with its text."""
        return _translated(super().get_help_option(ctx))


class VerbGroup(TyperGroup):
    """A command that has commands of its own, likewise."""

    are_globals_hidden = True

    def __init__(self, *arguments: Any, **attributes: Any) -> None:  # noqa: ANN401 (as above)
        super().__init__(*arguments, **{**attributes, "suggest_commands": False})
        self.params = [*self.params, *global_options(hidden=self.are_globals_hidden)]

    def format_usage(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the line that says how to call it."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix=_usage())

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401
        """Return --help with its text."""
        return _translated(super().get_help_option(ctx))


def verb_group(summary: str) -> typer.Typer:
    """Return an app for a verb that has verbs of its own."""
    return typer.Typer(
        cls=VerbGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        help=summary,
    )


def single(function: Callable[..., int | None], *, epilog: str, explained: str = "") -> typer.Typer:
    """Return an app for a verb that is one command.

    Its help is `explained`, or the verb's summary in the root command.
    """
    app = verb_group("")
    app.command(cls=Verb, help=explained, epilog=epilog)(function)
    return app


def examples(*lines: str) -> str:
    r"""Return the end of a command's help; `\b` keeps its lines as they are."""
    return "\b\n" + _("Examples:") + "\n" + "\n".join(f"  {line}" for line in lines)


def usage_problem(error: typer.TyperException) -> SafeText:
    """Return what Typer says about a wrong command line in the person's language."""
    # What Typer itself suggests for an option may be far off: its `message` is without that.
    message: str = error.message if hasattr(error, "possibilities") else error.format_message()
    for pattern, template in _USAGE_PROBLEMS.items():
        if match := pattern.fullmatch(message):
            values = {name: without_urls_secrets(value) for name, value in match.groupdict().items()}
            is_unknown = template in _UNKNOWN
            if is_unknown and not _WORD.fullmatch(match["name"]):
                values["name"] = "…"
            problem = _(_USAGE_PROBLEMS[pattern]).format(**values)
            if is_unknown and (meant := near(match["name"], _known(error))):
                problem = literal(" ").join((problem, _("Did you mean {near}?").format(near=_(" or ").join(meant))))
            return problem
    return visible(without_urls_secrets(message))


def _known(error: typer.TyperException) -> list[str]:
    """Return the commands and options that could have been meant."""
    # Typer keeps the class private that has a context.
    command = getattr(getattr(error, "ctx", None), "command", None)
    options = [name for option in getattr(command, "params", ()) for name in option.opts]
    return [*getattr(command, "commands", ()), *options]


def near(typed: str, known: Iterable[str]) -> list[str]:
    """Return those of the known words that somebody who typed another may have meant, best first."""
    names = {name.lstrip("-"): name for name in known}
    return [names[name] for name in get_close_matches(typed.lstrip("-"), names, cutoff=NEAR)]


def _usage() -> str:
    return _("Usage:") + " "


def _translated(option: Any) -> Any:  # noqa: ANN401
    if option is not None:
        option.help = _("Show this help.")
    return option
