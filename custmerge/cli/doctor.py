"""custmerge doctor."""

from typing import TYPE_CHECKING

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import SafeText, _, filled, literal, word
from custmerge.cli.options import FormatOption
from custmerge.cli.render.writing import Format, Shape, write_many
from custmerge.errors import ExitCode

if TYPE_CHECKING:
    from custmerge.services.doctor import Check

# A machine without a keyring is no fault: tokens have other places.
ADVICE_ONLY = ("keyring", "staff")


def doctor(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Look at database, version, soundness, clock, permissions and keyring.

    Exit code 0: all is well, or there is advice only (keyring, staff); 1: something is to be put right (clock,
    permissions); 8: the database can't be used (unreachable, of another version, damaged).
    """
    from custmerge.services.doctor import examine

    context: Context = ctx.obj
    checks = examine(context.database, context.machine_time(), context.environ)
    if form is Format.TABLE:
        context.terminal.print(*map(_line, checks))
    else:
        write_many(map(_shape, checks), form)
    raise typer.Exit(_exit_code(checks))


def _shape(check: "Check") -> Shape:
    return {"check": check.check, "ok": check.ok, "message": filled(check.message, check.details)}


def _line(check: "Check") -> SafeText:
    line = literal("✓ {check}: {message}") if check.ok else literal("✗ {check}: {message}")
    return line.format(check=word(check.check), message=filled(check.message, check.details))


def _exit_code(checks: "list[Check]") -> ExitCode:
    failed = {check.check for check in checks if not check.ok}
    if failed & {"database", "integrity"}:
        return ExitCode.DATABASE
    return ExitCode.UNEXPECTED if failed.difference(ADVICE_ONLY) else ExitCode.DONE


app = single(
    doctor,
    "custmerge doctor",
    "custmerge doctor --format json",
    explained=_(
        "Say what is wrong here and what to do. Exit code 0: all is well, or there is advice only (keyring, staff); "
        "1: something is to be put right; 8: the database can't be used."
    ),
)
