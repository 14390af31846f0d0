"""custmerge verify."""

from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import AbsorbedArgument, FormatOption, IntoOption, PasswordStdinOption
from custmerge.cli.render.data.access import proof_shape
from custmerge.cli.render.data.writing import Format
from custmerge.cli.render.text.access import proof_lines
from custmerge.rules.proofs import ProofBy
from custmerge.services import verify as verify_service


def verify(
    ctx: typer.Context,
    number: AbsorbedArgument,
    domain: Annotated[str | None, typer.Option(metavar="NAME", help=_("A domain of that number."))] = None,
    into: IntoOption = None,
    password_stdin: PasswordStdinOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Prove with a domain and its password that a number may be taken over; holds for 30 minutes."""
    context: Context = ctx.obj
    caller = context.caller()
    if domain is None and verify_service.proof_by(context.database) is ProofBy.DOMAIN:
        domain = context.terminal.ask(_("A domain from its package"), option="--domain")
    into = context.survivor(caller, into)
    verify_service.check_proof(context.database, caller, number, domain, into=into, now=context.now())
    name = number if domain is None else domain
    password = context.password(_("Password for {name}").format(name=name), from_stdin=password_stdin)
    claim = verify_service.Claim(number, domain or "", password)
    proof = verify_service.verify(context.database, caller, claim, into=into, now=context.now())
    context.print_one(proof, form, proof_shape, proof_lines)


app = single(
    verify,
    "custmerge verify 20002 --domain example.de",
    "custmerge verify 20002 --domain example.de --into 10001 --password-stdin < secret",
)
