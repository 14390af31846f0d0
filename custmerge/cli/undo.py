"""custmerge undo."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from custmerge.cli import completion
from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext
from custmerge.cli.options import LARGEST, DryRunOption, FormatOption, YesOption
from custmerge.cli.progress import Progress, Unit
from custmerge.cli.render.data.undo import extent_shape, plan_shape
from custmerge.cli.render.data.writing import Format, flat, write_many, write_one
from custmerge.cli.render.text.undo import asked_lines, batch_question, batch_undone, undone_lines
from custmerge.errors import BadUsage, CustmergeError
from custmerge.rules.numbered import Numbered
from custmerge.rules.undo import Extent, UndoPlan
from custmerge.services import undo as undo_service
from custmerge.services.progress import Inputs


def undo(
    ctx: typer.Context,
    orders: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="ORDER",
            min=1,
            max=LARGEST,
            help=_("The orders to take back."),
            autocompletion=completion.numbers(Numbered.STANDING_ORDERS),
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            metavar="ID",
            min=1,
            max=LARGEST,
            help=_("Take a whole bulk run back."),
            autocompletion=completion.numbers(Numbered.BATCHES),
        ),
    ] = None,
    cascade: Annotated[
        bool, typer.Option("--cascade", help=_("Undo later orders in the way too, newest first."))
    ] = False,
    dry_run: DryRunOption = False,
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
        raise BadUsage(
            problem=_("Name the ORDER to take back (`custmerge history` lists them), or a bulk run with --batch.")
        )


def _undo_orders(context: Context, request: undo_service.Request, form: Format, *, dry_run: bool, yes: bool) -> None:
    caller = context.caller()
    if dry_run:
        plans = undo_service.preview(context.database, caller, request, context.now())
    else:
        if not yes:
            shown = undo_service.preview(context.database, caller, request, context.now())
            _confirm_orders(context, shown)
            request = replace(request, shown=shown)
        plans = undo_service.undo(context.database, caller, request, context.now())
    if form is Format.TABLE:
        context.terminal.print(*undone_lines(plans, dry_run=dry_run))
        return
    shapes = [plan_shape(plan, dry_run=dry_run) for plan in plans]
    if len(shapes) == 1:
        write_one(shapes[0], form)
    else:
        write_many(shapes if form is Format.JSON else map(flat, shapes), form)


def _confirm_orders(context: Context, plans: Sequence[UndoPlan]) -> None:
    """Show what will move back and let the person agree; raises Declined."""
    context.terminal.show(*asked_lines(plans))
    question = ngettext("Undo this order?", "Undo these {count} orders?", len(plans)).format(count=len(plans))
    context.terminal.demand_yes(question)


def _undo_batch(context: Context, batch: int, form: Format, *, dry_run: bool, yes: bool) -> None:
    # Imported here: few undos are of a batch.
    from custmerge.services.undo import batch as undo_batch

    caller = context.caller()
    extent = None
    if dry_run or not yes:
        with Progress(context.terminal, _("Checking"), Unit.ORDERS) as progress:
            inputs = Inputs(context.database.now, context.new_salt, progress)
            extent = undo_batch.preview(context.database, caller, batch, inputs)
        if dry_run:
            _print_batch(context, extent, form, dry_run=True)
            return
        context.terminal.demand_yes(batch_question(extent))
    with Progress(context.terminal, _("Undoing"), Unit.ORDERS) as progress:
        try:
            inputs = Inputs(context.database.now, context.new_salt, progress)
            done = undo_batch.undo_batch(context.database, caller, batch, inputs, extent)
        except CustmergeError as error:
            if progress.done and form is Format.JSON:
                # There the error is the only thing on stderr.
                error.details["undone"] = progress.done
            elif progress.done:
                text = _("Orders of batch {batch} that are undone, and stay so: {count}.")
                context.terminal.warn(text, batch=batch, count=progress.done)
            raise
    _print_batch(context, done, form, dry_run=False)


def _print_batch(context: Context, extent: Extent, form: Format, *, dry_run: bool) -> None:
    if form is Format.TABLE:
        context.terminal.print(batch_undone(extent, dry_run=dry_run))
    else:
        write_one(extent_shape(extent, dry_run=dry_run), form)


app = single(
    undo,
    "custmerge undo 17",
    "custmerge undo 17 18 --dry-run",
    "custmerge undo 17 --cascade --yes --format json",
    "custmerge undo --batch 3",
)
