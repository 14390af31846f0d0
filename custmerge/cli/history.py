"""custmerge history."""

from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from custmerge.cli import completion
from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import LARGEST
from custmerge.cli.render.data.history import EVENT_COLUMNS, event_shape
from custmerge.cli.render.data.writing import StreamFormat, write_many
from custmerge.cli.render.text.history import event_line, history_table, moved_lines
from custmerge.cli.render.text.parts import BLANK, Part
from custmerge.cli.streams import flushed, wait_while_read, write_lines
from custmerge.cli.terminal import fitted
from custmerge.errors import N_, BadUsage, BadValue
from custmerge.rules.history import ROUTINE, Action, day_bounds
from custmerge.rules.numbered import Numbered
from custmerge.services import history as history_service

SHOWN_AT_ONCE = 100
"""More entries than this are printed as a table only where --limit asks for them."""
FOLLOWED_AT_ONCE = 10
"""So many entries come before the new ones unless --limit says another number."""
LOOK_EVERY_SECONDS = 1


def history(
    ctx: typer.Context,
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help=_("Only what concerns this customer number."))
    ] = None,
    order: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=LARGEST,
            help=_("Only this order."),
            autocompletion=completion.numbers(Numbered.ORDERS),
        ),
    ] = None,
    action: Annotated[
        Action | None,
        typer.Option(metavar="A", help=_("Only this action: {actions}.").format(actions=", ".join(Action))),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help=_("From this day or moment on (UTC)."))] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help=_("Up to the end of this day or moment (UTC)."))
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, max=LARGEST, help=_("At most this many."))] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help=_("Go on and print new entries as they come, until Ctrl-C."))
    ] = False,
    form: Annotated[StreamFormat, typer.Option("--format", "-f", help=_("How to print."))] = StreamFormat.TABLE,
) -> None:
    """Show what happened, newest first: to whom, by whom."""
    context: Context = ctx.obj
    chosen = history_service.Filter(
        number=number,
        order=order,
        action=action,
        since=_bounds("--since", since)[0] if since else None,
        until=_bounds("--until", until)[1] if until else None,
        limit=limit,
    )
    if form is StreamFormat.TABLE and chosen.is_everything:
        chosen = replace(chosen, without=ROUTINE)
    if follow:
        _follow(context, chosen, form)
    elif form is StreamFormat.TABLE:
        _show(context, chosen)
    else:
        events = history_service.events(context.database, context.caller(), chosen)
        write_many(map(event_shape, events), form, EVENT_COLUMNS)


def _show(context: Context, chosen: history_service.Filter) -> None:
    limited = replace(chosen, limit=chosen.limit or SHOWN_AT_ONCE + 1)
    page = history_service.page(context.database, context.caller(), limited)
    has_older = chosen.limit is None and len(page.events) > SHOWN_AT_ONCE
    if has_older:
        page = replace(page, events=page.events[:SHOWN_AT_ONCE])
    parts: list[Part] = [history_table(page)]
    if page.moved is not None:
        parts += [BLANK, *moved_lines(page.moved)]
    elif page.is_purged:
        parts += [BLANK, _("The names of what was moved were purged.")]
    context.terminal.page(*parts)
    if has_older:
        context.terminal.say(_("There are older entries: --limit or --until shows them."))


def _follow(context: Context, chosen: history_service.Filter, form: StreamFormat) -> None:
    if form is StreamFormat.JSON:
        raise BadUsage(problem=_("--follow never comes to the end of a JSON array: use --format jsonl."))
    if chosen.until is not None:
        raise BadUsage(problem=_("--follow waits for what is to come: leave --until out."))
    token = context.token()
    events = history_service.follow(
        context.database,
        lambda: context.resumed(token),
        replace(chosen, limit=chosen.limit or FOLLOWED_AT_ONCE),
        partial(wait_while_read, LOOK_EVERY_SECONDS),
    )
    if form is StreamFormat.TABLE:
        write_lines(flushed(fitted(event_line(event)) for event in events))
    else:
        write_many(flushed(map(event_shape, events)), form, EVENT_COLUMNS)


def _bounds(option: str, text: str) -> tuple[str, str]:
    try:
        return day_bounds(text)
    except (ValueError, OverflowError):
        raise BadValue(name=option, value=text, why=N_("isn't a date like 2026-01-31 or 2026-01-31T08:00")) from None


app = single(
    history,
    "custmerge history --limit 20",
    "custmerge history 10001 --since 2026-01-01 --format json",
    "custmerge history --order 17",
    "custmerge history --follow --format jsonl",
)
