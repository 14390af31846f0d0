"""The command line: its verbs, the global options, and how a command line is run."""

from __future__ import annotations

import copy
import importlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from custmerge import __version__, errors
from custmerge.cli import completion, language
from custmerge.cli.context import Context, GlobalOptions
from custmerge.cli.error_report import FORMAT_OPTION, PROGRAM, as_custmerge_error, is_missing, report
from custmerge.cli.help_page import MARGIN, TYPERS_LEAST, epilog_of, examples_of, write_commands, write_options
from custmerge.cli.language import _, literal
from custmerge.cli.streams import drop_what_is_left, flush_stdout, open_streams
from custmerge.cli.terminal import LEAST_WIDTH, print_line
from custmerge.cli.words import with_places
from custmerge.errors import N_, BadUsage, CustmergeError, ExitCode

# Verb → the module that has it and what it does; a module is imported only when its verb is typed.
VERBS: dict[str, tuple[str, str]] = {
    "init": ("init", N_("Create a database or bring it to this version.")),
    "attach": ("attach", N_("Work on the tables that a host already has.")),
    "demo": ("demo", N_("Build a small database and show the whole way.")),
    "import": ("imports", N_("Bring customers or packages in from CSV.")),
    "export": ("export", N_("Write customers, packages or history as CSV or JSON.")),
    "login": ("login", N_("Open a session for a customer number or a staff name.")),
    "logout": ("logout", N_("End your session.")),
    "whoami": ("whoami", N_("Say who is logged in.")),
    "find": ("find", N_("Look customers up by number, name, address or domain.")),
    "show": ("show", N_("Show all there is about a number.")),
    "verify": ("verify", N_("Prove that a number is yours: a domain and its password.")),
    "diff": ("diff", N_("Compare two numbers, differences highlighted.")),
    "merge": ("merge", N_("Merge a number into the one that is kept.")),
    "bulk": ("bulk", N_("Merge the pairs of a CSV file.")),
    "duplicates": ("duplicates", N_("Find who may be one customer under several numbers.")),
    "history": ("history", N_("Show what happened, newest first.")),
    "audit": ("audit", N_("Prove that history and data hold; 0 OK, 1 warning, 2 critical, 3 unknown.")),
    "purge": ("purge", N_("Erase personal data that is no longer needed.")),
    "undo": ("undo", N_("Take orders back exactly.")),
    "transfer": ("transfer", N_("File and decide the signed contract transfer.")),
    "user": ("user", N_("Add, list and change the people who work here.")),
    "token": ("token", N_("Make, list and end service tokens.")),
    "config": ("config", N_("Show where the settings come from.")),
    "doctor": ("doctor", N_("Say what is wrong here and what to do.")),
    "help": ("help", N_("Show a page of the manual, or how a command is called.")),
}
WITHOUT_LOGIN = frozenset({"init", "attach", "demo", "login", "doctor", "config", "help"})
"""The verbs that nobody has to be logged in for (contract §5)."""
GROUPS: dict[str, tuple[str, ...]] = {
    N_("To begin"): ("help", "demo", "init", "attach", "login", "logout", "whoami"),
    N_("Look"): ("find", "show", "diff", "duplicates", "history"),
    N_("Merge"): ("verify", "merge", "transfer", "bulk", "undo"),
    N_("Data"): ("import", "export", "purge"),
    N_("Run it"): ("audit", "user", "token", "config", "doctor"),
}
"""How the root command's page groups its verbs; one that isn't here stands in the last group."""
EXAMPLES = (
    "custmerge demo",
    "custmerge init --supervisor anna",
    "custmerge login --staff anna",
    "custmerge merge",
)
F = TypeVar("F", bound=Callable[..., int | None])
_COMPLETION_HELP = {
    "install_completion": N_("Install completion for this shell."),
    "show_completion": N_("Print completion for this shell."),
}


