"""custmerge bulk."""

import csv
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Self, TextIO

import typer

from custmerge import files
from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import SafeText, _
from custmerge.cli.options import FormatOption, YesOption
from custmerge.cli.progress import Progress, Unit
from custmerge.cli.render.data.bulk import (
    BATCH_COLUMNS,
    approval_row,
    approval_shape,
    batch_shape,
    check_shape,
    run_shape,
)
from custmerge.cli.render.data.writing import Format, guarded, write_one
from custmerge.cli.render.text.bulk import batches_table, count_lines, would_be_lines
from custmerge.cli.terminal import Terminal
from custmerge.cli.words import sentence
from custmerge.errors import N_, BadFile, BadUsage, ExitCode, ReportLost
from custmerge.rules.bulk import Outcome
from custmerge.services import bulk
from custmerge.services.bulk.file import RunOptions
from custmerge.services.progress import CHUNK
from custmerge.storage.files.csv_file import STDIN

REPORT_COLUMNS = ("row", "survivor", "absorbed", "status", "code", "order", "message")
app = verb_group(_("Merge the pairs of a CSV file: check, approve, run, go on."))

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help=_("A bulk file: survivor, absorbed, choice …"))]
OnceFileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help=_("A bulk file, or - for standard input: survivor, absorbed, choice …"))
]
ReportOption = Annotated[
    str | None, typer.Option("--report", metavar="FILE", help=_("Write what became of each row into this file."))
]


class Report:
    """What became of each row, as a new file that only its owner can read, written as it goes.

    The file is made before anything is written to the database. It gets its name with its first line: an older report
    stays until this process is the only one that runs the bulk file. If it can't be written any further, it is
    deleted and ReportLost is raised at the end: the rows go on, and nobody takes a part for the whole.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._temporary: Path | None = None
        """Its path until it gets its name."""
        self._lost: OSError | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            files.demand_place(self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._lose(error)
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
        if self._lost is not None and kind is None:
            raise ReportLost(file=str(self._path), reason=os.strerror(self._lost.errno or 0))

    def open(self) -> None:
        """Make the file, where somebody wants it, and leave an older one as it is; raises BadFile."""
        if self._path is None or self._file is not None:
            return
        try:
            number, self._temporary = files.beside(self._path)
        except OSError as error:
            raise files.unwritable(self._path, error) from None
        self._file = os.fdopen(number, "w", encoding="utf-8", newline="")

    def begin(self) -> None:
        """Give the file its name and its header, unless it has them or nobody wants it; raises BadFile."""
        if self._file is None or self._path is None or self._temporary is None:
            return
        try:
            self._temporary.replace(self._path)
        except OSError as error:
            raise files.unwritable(self._path, error) from None
        self._temporary = None
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(REPORT_COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Write a line."""
        self.begin()
        if self._file is None:
            return
        message = "" if outcome.error is None else sentence(outcome.error, for_data=True)
        line = (outcome.survivor, outcome.absorbed, outcome.result.value, outcome.code, outcome.order, message)
        try:
            self._writer.writerow((outcome.row, *(guarded(cell) for cell in line)))
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self._lost = error
        file, self._file = self._file, None
        with suppress(OSError):
            if self._path is not None and self._temporary is None:
                Path(self._path).unlink()
        with suppress(OSError):
            # Closing writes once more what couldn't be written.
            if file is not None:
                file.close()


class RunProgress(Progress):
    """Shows how far a check or a run is, and writes its report."""

    def __init__(self, terminal: Terminal, label: SafeText, report: Report) -> None:
        super().__init__(terminal, label, Unit.ROWS)
        self._report = report

    def accepted(self) -> None:
        """Open the report."""
        self._report.open()

    def outcome(self, outcome: Outcome) -> None:
        """Write a line of the report."""
        self._report.add(outcome)

    def advanced(self, done: int, total: int | None) -> None:
        """Show how far it is; the report has its name from the first time on."""
        self._report.begin()
        super().advanced(done, total)


@verb(
    app,
    _("Say what a run would say; change nothing."),
    "custmerge bulk check pairs.csv --report report.csv",
    "custmerge bulk check - -f csv < pairs.csv",
)
def check(
    ctx: typer.Context, file: OnceFileArgument, report: ReportOption = None, form: FormatOption = Format.TABLE
) -> None:
    """Say what a run would say."""
    context: Context = ctx.obj
    caller = context.caller()
    with _report(file, report) as lines:
        with _watched(context, _("Checking"), lines) as inputs:
            run = bulk.check(context.database, caller, file, inputs)
        if form is not Format.TABLE:
            write_one(check_shape(run, report), form)
        else:
            context.terminal.print(*would_be_lines(run.counts))
    raise typer.Exit(ExitCode.DONE if run.is_well else ExitCode.NOT_ALL)


