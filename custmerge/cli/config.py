"""custmerge config."""

import typer

from custmerge.cli import language
from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption
from custmerge.cli.render.data.settings import SETTING_COLUMNS, setting_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.settings import settings_table
from custmerge.cli.streams import write_value
from custmerge.errors import NoHome
from custmerge.settings import Given, Source, described

app = verb_group(_("Where the settings come from."))


@app.callback()
def config() -> None:
    """Where the settings come from."""


@verb(app, _("Print the path of the config file, whether it is there or not."), "custmerge config path")
def path(ctx: typer.Context) -> None:
    """Print the path of the config file, whether it is there or not."""
    context: Context = ctx.obj
    if context.settings.config_file is None:
        raise NoHome
    write_value(str(context.settings.config_file))


@verb(
    app,
    _("Show every setting, and what gave it its value."),
    "custmerge config show",
    "custmerge config show --format json",
)
def show(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Show every setting, and what gave it its value; no password and no token."""
    context: Context = ctx.obj
    given = described(context.settings, context.environ)
    if context.settings.lang is None:
        variable = language.variable(context.environ)
        source = Source.DEFAULT if variable is None else Source.ENVIRONMENT
        given.append(Given("lang", language.choose([], context.environ), source, variable or ""))
    context.print_all(given, form, setting_shape, settings_table, SETTING_COLUMNS)
