"""custmerge merge."""

from typing import Annotated

import typer

from custmerge.cli import dialogue
from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import DomainOption, FormatOption, IntoOption, PasswordStdinOption, YesOption
from custmerge.cli.render.data import merge as shapes
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.errors import N_, BadUsage, BadValue
from custmerge.rules.fields import DETAIL_FIELDS, Field
from custmerge.rules.plan import Choice, Wishes
from custmerge.services.merge import Request


def merge(
    ctx: typer.Context,
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help=_("The number to take over; without it you are asked."))
    ] = None,
    into: IntoOption = None,
    domain: DomainOption = None,
    password_stdin: PasswordStdinOption = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help=_("The moved packages use the data of the number that is kept."))
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help=_("The moved packages keep the data of the number taken over."))
    ] = False,
    take: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help=_("Write this detail into the record that is kept."))
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help=_("Take every detail that is empty there."))] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what would happen, change nothing."))] = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take a number over into the one that is kept, in one transaction, all or nothing."""
    context: Context = ctx.obj
    wishes = Wishes(_choice(adopt, keep), _fields(take or []), fill)
    caller = context.caller()
    if number is None:
        if domain is not None or password_stdin:
            raise BadUsage(problem=_("--domain and --password-stdin need the NUMBER that they belong to."))
        if form is not Format.TABLE:
            raise BadUsage(problem=_("The form is for people: --format needs the NUMBER to take over."))
        raise typer.Exit(dialogue.run_wizard(context, caller, into, wishes, dry_run=dry_run))
    if domain is None and password_stdin:
        raise BadUsage(problem=_("--password-stdin needs --domain: whose password is it?"))
    into = context.survivor(caller, into)
    dialogue.prove(context, caller, number, into, domain=domain, password_stdin=password_stdin)
    request = Request(number, into, wishes)
    if not yes and not dry_run:
        request = dialogue.agreed(context, caller, request)
    receipt = dialogue.executed(context, caller, request, dry_run=dry_run)
    if form is Format.TABLE:
        dialogue.show_receipt(context, receipt)
    else:
        write_one(shapes.merge(receipt), form, [shapes.merge_row(receipt)])
        dialogue.warn_of_split_account(context, receipt)


def _choice(adopt: bool, keep: bool) -> Choice | None:
    if adopt and keep:
        raise BadUsage(problem=_("--adopt and --keep exclude each other."))
    if adopt:
        return Choice.ADOPT
    return Choice.KEEP if keep else None


def _fields(names: list[str]) -> tuple[Field, ...]:
    for name in names:
        if name not in DETAIL_FIELDS:
            raise BadValue(
                name="--take",
                value=name,
                why=N_("is no detail field; they are {fields}"),
                fields=[field.value for field in DETAIL_FIELDS],
            )
    return tuple(Field(name) for name in names)


app = single(
    merge,
    "custmerge merge",
    "custmerge merge 20002 --domain example.de --adopt",
    "custmerge merge 20002 --into 10001 --keep --take mobile --yes --format json",
    "custmerge merge 20002 --into 10001 --adopt --dry-run",
)
