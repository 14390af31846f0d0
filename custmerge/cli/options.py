"""Options that several verbs share."""

from typing import Annotated

import typer

from custmerge.cli import completion
from custmerge.cli.language import _
from custmerge.cli.render.data.writing import Format
from custmerge.errors import N_, BadValue
from custmerge.rules.people import STAFF_ROLES, Role

LARGEST = 2**31 - 1
"""The largest number that both databases take."""

FormatOption = Annotated[Format, typer.Option("--format", "-f", help=_("How to print."))]
IntoOption = Annotated[
    str | None, typer.Option("--into", metavar="NUMBER", help=_("The number that is kept (staff)."))
]
ROLES = "agent|supervisor|auditor"
RoleOption = Annotated[
    str,
    typer.Option("--role", metavar=ROLES, help=_("What they may do."), autocompletion=completion.words(STAFF_ROLES)),
]
RevealOption = Annotated[bool, typer.Option("--reveal", help=_("Show bank data unmasked (staff; recorded)."))]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help=_("Don't ask for confirmation."))]
PasswordStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help=_("Read the password from standard input."))
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help=_("Say what would happen, change nothing."))]
AbsorbedArgument = Annotated[str, typer.Argument(metavar="NUMBER", help=_("The number to take over."))]


def checked_role(role: str) -> Role:
    """Return the role of staff that somebody typed; raises BadValue."""
    if role not in STAFF_ROLES:
        raise BadValue(name="--role", value=role, why=N_("choose agent, supervisor or auditor"))
    return Role(role)
