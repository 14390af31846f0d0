"""custmerge transfer."""

import sys
from typing import Annotated

import typer

from custmerge import files
from custmerge.cli import completion
from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import LARGEST, AbsorbedArgument, FormatOption, IntoOption, YesOption
from custmerge.cli.render.data.access import TRANSFER_COLUMNS, transfer_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.access import transfer_parts, transfers_table
from custmerge.cli.render.text.comparison import comparison_parts
from custmerge.cli.render.text.parts import BLANK
from custmerge.cli.words import with_places
from custmerge.errors import N_, BadValue, Declined
from custmerge.rules.numbered import Numbered
from custmerge.rules.transfers import LARGEST_FORM_BYTES, Status, Transfer
from custmerge.services import transfer
from custmerge.services.access import Caller

STDIN = "-"

app = verb_group(_("The signed contract transfer that lifts an identity block."))


def _id(what: Numbered) -> typer.models.ArgumentInfo:
    """Return the argument for a transfer's number, of which those of a kind are completed."""
    info: typer.models.ArgumentInfo = typer.Argument(
        metavar="ID",
        min=1,
        max=LARGEST,
        help=_("The transfer's number."),
        autocompletion=completion.numbers(what),
    )
    return info


IdArgument = Annotated[int, _id(Numbered.TRANSFERS)]
FiledIdArgument = Annotated[int, _id(Numbered.FILED_TRANSFERS)]
OpenIdArgument = Annotated[int, _id(Numbered.OPEN_TRANSFERS)]


