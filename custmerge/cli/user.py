"""custmerge user."""

from typing import TYPE_CHECKING, Annotated

import typer

from custmerge.cli import completion
from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import ROLES, FormatOption, PasswordStdinOption, RoleOption, YesOption, checked_role
from custmerge.cli.render.data.access import person_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.access import staff_table
from custmerge.cli.words import unlocked, word
from custmerge.rules.people import STAFF_ROLES

if TYPE_CHECKING:
    from custmerge.services.people.staff import Ended

app = verb_group(_("The people who work here."))

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=_("The staff name."))]


@verb(app, _("Add somebody."), "custmerge user add ben --role agent")
def add(
    ctx: typer.Context, name: NameArgument, role: RoleOption, password_stdin: PasswordStdinOption = False
) -> None:
    """Add somebody."""
    from custmerge.services.people import staff

    context: Context = ctx.obj
    given = checked_role(role)
    caller = context.caller()
    staff.demand_may_add(context.database, caller, name)
    question = _("Password for {name}").format(name=name)
    password = context.new_password(question, name=name, from_stdin=password_stdin)
    staff.add_staff(context.database, caller, name, given, password, context.now())
    context.terminal.say(_("{name} is {role} now."), name=name, role=word(given))
    context.terminal.say(_("Next: {command}"), command=context.next_command("login", "--staff", name))


@verb(app, _("List everybody."), "custmerge user list --format json", name="list")
def list_people(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """List everybody."""
    from custmerge.services.people import staff

    context: Context = ctx.obj
    people = staff.list_staff(context.database, context.caller())
    context.print_all(people, form, person_shape, staff_table)


@verb(
    app, _("Give somebody another role; their sessions and service tokens end."), "custmerge user role ben supervisor"
)
def role(
    ctx: typer.Context,
    name: NameArgument,
    role: Annotated[
        str,
        typer.Argument(metavar=ROLES, help=_("What they may do."), autocompletion=completion.words(STAFF_ROLES)),
    ],
) -> None:
    """Give somebody another role."""
    from custmerge.services.people import staff

    context: Context = ctx.obj
    given = checked_role(role)
    ended = staff.change_role(context.database, context.caller(), name, given, context.now())
    context.terminal.say(_("{name} is {role} now."), name=name, role=word(given))
    _tell_ended(context, ended)


@verb(
    app,
    _("Change a password; its owner's sessions end. Your own, with or without NAME, needs the present one."),
    "custmerge user password",
    "custmerge user password ben --password-stdin < secret",
)
def password(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help=_("The staff name; another's is a supervisor's right."))
    ] = None,
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin",
            help=_("Read the password from standard input; for your own two lines, the present and the new one."),
        ),
    ] = False,
) -> None:
    """Change a password."""
    from custmerge.services.people import staff

    context: Context = ctx.obj
    caller = context.caller()
    person = staff.whose_password(context.database, caller, name)
    if person.id == caller.person:
        present = context.password(_("Present password"), from_stdin=password_stdin)
        question = _("New password")
    else:
        question = _("New password for {name}").format(name=person.name)
        present = None
    new = context.new_password(question, name=person.name, present=present, from_stdin=password_stdin)
    staff.change_password(context.database, caller, person.name, new, present=present, now=context.now())
    context.terminal.say(_("The password of {name} is changed; log in anew."), name=person.name)


@verb(app, _("Keep somebody out; their sessions and service tokens end."), "custmerge user disable ben")
def disable(ctx: typer.Context, name: NameArgument, yes: YesOption = False) -> None:
    """Keep somebody out."""
    from custmerge.services.people import staff

    context: Context = ctx.obj
    caller = context.caller()
    staff.demand_may_change(context.database, caller, name)
    if not yes:
        context.terminal.demand_yes(_("Keep {name} out from now on?").format(name=name))
    ended = staff.disable(context.database, caller, name, context.now())
    context.terminal.say(_("{name} is disabled."), name=name)
    _tell_ended(context, ended)


def _tell_ended(context: Context, ended: "Ended") -> None:
    """Say what ended with somebody's role."""
    if ended.tokens:
        context.terminal.say(_("Service tokens that ended: {names}"), names=", ".join(ended.tokens))
    if ended.transfers:
        numbers = ", ".join(map(str, ended.transfers))
        context.terminal.say(_("Contract transfers that are void now: {numbers}"), numbers=numbers)
    if ended.batches:
        numbers = ", ".join(map(str, ended.batches))
        context.terminal.say(_("Bulk files whose approval is void now, by batch: {numbers}"), numbers=numbers)


@verb(
    app,
    _("End the lock on a staff name or customer number."),
    "custmerge user unlock ben",
    "custmerge user unlock 10001",
)
def unlock(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("A staff name or a customer number."))],
) -> None:
    """End the lock on a staff name or customer number."""
    from custmerge.services.people import staff

    context: Context = ctx.obj
    was_locked = staff.unlock(context.database, context.caller(), name, context.now())
    context.terminal.say(unlocked(name, was_locked=was_locked))
