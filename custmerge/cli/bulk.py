"""custmerge bulk."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import _, word
from custmerge.cli.options import FormatOption, YesOption
from custmerge.cli.progress import ROWS, Progress
from custmerge.cli.render import shapes
from custmerge.cli.render.escape import visible
from custmerge.cli.render.output import Format, stdout, write_many, write_one
from custmerge.cli.report import Report
from custmerge.cli.verbs import Verb, examples, verb_group
from custmerge.errors import N_, BadFile, BadUsage, Declined, ExitCode
from custmerge.rules.bulk import Outcome, Result
from custmerge.services import bulk
from custmerge.services.bulk.file import CHUNK, RunOptions
from custmerge.storage.files.csv_file import STDIN

app = verb_group(_("Merge the pairs of a CSV file: check, approve, run, go on."))

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help=_("A bulk file: survivor, absorbed, choice …"))]
OnceFileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help=_("A bulk file, or - for standard input: survivor, absorbed, choice …"))
]
ReportOption = Annotated[
    str | None,
    typer.Option(
        "--report", metavar="FILE", help=_("Write what became of each row into this file."), show_default=False
    ),
]


class Watcher:
    """Writes the report as it goes, and says how far it is."""

    def __init__(self, progress: Progress, report: Report) -> None:
        self._progress = progress
        self._report = report

    def accepted(self) -> None:
        """Open the report."""
        self._report.open()

    def outcome(self, outcome: Outcome) -> None:
        """Write a line of the report."""
        self._report.add(outcome)

    def advanced(self, done: int, total: int) -> None:
        """Say how far it is."""
        self._report.begin()
        self._progress.advanced(done, total)


@app.command(
    cls=Verb,
    help=_("Say what a run would say; change nothing."),
    epilog=examples(
        "custmerge bulk check pairs.csv --report report.csv",
        "custmerge bulk check - -f csv < pairs.csv",
    ),
)
def check(
    ctx: typer.Context, file: OnceFileArgument, report: ReportOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Say what a run would say."""
    context: Context = ctx.obj
    caller = context.caller()
    with _report(file, report) as lines:
        with _watched(context, _("Checking"), lines) as inputs:
            ran = bulk.check(context.database, caller, file, inputs)
        if form is not Format.TABLE:
            write_one(shapes.bulk_checked(ran, report), form, [shapes.bulk_checked_row(ran, report)])
        else:
            context.terminal.print(*_would_be_lines(ran.counts))
    raise typer.Exit(ExitCode.DONE if ran.is_well else ExitCode.NOT_ALL)


@app.command(
    cls=Verb,
    help=_("Approve a file, byte for byte, for somebody else to run within 7 days."),
    epilog=examples("custmerge bulk approve pairs.csv --yes"),
)
def approve(
    ctx: typer.Context, file: FileArgument, yes: YesOption = False, form: FormatOption = Format.TABLE
) -> None:
    """Approve a file."""
    context: Context = ctx.obj
    _demand_file(file)
    caller = context.caller()
    with Report(None) as lines, _watched(context, _("Checking"), lines) as inputs:
        ran = bulk.approvable(context.database, caller, file, inputs)
        if not yes:
            if context.terminal.can_ask:
                context.terminal.show(*_would_be_lines(ran.counts))
            question = _("Approve these {rows} rows (SHA-256 {sha256})?").format(rows=ran.rows, sha256=ran.sha256)
            if not context.terminal.confirm(question, option="--yes"):
                raise Declined
        batch = bulk.approve(context.database, caller, file, ran, context.now())
    if form is not Format.TABLE:
        write_one(shapes.bulk_approved(batch, ran), form, [shapes.bulk_approved_row(batch, ran)])
        return
    said = _("Batch {batch} is approved: {rows} rows, SHA-256 {sha256}.")
    context.terminal.print(said.format(batch=batch.id, rows=batch.rows, sha256=batch.sha256))
    context.terminal.print(*_would_be_lines(ran.counts))
    said = _("Somebody else than {approved_by} runs it within 7 days: `custmerge bulk run {file}`.")
    context.terminal.say(said.format(approved_by=visible(batch.approved_by or ""), file=visible(file)))


