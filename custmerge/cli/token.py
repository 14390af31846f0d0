"""custmerge token."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _, moment, word
from custmerge.cli.options import FormatOption, RoleOption, YesOption, checked_role
from custmerge.cli.render.parts import Table
from custmerge.cli.render.writing import Format, Shape, write_one
from custmerge.cli.streams import is_delivered, write_value
from custmerge.errors import TokenLost
from custmerge.rules.people import SERVICE_DAYS, Service
from custmerge.services.people import tokens

COLUMNS = ("name", "role", "created_by", "created_at", "expires_at", "revoked_at")

app = verb_group(_("Service tokens: what scripts and cron jobs log in with."))

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=_("The token's name."))]


@verb(
    app,
    _("Make a service token and print it, this once."),
    "custmerge token create nightly-audit --role auditor --days 30 > token",
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
    context: Context = ctx.obj
    given = checked_role(role)
    caller, token = context.caller(), context.new_token()
    created = tokens.create(context.database, caller, name, given, days=days, token=token, now=context.now())
    if not is_delivered(partial(_write, created, token, form)):
        tokens.revoke(context.database, caller, name, context.now())
        raise TokenLost
    text = _("Service token {name} lasts until {until}; it is shown this once.")
    context.terminal.say(text, name=created.name, until=created.expires_at)


def _write(created: Service, token: str, form: Format) -> None:
    if form is Format.TABLE:
        write_value(token)
    else:
        shape = _shape(created)
        del shape["revoked_at"]
        # The token is kept nowhere else.
        write_one({**shape, "token": token}, form)


@verb(app, _("List service tokens."), "custmerge token list -f json", name="list")
def list_tokens(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """List service tokens."""
    context: Context = ctx.obj
    found = tokens.list_all(context.database, context.caller())
    context.print_all(found, form, _shape, _table, COLUMNS)


def _shape(service: Service) -> Shape:
    return {
        "name": service.name,
        "role": service.role.value,
        "created_by": service.created_by_name,
        "created_at": service.created_at,
        "expires_at": service.expires_at,
        "revoked_at": service.revoked_at,
    }


def _table(services: Sequence[Service]) -> Table:
    rows = [
        (
            *(s.name, word(s.role), s.created_by_name),
            *(moment(s.created_at), moment(s.expires_at), moment(s.revoked_at)),
        )
        for s in services
    ]
    return Table((_("Name"), _("Role"), _("By"), _("Since"), _("Until"), _("Ended")), rows)


@verb(app, _("End a service token."), "custmerge token revoke nightly-audit")
def revoke(ctx: typer.Context, name: NameArgument, yes: YesOption = False) -> None:
    """End a service token."""
    context: Context = ctx.obj
    caller = context.caller()
    tokens.demand_may_revoke(context.database, caller, name)
    if not yes:
        context.terminal.demand_yes(_("End the service token {name}?").format(name=name))
    tokens.revoke(context.database, caller, name, context.now())
    context.terminal.say(_("Service token {name} is ended."), name=name)
