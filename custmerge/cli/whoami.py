"""custmerge whoami."""

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import SafeText, _, word
from custmerge.cli.options import FormatOption
from custmerge.cli.render.writing import Format, Shape
from custmerge.services.access import Caller


def whoami(ctx: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Say who is logged in and until when."""
    context: Context = ctx.obj
    context.print_one(context.caller(), form, _shape, _parts)


def _shape(caller: Caller) -> Shape:
    return {
        "kind": "customer" if caller.is_customer else "staff",
        "number": caller.name if caller.is_customer else None,
        "name": None if caller.is_customer else caller.name,
        "role": caller.role.value,
        "expires_at": caller.expires_at,
    }


def _parts(caller: Caller) -> list[SafeText]:
    text = _("{name} ({role}), until {until}")
    return [text.format(name=caller.name, role=word(caller.role), until=caller.expires_at)]


app = single(whoami, "custmerge whoami", "custmerge whoami --format json")
