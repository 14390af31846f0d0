"""custmerge transfer."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from custmerge import files
from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import SafeText, _
from custmerge.cli.options import LARGEST, AbsorbedArgument, FormatOption, IntoOption, YesOption
from custmerge.cli.render.data.access import TRANSFER_COLUMNS, transfer_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.access import transfer_parts, transfers_table
from custmerge.errors import N_, BadValue
from custmerge.rules.transfers import LARGEST_FORM_BYTES, Status
from custmerge.services import transfer

STDIN = "-"

app = verb_group(_("The signed contract transfer that lifts an identity block."))

IdArgument = Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST, help=_("The transfer's number."))]


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


@verb(
    app,
    _("List the newest contract transfers, open ones first."),
    "custmerge transfer list",
    "custmerge transfer list --status filed --format json",
    name="list",
)
def list_transfers(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help=_("Only those with this status."))] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the newest contract transfers."""
    context: Context = ctx.obj
    if status is not None and status not in list(Status):
        raise BadValue(name="--status", value=status, why=N_("choose one of {choices}"), choices=[*Status])
    chosen = None if status is None else Status(status)
    transfers = transfer.list_all(context.database, context.caller(), chosen)
    context.print_all(transfers, form, transfer_shape, transfers_table, TRANSFER_COLUMNS)


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
    filed = transfer.one(context.database, caller, number)
    if save is not None:
        _save(save, content := transfer.form_of(context.database, caller, number, context.now()))
        text = _("The form is in {file}: {size} bytes.")
        context.terminal.say(text, file=save, size=len(content))
    context.print_one(filed, form, transfer_shape, transfer_parts)


@verb(app, _("Approve what somebody else filed."), "custmerge transfer approve 3 --yes")
def approve(
    ctx: typer.Context, number: IdArgument, yes: YesOption = False, form: FormatOption = Format.TABLE
) -> None:
    """Approve what somebody else filed."""
    _decide(ctx.obj, number, Status.APPROVED, _("Approve this contract transfer?"), None, yes=yes, form=form)


@verb(app, _("Reject what somebody else filed."), "custmerge transfer reject 3 --reason 'signature missing'")
def reject(
    ctx: typer.Context,
    number: IdArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help=_("Why."))],
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Reject what somebody else filed."""
    _decide(ctx.obj, number, Status.REJECTED, _("Reject this contract transfer?"), reason, yes=yes, form=form)


def _decide(
    context: Context, number: int, to: Status, question: SafeText, reason: str | None, *, yes: bool, form: Format
) -> None:
    caller = context.caller()
    filed = transfer.decidable(context.database, caller, number, to)
    if not yes:
        context.terminal.show(*transfer_parts(filed))
        context.terminal.demand_yes(question)
    decided = transfer.decide(context.database, caller, number, to, reason=reason, now=context.now())
    context.print_one(decided, form, transfer_shape, transfer_parts)


def _read(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read(LARGEST_FORM_BYTES + 1)
    try:
        with files.regular(path) as stream:
            # One byte more than allowed shows that the form is too large.
            return stream.read(LARGEST_FORM_BYTES + 1)
    except OSError as error:
        raise files.unreadable(path, error) from None


def _save(path: str, content: bytes) -> None:
    """Write a form into a new file that only its owner can read, wholly or not at all; raises BadFile."""
    files.demand_place(path)
    try:
        # A file or a link that has the name already stays as it is.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise files.unwritable(path, error) from None
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(number)
    except BaseException as error:
        Path(path).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise files.unwritable(path, error) from None
        raise
