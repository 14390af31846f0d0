"""custmerge merge."""

from typing import Annotated

import typer

from custmerge.cli.context import Context
from custmerge.cli.language import _
from custmerge.cli.options import DomainOption, FormatOption, IntoOption, PasswordStdinOption, YesOption
from custmerge.cli.render.data import merge as shapes
from custmerge.cli.render.data.writing import Format, write_one
from custmerge.cli.render.escape import visible
from custmerge.cli.verbs import examples, single
from custmerge.errors import N_, BadUsage, BadValue, Declined
from custmerge.rules.compare import Decision
from custmerge.rules.fields import DETAIL_FIELDS, Field
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import merge as merge_service
from custmerge.services import verify
from custmerge.services.access import Caller
from custmerge.services.merge.orders import Receipt


def merge(
    ctx: typer.Context,
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help=_("The number to take over; without it you are asked.")),
    ] = None,
    into: IntoOption = None,
    domain: DomainOption = None,
    password_stdin: PasswordStdinOption = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help=_("The moved packages use the data of the number that is kept."))
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help=_("The moved packages keep the data of the number taken over."))
    ] = False,
    take: Annotated[
        list[str] | None,
        typer.Option(
            "--take",
            metavar="FIELD",
            help=_("Write this detail into the record that is kept."),
            show_default=False,
        ),
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help=_("Take every detail that is empty there."))] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what would happen, change nothing."))] = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take a number over into the one that is kept, in one transaction, all or nothing."""
    context: Context = ctx.obj
    wishes = Wishes(_choice(adopt, keep), _fields(take or []), fill)
    caller = context.caller()
    if number is None:
        if domain is not None or password_stdin:
            raise BadUsage(problem=_("--domain and --password-stdin need the NUMBER that they belong to."))
        if form is not Format.TABLE:
            raise BadUsage(problem=_("The form is for people: --format needs the NUMBER to take over."))
        from custmerge.cli.wizard import run_wizard

        raise typer.Exit(run_wizard(context, caller, into, wishes, dry_run=dry_run))
    into = context.survivor(caller, into)
    _prove(context, caller, number, into, domain, password_stdin=password_stdin)
    request = merge_service.Request(number, into, wishes)
    if dry_run:
        receipt = merge_service.preview(context.database, caller, request, context.now())
    else:
        if not yes:
            request = _confirmed(context, caller, request)
        receipt = merge_service.merge(context.database, caller, request, salt=context.new_salt(), now=context.now())
    if form is not Format.TABLE:
        write_one(shapes.merge(receipt), form, [shapes.merge_row(receipt)])
        warn_of_split_account(context, receipt)
    else:
        show_receipt(context, receipt)


def show_receipt(context: Context, receipt: Receipt) -> None:
    """Print the confirmation, with a warning where half of a bank account was taken."""
    from custmerge.cli.render.text.merge import receipt_parts

    context.terminal.print(*receipt_parts(receipt))
    warn_of_split_account(context, receipt)


def warn_of_split_account(context: Context, receipt: Receipt) -> None:
    """Say so where half of a bank account was taken."""
    if receipt.splits_account:
        context.terminal.say(
            _("Careful: account number and bank code belong together, and only one of them was taken.")
        )


def ask_choice(context: Context, *, adopt_text: str, keep_text: str) -> Choice:
    """Return which data a person wants; raises Declined where they cancel.

    Source: the article's buttons "Daten übernehmen" and "Auftrag abschicken".
    """
    answer = context.terminal.choose(
        _("Your choice"),
        [("adopt", adopt_text), ("keep", keep_text), ("cancel", _("Cancel"))],
        option=_("--adopt or --keep"),
    )
    if answer == "cancel":
        raise Declined
    return Choice(answer)


def _prove(
    context: Context,
    caller: Caller,
    number: str,
    into: str | None,
    domain: str | None,
    *,
    password_stdin: bool,
) -> None:
    """Verify what was given, or what a person is asked for where this session has no proof yet."""
    if domain is None and password_stdin:
        raise BadUsage(problem=_("--password-stdin needs --domain: whose password is it?"))
    if domain is None:
        if not context.terminal.can_ask:
            return
        verify.check_claim(context.database, caller, number, into=into, now=context.now())
        if not merge_service.needs_proof(context.database, caller, number, into=into, now=context.now()):
            return
        question = _("A domain of {number}").format(number=visible(number))
        domain = context.terminal.ask(question, option="--domain")
    verify.check_claim(context.database, caller, number, into=into, now=context.now())
    password = context.password(_("Password for {name}").format(name=visible(domain)), from_stdin=password_stdin)
    claim = verify.Claim(number, domain, password)
    verify.verify(context.database, caller, claim, into=into, now=context.now())


def _confirmed(context: Context, caller: Caller, request: merge_service.Request) -> merge_service.Request:
    """Show what will happen, let the person choose and agree, and return the order for what was seen."""
    from dataclasses import replace

    from custmerge.cli.render.text.comparison import comparison_parts
    from custmerge.rules.mask import masked_comparison

    terminal = context.terminal
    seen = merge_service.compared(context.database, caller, request.absorbed, into=request.into, now=context.now())
    asked = False
    if terminal.can_ask:
        terminal.show(*comparison_parts(masked_comparison(seen), all_rows=False))
        if seen.decision is Decision.CHOOSE and request.wishes.choice is None:
            choice = ask_choice(context, adopt_text=_("Adopt the data"), keep_text=_("Keep the data"))
            request = replace(request, wishes=replace(request.wishes, choice=choice))
            asked = True
    # What can't be done is said before anybody is asked to agree.
    merge_service.preview(context.database, caller, request, context.now())
    question = _("Merge {absorbed} into {survivor}?").format(
        absorbed=visible(seen.absorbed), survivor=visible(seen.survivor)
    )
    if not asked and not terminal.confirm(question, option="--yes"):
        raise Declined
    return replace(request, seen=seen)


def _choice(adopt: bool, keep: bool) -> Choice | None:
    if adopt and keep:
        raise BadUsage(problem=_("--adopt and --keep exclude each other."))
    if adopt:
        return Choice.ADOPT
    return Choice.KEEP if keep else None


def _fields(names: list[str]) -> tuple[Field, ...]:
    for name in names:
        if name not in DETAIL_FIELDS:
            raise BadValue(
                name="--take",
                value=name,
                why=N_("is no detail field; they are {fields}"),
                fields=[field.value for field in DETAIL_FIELDS],
            )
    return tuple(Field(name) for name in names)


app = single(
    merge,
    epilog=examples(
        "custmerge merge",
        "custmerge merge 20002 --domain example.de --adopt",
        "custmerge merge 20002 --into 10001 --keep --take mobile --yes --format json",
        "custmerge merge 20002 --into 10001 --adopt --dry-run",
    ),
)
