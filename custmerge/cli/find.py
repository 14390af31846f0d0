"""custmerge find."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data.records import CUSTOMER_KEYS, customer_shape
from custmerge.cli.render.data.writing import Format, write_many
from custmerge.cli.render.text.records import customers_table
from custmerge.services import find as find_service

LARGEST_LIMIT = 1_000
"""Nobody reads more on a screen. An export gives all customers, and the history has an entry for it."""


def find(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help=_("Words that all have to stand in the record."))],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=LARGEST_LIMIT, help=_("At most so many."))] = 50,
    form: FormatOption = Format.TABLE,
) -> None:
    """Look customers up by parts of number, name, address, mail, telephone or domain."""
    context: Context = ctx.obj
    customers = find_service.find(context.database, context.caller(), text, limit)
    if form is not Format.TABLE:
        write_many(map(customer_shape, customers), form, CUSTOMER_KEYS)
        return
    if customers:
        context.terminal.print(customers_table(customers))
    else:
        context.terminal.say(_("Nothing found."))
    if len(customers) == limit:
        context.terminal.say(_("There may be more: add a word, or give --limit."))


app = single(find, "custmerge find müller", "custmerge find 'müller ulm'", "custmerge find example.de")
