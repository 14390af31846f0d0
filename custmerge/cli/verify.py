"""custmerge verify."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import FormatOption, IntoOption, PasswordStdinOption
from custmerge.cli.render.data import access as shapes
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.services import verify as verify_service


def verify(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help=_("The number to take over."))],
    domain: Annotated[str, typer.Option(metavar="NAME", help=_("A domain of that number."))],
    into: IntoOption = None,
    password_stdin: PasswordStdinOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Prove with a domain and its password that a number may be taken over; holds for 30 minutes."""
    context: Context = ctx.obj
    caller = context.caller()
    into = context.survivor(caller, into)
    verify_service.check_claim(context.database, caller, number, into=into, now=context.now())
    password = context.password(_("Password for {name}").format(name=domain), from_stdin=password_stdin)
    claim = verify_service.Claim(number, domain, password)
    proof = verify_service.verify(context.database, caller, claim, into=into, now=context.now())
    if form is not Format.TABLE:
        write_one(shapes.verified(proof), form)
        return
    text = _("Verified: {absorbed} may be taken over into {survivor} until {until}.")
    context.terminal.print(text.format(absorbed=proof.absorbed, survivor=proof.survivor, until=proof.valid_until))


app = single(
    verify,
    "custmerge verify 20002 --domain example.de",
    "custmerge verify 20002 --domain example.de --into 10001 --password-stdin < secret",
)
