"""custmerge token."""

import io
from typing import Annotated

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, RoleOption, YesOption, checked_role
from custmerge.cli.render import shapes
from custmerge.cli.render.escape import visible
from custmerge.cli.render.output import Format, stdout, to_text, write_many
from custmerge.cli.streams import write_for_certain
from custmerge.cli.verbs import Verb, examples, verb_group
from custmerge.errors import Declined, TokenLost
from custmerge.rules.people import SERVICE_DAYS, Service
from custmerge.services.people import tokens

app = verb_group(_("Service tokens: what scripts and cron jobs log in with."))

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=_("The token's name."))]


@app.command(
    cls=Verb,
    help=_("Make a service token and print it, this once."),
    epilog=examples(
        "custmerge token create nightly-audit --role auditor --days 30 > token",
        "custmerge token create nightly-audit --role auditor --format json",
    ),
)
def create(
    ctx: typer.Context,
    name: NameArgument,
    role: RoleOption,
    days: Annotated[int, typer.Option("--days", metavar="N", help=_("So long it lasts, 90 at most."))] = SERVICE_DAYS,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a service token."""
    context: Context = ctx.obj
    given = checked_role(role)
    caller, token = context.caller(), context.new_token()
    made = tokens.create(context.database, caller, name, given, days=days, token=token, now=context.now())
    if not write_for_certain(_document(made, token, form)):
        tokens.revoke(context.database, caller, name, context.now())
        raise TokenLost
    said = _("Service token {name} lasts until {until}; it is shown this once.")
    context.terminal.say(said.format(name=visible(made.name), until=made.expires_at))


def _document(made: Service, token: str, form: Format) -> str:
    if form is Format.TABLE:
        return f"{token}\n"
    text = io.StringIO()
    shape = shapes.created_service(made, token)
    if form is Format.JSON:
        text.write(to_text(shape) + "\n")
    else:
        write_many([shape], form, text)
    return text.getvalue()


@app.command(name="list", cls=Verb, help=_("List service tokens."), epilog=examples("custmerge token list -f json"))
def list_tokens(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """List service tokens."""
    context: Context = ctx.obj
    found = tokens.list_all(context.database, context.caller())
    if form is not Format.TABLE:
        write_many((shapes.service(token) for token in found), form, stdout(), shapes.SERVICE_COLUMNS)
        return
    from custmerge.cli.render.access_tables import services_table

    context.terminal.print(services_table(found))


@app.command(cls=Verb, help=_("End a service token."), epilog=examples("custmerge token revoke nightly-audit"))
def revoke(ctx: typer.Context, name: NameArgument, yes: YesOption = False) -> None:
    """End a service token."""
    context: Context = ctx.obj
    caller = context.caller()
    tokens.demand_may_revoke(context.database, caller, name)
    question = _("End the service token {name}?").format(name=visible(name))
    if not yes and not context.terminal.confirm(question, option="--yes"):
        raise Declined
    tokens.revoke(context.database, caller, name, context.now())
    context.terminal.say(_("Service token {name} is ended.").format(name=visible(name)))
