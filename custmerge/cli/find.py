"""custmerge find."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data.records import CUSTOMER_KEYS, customer_shape
from custmerge.cli.render.data.writing import Format, write_many
from custmerge.cli.render.text.records import matches_table
from custmerge.services import find as find_service

LARGEST_LIMIT = 1_000
"""Nobody reads more on a screen. An export gives all customers, and the history has an entry for it."""


def find(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help=_("Words that all have to stand in the record."))],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=LARGEST_LIMIT, help=_("At most this many."))] = 50,
    form: FormatOption = Format.TABLE,
) -> None:
    """Look customers up by parts of number, name, address, mail, telephone or domain."""
    context: Context = ctx.obj
    found = find_service.find(context.database, context.caller(), text, limit)
    if form is not Format.TABLE:
        write_many((customer_shape(match.customer) for match in found.matches), form, CUSTOMER_KEYS)
        return
    count = len(found.matches)
    if not count:
        context.terminal.say(_("Nothing found."))
        return
    context.terminal.print(matches_table(found.matches))
    if found.has_more:
        context.terminal.say(_("More than {count} found: add a word, or give --limit."), count=count)
    else:
        context.terminal.say(ngettext("{count} found.", "{count} found.", count), count=count)


app = single(find, "custmerge find müller", "custmerge find 'müller ulm'", "custmerge find example.de")
