"""custmerge token."""

from functools import partial
from typing import Annotated

import typer

from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, RoleOption, YesOption, checked_role
from custmerge.cli.render.data.access import SERVICE_COLUMNS, created_service_shape, service_shape
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.cli.render.text.access import services_table
from custmerge.cli.streams import is_delivered, write_value
from custmerge.cli.words import moment
from custmerge.errors import TokenLost
from custmerge.rules.people import SERVICE_DAYS, Service

app = verb_group(_("Service tokens: what scripts and cron jobs log in with."))

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=_("The token's name."))]


@verb(
    app,
    _("Make a service token and print it, this once."),
    "custmerge token create nightly-audit --role auditor --days 30 > new && mv new token",
    "custmerge token create nightly-audit --role auditor --format json",
)
def create(
    ctx: typer.Context,
    name: NameArgument,
    role: RoleOption,
    days: Annotated[int, typer.Option(metavar="N", help=_("Days that it is valid, 90 at most."))] = SERVICE_DAYS,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a service token."""
    from custmerge.services.people import tokens

    context: Context = ctx.obj
    given = checked_role(role)
    caller, token = context.caller(), context.new_token()
    created = tokens.create(context.database, caller, name, given, days=days, token=token, now=context.now())
    if not is_delivered(partial(_write, created, token, form)):
        tokens.revoke(context.database, caller, name, context.now())
        raise TokenLost
    text = _("Service token {name} lasts until {until}; it is shown this once.")
    context.terminal.say(text, name=created.name, until=moment(created.expires_at))


def _write(created: Service, token: str, form: Format) -> None:
    if form is Format.TABLE:
        write_value(token)
    else:
        write_one(created_service_shape(created, token), form)


@verb(app, _("List service tokens."), "custmerge token list -f json", name="list")
def list_tokens(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """List service tokens."""
    from custmerge.services.people import tokens

    context: Context = ctx.obj
    found = tokens.list_all(context.database, context.caller())
    none = _("There is no service token: `custmerge token create` makes one.")
    context.print_all(found, form, service_shape, services_table, SERVICE_COLUMNS, none=none)


@verb(app, _("End a service token."), "custmerge token revoke nightly-audit")
def revoke(ctx: typer.Context, name: NameArgument, yes: YesOption = False) -> None:
    """End a service token."""
    from custmerge.services.people import tokens

    context: Context = ctx.obj
    caller = context.caller()
    tokens.demand_may_revoke(context.database, caller, name)
    if not yes:
        context.terminal.demand_yes(_("End the service token {name}?").format(name=name))
    tokens.revoke(context.database, caller, name, context.now())
    context.terminal.say(_("Service token {name} is ended."), name=name)
