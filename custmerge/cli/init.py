"""custmerge init."""

from typing import TYPE_CHECKING, Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext
from custmerge.cli.options import PasswordStdinOption
from custmerge.cli.words import unlocked
from custmerge.database_url import shown_url
from custmerge.errors import BadValue

if TYPE_CHECKING:
    from custmerge.services.init import Prepared


def init(
    ctx: typer.Context,
    supervisor: Annotated[
        str | None, typer.Option(metavar="NAME", help=_("Name the first supervisor of an empty database."))
    ] = None,
    password_stdin: PasswordStdinOption = False,
    grant: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help=_("Give a PostgreSQL role what the commands need, nothing more.")),
    ] = None,
    unlock: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=_("End the lock on a staff name or customer number, as the database's owner.")
        ),
    ] = None,
) -> None:
    """Create the schema or bring it to this version, and name the first supervisor.

    On a terminal it asks who that is where nobody is named and the database has no staff.
    """
    from custmerge.services import init as init_service

    context: Context = ctx.obj
    prepared = init_service.prepare(context.database, context.database.now)
    _say_what_was_done(context, prepared)
    if grant is not None:
        init_service.grant(context.database, grant)
        context.terminal.say(_("{role} has the rights that the commands need."), role=grant)
    if unlock is not None:
        was_locked = init_service.unlock(context.database, unlock, context.now())
        context.terminal.say(unlocked(unlock, was_locked=was_locked))
    is_asked = grant is None and unlock is None and not prepared.has_staff and context.terminal.can_ask
    if supervisor is None and is_asked:
        supervisor = _asked_supervisor(context)
    if supervisor is not None:
        _name_supervisor(context, prepared, supervisor, password_stdin=password_stdin)
    _say_what_is_next(context, supervisor or unlock)


def _asked_supervisor(context: Context) -> str | None:
    """Return who is to be the first supervisor; None where the person names nobody."""
    from custmerge.services.people.staff import checked_name

    while True:
        try:
            name = context.terminal.ask(_("Staff name of the first supervisor"), option="--supervisor")
            return checked_name(name) if name else None
        except BadValue as error:
            context.terminal.refuse(error)


def _name_supervisor(context: Context, prepared: "Prepared", name: str, *, password_stdin: bool) -> None:
    from custmerge.services import init as init_service

    if prepared.has_staff and init_service.is_supervisor(context.database, name):
        context.terminal.say(_("The supervisor is there already; the password stays as it is."))
        return
    init_service.demand_no_staff(prepared, name)
    question = _("Password for {name}").format(name=name)
    password = context.new_password(question, name=name, from_stdin=password_stdin)
    init_service.add_first_supervisor(context.database, name, password, context.now())
    context.terminal.say(_("{name} is the first supervisor."), name=name)


def _say_what_is_next(context: Context, name: str | None) -> None:
    """Say the command that goes on from here: the login of the person `name`, or of the first supervisor there is."""
    from custmerge.services import init as init_service

    if name is not None and not init_service.is_staff(context.database, name):
        # A customer whose lock was ended.
        words = ["login", name]
    elif name := name or init_service.supervisor_of(context.database):
        words = ["login", "--staff", name]
    else:
        words = ["init", "--supervisor", "NAME"]
    context.terminal.say(_("Next: {command}"), command=context.next_command(*words))


def _say_what_was_done(context: Context, prepared: "Prepared") -> None:
    if prepared.version_before is None:
        database = shown_url(context.settings.database_url)
        context.terminal.say(_("The database {database} is ready."), database=database)
    elif prepared.version_before != prepared.version:
        text = _("The database was of version {before} and is of version {version} now.")
        context.terminal.say(text, before=prepared.version_before, version=prepared.version)
    for role in prepared.short_of_rights:
        text = _("The role {role} lacks rights that this version needs: run `custmerge init --grant {role}`.")
        context.terminal.say(text, role=role)
    if prepared.digests:
        text = ngettext(
            "{count} row of an older version was sealed by a history entry.",
            "{count} rows of an older version were sealed by a history entry each.",
            prepared.digests,
        )
        context.terminal.say(text, count=prepared.digests)


app = single(
    init,
    "custmerge init --supervisor anna",
    "pass show custmerge | custmerge init --supervisor anna --password-stdin",
    "custmerge --database postgresql://owner@host/customers init --grant custmerge_app",
    "custmerge --database postgresql://owner@host/customers init --unlock anna",
)
