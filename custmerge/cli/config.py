"""custmerge config."""

import typer

from custmerge.cli.app import verb, verb_group
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.streams import write_value
from custmerge.errors import NoHome

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
