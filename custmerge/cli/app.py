"""The root command: global options, verbs loaded when they are typed, errors → one sentence and an exit code."""

from __future__ import annotations

import importlib
import os
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from custmerge import __version__, errors, files
from custmerge.cli import language
from custmerge.cli.context import Context
from custmerge.cli.language import _, literal
from custmerge.cli.streams import drop_what_is_left, flush_stdout, open_streams, silence_stdout
from custmerge.cli.terminal import print_line, print_message
from custmerge.cli.verbs import VerbGroup, usage_problem
from custmerge.errors import N_, CustmergeError, ExitCode
from custmerge.rules.audit import Verdict
from custmerge.settings import data_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "custmerge"

# Verb → the module that has it and what it does; a module is imported only when its verb is typed.
VERBS: dict[str, tuple[str, str]] = {
    "init": ("init", N_("Create a database or bring it to this version.")),
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
    "history": ("history", N_("Show what happened, newest first.")),
    "audit": ("audit", N_("Prove that history and data hold; 0 OK, 1 warning, 2 critical, 3 unknown.")),
    "purge": ("purge", N_("Erase personal data that is no longer needed.")),
    "undo": ("undo", N_("Take orders back exactly.")),
    "transfer": ("transfer", N_("File and decide the signed contract transfer.")),
    "user": ("user", N_("Add, list and change the people who work here.")),
    "token": ("token", N_("Make, list and end service tokens.")),
    "config": ("config", N_("Show where the settings come from.")),
    "doctor": ("doctor", N_("Say what is wrong here and what to do.")),
}


# -f at the end of other flags too.
_FORMAT = re.compile(r"--format|-[a-z]*f")
_COMPLETION_HELP = {
    "install_completion": N_("Install completion for this shell."),
    "show_completion": N_("Print completion for this shell."),
}


class Verbs(VerbGroup):
    """The root command's verbs: names and summaries at once, the rest when one is typed."""

    are_globals_hidden = False

    # Any: Typer's own signature.
    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)
        for name in VERBS:
            self.add_command(TyperCommand(name, help=_(VERBS[name][1]), rich_markup_mode=None))

    # Typer keeps the classes in this signature private.
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
    version: Annotated[bool, typer.Option("--version", help=_("Print the version."))] = False,
) -> None:
    if version:
        print_line(literal("{program} {version}").format(program=PROGRAM, version=__version__))
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        context: Context = ctx.obj
        context.begin()
        raise errors.BadUsage(problem=_("Name a command: `custmerge --help` lists them."))


def run(argv: Sequence[str]) -> int:  # noqa: PLR0911 (one return for each kind of end)
    """Run one command line and return its exit code; nothing but what the command prints gets out."""
    arguments = list(argv)
    can_write = open_streams()
    language.install(language.choose(arguments, os.environ))
    try:
        return _run(arguments) if can_write else _report(errors.OutputClosed(), arguments)
    except CustmergeError as error:
        return _report(error, arguments)
    except typer.TyperException as error:
        return _report(errors.BadUsage(problem=usage_problem(error)), arguments)
    except typer.Abort:
        return _report(errors.Declined(), arguments)
    except KeyboardInterrupt:
        return _interrupted(arguments)
    except BrokenPipeError:
        # Of `history --follow`, which would wait for ever.
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 (the one boundary: a fault of ours is a sentence too)
        return _interrupted(arguments) if errors.is_interrupt(error) else _report(_fault(error), arguments)


def _run(arguments: list[str]) -> int:
    if not all(_is_text(argument) for argument in arguments):
        raise errors.BadUsage(problem=_("An argument isn't valid text in this terminal's encoding."))
    command = typer.main.get_command(_app())
    for option in command.params:
        if option.name in _COMPLETION_HELP:
            setattr(option, "help", _(_COMPLETION_HELP[option.name]))  # noqa: B010 (Typer's type for it has no help)
    try:
        code = command.main(args=arguments, prog_name=PROGRAM, standalone_mode=False, obj=Context(os.environ))
        flush_stdout()
    except SystemExit as end:
        # Typer ends like this when it prints a shell's completion.
        return int(end.code or 0)
    if code == ExitCode.INTERRUPTED:
        raise errors.Interrupted
    return code if isinstance(code, int) else ExitCode.DONE


