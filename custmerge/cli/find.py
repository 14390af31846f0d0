"""custmerge find."""

from typing import Annotated

import typer

from custmerge.cli.app import examples, single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data import records as shapes
from custmerge.cli.render.data.writing import Format, write_many

MORE_THAN_NEEDED = 1_000
"""Nobody looks through more: whoever wants everybody exports them, which the history tells."""


def find(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help=_("Words that all have to stand in the record."))],
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=MORE_THAN_NEEDED, help=_("At most so many."))
    ] = 50,
    form: FormatOption = Format.TABLE,
) -> None:
    """Look customers up by parts of number, name, address, mail, telephone or domain."""
    from custmerge.services import find as find_service

    context: Context = ctx.obj
    found = find_service.find(context.database, context.caller(), text, limit)
    if form is not Format.TABLE:
        columns = shapes.customer_columns()
        write_many((shapes.customer(customer) for customer in found), form, columns)
        return
    if found:
        from custmerge.cli.render.text.records import customers_table

        context.terminal.print(customers_table(found))
    else:
        context.terminal.say(_("Nothing found."))
    if len(found) == limit:
        context.terminal.say(_("There may be more: add a word, or give --limit."))


app = single(
    find, epilog=examples("custmerge find müller", "custmerge find 'müller ulm'", "custmerge find example.de")
)