@app.command(
    cls=Verb,
    help=_("Execute a file's rows, or go on where a run was cut off; exit code 7 where some weren't merged."),
    epilog=examples(
        "custmerge bulk run pairs.csv --report report.csv",
        "custmerge --no-input bulk run pairs.csv --stop-on-error --format json",
    ),
)
def run(
    ctx: typer.Context,
    file: FileArgument,
    report: ReportOption = None,
    chunk: Annotated[
        int, typer.Option("--chunk", metavar="N", min=1, max=10_000, help=_("Rows of one transaction."))
    ] = CHUNK,
    stop_on_error: Annotated[
        bool, typer.Option("--stop-on-error", help=_("Stop at the first row that isn't merged."))
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Execute a file's rows."""
    context: Context = ctx.obj
    _demand_file(file)
    caller = context.caller()
    began = time.monotonic()
    with _report(file, report) as lines:
        with _watched(context, _("Merging"), lines, chunk=chunk, stop_on_error=stop_on_error) as inputs:
            ran = bulk.run(context.database, caller, file, inputs)
        if form is not Format.TABLE:
            write_one(shapes.bulk_ran(ran, time.monotonic() - began, report), form)
        else:
            context.terminal.print(*_count_lines(ran.counts, {}))
    raise typer.Exit(ExitCode.DONE if ran.is_well else ExitCode.NOT_ALL)


@app.command(
    cls=Verb,
    help=_("Say how far files are."),
    epilog=examples("custmerge bulk status", "custmerge bulk status pairs.csv --format json"),
)
def status(
    ctx: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help=_("Only this file."))] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say how far files are."""
    context: Context = ctx.obj
    batches = bulk.status(context.database, context.caller(), file, context.now())
    if form is not Format.TABLE:
        write_many((shapes.batch(one) for one in batches), form, stdout(), shapes.BATCH_COLUMNS)
        return
    from custmerge.cli.render.access_tables import batches_table

    context.terminal.print(batches_table(batches))


@contextmanager
def _watched(
    context: Context, label: str, lines: Report, *, chunk: int = CHUNK, stop_on_error: bool = False
) -> Iterator[RunOptions]:
    with context.terminal.progress(label, with_rate=True) as bar:
        watcher = Watcher(Progress(context.terminal, bar, ROWS), lines)
        yield RunOptions(context.now, context.new_salt, watcher, chunk, stop_on_error)


def _report(file: str, report: str | None) -> Report:
    _demand_another(file, report)
    return Report(report)


def _demand_file(file: str) -> None:
    """Raise BadUsage for standard input: what is approved is run later, and what is run is gone on with."""
    if file == STDIN:
        raise BadUsage(problem=_("Approving and running need a file: only `bulk check` and `bulk status` read -."))


def _demand_another(file: str, report: str | None) -> None:
    """Raise BadFile where the report would be written over the file that is read, by whichever name.

    Raises BadUsage for standard output, where the counts are.
    """
    if report is None:
        return
    if report == STDIN:
        raise BadUsage(problem=_("--report needs a file: standard output has the counts."))
    try:
        read = os.fstat(sys.stdin.fileno()) if file == STDIN else Path(file).stat()
        is_same = os.path.samestat(read, Path(report).stat())
    except OSError:
        # One of them isn't there, so they aren't one.
        return
    if is_same:
        raise BadFile(file=report, why=N_("is the bulk file itself: name another file for the report"))


def _would_be_lines(counts: Mapping[Result, int]) -> list[str]:
    """Return what a run would come to, in words that nobody takes for what it did."""
    return _count_lines(counts, {Result.MERGED: _("would be merged"), Result.REFUSED: _("would be refused")})


def _count_lines(counts: Mapping[Result, int], said: Mapping[Result, str]) -> list[str]:
    return [f"{counts[one]:>9}  {said.get(one) or word(one.value)}" for one in Result if counts.get(one)]
