"""custmerge duplicates."""

import re
from collections.abc import Mapping
from contextlib import closing, nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from custmerge import files
from custmerge.cli.app import running, verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.help_page import epilog_of
from custmerge.cli.language import _, ngettext
from custmerge.cli.options import LARGEST, FormatOption
from custmerge.cli.progress import Counted, Progress
from custmerge.cli.render.data.duplicates import (
    BULK_COLUMNS,
    DISMISSED_COLUMNS,
    bulk_cells,
    candidate_shape,
    dismissal_shape,
    dismissed_shape,
)
from custmerge.cli.render.data.writing import Format, StreamFormat, whole_file, write_cells, write_many
from custmerge.cli.render.text.duplicates import candidates_table, dismissal_lines, dismissed_table, undismissal_lines
from custmerge.cli.streams import stdout
from custmerge.errors import N_, BadFile, BadUsage, BadValue
from custmerge.rules.duplicates.options import Engine, FuzzyOptions
from custmerge.rules.duplicates.survivors import SurvivorRule
from custmerge.services import duplicates as duplicates_service
from custmerge.services.duplicates import dismissals

STDOUT = "-"
SHOWN_AT_ONCE = 100
"""More pairs than this are printed as a table only where --limit asks for them."""
_SIZE = re.compile(r"([0-9]{1,9}) ?([KMGT]?)i?B?", re.IGNORECASE)
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_LEAST_MEMORY, _MOST_MEMORY = 160 << 20, 9_999 << 30
"""The engine refuses less than the first even for a few hundred customers."""

app = verb_group(_("Find who may be one customer under several numbers."))

NumberArgument = Annotated[str, typer.Argument(metavar="A", help=_("A customer number."))]
OtherArgument = Annotated[str, typer.Argument(metavar="B", help=_("The other customer number."))]


@app.callback(
    invoke_without_command=True,
    help=_("Find who may be one customer under several numbers."),
    epilog=epilog_of(
        (
            "custmerge duplicates",
            "custmerge duplicates --against 20003",
            "custmerge duplicates --survivor packages --out pairs.csv",
            "custmerge duplicates --fuzzy --related --format json",
            "custmerge duplicates --fuzzy --engine spark --spark-master spark://host:7077 --out pairs.csv",
            "custmerge duplicates dismiss 10001 20003 --reason 'father and son'",
        )
    ),
)
def duplicates(
    ctx: typer.Context,
    fuzzy: Annotated[
        bool, typer.Option("--fuzzy", help=_("Find differently written names too, by a model: takes longer."))
    ] = False,
    related: Annotated[
        bool, typer.Option("--related", help=_("List households and firms too; they are not for merging."))
    ] = False,
    against: Annotated[
        str | None, typer.Option(metavar="NUMBER", help=_("Only other numbers of this customer."))
    ] = None,
    survivor: Annotated[
        SurvivorRule,
        typer.Option(help=_("Who is kept: lowest number, most packages, most fields filled, highest number.")),
    ] = SurvivorRule.OLDEST,
    threshold: Annotated[
        float | None, typer.Option(metavar="P", min=0, max=1, help=_("Lowest probability, from 0 to 1."))
    ] = None,
    engine: Annotated[Engine | None, typer.Option(help=_("What runs the model."))] = None,
    spark_master: Annotated[
        str | None, typer.Option(metavar="URL", help=_("The Spark cluster, like spark://host:7077."))
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help=_("The most memory for the model, like 1GB."))
    ] = None,
    save_model: Annotated[
        str | None, typer.Option(metavar="FILE", help=_("Write the trained model into a new file."))
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="FILE", help=_("Use a model that was saved; train none."))
    ] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="FILE", help=_("Write what speaks for each pair as HTML into a new file."))
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, max=LARGEST, help=_("At most this many."))] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FILE", help=_("Write to a new file that only you can read.")),
    ] = None,
    form: Annotated[
        StreamFormat,
        typer.Option("--format", "-f", help=_("How to print; csv is a bulk file, and what --out writes.")),
    ] = StreamFormat.TABLE,
) -> None:
    """Find who may be one customer under several numbers."""
    given = {
        "--threshold": threshold,
        "--engine": engine,
        "--spark-master": spark_master,
        "--memory": memory,
        "--save-model": save_model,
        "--model": model,
        "--explain": explain,
        "--related": related or None,
    }
    if ctx.invoked_subcommand is not None:
        _demand_nothing(ctx)
        return
    with running(ctx):
        options = None
        if fuzzy:
            _demand_fitting(given)
            options = FuzzyOptions(
                related=related,
                against=against,
                threshold=threshold,
                engine=engine or Engine.DUCKDB,
                spark_master=spark_master,
                memory=None if memory is None else _bytes(memory),
                save_model=None if save_model is None else _new_file(save_model),
                model=model,
                explain=None if explain is None else _new_file(explain),
            )
            _demand_different({"--out": out, "--save-model": save_model, "--explain": explain})
        elif alone := [name for name, value in given.items() if value is not None]:
            raise BadUsage(problem=_("{option} goes with --fuzzy.").format(option=alone[0]))
        file = None if out in (None, STDOUT) else _new_file(out)
        _search(ctx.obj, duplicates_service.Search(survivor, against, options), form, limit, file)


