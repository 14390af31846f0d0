"""custmerge attach."""

from typing import TYPE_CHECKING, Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, ngettext
from custmerge.cli.options import FormatOption
from custmerge.cli.progress import Progress
from custmerge.cli.render.data.attach import checked_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.attach import checked_parts
from custmerge.errors import BadUsage, ExitCode

if TYPE_CHECKING:
    from custmerge.services.attach.check import Checked

STDOUT = "-"


def attach(
    ctx: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help=_("The mapping, in TOML."))] = None,
    check: Annotated[bool, typer.Option("--check", help=_("Say what would hold, change nothing."))] = False,
    show: Annotated[bool, typer.Option("--show", help=_("Print the mapping that holds."))] = False,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help=_("Print a mapping with the evidence of each guess; of FILE, what it lacks."),
        ),
    ] = False,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help=_("Write what is proposed to a new file."))
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Put a host's tables in the register's place, as a mapping says; or say what is in its way, with exit code 1."""
    context: Context = ctx.obj
    if out is not None and not propose:
        raise BadUsage(problem=_("--out goes with --propose."))
    if propose and not (check or show):
        _propose(context, file, out)
    elif show and not (file or check or propose):
        _show(context)
    elif file is not None and not (show or propose):
        _attach(context, file, form, only_checks=check)
    else:
        raise BadUsage(problem=_("Name the FILE of a mapping, or --propose, or --show alone."))


def _propose(context: Context, known_file: str | None, out: str | None) -> None:
    from custmerge import files
    from custmerge.cli.streams import write_value
    from custmerge.rules.guessing.writing import completed_text, mapping_text
    from custmerge.services.attach.propose import known_from, propose_for

    file = None if out == STDOUT else out
    if file is not None:
        files.demand_place(file)
    known = None if known_file is None else known_from(known_file)
    with Progress(context.terminal, _("Looking")) as progress:
        proposal = propose_for(context.database, known, progress)
    text = mapping_text(proposal, _) if known is None else completed_text(known, proposal, _)
    if file is None:
        for line in text.removesuffix("\n").split("\n"):
            write_value(line)
    else:
        files.write_new(file, text.encode)
    count = len(proposal.open)
    message = ngettext("{count} question is marked in it.", "{count} questions are marked in it.", count)
    context.terminal.say(message, count=count)
    name = file or "FILE"
    context.terminal.say(_("Next: {command}"), command=context.next_command("attach", name, "--check"))


def _show(context: Context) -> None:
    from custmerge.cli.streams import write_value
    from custmerge.services.attach import attaching

    for line in attaching.held(context.database).removesuffix("\n").split("\n"):
        write_value(line)


def _attach(context: Context, file: str, form: Format, *, only_checks: bool) -> None:
    from custmerge.services.attach import attaching
    from custmerge.services.attach.check import check

    with Progress(context.terminal, _("Checking")) as progress:
        checked = check(context.database, file, progress)
    _warn_of_hashes(context, checked)
    if only_checks or not checked.is_ready:
        context.print_one(checked, form, checked_shape, lambda value: checked_parts(value, file))
        raise typer.Exit(ExitCode.DONE if checked.is_ready else ExitCode.DIFFERS)
    attaching.attach(context.database, checked)
    context.print_one(checked, form, checked_shape, lambda value: checked_parts(value, file)[:-1])
    context.terminal.say(_("{name} is attached."), name=checked.name)
    context.terminal.say(_("Next: {command}"), command=context.next_command(*_next_words(context)))


def _next_words(context: Context) -> list[str]:
    from custmerge.services import init

    name = init.supervisor_of(context.database)
    return ["init", "--supervisor", "NAME"] if name is None else ["login", "--staff", name]


def _warn_of_hashes(context: Context, checked: "Checked") -> None:
    for kind, count in sorted(checked.hashes.items()):
        text = ngettext(
            "{count} customer has a password of the kind {kind}, by which nobody can log in or prove a number.",
            "{count} customers have a password of the kind {kind}, by which nobody can log in or prove a number.",
            count,
        )
        context.terminal.warn(text, count=count, kind=kind)


app = single(
    attach,
    "custmerge attach --propose --out shop.toml",
    "custmerge attach part.toml --propose",
    "custmerge attach shop.toml --check",
    "custmerge attach shop.toml --check --format json",
    "custmerge attach shop.toml",
    "custmerge attach --show > shop.toml",
)