# Any, here and below: Typer keeps the classes in these signatures private.
def _write_usage(command: Any, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
    """Write the line that says how to call a command."""
    prefix = literal("{usage} ").format(usage=_("Usage:"))
    formatter.write_usage(ctx.command_path, with_places(" ".join(command.collect_usage_pieces(ctx))), prefix=prefix)


def _name_places(params: Sequence[Any]) -> None:
    """Write what stands for a value in the person's language."""
    for param in params:
        if param.metavar is not None:
            param.metavar = with_places(param.metavar)


class Verb(TyperCommand):
    """A command whose help is in the person's language throughout, and that takes the global options too."""

    format_usage = _write_usage

    def __init__(self, *arguments: Any, **attributes: Any) -> None:  # noqa: ANN401 (Typer's own signature)
        super().__init__(*arguments, **attributes)
        self.params = [*self.params, *global_options(hidden=True)]
        _name_places(self.params)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Read the command line; who isn't logged in is told that, and not first what is missing."""
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            if is_missing(error) and not ctx.resilient_parsing:
                _demand_login(ctx)
            raise

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run it as a verb."""
        with running(ctx, self.begin):
            return super().invoke(ctx)

    def begin(self, context: Context) -> None:
        """Take the settings; raises what `Context.begin` raises."""
        context.begin()

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write arguments and options."""
        write_options(self, ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401
        """Return --help with its text."""
        return _translated(super().get_help_option(ctx))


@contextmanager
def running(ctx: Any, begin: Callable[[Context], None] = Context.begin) -> Iterator[None]:  # noqa: ANN401
    """Run a verb in a block, all global options being read by now; note where it is refused to who is logged in."""
    context: Context = ctx.obj
    _demand_filled(ctx)
    begin(context)
    _demand_login(ctx)
    try:
        yield
    except CustmergeError as error:
        if error.is_refusal:
            # Without the program's name; nothing of what was typed behind the command.
            context.note_refusal(ctx.command_path.partition(" ")[2], error)
        raise


def _demand_login(ctx: Any) -> None:  # noqa: ANN401
    """Raise NotLoggedIn where the command needs a login and there is none."""
    verb = ctx.command_path.split()[1]
    # What `audit` looks at stands in the program, not in the database.
    if verb not in WITHOUT_LOGIN and not ctx.params.get("list_checks"):
        ctx.obj.token()


def _demand_filled(ctx: Any) -> None:  # noqa: ANN401
    """Raise BadUsage for an option that is given empty, as an unset variable is: it isn't left out."""
    for option in ctx.command.params:
        if option.param_type_name == "option" and ctx.params.get(option.name) == "":
            if option.required:
                problem = _("{name} is empty: give it a value.")
            else:
                problem = _("{name} is empty: leave it out, or give it a value.")
            raise BadUsage(problem=problem.format(name=option.opts[0]))


class VerbGroup(TyperGroup):
    """A command that has commands of its own, with help in the person's language throughout."""

    format_usage = _write_usage
    are_globals_hidden = True

    def __init__(self, *arguments: Any, **attributes: Any) -> None:  # noqa: ANN401 (as above)
        super().__init__(*arguments, **{**attributes, "suggest_commands": False})
        self.params = [*self.params, *global_options(hidden=self.are_globals_hidden)]
        _name_places(self.params)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write options and commands."""
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 (Typer's own signature)
        """Write the commands with their summaries."""
        heading = _("Commands")
        write_commands(self.commands, {heading: [*self.commands]}, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write what the page ends with: an example of each command."""
        if self.epilog is None:
            first = [examples_of(command.epilog)[:1] for command in self.commands.values()]
            self.epilog = epilog_of(example for examples in first for example in examples)
        super().format_epilog(ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401
        """Return --help with its text."""
        return _translated(super().get_help_option(ctx))


def verb_group(summary: str) -> typer.Typer:
    """Return an app for a verb that has verbs of its own."""
    return typer.Typer(
        cls=VerbGroup, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, help=summary
    )


def verb(
    app: typer.Typer, summary: str, *examples: str, name: str | None = None, cls: type[Verb] = Verb
) -> Callable[[F], F]:
    """Return what makes a function a command of `app`, called like the function or `name`.

    Its help begins with `summary` and ends with `examples`.
    """
    return app.command(name, cls=cls, help=summary, epilog=epilog_of(examples))


def single(
    function: Callable[..., int | None], *examples: str, explained: str = "", cls: type[Verb] = Verb
) -> typer.Typer:
    """Return an app for a verb that is one command.

    Its help is `explained`, or the verb's summary in the root command.
    """
    app = verb_group("")
    verb(app, explained, *examples, cls=cls)(function)
    return app


def _translated(option: Any) -> Any:  # noqa: ANN401
    if option is not None:
        option.help = _("Show this help.")
    return option


def global_options(*, hidden: bool) -> list[Any]:
    """Return the global options for a command; `hidden` leaves them out of its help."""
    options = [copy.copy(option) for option in _declared()]
    for option in options:
        option.hidden = hidden
    return options


@cache
def _declared() -> tuple[Any, ...]:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(GlobalOptions)
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


class Verbs(VerbGroup):
    """The root command's verbs: names and summaries at once, the rest when one is typed."""

    are_globals_hidden = False

    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)
        for name in VERBS:
            self.add_command(TyperCommand(name, help=_(VERBS[name][1]), rich_markup_mode=None))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 (Typer's own signature)
        """Write the verbs in their groups."""
        write_commands(self.commands, dict(zip(map(_, GROUPS), GROUPS.values(), strict=True)), formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Put the verb that is typed in the place of its summary, then do as Typer does."""
        if args[0] in VERBS:
            module = importlib.import_module(f"custmerge.cli.{VERBS[args[0]][0]}")
            command = typer.main.get_command(module.app)
            command.help = command.help or _(VERBS[args[0]][1])
            self.add_command(command, args[0])
        return super().resolve_command(ctx, args)


def root(  # noqa: D103 (its help is below)
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", "-V", help=_("Print the version."))] = False,
) -> None:
    if version:
        print_line(literal("{program} {version}").format(program=PROGRAM, version=__version__))
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        show_help_of(ctx)


def show_help_of(ctx: typer.Context, *words: str) -> None:
    """Print the help of the command that `words` name, as --help behind them does; of all where there are none."""
    ctx.find_root().command.main(
        [*words, "--help"],
        prog_name=PROGRAM,
        standalone_mode=False,
        obj=ctx.obj,
        terminal_width=_narrow_width(),
    )


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but what the command prints gets out."""
    arguments = list(argv)
    # As it was given: the language is written into it.
    environ = dict(os.environ)
    can_write = open_streams()
    language.install(language.choose(arguments, environ))
    try:
        return _run(arguments, environ) if can_write else report(errors.OutputClosed(), arguments, _verb(arguments))
    except BrokenPipeError:
        # Of `history --follow`, which would wait for ever.
        return ExitCode.DONE
    except KeyboardInterrupt:
        error: CustmergeError = errors.Interrupted()
    except Exception as raised:  # noqa: BLE001 (the one boundary: an unexpected error is a sentence too)
        error = as_custmerge_error(raised)
    if completion.VARIABLE in os.environ:
        # Somebody has pressed Tab in the middle of a line.
        return ExitCode.DONE
    if isinstance(error, errors.Interrupted):
        # The reader may be looking at the first page, and the rest would be waited for.
        drop_what_is_left()
    return report(error, arguments, _verb(arguments))


def _run(arguments: list[str], environ: Mapping[str, str]) -> int:
    if not all(_is_text(argument) for argument in arguments):
        raise errors.BadUsage(problem=_("An argument isn't valid text in this terminal's encoding."))
    command = typer.main.get_command(_app())
    for option in command.params:
        if option.name in _COMPLETION_HELP:
            setattr(option, "help", _(_COMPLETION_HELP[option.name]))  # noqa: B010 (Typer's type for it has no help)
        if option.name == "install_completion" and option.callback is not None:
            option.callback = completion.installed_in_words(option.callback)
    try:
        code = command.main(
            args=arguments,
            prog_name=PROGRAM,
            standalone_mode=False,
            obj=Context(environ),
            terminal_width=_narrow_width(),
        )
        flush_stdout()
    except SystemExit as end:
        # Typer ends like this when it prints a shell's completion.
        return int(end.code or 0)
    if code == ExitCode.INTERRUPTED:
        raise errors.Interrupted
    return code if isinstance(code, int) else ExitCode.DONE


def _narrow_width() -> int | None:
    """Return in how many columns help is written on a terminal that is narrower than Typer expects, else None."""
    columns = shutil.get_terminal_size().columns
    return max(columns, LEAST_WIDTH) - MARGIN if columns < TYPERS_LEAST + MARGIN else None


def _app() -> typer.Typer:
    app = typer.Typer(
        cls=Verbs,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        invoke_without_command=True,
        help=_("Merge two customer numbers into one: verified, compared, recorded."),
        epilog=epilog_of(EXAMPLES),
    )
    app.callback()(root)
    return app


def _verb(arguments: list[str]) -> str | None:
    """Return the verb that the command line names, as far as that can be seen without understanding it."""
    before = ["", *arguments]
    return next(
        (
            argument
            for option, argument in zip(before, arguments, strict=False)
            if argument in VERBS and option not in ("--database", "--lang") and not FORMAT_OPTION.fullmatch(option)
        ),
        None,
    )


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
