"""The article's form: number, domain, password, comparison, choice, confirmation, and a further number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custmerge.cli.language import _, sentence
from custmerge.cli.merge import ask_choice, show_receipt
from custmerge.cli.render.diff_table import comparison_parts
from custmerge.cli.render.escape import visible
from custmerge.errors import (
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
from custmerge.rules.mask import masked_comparison
from custmerge.services import merge, verify

if TYPE_CHECKING:
    from custmerge.cli.context import Context
    from custmerge.rules.plan import Wishes
    from custmerge.services.access import Caller

NUMBER_OPTION = "NUMBER"
_ASK_AGAIN = (ProofRefused, BadValue, SelfMerge)


def run_wizard(context: Context, caller: Caller, into: str | None, wishes: Wishes, *, dry_run: bool) -> int:
    """Merge numbers one after the other, always two at a time, until the person has no further one.

    Returns 0 when an order was executed, else the exit code of what stopped the last one.
    """
    terminal = context.terminal
    if not terminal.can_ask:
        raise MissingInput(what=_("Customer number to take over"), option=NUMBER_OPTION)
    survivor = _survivor(context, caller, into)
    terminal.say(_("Merge customer numbers: {survivor} is kept.").format(survivor=visible(survivor)))
    done, code = False, ExitCode.DONE
    while True:
        try:
            _one_order(context, caller, survivor, wishes, dry_run=dry_run)
            done = True
        except CustmergeError as error:
            if not isinstance(error, (IdentityBlocked, Declined)):
                terminal.warn(f"✗ {sentence(error)}")
            elif isinstance(error, Declined):
                terminal.warn(sentence(error))
            code = error.exit
        if not terminal.confirm(_("Merge a further number?"), option=NUMBER_OPTION):
            return ExitCode.DONE if done else code


def _survivor(context: Context, caller: Caller, into: str | None) -> str:
    """Return the number that is kept: a customer's own, asked for from staff until it is one that can be."""
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
            context.terminal.warn(f"✗ {sentence(error)}")


def _one_order(context: Context, caller: Caller, survivor: str, wishes: Wishes, *, dry_run: bool) -> None:
    absorbed = _proved_number(context, caller, survivor)
    seen = merge.compared(context.database, caller, absorbed, into=survivor, now=context.now())
    context.terminal.show(*comparison_parts(masked_comparison(seen), all_rows=False))
    request = merge.Request(absorbed, survivor, _decided(context, seen, wishes), seen)
    if dry_run:
        receipt = merge.preview(context.database, caller, request, context.now())
    else:
        receipt = merge.merge(context.database, caller, request, salt=context.new_salt(), now=context.now())
    show_receipt(context, receipt)


def _proved_number(context: Context, caller: Caller, survivor: str) -> str:
    """Ask for number, domain and password until they hold together; an empty number cancels."""
    terminal = context.terminal
    while True:
        absorbed = terminal.ask(_("Customer number to take over"), option=NUMBER_OPTION)
        if not absorbed:
            raise Declined
        try:
            verify.check_claim(context.database, caller, absorbed, into=survivor, now=context.now())
            if not merge.needs_proof(context.database, caller, absorbed, into=survivor, now=context.now()):
                return absorbed
            domain = terminal.ask(_("A domain from its package"), option="--domain")
            password = terminal.ask_secret(_("The password that belongs to it"), option="--password-stdin")
            claim = verify.Claim(absorbed, domain, password)
            verify.verify(context.database, caller, claim, into=survivor, now=context.now())
        except _ASK_AGAIN as error:
            terminal.warn(f"✗ {sentence(error)}")
        else:
            return absorbed


def _decided(context: Context, seen: Comparison, wishes: Wishes) -> Wishes:
    match seen.decision:
        case Decision.BLOCKED:
            raise IdentityBlocked(survivor=seen.survivor, absorbed=seen.absorbed, blocked_by=seen.blocked_by)
        case Decision.CHOOSE if wishes.choice is None:
            adopt = _("Adopt the data of {survivor} for the moved packages").format(survivor=visible(seen.survivor))
            keep = _("Send the order; the moved packages keep the data of {absorbed}").format(
                absorbed=visible(seen.absorbed)
            )
            return replace(wishes, choice=ask_choice(context, adopt_text=adopt, keep_text=keep))
        case _:
            if not context.terminal.confirm(_("Continue and execute the order?"), option="--yes"):
                raise Declined
            return wishes
