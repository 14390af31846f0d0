"""custmerge user."""

from typing import Annotated

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import ROLE_LABELS, _
from custmerge.cli.options import FormatOption, PasswordStdinOption
from custmerge.cli.render import shapes
from custmerge.cli.render.escape import visible
from custmerge.cli.render.output import Format, stdout, write_many
from custmerge.cli.verbs import Verb, examples, verb_group
from custmerge.errors import N_, BadValue
from custmerge.rules.roles import STAFF_ROLES, Role
from custmerge.services import setup

app = verb_group(_("The people who work here."))


@app.command(cls=Verb, help=_("Add somebody."), epilog=examples("custmerge user add ben --role agent"))
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("The staff name."))],
    role: Annotated[str, typer.Option("--role", metavar="agent|supervisor|auditor", help=_("What they may do."))],
    password_stdin: PasswordStdinOption = False,
) -> None:
    """Add somebody."""
    context: Context = ctx.obj
    if role not in STAFF_ROLES:
        raise BadValue(name="--role", value=role, why=N_("choose agent, supervisor or auditor"))
    caller = context.caller()
    password = context.password(_("Password for {name}").format(name=visible(name)), from_stdin=password_stdin)
    setup.add_staff(context.database, caller, name, Role(role), password, context.now())
    context.terminal.say(_("{name} is {role} now.").format(name=visible(name), role=_(ROLE_LABELS[Role(role)])))


@app.command(name="list", cls=Verb, help=_("List everybody."), epilog=examples("custmerge user list --format json"))
def list_people(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """List everybody."""
    context: Context = ctx.obj
    people = setup.list_staff(context.database, context.caller())
    if form is not Format.TABLE:
        write_many((shapes.person(person) for person in people), form, stdout())
        return
    from custmerge.cli.render.record_tables import staff_table

    context.terminal.print(staff_table(people))
