"""custmerge merge: the article's form, from the number to the receipt, with options or as a dialogue."""

from dataclasses import replace
from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, counted, field_list, ngettext, sentence
from custmerge.cli.options import DryRunOption, FormatOption, IntoOption, PasswordStdinOption, YesOption
from custmerge.cli.render.comparison import comparison_parts
from custmerge.cli.render.parts import INDENTED, Line
from custmerge.cli.render.writing import Format, Shape, write_one
from custmerge.errors import (
    N_,
    BadUsage,
    BadValue,
    CustmergeError,
    Declined,
    ExitCode,
    IdentityBlocked,
    MergedAway,
    MissingInput,
    ProofRefused,
    SelfMerge,
    UnknownNumber,
)
from custmerge.rules.authority import own_survivor
from custmerge.rules.compare import Comparison, Decision
from custmerge.rules.fields import DETAIL_FIELDS, Field
from custmerge.rules.mask import masked_comparison
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import merge as merge_service
from custmerge.services import verify
from custmerge.services.access import Caller
from custmerge.services.merge import Receipt, Request

NUMBER_OPTION = "NUMBER"


def merge(
    ctx: typer.Context,
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help=_("The number to take over; without it you are asked."))
    ] = None,
    into: IntoOption = None,
    domain: Annotated[
        str | None, typer.Option(metavar="NAME", help=_("A domain of the number to take over."))
    ] = None,
    password_stdin: PasswordStdinOption = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help=_("The moved packages use the data of the number that is kept."))
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help=_("The moved packages keep the data of the number taken over."))
    ] = False,
    take: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help=_("Write this detail into the record that is kept."))
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help=_("Take every detail that is empty there."))] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take a number over into the one that is kept, in one transaction, all or nothing."""
    context: Context = ctx.obj
    wishes = Wishes(_given_choice(adopt, keep), _fields(take or []), fill)
    caller = context.caller()
    if number is None:
        if domain is not None or password_stdin:
            raise BadUsage(problem=_("--domain and --password-stdin need the NUMBER that they belong to."))
        if form is not Format.TABLE:
            raise BadUsage(problem=_("The form is for people: --format needs the NUMBER to take over."))
        raise typer.Exit(_run_wizard(context, caller, into, wishes, dry_run=dry_run))
    if domain is None and password_stdin:
        raise BadUsage(problem=_("--password-stdin needs --domain: whose password is it?"))
    into = context.survivor(caller, into)
    _prove(context, caller, number, into, domain=domain, password_stdin=password_stdin)
    request = Request(number, into, wishes)
    if not yes and not dry_run:
        request = _agreed(context, caller, request)
    _print(context, _executed(context, caller, request, dry_run=dry_run), form)


def _given_choice(adopt: bool, keep: bool) -> Choice | None:
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


def _run_wizard(context: Context, caller: Caller, into: str | None, wishes: Wishes, *, dry_run: bool) -> int:
    """Merge numbers one after the other, always two at a time, until the person has no further number.

    Returns 0 if an order was executed, else the exit code of the error that stopped the last one.
    """
    terminal = context.terminal
    if not terminal.can_ask:
        raise MissingInput(what=_("Customer number to take over"), option=NUMBER_OPTION)
    survivor = _survivor(context, caller, into)
    terminal.say(_("Merge customer numbers: {survivor} is kept."), survivor=survivor)
    done, code = False, ExitCode.DONE
    while True:
        try:
            absorbed = _proved_number(context, caller, survivor)
            request = _agreed(context, caller, Request(absorbed, survivor, wishes))
            _print(context, _executed(context, caller, request, dry_run=dry_run), Format.TABLE)
            done = True
        except CustmergeError as error:
            if isinstance(error, Declined):
                terminal.warn(sentence(error))
            elif not isinstance(error, IdentityBlocked):
                terminal.refuse(error)
            code = error.exit
        if not terminal.confirm(_("Merge a further number?"), option=NUMBER_OPTION):
            return ExitCode.DONE if done else code


def _survivor(context: Context, caller: Caller, into: str | None) -> str:
    """Return the number that is kept: a customer's own; staff are asked until they name one that can be kept."""
    if caller.is_customer:
        return own_survivor(caller.name, into)
    if into is not None:
        return verify.check_survivor(context.database, caller, into, context.now())
    while True:
        try:
            number = context.terminal.ask(_("Number that is kept"), option="--into")
            if not number:
                raise Declined
            return verify.check_survivor(context.database, caller, number, context.now())
        except (BadValue, UnknownNumber, MergedAway) as error:
            context.terminal.refuse(error)


def _proved_number(context: Context, caller: Caller, survivor: str) -> str:
    """Ask for number, domain and password until the proof holds; raises Declined for an empty number."""
    while True:
        absorbed = context.terminal.ask(_("Customer number to take over"), option=NUMBER_OPTION)
        if not absorbed:
            raise Declined
        try:
            _prove(context, caller, absorbed, survivor)
        except (ProofRefused, BadValue, SelfMerge) as error:
            context.terminal.refuse(error)
        else:
            return absorbed


