"""custmerge history."""

from typing import Annotated

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import LARGEST
from custmerge.cli.render import shapes
from custmerge.cli.render.output import StreamFormat, stdout, write_many
from custmerge.cli.verbs import examples, single
from custmerge.errors import N_, BadValue
from custmerge.rules.history import Action
from custmerge.rules.times import day_bounds
from custmerge.services import past

SHOWN_AT_ONCE = 100
"""More entries than this are printed as a table only where --limit asks for them."""
COLUMNS = ("seq", "at", "by", "action", "order", "survivor", "absorbed", "choice", "hash")


def history(
    ctx: typer.Context,
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help=_("Only what concerns this customer number."))
    ] = None,
    order: Annotated[
        int | None,
        typer.Option("--order", metavar="N", min=1, max=LARGEST, help=_("Only this order."), show_default=False),
    ] = None,
    action: Annotated[
        Action | None, typer.Option("--action", metavar="A", help=_("Only this."), show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help=_("From this day or moment on (UTC)."), show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help=_("Up to the end of it (UTC)."), show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, max=LARGEST, help=_("At most so many."), show_default=False),
    ] = None,
    form: Annotated[StreamFormat, typer.Option("--format", "-f", help=_("How to print."))] = StreamFormat.TABLE,
) -> None:
    """Show what happened, newest first: to whom, by whom."""
    context: Context = ctx.obj
    as_table = form is StreamFormat.TABLE
    wanted = past.Filter(
        number=number,
        order=order,
        action=action,
        since=_bounds("--since", since)[0] if since else None,
        until=_bounds("--until", until)[1] if until else None,
        limit=limit or (SHOWN_AT_ONCE + 1 if as_table else None),
    )
    events = past.events(context.database, context.caller(), wanted)
    if not as_table:
        write_many((shapes.event(event) for event in events), form, stdout(), COLUMNS)
        return
    from custmerge.cli.render.record_tables import history_table

    found = list(events)
    shown = found if limit else found[:SHOWN_AT_ONCE]
    context.terminal.print(history_table(shown))
    if len(shown) < len(found):
        context.terminal.say(_("There are older entries: --limit or --until shows them."))


def _bounds(option: str, text: str) -> tuple[str, str]:
    try:
        return day_bounds(text)
    except (ValueError, OverflowError):
        raise BadValue(name=option, value=text, why=N_("isn't a date like 2026-01-31 or 2026-01-31T08:00")) from None


app = single(
    history,
    epilog=examples(
        "custmerge history --limit 20",
        "custmerge history 10001 --since 2026-01-01 --format json",
        "custmerge history --order 17",
    ),
)
