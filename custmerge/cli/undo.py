"""custmerge undo."""

from dataclasses import replace
from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import SafeText, _, ngettext
from custmerge.cli.options import LARGEST, FormatOption, YesOption
from custmerge.cli.progress import Progress, Unit
from custmerge.cli.render.data import undo as shapes
from custmerge.cli.render.data.writing import Format, write_many, write_one
from custmerge.cli.render.text.undo import asked_parts, done_parts, dry_run_parts
from custmerge.errors import BadUsage, CustmergeError
from custmerge.rules.undo import UndoPlan
from custmerge.services import undo as undo_service
from custmerge.services.undo import batch as undo_batch


def undo(
    ctx: typer.Context,
    orders: Annotated[
        list[int] | None, typer.Argument(metavar="ORDER", min=1, max=LARGEST, help=_("The orders to take back."))
    ] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="ID", min=1, max=LARGEST, help=_("Take a whole bulk run back."))
    ] = None,
    cascade: Annotated[
        bool, typer.Option("--cascade", help=_("Undo later orders in the way too, newest first."))
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what would happen, change nothing."))] = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take orders back exactly, in one transaction; a whole bulk run chunk by chunk."""
    context: Context = ctx.obj
    if batch is not None:
        if orders or cascade:
            raise BadUsage(problem=_("--batch goes without ORDER and --cascade."))
        _undo_batch(context, batch, form, dry_run=dry_run, yes=yes)
    elif orders:
        _undo_orders(context, undo_service.Request(frozenset(orders), cascade), form, dry_run=dry_run, yes=yes)
    else:
        raise BadUsage(problem=_("Name the ORDER to take back, or a bulk run with --batch."))


def _undo_orders(context: Context, request: undo_service.Request, form: Format, *, dry_run: bool, yes: bool) -> None:
    caller = context.caller()
    if dry_run:
        plans = undo_service.preview(context.database, caller, request, context.now())
    else:
        if not yes:
            shown = undo_service.preview(context.database, caller, request, context.now())
            _confirm_orders(context, shown)
            request = replace(request, seen=shown)
        plans = undo_service.undo(context.database, caller, request, context.now())
    if form is Format.TABLE:
        context.terminal.print(*(dry_run_parts(plans) if dry_run else done_parts(plans)))
        return
    rows = (shapes.undo_row(plan, dry_run=dry_run) for plan in plans)
    if len(plans) == 1:
        write_one(shapes.undo(plans[0], dry_run=dry_run), form, rows)
    elif form is Format.JSON:
        write_many((shapes.undo(plan, dry_run=dry_run) for plan in plans), form)
    else:
        write_many(rows, form)


def _confirm_orders(context: Context, plans: tuple[UndoPlan, ...]) -> None:
    """Show what will move back and let the person agree; raises Declined."""
    context.terminal.show(*asked_parts(plans))
    question = ngettext("Undo this order?", "Undo these {count} orders?", len(plans)).format(count=len(plans))
    context.terminal.demand_yes(question)


def _undo_batch(context: Context, batch: int, form: Format, *, dry_run: bool, yes: bool) -> None:
    caller = context.caller()
    extent = None
    if dry_run or not yes:
        with Progress(context.terminal, _("Checking"), Unit.ORDERS) as progress:
            inputs = undo_batch.UndoInputs(context.now, context.new_salt, progress)
            extent = undo_batch.preview(context.database, caller, batch, inputs)
    if extent is not None and dry_run:
        _tell_batch(context, extent, form, dry_run=True)
        return
    if extent is not None:
        question = _filled(
            _("Undo {orders} orders of batch {batch}, {packages} packages, {domains} domains?"), extent
        )
        context.terminal.demand_yes(question)
    with Progress(context.terminal, _("Undoing"), Unit.ORDERS) as progress:
        try:
            inputs = undo_batch.UndoInputs(context.now, context.new_salt, progress)
            done = undo_batch.undo_batch(context.database, caller, batch, inputs, extent)
        except CustmergeError as error:
            if progress.done and form is Format.JSON:
                # There the error is the only thing on stderr.
                error.details["undone"] = progress.done
            elif progress.done:
                text = _("Orders of batch {batch} that are undone, and stay so: {count}.")
                context.terminal.warn(text, batch=batch, count=progress.done)
            raise
    _tell_batch(context, done, form, dry_run=False)


def _tell_batch(context: Context, extent: undo_batch.Extent, form: Format, *, dry_run: bool) -> None:
    if form is not Format.TABLE:
        rows = [shapes.undo_batch_row(extent, dry_run=dry_run)]
        write_one(shapes.undo_batch(extent, dry_run=dry_run), form, rows)
    elif dry_run:
        text = _("Dry run: {orders} orders of batch {batch} would be undone; nothing was changed.")
        context.terminal.print(_filled(text, extent))
    else:
        text = _("Batch {batch} is undone: {orders} orders, {packages} packages, {domains} domains back.")
        context.terminal.print(_filled(text, extent))


def _filled(template: SafeText, extent: undo_batch.Extent) -> SafeText:
    return template.format(batch=extent.batch, orders=extent.orders, packages=extent.packages, domains=extent.domains)


app = single(
    undo,
    "custmerge undo 17",
    "custmerge undo 17 18 --dry-run",
    "custmerge undo 17 --cascade --yes --format json",
    "custmerge undo --batch 3",
)
