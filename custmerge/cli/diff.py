"""custmerge diff."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import AbsorbedArgument, FormatOption, IntoOption, RevealOption
from custmerge.cli.render.comparison import comparison_parts
from custmerge.cli.render.writing import Format, Shape, write_one
from custmerge.errors import ExitCode
from custmerge.rules.compare import Comparison, Decision
from custmerge.rules.fields import IDENTITY_FIELDS
from custmerge.services import find

EXIT_CODES = {
    Decision.IDENTICAL: ExitCode.DONE,
    Decision.CHOOSE: ExitCode.DIFFERS,
    Decision.BLOCKED: ExitCode.BLOCKED,
}


def diff(
    ctx: typer.Context,
    number: AbsorbedArgument,
    into: IntoOption = None,
    all_rows: Annotated[bool, typer.Option("--all", help=_("Show equal rows too."))] = False,
    reveal: RevealOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare two numbers; exit code 0: identical, 1: details differ, 3: blocked by an identity field."""
    context: Context = ctx.obj
    caller = context.caller()
    into = context.survivor(caller, into)
    comparison = find.diff(context.database, caller, number, into=into, reveal=reveal, now=context.now())
    if form is Format.TABLE:
        context.terminal.print(*comparison_parts(comparison, all_rows=all_rows))
    else:
        write_one(_shape(comparison), form, _fields(comparison))
    # What a contract transfer lifts may be merged, but it isn't identical.
    lifted = comparison.decision is Decision.IDENTICAL and not comparison.is_identical
    raise typer.Exit(ExitCode.DIFFERS if lifted else EXIT_CODES[comparison.decision])


def _shape(comparison: Comparison) -> Shape:
    return {
        "survivor": comparison.survivor,
        "absorbed": comparison.absorbed,
        "identical": comparison.is_identical,
        "mergeable": comparison.decision is not Decision.BLOCKED,
        "blocked_by": [field.value for field in comparison.blocked_by],
        "transfer": comparison.transfer,
        "fields": _fields(comparison),
    }


def _fields(comparison: Comparison) -> list[Shape]:
    return [
        {
            "field": line.field.value,
            "group": "identity" if line.field in IDENTITY_FIELDS else "detail",
            "survivor": line.survivor,
            "absorbed": line.absorbed,
            "status": line.status.value,
        }
        for line in comparison.fields
    ]


app = single(diff, "custmerge diff 20002", "custmerge diff 20002 --into 10001 --all --format json")
