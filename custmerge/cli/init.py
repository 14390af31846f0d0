"""custmerge init."""

from typing import TYPE_CHECKING, Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext, unlocked
from custmerge.cli.options import PasswordStdinOption

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
    """Create the schema or bring it to this version, and name the first supervisor."""
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
    if supervisor is None:
        return
    if prepared.has_staff and init_service.is_supervisor(context.database, supervisor):
        context.terminal.say(_("The supervisor is there already; the password stays as it is."))
        return
    init_service.demand_no_staff(prepared, supervisor)
    question = _("Password for {name}").format(name=supervisor)
    password = context.new_password(question, name=supervisor, from_stdin=password_stdin)
    init_service.add_first_supervisor(context.database, supervisor, password, context.now())
    context.terminal.say(_("The first supervisor is there: log in with `custmerge login --staff NAME`."))


def _say_what_was_done(context: Context, prepared: "Prepared") -> None:
    if prepared.version_before is None:
        context.terminal.say(_("The database is ready."))
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
