"""custmerge login."""

from contextlib import suppress
from functools import partial
from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import PasswordStdinOption
from custmerge.cli.streams import is_delivered, write_value
from custmerge.cli.words import moment, word
from custmerge.errors import BadUsage, DatabaseError, NoSecret, PasswordChangeRequired, TokenLost
from custmerge.rules.fields import checked_number
from custmerge.rules.people import Role
from custmerge.services.access import Caller


def login(
    ctx: typer.Context,
    number: Annotated[str | None, typer.Argument(metavar="NUMBER", help=_("Your customer number."))] = None,
    staff: Annotated[str | None, typer.Option(metavar="NAME", help=_("Your staff name."))] = None,
    password_stdin: PasswordStdinOption = False,
    print_token: Annotated[
        bool, typer.Option("--print-token", help=_("Print the token instead of keeping it."))
    ] = False,
    insecure_storage: Annotated[
        bool,
        typer.Option(
            "--insecure-storage",
            help=_("Keep the token in a file that only you can read, this once (always: token_store)."),
        ),
    ] = False,
) -> None:
    """Open a session; the number that a customer logs in with is the one that is kept."""
    from custmerge.services.people import sessions

    context: Context = ctx.obj
    if (number is None) == (staff is None):
        raise BadUsage(problem=_("Give a customer number or --staff NAME, one of the two."))
    if print_token and insecure_storage:
        raise BadUsage(problem=_("--print-token keeps no token, so --insecure-storage doesn't go with it."))
    name = checked_number(number if number is not None else staff or "")
    if not print_token:
        context.tokens.demand_place(insecure=insecure_storage)
    password = context.password(_("Password for {name}").format(name=name), from_stdin=password_stdin)
    token = context.new_token()
    if staff is None:
        caller = sessions.login_customer(context.database, name, password, token=token, now=context.now())
    else:
        caller = _staff(context, name, password, token, from_stdin=password_stdin)
    if print_token:
        if not is_delivered(partial(write_value, token)):
            sessions.logout(context.database, token, everywhere=False)
            raise TokenLost
    else:
        _keep(context, token, insecure=insecure_storage)
    text = _("Logged in as {name} ({role}) until {until}.")
    context.terminal.say(text, name=name, role=word(caller.role), until=moment(caller.expires_at))
    if caller.role is Role.SUPERVISOR and not print_token:
        _tell_what_waits(context, caller)


def _tell_what_waits(context: Context, caller: Caller) -> None:
    # Imported here, as most logins are others'.
    from custmerge.cli.render.text.access import waiting_lines
    from custmerge.services.waiting import waiting

    # The login stands, whatever can't be read now.
    with suppress(DatabaseError):
        for line in waiting_lines(waiting(context.database, caller, context.now())):
            context.terminal.say(line)


def _staff(context: Context, name: str, password: str, token: str, *, from_stdin: bool) -> Caller:
    """Log somebody of the staff in, who first chooses a password where somebody else chose the present one."""
    from custmerge.services.people import sessions

    person = sessions.verified_staff(context.database, name, password, context.now())
    try:
        return sessions.open_staff(context.database, person, password, token=token, now=context.now())
    except PasswordChangeRequired as required:
        text = _("{chosen_by} chose this password for you: choose one of your own now.")
        if not from_stdin:
            context.terminal.warn(text, chosen_by=str(required.details["chosen_by"]))
        try:
            new = context.new_password(_("New password"), name=name, present=password, from_stdin=from_stdin)
        except NoSecret:
            raise required from None
    return sessions.open_staff(context.database, person, password, new=new, token=token, now=context.now())


def _keep(context: Context, token: str, *, insecure: bool) -> None:
    from custmerge.services.people import sessions

    try:
        context.tokens.keep(token, insecure=insecure)
    except Exception:
        # The token is kept nowhere: nobody could end the session later.
        sessions.logout(context.database, token, everywhere=False)
        raise


app = single(
    login,
    "custmerge login 10001",
    "custmerge login --staff anna",
    "export CUSTMERGE_TOKEN=$(pass show anna | custmerge login --staff anna --password-stdin --print-token)",
)
