"""custmerge bulk."""

import csv
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Self, TextIO

import typer

from custmerge import files
from custmerge.cli.context import Context
from custmerge.cli.language import _, sentence, word
from custmerge.cli.options import FormatOption, YesOption
from custmerge.cli.progress import ROWS, Progress
from custmerge.cli.render import shapes
from custmerge.cli.render.escape import visible
from custmerge.cli.render.output import Format, guarded, stdout, write_many, write_one
from custmerge.cli.verbs import Verb, examples, verb_group
from custmerge.errors import N_, BadFile, BadUsage, Declined, ExitCode
from custmerge.rules.bulk import Outcome, Result
from custmerge.services import bulk
from custmerge.services.bulk_inputs import CHUNK, RunInputs
from custmerge.storage.spool import STDIN

app = verb_group(_("Merge the pairs of a CSV file: check, approve, run, go on."))

COLUMNS = ("row", "survivor", "absorbed", "status", "code", "order", "message")

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


class Report:
    """A new file that only its owner can read, written as it goes.

    It is made before anything is written to the database, and gets its name with its first line: until the service
    is the only one that runs the file, an older report stays as it is.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._made: Path | None = None
        """What it is called until it gets its name."""

    def __enter__(self) -> Self:
        if self._path is not None:
            files.demand_place(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        finally:
            if self._made is not None:
                self._made.unlink(missing_ok=True)

    def open(self) -> None:
        """Make the file, where somebody wants it, and leave an older one as it is; raises BadFile."""
        if self._path is None or self._file is not None:
            return
        try:
            number, self._made = files.beside(self._path)
        except OSError as error:
            raise files.unwritable(self._path, error) from None
        self._file = os.fdopen(number, "w", encoding="utf-8", newline="")

    def begin(self) -> None:
        """Give the file its name and its header, unless it has them or nobody wants it; raises BadFile."""
        if self._file is None or self._path is None or self._made is None:
            return
        try:
            self._made.replace(self._path)
        except OSError as error:
            raise files.unwritable(self._path, error) from None
        self._made = None
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Write a line."""
        self.begin()
        if self._file is None:
            return
        message = "" if outcome.error is None else sentence(outcome.error)
        line = (outcome.survivor, outcome.absorbed, outcome.result.value, outcome.code, outcome.order, message)
        self._writer.writerow((outcome.row, *(guarded(cell) for cell in line)))


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
    with _watched(context, _("Checking"), file, report) as inputs:
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
    with _watched(context, _("Checking"), file, None) as inputs:
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
    with _watched(context, _("Merging"), file, report, chunk=chunk, stop_on_error=stop_on_error) as inputs:
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
    context: Context,
    label: str,
    file: str,
    report: str | None,
    *,
    chunk: int = CHUNK,
    stop_on_error: bool = False,
) -> Iterator[RunInputs]:
    _demand_another(file, report)
    with Report(report) as lines, context.terminal.progress(label, with_rate=True) as bar:
        watcher = Watcher(Progress(context.terminal, bar, ROWS), lines)
        yield RunInputs(context.now, context.new_salt, watcher, chunk, stop_on_error)


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
