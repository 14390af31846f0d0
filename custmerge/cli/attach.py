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
from custmerge.errors import ExitCode
from custmerge.storage.files.mapping_file import read_text

if TYPE_CHECKING:
    from custmerge.services.attach.check import Checked


def attach(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help=_("The mapping, in TOML."))],
    check: Annotated[bool, typer.Option("--check", help=_("Say what would hold, change nothing."))] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say what would hold if a host's tables were in the register's place, as a mapping says, and what is in its way."""
    from custmerge.services.attach import check as service

    context: Context = ctx.obj
    text = read_text(file)
    with Progress(context.terminal, _("Checking")) as progress:
        checked = service.check(context.database, text, file, progress)
    _warn_of_hashes(context, checked)
    context.print_one(checked, form, checked_shape, lambda value: checked_parts(value, file))
    raise typer.Exit(ExitCode.DONE if checked.is_ready else ExitCode.DIFFERS)


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
    "custmerge attach shop.toml --check",
    "custmerge attach shop.toml --check --format json",
    "custmerge attach shop.toml",
    "custmerge attach --show > shop.toml",
)
