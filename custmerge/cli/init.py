"""custmerge init."""

from typing import Annotated

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import PasswordStdinOption
from custmerge.cli.render.escape import visible
from custmerge.cli.verbs import examples, single


def init(
    ctx: typer.Context,
    supervisor: Annotated[
        str | None,
        typer.Option(
            "--supervisor",
            metavar="NAME",
            help=_("Name the first supervisor of an empty database."),
            show_default=False,
        ),
    ] = None,
    password_stdin: PasswordStdinOption = False,
    grant: Annotated[
        str | None,
        typer.Option(
            "--grant",
            metavar="ROLE",
            help=_("Give a PostgreSQL role what the commands need, nothing more."),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Create the schema or bring it to this version, and name the first supervisor."""
    from custmerge.services import setup

    context: Context = ctx.obj
    prepared = setup.prepare(context.database, context.now())
    if prepared.version_before is None:
        context.terminal.say(_("The database is ready."))
    if grant is not None:
        setup.grant(context.database, grant)
        context.terminal.say(_("{role} has the rights that the commands need.").format(role=visible(grant)))
    if supervisor is None:
        return
    if prepared.has_staff and setup.is_supervisor(context.database, supervisor):
        context.terminal.say(_("The supervisor is there already; the password stays as it is."))
        return
    setup.demand_no_staff(prepared, supervisor)
    password = context.password(_("Password for {name}").format(name=supervisor), from_stdin=password_stdin)
    setup.add_first_supervisor(context.database, supervisor, password, context.now())
    context.terminal.say(_("The first supervisor is there: log in with `custmerge login --staff NAME`."))


app = single(
    init,
    epilog=examples(
        "custmerge init --supervisor anna",
        "pass show custmerge | custmerge init --supervisor anna --password-stdin",
        "custmerge --database postgresql://owner@host/customers init --grant custmerge_app",
    ),
)
