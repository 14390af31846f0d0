"""Errors → one sentence, a line of JSON or a plugin's line, and the exit code."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

import typer

from custmerge import errors, files
from custmerge.cli.language import SafeText, _, literal, visible
from custmerge.cli.streams import silence_stdout
from custmerge.cli.terminal import print_document, print_line, print_message
from custmerge.cli.words import sentence
from custmerge.database_url import without_urls_secrets
from custmerge.errors import N_, CustmergeError, ExitCode
from custmerge.settings import data_directory

PROGRAM = "custmerge"
# -f at the end of other flags too.
FORMAT_OPTION = re.compile(r"--format|-[a-z]*f")
_NO_VERDICT = (errors.DatabaseError, errors.Unexpected, errors.OutputFailed)
_NEAR = 0.7
"""How alike two words are, from 0 to 1, so that the one is suggested for the other."""
_INVALID = r"Invalid value for '?(?P<name>[A-Za-z-]+)[^:]*: "
_NO_COMMAND, _NO_OPTION = N_("There is no command {name}."), N_("There is no option {name}.")
_UNKNOWN = (_NO_COMMAND, _NO_OPTION)
_MISSING_OPTION = N_("The option {name} is missing.")
_NO_CHOICE = N_("{name}: {value} isn't one of {rest}.")
_CHOICE = re.compile(r"'([^']*)'")
_MISSING = re.compile(r"Missing (argument|option) .*", re.DOTALL)
_WORD = re.compile(r"[\w-]{1,30}")
"""What may be meant for a command or an option; anything else may be a URL with its password."""
# What Typer says when a command line is wrong; it has no catalogue for these.
_USAGE_PROBLEMS = {
    re.compile(r"Missing argument '(?P<name>.+)'\."): N_("The argument {name} is missing."),
    re.compile(r"Missing option '(?P<name>[^']+)'.*\.", re.DOTALL): _MISSING_OPTION,
    re.compile(r"Missing command\."): N_("A command is missing: --help lists them."),
    re.compile(r"No such command '(?P<name>.+)'\."): _NO_COMMAND,
    re.compile(r"No such option: (?P<name>\S+)"): _NO_OPTION,
    re.compile(r"Option '(?P<name>.+)' requires an argument\."): N_("The option {name} needs a value."),
    re.compile(r"Option '(?P<name>.+)' does not take a value\."): N_("The option {name} takes no value."),
    # Not repeated: what stands in a wrong place may be a password.
    re.compile(r"Got unexpected extra argument.*", re.DOTALL): N_(
        "There are more arguments than the command takes: --help tells which."
    ),
    re.compile(_INVALID + r"(?:Value error, )?'(?P<value>.*)' is not one of (?P<rest>.+?)\.?", re.DOTALL): _NO_CHOICE,
    re.compile(_INVALID + r".*valid integer.*", re.DOTALL): N_("{name} needs a whole number."),
    re.compile(_INVALID + r".*valid number.*", re.DOTALL): N_("{name} needs a number."),
    re.compile(_INVALID + r".*greater than or equal to (?P<rest>-?\d+).*", re.DOTALL): N_("{name}: at least {rest}."),
    re.compile(_INVALID + r".*less than or equal to (?P<rest>-?\d+).*", re.DOTALL): N_("{name}: at most {rest}."),
    re.compile(_INVALID + r"(?P<rest>.*)", re.DOTALL): N_("{name}: {rest}"),
}


def report(error: CustmergeError, arguments: list[str], verb: str | None) -> int:
    """Print an error as the command line asks for it; returns the exit code."""
    is_json = _wants(arguments, "json")
    message = sentence(error, for_data=is_json or _is_plugin(error, arguments, verb))
    if _is_plugin(error, arguments, verb):
        from custmerge.cli.render.data.audit import nagios_unknown

        print_line(nagios_unknown(message))
        return ExitCode.AUDIT_UNKNOWN
    code: int = error.exit
    if verb == "audit" and (isinstance(error, _NO_VERDICT) or _is_taken_for_a_verdict(error, arguments)):
        code = ExitCode.AUDIT_UNKNOWN
    if is_json:
        from custmerge.cli.render.data.writing import error_document

        print_document(error_document(error.code, code, message, error.filled_details()))
    else:
        print_message(literal("{program}: {message}").format(program=PROGRAM, message=message))
    return code


def as_custmerge_error(error: Exception) -> CustmergeError:
    """Return an error as one that has a sentence, whatever it is."""
    match error:
        case CustmergeError():
            return error
        case typer.TyperException():
            return errors.BadUsage(problem=_usage_problem(error))
        case typer.Abort():
            return errors.Declined()
        case _ if errors.is_interrupt(error):
            return errors.Interrupted()
        case OSError(filename=None):
            return _stream_error(error)
    return _unexpected(error)


def is_missing(error: typer.TyperException) -> bool:
    """Return whether a command line lacks an argument or option that it needs."""
    return _MISSING.fullmatch(error.format_message()) is not None


def _usage_problem(error: typer.TyperException) -> SafeText:
    """Return what Typer says about a wrong command line in the person's language."""
    # What Typer itself suggests for an option may be far off: its `message` is without that.
    message: str = error.message if hasattr(error, "possibilities") else error.format_message()
    for pattern, template in _USAGE_PROBLEMS.items():
        if match := pattern.fullmatch(message):
            values = {name: without_urls_secrets(value) for name, value in match.groupdict().items()}
            if template == _NO_CHOICE:
                # Without Python's quotation marks: as they are typed.
                values["rest"] = ", ".join(_CHOICE.findall(values["rest"]))
            if template == _MISSING_OPTION:
                values["name"] = (
                    literal("{name} {place}").format(name=values["name"], place=_place_of(error)).rstrip()
                )
            is_unknown = template in _UNKNOWN
            if is_unknown and not _WORD.fullmatch(match["name"]):
                values["name"] = "…"
            problem = _(_USAGE_PROBLEMS[pattern]).format(**values)  # noqa: PLR1733 (tests see that it is in the table)
            if is_unknown and (meant := near(match["name"], _known(error))):
                problem = literal(" ").join((problem, _("Did you mean {near}?").format(near=_(" or ").join(meant))))
            return problem
    return visible(without_urls_secrets(message))