def _app() -> typer.Typer:
    app = typer.Typer(
        cls=Verbs,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        invoke_without_command=True,
        help=_("Merge two customer numbers into one: verified, compared, recorded."),
        epilog=_("Start with `custmerge demo`. Settings: option, environment, config file, default."),
    )
    app.callback()(root)
    return app


def _interrupted(arguments: list[str]) -> int:
    # The reader may be looking at the first page, and the rest would be waited for.
    drop_what_is_left()
    return _report(errors.Interrupted(), arguments)


def _report(error: CustmergeError, arguments: list[str]) -> int:
    message = language.sentence(error)
    if _is_plugin(error, arguments):
        from custmerge.cli.render.data.audit import nagios_unknown

        print_line(nagios_unknown(message))
        return ExitCode.AUDIT_UNKNOWN
    ends: int = error.exit
    if _verb(arguments) == "audit" and (isinstance(error, _NO_VERDICT) or _is_taken_for_a_verdict(error, arguments)):
        ends = ExitCode.AUDIT_UNKNOWN
    if _wants(arguments, "json"):
        from custmerge.cli.render.data.writing import error_document

        print_message(error_document(error.code, ends, message, error.filled_details()))
    else:
        print_message(literal("{program}: {message}").format(program=PROGRAM, message=message))
    return ends


_NO_VERDICT = (errors.DatabaseError, errors.Unexpected, errors.OutputFailed)


def _is_plugin(error: CustmergeError, arguments: list[str]) -> bool:
    """Whether a monitoring system reads stdout."""
    return _wants(arguments, "nagios") and _verb(arguments) == "audit" and not isinstance(error, errors.Interrupted)


def _is_taken_for_a_verdict(error: CustmergeError, arguments: list[str]) -> bool:
    """Whether a monitor that runs an audit would take an error's code for what the audit says."""
    return int(error.exit) in (int(Verdict.WARNING), int(Verdict.CRITICAL)) and _wants(arguments, "prometheus")


def _wants(arguments: list[str], form: str) -> bool:
    """Whether the command line asks for a format, as far as that can be seen without understanding it."""
    return any(
        (_FORMAT.fullmatch(argument) and after == form)
        or argument == f"--format={form}"
        or re.fullmatch(f"-[a-z]*f{form}", argument)
        for argument, after in pairwise([*arguments, ""])
    )


def _verb(arguments: list[str]) -> str | None:
    """Return the verb that the command line names, likewise."""
    before = ["", *arguments]
    return next(
        (
            argument
            for option, argument in zip(before, arguments, strict=False)
            if argument in VERBS and option not in ("--database", "--lang") and not _FORMAT.fullmatch(option)
        ),
        None,
    )


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fault(error: Exception) -> CustmergeError:
    """Return what is to be said of an error that nobody foresaw, or that stdout raised."""
    if isinstance(error, OSError) and error.filename is None:
        if isinstance(error, FileNotFoundError):
            return errors.BadFile(file=".", why=N_("is a folder that is gone: change to another one"))
        # Every file has a name; what has none is a stream.
        silence_stdout()
        return errors.OutputFailed(reason=os.strerror(error.errno or 0))
    return _unexpected(error)


def _unexpected(error: Exception) -> CustmergeError:
    """Save where a fault happened, without the values that it may hold, and return it as a sentence."""
    import tempfile
    import traceback

    lines = [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}\n"]
    for place in (data_directory, tempfile.gettempdir):
        with suppress(OSError, errors.NoHome):
            folder = Path(place())
            files.make_folder(folder)
            number, name = tempfile.mkstemp(prefix="error-", suffix=".txt", dir=folder)
            with os.fdopen(number, "w") as file:
                file.writelines(lines)
            return errors.Unexpected(kind=type(error).__name__, file=name)
    return errors.UnexpectedUnsaved(kind=type(error).__name__, place=lines[-2].split("\n")[0].strip())