@verb(
    app,
    _("File a signed form; somebody else approves it."),
    "custmerge transfer file 20005 --into 10001 --form signed.pdf",
)
def file(
    ctx: typer.Context,
    number: AbsorbedArgument,
    form_file: Annotated[
        str, typer.Option("--form", metavar="FILE", help=_("The signed form: PDF, TIFF, PNG or JPEG, 20 MB at most."))
    ],
    into: IntoOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """File a signed form."""
    context: Context = ctx.obj
    caller = context.caller()
    filing = transfer.Filing(number, into, form_file, _read(form_file))
    filed = transfer.file(context.database, caller, filing, salt=context.new_salt(), now=context.now())
    context.print_one(filed, form, transfer_shape, transfer_parts)
    _say_what_is_next(context, filed, form)


@verb(
    app,
    _("List the newest contract transfers, open ones first."),
    "custmerge transfer list",
    "custmerge transfer list --status filed --format json",
    name="list",
)
def list_transfers(
    ctx: typer.Context,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            help=_("Only those with this status: {choices}.").format(choices=", ".join(Status)),
            autocompletion=completion.words(Status),
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the newest contract transfers."""
    context: Context = ctx.obj
    if status is not None and status not in list(Status):
        raise BadValue(name="--status", value=status, why=N_("choose one of {choices}"), choices=[*Status])
    chosen = None if status is None else Status(status)
    transfers = transfer.list_all(context.database, context.caller(), chosen)
    of_all, of_chosen = _("There is no contract transfer."), _("There is no contract transfer with this status.")
    none = of_all if chosen is None else of_chosen
    context.print_all(transfers, form, transfer_shape, transfers_table, TRANSFER_COLUMNS, none=none)


@verb(
    app,
    _("Show a contract transfer, or write its form out."),
    "custmerge transfer show 3",
    "custmerge transfer show 3 --save form.pdf",
)
def show(
    ctx: typer.Context,
    number: IdArgument,
    save: Annotated[str | None, typer.Option(metavar="FILE", help=_("Write the form into a new file."))] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a contract transfer."""
    context: Context = ctx.obj
    caller = context.caller()
    filed = transfer.show(context.database, caller, number)
    if save is not None:
        # The place first: what isn't written out isn't recorded either.
        saved = files.write_new(save, lambda: transfer.form_of(context.database, caller, number, context.now()))
        context.terminal.say(_("The form is in {file}: {size} bytes."), file=save, size=saved)
    context.print_one(filed, form, transfer_shape, transfer_parts)
    _say_what_is_next(context, filed, form)


def _say_what_is_next(context: Context, shown: Transfer, form: Format) -> None:
    """Say to people whom a filed transfer waits for, and the command that uses an approved one."""
    if form is not Format.TABLE:
        return
    if shown.status is Status.FILED:
        command = context.next_command("transfer", "approve", str(shown.id))
        context.terminal.say(_("It waits for a supervisor who didn't file it: {command}"), command=command)
    elif shown.status is Status.APPROVED:
        command = context.next_command("merge", shown.absorbed, "--into", shown.survivor)
        context.terminal.say(_("Next: {command}"), command=command)


@verb(app, _("Approve what somebody else filed."), "custmerge transfer approve 3 --yes")
def approve(
    ctx: typer.Context, number: FiledIdArgument, yes: YesOption = False, form: FormatOption = Format.TABLE
) -> None:
    """Approve what somebody else filed."""
    context: Context = ctx.obj
    caller = context.caller()
    filed, comparison = transfer.decidable(context.database, caller, number, Status.APPROVED)
    if not yes:
        parts = comparison_parts(comparison, all_rows=False, has_verdict=False)
        context.terminal.show(*transfer_parts(filed), BLANK, *parts)
        _demand_looked_at(context, number)
        context.terminal.demand_yes(_("Approve this contract transfer?"))
    _decide(context, caller, number, Status.APPROVED, form=form)


def _demand_looked_at(context: Context, number: int) -> None:
    """Raise Declined unless the person has looked at the signed form, and says how to look at it."""
    question = _("Have you looked at the signed form, and does it prove what differs?")
    if not context.terminal.confirm(question, option="--yes"):
        command = context.next_command("transfer", "show", str(number), "--save", with_places("FILE"))
        context.terminal.say(_("Look at it: {command}"), command=command)
        raise Declined


@verb(app, _("Withdraw what you filed, before it is used."), "custmerge transfer withdraw 3")
def withdraw(
    ctx: typer.Context, number: OpenIdArgument, yes: YesOption = False, form: FormatOption = Format.TABLE
) -> None:
    """Withdraw what you filed; the transfer is void then."""
    context: Context = ctx.obj
    caller = context.caller()
    filed = transfer.withdrawable(context.database, caller, number)
    if not yes:
        context.terminal.show(*transfer_parts(filed))
        context.terminal.demand_yes(_("Withdraw this contract transfer?"))
    withdrawn = transfer.withdraw(context.database, caller, number, context.now())
    context.print_one(withdrawn, form, transfer_shape, transfer_parts)


@verb(app, _("Reject what somebody else filed."), "custmerge transfer reject 3 --reason 'signature missing'")
def reject(
    ctx: typer.Context,
    number: OpenIdArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help=_("Why."))],
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Reject what somebody else filed."""
    context: Context = ctx.obj
    caller = context.caller()
    filed, _comparison = transfer.decidable(context.database, caller, number, Status.REJECTED)
    if not yes:
        context.terminal.show(*transfer_parts(filed))
        context.terminal.demand_yes(_("Reject this contract transfer?"))
    _decide(context, caller, number, Status.REJECTED, reason, form=form)


def _decide(
    context: Context, caller: Caller, number: int, to: Status, reason: str | None = None, *, form: Format
) -> None:
    decided = transfer.decide(context.database, caller, number, to, reason=reason, now=context.now())
    context.print_one(decided, form, transfer_shape, transfer_parts)
    _say_what_is_next(context, decided, form)


def _read(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read(LARGEST_FORM_BYTES + 1)
    try:
        with files.regular(path) as stream:
            # One byte more than allowed shows that the form is too large.
            return stream.read(LARGEST_FORM_BYTES + 1)
    except OSError as error:
        raise files.unreadable(path, error) from None