def _place_of(error: typer.TyperException) -> str:
    """Return what stands for the value of the option that is missing: its choices or a word in capitals."""
    return getattr(getattr(error, "param", None), "metavar", None) or ""


def _known(error: typer.TyperException) -> list[str]:
    """Return the commands and options that could have been meant."""
    # Typer keeps the class private that has a context.
    command = getattr(getattr(error, "ctx", None), "command", None)
    options = [name for option in getattr(command, "params", ()) for name in option.opts]
    return [*getattr(command, "commands", ()), *options]


def near(typed: str, known: Iterable[str]) -> list[str]:
    """Return those of the known words that somebody who typed another may have meant, best first."""
    names = {name.lstrip("-"): name for name in known}
    return [names[name] for name in get_close_matches(typed.lstrip("-"), names, cutoff=_NEAR)]


def _is_plugin(error: CustmergeError, arguments: list[str], verb: str | None) -> bool:
    """Whether a monitoring system reads stdout."""
    return _wants(arguments, "nagios") and verb == "audit" and not isinstance(error, errors.Interrupted)


def _is_taken_for_a_verdict(error: CustmergeError, arguments: list[str]) -> bool:
    """Whether a monitor that runs an audit would take an error's code for what the audit says."""
    # Imported here: commands that end well don't need it.
    from custmerge.rules.audit import Verdict

    return int(error.exit) in (int(Verdict.WARNING), int(Verdict.CRITICAL)) and _wants(arguments, "prometheus")


def _wants(arguments: list[str], form: str) -> bool:
    """Whether the command line asks for a format, as far as that can be seen without understanding it."""
    return any(
        (FORMAT_OPTION.fullmatch(argument) and after == form)
        or argument == f"--format={form}"
        or re.fullmatch(f"-[a-z]*f{form}", argument)
        for argument, after in pairwise([*arguments, ""])
    )


def _stream_error(error: OSError) -> CustmergeError:
    """Return the sentence for an error without a file's name: it is of a stream, or of the working directory."""
    if isinstance(error, FileNotFoundError):
        return errors.BadFile(file=".", why=N_("is a folder that is gone: change to another one"))
    silence_stdout()
    return errors.OutputFailed(reason=os.strerror(error.errno or 0))


def _unexpected(error: Exception) -> CustmergeError:
    """Save the traceback of an unexpected error, without values, and return a sentence that names the file."""
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
