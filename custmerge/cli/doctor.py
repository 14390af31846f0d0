"""custmerge doctor."""

from typing import TYPE_CHECKING

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data.maintenance import check_shape
from custmerge.cli.render.data.writing import Format, write_many
from custmerge.cli.render.text.maintenance import check_line
from custmerge.errors import ExitCode

if TYPE_CHECKING:
    from custmerge.services.doctor import Check

# A machine without a keyring is no fault: tokens have other places.
ADVICE_ONLY = ("keyring", "staff")


def doctor(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Look at database, version, soundness, clock, permissions and keyring.

    Exit code 0: all is well, or there is advice only (keyring, staff); 1: something is to be put right (clock,
    permissions); 6: a host's tables aren't as they were attached; 8: the database can't be used (unreachable, of
    another version, damaged).
    """
    from custmerge.services.doctor import examine

    context: Context = ctx.obj
    checks = examine(context.database, context.machine_time(), context.environ, context.settings.token_store)
    if form is Format.TABLE:
        context.terminal.print(*map(check_line, checks))
    else:
        write_many(map(check_shape, checks), form)
    raise typer.Exit(_exit_code(checks))


def _exit_code(checks: "list[Check]") -> ExitCode:
    failed = {check.check for check in checks if not check.ok}
    if failed & {"database", "integrity"}:
        return ExitCode.DATABASE
    if "schema" in failed:
        # As every command that would write.
        return ExitCode.CONFLICT
    return ExitCode.UNEXPECTED if failed.difference(ADVICE_ONLY) else ExitCode.DONE


app = single(
    doctor,
    "custmerge doctor",
    "custmerge doctor --format json",
    explained=_(
        "Say what is wrong here and what to do. Exit code 0: all is well, or there is advice only (keyring, staff); "
        "1: something is to be put right; 6: a host's tables were changed; 8: the database can't be used."
    ),
)
