"""custmerge purge."""

import re
from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, YesOption
from custmerge.cli.render.data.maintenance import purged_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.maintenance import erased, purged_lines
from custmerge.cli.words import moment
from custmerge.errors import N_, BadValue
from custmerge.services import purge as purge_service

DAYS_OF = {"d": 1, "w": 7, "y": 365}
LONGEST_DAYS = 36_500


def purge(
    ctx: typer.Context,
    older_than: Annotated[str, typer.Option(metavar="AGE", help=_("Days, weeks or years, like 365d, 52w or 1y."))],
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Only say what would be erased."))] = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Erase personal data that is no longer needed; old orders can't be undone any more."""
    context: Context = ctx.obj
    caller = context.caller()
    purged = purge_service.preview(context.database, caller, _days(older_than), context.now())
    if not dry_run:
        if not yes:
            question = _("Erase for good, from before {until}: {what}?")
            context.terminal.demand_yes(question.format(until=moment(purged.until), what=erased(purged)))
        purged = purge_service.purge(context.database, caller, purged, context.now())
    context.print_one(purged, form, purged_shape, purged_lines)


def _days(age: str) -> int:
    """Return the days in an age like `365d`, `52w` or `1y`; raises BadValue."""
    match = re.fullmatch(r"([0-9]{1,6})([dwy])", age)
    days = int(match[1]) * DAYS_OF[match[2]] if match else 0
    if not 1 <= days <= LONGEST_DAYS:
        raise BadValue(name="--older-than", value=age, why=N_("give days, weeks or years, like 365d, 52w or 1y"))
    return days


app = single(purge, "custmerge purge --older-than 365d --dry-run", "custmerge purge --older-than 2y --yes")