@verb(
    app,
    _("Approve a file, byte for byte, for somebody else to run within 7 days."),
    "custmerge bulk approve pairs.csv --yes",
)
def approve(
    ctx: typer.Context, file: FileArgument, yes: YesOption = False, form: FormatOption = Format.TABLE
) -> None:
    """Approve a file."""
    context: Context = ctx.obj
    _demand_file(file)
    caller = context.caller()
    with Report(None) as lines, _watched(context, _("Checking"), lines) as inputs:
        dry_run = bulk.approvable(context.database, caller, file, inputs)
        if not yes:
            context.terminal.show(*would_be_lines(dry_run.counts))
            question = _("Approve these {rows} rows (SHA-256 {sha256})?")
            context.terminal.demand_yes(question.format(rows=dry_run.rows, sha256=dry_run.sha256))
        batch = bulk.approve(context.database, caller, file, dry_run, context.now())
    if form is not Format.TABLE:
        write_one(approval_shape(batch, dry_run), form, [approval_row(batch, dry_run)])
        return
    text = _("Batch {batch} is approved: {rows} rows, SHA-256 {sha256}.")
    context.terminal.print(text.format(batch=batch.id, rows=batch.rows, sha256=batch.sha256))
    context.terminal.print(*would_be_lines(dry_run.counts))
    text = _("Somebody else than {approved_by} runs it within 7 days: `custmerge bulk run {file}`.")
    context.terminal.say(text, approved_by=batch.approved_by or "", file=file)


@verb(
    app,
    _("Execute a file's rows, or go on where a run was cut off; exit code 7 where some weren't merged."),
    "custmerge bulk run pairs.csv --report report.csv",
    "custmerge --no-input bulk run pairs.csv --stop-on-error --format json",
)
def run(
    ctx: typer.Context,
    file: FileArgument,
    report: ReportOption = None,
    chunk: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help=_("Rows of one transaction."))] = CHUNK,
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
            done = bulk.run(context.database, caller, file, inputs)
        if form is not Format.TABLE:
            write_one(run_shape(done, time.monotonic() - began, report), form)
        else:
            context.terminal.print(*count_lines(done.counts))
    raise typer.Exit(ExitCode.DONE if done.is_well else ExitCode.NOT_ALL)


@verb(app, _("Say how far files are."), "custmerge bulk status", "custmerge bulk status pairs.csv --format json")
def status(
    ctx: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help=_("Only this file."))] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say how far files are."""
    context: Context = ctx.obj
    batches = bulk.status(context.database, context.caller(), file, context.now())
    if file is None:
        none = _("No bulk file was approved or run so far.")
    else:
        none = _("{file} was neither approved nor run so far.").format(file=file)
    context.print_all(batches, form, batch_shape, batches_table, BATCH_COLUMNS, none=none)


@contextmanager
def _watched(
    context: Context, label: SafeText, lines: Report, *, chunk: int = CHUNK, stop_on_error: bool = False
) -> Iterator[RunOptions]:
    with RunProgress(context.terminal, label, lines) as progress:
        yield RunOptions(context.database.now, context.new_salt, progress, chunk, stop_on_error)


def _report(file: str, report: str | None) -> Report:
    """Return the report; raises BadFile where it would be written over the file that is read, by whichever name.

    Raises BadUsage for standard output, where the counts are.
    """
    if report == STDIN:
        raise BadUsage(problem=_("--report needs a file: standard output has the counts."))
    if report is not None:
        # If one of the two doesn't exist, they aren't the same file.
        with suppress(OSError):
            read = os.fstat(sys.stdin.fileno()) if file == STDIN else Path(file).stat()
            if os.path.samestat(read, Path(report).stat()):
                raise BadFile(file=report, why=N_("is the bulk file itself: name another file for the report"))
    return Report(report)


def _demand_file(file: str) -> None:
    """Raise BadUsage for standard input: an approved file is run later, and a run may have to be continued."""
    if file == STDIN:
        raise BadUsage(problem=_("Approving and running need a file: only `bulk check` and `bulk status` read -."))
