"""custmerge purge."""

import re
from typing import Annotated

import typer

from custmerge.cli.app import examples, single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, YesOption
from custmerge.cli.render.data import maintenance as shapes
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.errors import N_, BadValue, Declined
from custmerge.services import purge as purge_service
from custmerge.services.purge import Purged

DAYS_OF = {"d": 1, "w": 7, "y": 365}
LONGEST_DAYS = 36_500


def purge(
    ctx: typer.Context,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help=_("Days, weeks or years, like 365d, 52w or 1y."))
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only say what would be erased."))] = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Erase personal data that is no longer needed; old orders can't be undone any more."""
    context: Context = ctx.obj
    caller = context.caller()
    done = purge_service.preview(context.database, caller, days_of("--older-than", older_than), context.now())
    if not dry_run:
        question = _("Erase for good, from before {until}: {what}?")
        if not yes and not context.terminal.confirm(
            question.format(until=done.until, what=_what(done)), option="--yes"
        ):
            raise Declined
        done = purge_service.purge(context.database, caller, done, context.now())
    if form is not Format.TABLE:
        write_one(shapes.purged(done), form)
        return
    said = _("Dry run: from before {until} would be erased: {what}.")
    if not dry_run:
        said = _("From before {until} are erased: {what}.")
    context.terminal.print(said.format(until=done.until, what=_what(done)))


def _what(done: Purged) -> str:
    counted = _("before-images of {orders} orders, {forms} signed forms, {reasons} reasons, what {rows} rows quoted")
    return counted.format(orders=done.orders, forms=done.forms, reasons=done.reasons, rows=done.rows)


def days_of(option: str, age: str) -> int:
    """Return the days in an age like `365d`, `52w` or `1y`; raises BadValue that names the option."""
    found = re.fullmatch(r"([0-9]{1,6})([dwy])", age)
    days = int(found[1]) * DAYS_OF[found[2]] if found else 0
    if not 1 <= days <= LONGEST_DAYS:
        raise BadValue(name=option, value=age, why=N_("give days, weeks or years, like 365d, 52w or 1y"))
    return days


app = single(
    purge,
    epilog=examples("custmerge purge --older-than 365d --dry-run", "custmerge purge --older-than 2y --yes"),
)
