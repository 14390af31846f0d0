"""custmerge merge."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from custmerge.cli import completion, dialogue
from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import DryRunOption, FormatOption, IntoOption, PasswordStdinOption, YesOption
from custmerge.cli.render.data.merge import receipt_row, receipt_shape
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.cli.render.text.merge import receipt_lines
from custmerge.cli.words import field_choices, field_named
from custmerge.errors import N_, BadUsage, BadValue, ReceiptLost
from custmerge.rules.fields import DETAIL_FIELDS, Field
from custmerge.rules.plan import Choice, Wishes
from custmerge.rules.proofs import ProofBy
from custmerge.services import merge as merge_service
from custmerge.services import verify
from custmerge.services.access import Caller
from custmerge.services.merge import Request

if TYPE_CHECKING:
    from custmerge.cli.receipt_file import ReceiptFile


def merge(
    ctx: typer.Context,
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help=_("The number to take over; without it you are asked."))
    ] = None,
    into: IntoOption = None,
    domain: Annotated[
        str | None, typer.Option(metavar="NAME", help=_("A domain of the number to take over."))
    ] = None,
    password_stdin: PasswordStdinOption = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help=_("The moved packages use the data of the number that is kept."))
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help=_("The moved packages keep the data of the number taken over."))
    ] = False,
    take: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help=_("Write this detail into the record that is kept: {fields}.").format(
                fields=field_choices(DETAIL_FIELDS)
            ),
            autocompletion=completion.words(DETAIL_FIELDS),
        ),
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help=_("Take every detail that is empty there."))] = False,
    receipt: Annotated[
        str | None,
        typer.Option(metavar="FILE", help=_("Write what was done for the customer, as .txt or .html.")),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take a number over into the one that is kept, in one transaction, all or nothing."""
    context: Context = ctx.obj
    if receipt is not None and dry_run:
        raise BadUsage(problem=_("--receipt needs an order, and --dry-run executes none."))
    receipt_file = None if receipt is None else _receipt_file(receipt)
    wishes = Wishes(_given_choice(adopt, keep), _fields(take or []), fill)
    caller = context.caller()
    execute = partial(_execute, context, caller, receipt_file, form=form, dry_run=dry_run)
    if number is None:
        if domain is not None or password_stdin:
            raise BadUsage(problem=_("--domain and --password-stdin need the NUMBER that they belong to."))
        if form is not Format.TABLE:
            raise BadUsage(problem=_("The form is for people: --format needs the NUMBER to take over."))
        raise typer.Exit(dialogue.run_wizard(context, caller, into, wishes, execute))
    if domain is None and password_stdin and verify.proof_by(context.database) is ProofBy.DOMAIN:
        raise BadUsage(problem=_("--password-stdin needs --domain: whose password is it?"))
    if password_stdin or not context.terminal.can_ask:
        into = context.survivor(caller, into)
        request = Request(number, into, wishes)
        dialogue.prove(context, caller, request, domain=domain, password_stdin=password_stdin)
    form_to_fill = dialogue.Form(context, caller, Request(number, into, wishes), domain=domain)
    execute(form_to_fill.proved() if yes or dry_run else form_to_fill.filled_in())


def _receipt_file(path: str) -> "ReceiptFile":
    # Imported here: few orders have one.
    from custmerge.cli.receipt_file import ReceiptFile

    return ReceiptFile(path)


def _given_choice(adopt: bool, keep: bool) -> Choice | None:
    if adopt and keep:
        raise BadUsage(problem=_("--adopt and --keep exclude each other."))
    if adopt:
        return Choice.ADOPT
    return Choice.KEEP if keep else None


def _fields(names: list[str]) -> tuple[Field, ...]:
    fields = []
    for name in names:
        field = field_named(name)
        if field not in DETAIL_FIELDS:
            why = N_("is no detail field; they are {fields}")
            raise BadValue(name="--take", value=name, why=why, fields=list(DETAIL_FIELDS))
        fields.append(field)
    return tuple(fields)


def _execute(
    context: Context,
    caller: Caller,
    receipt_file: "ReceiptFile | None",
    request: Request,
    *,
    form: Format,
    dry_run: bool,
) -> int | None:
    """Execute an order, or only say what it would do, print its receipt and return its number.

    It warns where half of a bank account was taken. Raises ReceiptLost, at the end.
    """
    # Imported here: --help and completion need nothing of it.
    from custmerge.rules.undo_limits import undo_limits

    if dry_run:
        receipt = merge_service.preview(context.database, caller, request, context.now())
    else:
        receipt = merge_service.merge(context.database, caller, request, salt=context.new_salt(), now=context.now())
    limits = None if dry_run else undo_limits(caller.role, receipt.at, context.settings.retention_days)
    lost: ReceiptLost | None = None
    if receipt_file is not None and limits is not None:
        # Written first, because printing may fail.
        try:
            receipt_file.add(receipt, limits)
        except ReceiptLost as error:
            lost = error
    if form is Format.TABLE:
        context.terminal.print(*receipt_lines(receipt, limits, is_customer=caller.is_customer))
    else:
        write_one(receipt_shape(receipt), form, [receipt_row(receipt)])
    if receipt.splits_account:
        context.terminal.say(
            _("Careful: account number and bank code belong together, and only one of them was taken.")
        )
    if lost is not None:
        raise lost
    if receipt_file is not None:
        context.terminal.say(_("The receipt is in {file}."), file=receipt_file.path)
    return receipt.order


app = single(
    merge,
    "custmerge merge",
    "custmerge merge 20002 --domain example.de --adopt",
    "custmerge merge 20002 --into 10001 --keep --take mobile --yes --format json",
    "custmerge merge 20002 --into 10001 --adopt --dry-run",
    "custmerge merge 20002 --into 10001 --adopt --receipt 20002.html",
)