def _search(
    context: Context, search: duplicates_service.Search, form: StreamFormat, limit: int | None, file: str | None
) -> None:
    if file is None and form is StreamFormat.TABLE:
        _show(context, search, limit)
        return
    is_bulk = form in (StreamFormat.TABLE, StreamFormat.CSV)
    caller = context.caller()
    with (
        Progress(context.terminal, _("Searching")) as progress,
        nullcontext(stdout()) if file is None else whole_file(file) as out,
    ):
        if is_bulk:
            found = duplicates_service.find_pairs(context.database, caller, search, progress)
            pairs = Counted(islice(found, limit), progress)
            write_cells(map(bulk_cells, pairs), BULK_COLUMNS, out=out)
            count = pairs.count
        else:
            candidates = Counted(
                islice(duplicates_service.find(context.database, caller, search, progress), limit), progress
            )
            write_many(map(candidate_shape, candidates), form, out=out)
            count = candidates.count
    if file is not None:
        text = ngettext("{rows} pair written to {file}.", "{rows} pairs written to {file}.", count)
        context.terminal.say(text, rows=count, file=file)
        if count and is_bulk:
            context.terminal.say(_("Next: {command}"), command=context.next_command("bulk", "check", file))


def _show(context: Context, search: duplicates_service.Search, limit: int | None) -> None:
    at_most = SHOWN_AT_ONCE if limit is None else limit
    caller = context.caller()
    with (
        Progress(context.terminal, _("Searching")) as progress,
        closing(duplicates_service.find(context.database, caller, search, progress)) as found,
    ):
        shown = list(islice(found, at_most + 1))
    if not shown:
        context.terminal.say(_("No duplicates found."))
        return
    context.terminal.page(candidates_table(shown[:at_most]))
    count = min(len(shown), at_most)
    if len(shown) > at_most:
        text = _("There are more than {count}: --limit shows more of them, --out writes all into a file.")
    else:
        text = ngettext("{count} pair.", "{count} pairs.", count)
    context.terminal.say(text, count=count)


def _new_file(path: str) -> str:
    """Return the file to write; raises BadFile where there is one already.

    Somebody may have filled in the choices of a bulk file.
    """
    if path == STDOUT:
        raise BadFile(file=path, why=N_("is standard output, which has the list: name a file"))
    files.demand_place(path)
    if Path(path).exists():
        raise BadFile(file=path, why=N_("is there already: name another file"))
    return path


def _demand_fitting(given: Mapping[str, object]) -> None:
    """Raise BadUsage for options of the model that don't go together."""
    if given["--model"] is not None and given["--save-model"] is not None:
        raise BadUsage(problem=_("--model and --save-model exclude each other."))
    if given["--spark-master"] is not None and given["--engine"] is not Engine.SPARK:
        raise BadUsage(problem=_("--spark-master goes with --engine spark."))


def _demand_different(written: Mapping[str, str | None]) -> None:
    """Raise BadUsage where two options name one file: the second would take the place of the first."""
    named: dict[Path, str] = {}
    for option, path in written.items():
        if path is not None and (other := named.setdefault(Path(path).absolute(), option)) != option:
            problem = _("{option} and {other} name the same file.")
            raise BadUsage(problem=problem.format(option=other, other=option))


def _demand_nothing(ctx: typer.Context) -> None:
    """Raise BadUsage for options of a search before one of the other commands."""
    sources = map(ctx.get_parameter_source, ctx.params)
    if any(source is not None and source.name == "COMMANDLINE" for source in sources):
        problem = _("Options of a search don't go with {command}: put its own behind it.")
        raise BadUsage(problem=problem.format(command=str(ctx.invoked_subcommand)))


def _bytes(size: str) -> int:
    """Return the bytes of a size like `1GB` or `800M`, in units of 1,024; raises BadValue."""
    match = _SIZE.fullmatch(size)
    amount = int(match[1]) << _UNITS[match[2].upper()] if match else 0
    if not _LEAST_MEMORY <= amount <= _MOST_MEMORY:
        raise BadValue(
            name="--memory", value=size, why=N_("give a size like 800MB or 2GB, 160MB at least and 9999GB at most")
        )
    return amount


@verb(
    app,
    _("Say that two numbers are two customers: no search finds them again until a name changes."),
    "custmerge duplicates dismiss 10001 20003 --reason 'father and son'",
)
def dismiss(
    ctx: typer.Context,
    number: NumberArgument,
    other: OtherArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help=_("Why."))],
    form: FormatOption = Format.TABLE,
) -> None:
    """Say that two numbers are two customers."""
    context: Context = ctx.obj
    pair = (number, other)
    made = dismissals.dismiss(
        context.database, context.caller(), pair, reason, salt=context.new_salt(), now=context.now()
    )
    context.print_one(made, form, dismissal_shape, dismissal_lines)


@verb(app, _("Let searches find two numbers again."), "custmerge duplicates undismiss 10001 20003")
def undismiss(
    ctx: typer.Context, number: NumberArgument, other: OtherArgument, form: FormatOption = Format.TABLE
) -> None:
    """Let searches find two numbers again."""
    context: Context = ctx.obj
    ended = dismissals.undismiss(context.database, context.caller(), (number, other), context.now())
    context.print_one(ended, form, dismissal_shape, undismissal_lines)


@verb(
    app,
    _("List the pairs that are two customers, newest first."),
    "custmerge duplicates dismissed",
    "custmerge duplicates dismissed --format json",
)
def dismissed(
    ctx: typer.Context,
    form: Annotated[StreamFormat, typer.Option("--format", "-f", help=_("How to print."))] = StreamFormat.TABLE,
) -> None:
    """List the pairs that are two customers."""
    context: Context = ctx.obj
    pairs = dismissals.dismissed(context.database, context.caller())
    if form is not StreamFormat.TABLE:
        write_many(map(dismissed_shape, pairs), form, DISMISSED_COLUMNS)
    elif shown := list(pairs):
        context.terminal.page(dismissed_table(shown))
    else:
        context.terminal.say(_("No pair is dismissed."))
