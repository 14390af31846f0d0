"""custmerge import: a module can't be called `import`."""

from collections.abc import Callable
from typing import Annotated

import typer

from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.options import FormatOption
from custmerge.cli.progress import Progress, Unit
from custmerge.cli.render.data.maintenance import imported_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.maintenance import imported_lines
from custmerge.cli.terminal import Terminal
from custmerge.cli.words import filled, with_places
from custmerge.errors import N_, BadLines, BadUsage
from custmerge.rules.records import Problem
from custmerge.services.imports import Kind, import_file
from custmerge.services.imports.customers import Customers
from custmerge.services.imports.packages import Packages

app = verb_group(_("Bring customers or packages in from CSV, all or nothing."))

KEPT_AT_MOST = 1_000
"""Bad lines that an error's JSON object names."""

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help=_("A CSV file, UTF-8, comma or semicolon."))]
SkipOption = Annotated[
    bool, typer.Option("--skip-merged", help=_("With --update: leave out lines of numbers that went into another."))
]
UpdateOption = Annotated[bool, typer.Option("--update", help=_("Overwrite what exists already."))]


class ImportProgress(Progress):
    """Shows how far an import is, and prints every bad line; `keeps` them instead, for an error in JSON."""

    def __init__(self, terminal: Terminal, *, keeps: bool) -> None:
        super().__init__(terminal, _("Importing"), Unit.BYTES)
        self._keeps = keeps
        self.lines: list[SafeText] = []
        """Bad lines for the error, which is one JSON object."""
        self._skipped: list[SafeText] = []

    def problem(self, file: str, line: int, problem: Problem) -> None:
        """Print `FILE:LINE: field: why`."""
        text = _line(file, line, problem)
        if not self._keeps:
            self._terminal.warn(text)
        elif len(self.lines) < KEPT_AT_MOST:
            self.lines.append(text)

    def skipped(self, file: str, line: int, problem: Problem) -> None:
        """Print likewise what is left out, unless --quiet."""
        text = _line(file, line, problem)
        if not self._keeps:
            self._terminal.say(text)
        elif len(self._skipped) < KEPT_AT_MOST:
            # An error in JSON has to be alone on stderr: these lines are printed if there is no error.
            self._skipped.append(text)

    def say_skipped(self) -> None:
        """Print what was left out and couldn't be printed yet."""
        for text in self._skipped:
            self._terminal.say(text)


def _line(file: str, number: int, problem: Problem) -> SafeText:
    """Return `FILE:LINE: field: why`."""
    details = {"value": problem.value, "why": problem.why, "other": problem.other}
    why = filled(N_("{value}: {why}") if problem.field and problem.value else N_("{why}"), details)
    if not problem.field:
        return literal("{file}:{number}: {why}").format(file=file, number=number, why=why)
    line = literal("{file}:{number}: {field}: {why}")
    return line.format(file=file, number=number, field=problem.field, why=why)


def _command(kind: type[Kind]) -> Callable[..., None]:
    """Return the command that brings in a file of this kind."""

    def command(
        ctx: typer.Context,
        file: FileArgument,
        update: UpdateOption = False,
        skip_merged: SkipOption = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        context: Context = ctx.obj
        if skip_merged and not update:
            raise BadUsage(problem=_("--skip-merged needs --update: without it every number has to be a new one."))
        with ImportProgress(context.terminal, keeps=form is Format.JSON) as progress:
            try:
                imported = import_file(
                    context.database,
                    context.caller(),
                    file,
                    kind,
                    update=update,
                    skip_merged=skip_merged,
                    progress=progress,
                    now=context.now(),
                )
            except BadLines as error:
                raise BadLines(**error.details, **({"lines": progress.lines} if progress.lines else {})) from None
        progress.say_skipped()
        context.print_one(imported, form, imported_shape, imported_lines)
        if form is Format.TABLE and context.terminal.can_ask and not imported.has_packages:
            command = context.next_command("import", "packages", with_places("FILE"))
            context.terminal.say(_("Next: {command}"), command=command)

    return command


verb(
    app,
    _("Bring customers in."),
    "custmerge import customers customers.csv",
    "custmerge import customers new.csv --update",
    "custmerge import customers nightly.csv --update --skip-merged",
    name="customers",
)(_command(Customers))
verb(
    app,
    _("Bring packages and their domains in."),
    "custmerge import packages packages.csv",
    "custmerge import packages nightly.csv --update --skip-merged",
    name="packages",
)(_command(Packages))