def _prove(
    context: Context,
    caller: Caller,
    absorbed: str,
    into: str | None,
    *,
    domain: str | None = None,
    password_stdin: bool = False,
) -> None:
    """Verify `domain`, or the one that the person names where this session has no proof yet.

    Raises ProofRefused and what `verify.check_claim` raises.
    """
    if domain is None and not context.terminal.can_ask:
        return
    verify.check_claim(context.database, caller, absorbed, into=into, now=context.now())
    if domain is None:
        if not merge_service.needs_proof(context.database, caller, absorbed, into=into, now=context.now()):
            return
        domain = context.terminal.ask(_("A domain from its package"), option="--domain")
    password = context.password(_("The password that belongs to it"), from_stdin=password_stdin)
    claim = verify.Claim(absorbed, domain, password)
    verify.verify(context.database, caller, claim, into=into, now=context.now())


def _agreed(context: Context, caller: Caller, request: Request) -> Request:
    """Show the comparison, let the person choose or confirm, and return the order for the records that were shown.

    Raises Declined, and before anybody is asked to confirm what `merge_service.preview` raises.
    """
    terminal = context.terminal
    into, now = request.into, context.now()
    comparison = merge_service.compared(context.database, caller, request.absorbed, into=into, now=now)
    request = replace(request, seen=comparison)
    asks_choice = terminal.can_ask and comparison.decision is Decision.CHOOSE and request.wishes.choice is None
    terminal.show(*comparison_parts(masked_comparison(comparison), all_rows=False))
    if asks_choice:
        request = replace(request, wishes=replace(request.wishes, choice=_asked_choice(context, comparison)))
    merge_service.preview(context.database, caller, request, context.now())
    if not asks_choice:
        question = _("Merge {absorbed} into {survivor}?")
        terminal.demand_yes(question.format(absorbed=comparison.absorbed, survivor=comparison.survivor))
    return request


def _asked_choice(context: Context, comparison: Comparison) -> Choice:
    """Return which data the moved packages use; raises Declined where the person cancels.

    Source: the article's buttons "Daten übernehmen" and "Auftrag abschicken".
    """
    adopt = _("Adopt the data of {survivor} for the moved packages").format(survivor=comparison.survivor)
    keep = _("Send the order; the moved packages keep the data of {absorbed}").format(absorbed=comparison.absorbed)
    answer = context.terminal.choose(
        _("Your choice"),
        [("adopt", adopt), ("keep", keep), ("cancel", _("Cancel"))],
        option=_("--adopt or --keep"),
    )
    if answer == "cancel":
        raise Declined
    return Choice(answer)


def _executed(context: Context, caller: Caller, request: Request, *, dry_run: bool) -> Receipt:
    """Execute an order, or only say what it would do, and return its receipt."""
    if dry_run:
        return merge_service.preview(context.database, caller, request, context.now())
    return merge_service.merge(context.database, caller, request, salt=context.new_salt(), now=context.now())


def _print(context: Context, receipt: Receipt, form: Format) -> None:
    """Print what an order did, with a warning where half of a bank account was taken."""
    if form is Format.TABLE:
        context.terminal.print(*_lines(receipt))
    else:
        write_one(_shape(receipt), form, [_row(receipt)])
    if receipt.splits_account:
        context.terminal.say(
            _("Careful: account number and bank code belong together, and only one of them was taken.")
        )


def _lines(receipt: Receipt) -> list[Line]:
    """Return the confirmation of an order, or of what it would do."""
    heading = _("Order {order} is done: {absorbed} went into {survivor}.")
    if receipt.order is None:
        heading = _("Dry run: {absorbed} would go into {survivor}; nothing was changed.")
    packages = ngettext("{count} package moved: {names}", "{count} packages moved: {names}", len(receipt.packages))
    domains = ngettext("{count} domain moved: {names}", "{count} domains moved: {names}", len(receipt.domains))
    lines = [counted(packages, receipt.packages), counted(domains, receipt.domains)]
    if receipt.transfer is not None:
        lines.append(_("Uses up contract transfer {id}.").format(id=receipt.transfer))
    if receipt.taken:
        taken = _("Taken from {absorbed}: {fields}")
        lines.append(taken.format(absorbed=receipt.absorbed, fields=field_list(receipt.taken)))
    return [
        Line(heading.format(order=receipt.order, absorbed=receipt.absorbed, survivor=receipt.survivor), "bold green"),
        *(Line(INDENTED.format(text=line)) for line in lines),
    ]


def _shape(receipt: Receipt) -> Shape:
    return {
        "order": receipt.order,
        "survivor": receipt.survivor,
        "absorbed": receipt.absorbed,
        "choice": receipt.choice.value,
        "taken": [field.value for field in receipt.taken],
        "moved": {"packages": list(receipt.packages), "domains": list(receipt.domains)},
        "at": receipt.at,
        "by": receipt.by,
        "dry_run": receipt.dry_run,
    }


def _row(receipt: Receipt) -> Shape:
    """Return the same as one flat row, with what moved at its end."""
    kept = {key: value for key, value in _shape(receipt).items() if key != "moved"}
    return {**kept, "packages": list(receipt.packages), "domains": list(receipt.domains)}


app = single(
    merge,
    "custmerge merge",
    "custmerge merge 20002 --domain example.de --adopt",
    "custmerge merge 20002 --into 10001 --keep --take mobile --yes --format json",
    "custmerge merge 20002 --into 10001 --adopt --dry-run",
)
