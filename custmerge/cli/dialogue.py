"""The article's form: number, proof, comparison, choice, confirmation; for `merge NUMBER` and its wizard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from custmerge.cli.context import Context
from custmerge.cli.language import _, sentence
from custmerge.cli.render.text.comparison import comparison_parts
from custmerge.errors import (
    BadValue,
    CustmergeError,
    Declined,
    ExitCode,
    MergedAway,
    MissingInput,
    ProofRefused,
    SelfMerge,
    UnknownNumber,
)
from custmerge.rules.compare import Comparison, Decision
from custmerge.rules.mask import masked_comparison
from custmerge.rules.people import own_survivor
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import merge, verify
from custmerge.services.access import Caller
from custmerge.services.merge import Request

NUMBER_OPTION = "NUMBER"


def run_wizard(
    context: Context, caller: Caller, into: str | None, wishes: Wishes, execute: Callable[[Request], None]
) -> int:
    """Merge numbers one after the other, always two at a time, until the person has no further number.

    `execute` executes an order and prints its receipt. Returns 0 if one was executed, else the exit code of the error
    that stopped the last one.
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
            execute(agreed(context, caller, Request(absorbed, survivor, wishes)))
            done = True
        except CustmergeError as error:
            if isinstance(error, Declined):
                terminal.warn(sentence(error))
            else:
                terminal.refuse(error)
            code = error.exit
        if not terminal.confirm(_("Merge a further number?"), option=NUMBER_OPTION):
            return ExitCode.DONE if done else code


def prove(
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
        if not merge.needs_proof(context.database, caller, absorbed, into=into, now=context.now()):
            return
        domain = context.terminal.ask(_("A domain from its package"), option="--domain")
    password = context.password(_("The password that belongs to it"), from_stdin=password_stdin)
    claim = verify.Claim(absorbed, domain, password)
    verify.verify(context.database, caller, claim, into=into, now=context.now())


def agreed(context: Context, caller: Caller, request: Request) -> Request:
    """Show the comparison, let the person choose or confirm, and return the order for the records that were shown.

    Raises Declined, and before anybody is asked to confirm what `merge.preview` raises.
    """
    terminal = context.terminal
    into, now = request.into, context.now()
    comparison = merge.compared(context.database, caller, request.absorbed, into=into, now=now)
    request = replace(request, shown=comparison)
    asks_choice = terminal.can_ask and comparison.decision is Decision.CHOOSE and request.wishes.choice is None
    # The error of a blocked pair says the verdict.
    is_blocked = comparison.decision is Decision.BLOCKED
    terminal.show(*comparison_parts(masked_comparison(comparison), all_rows=False, has_verdict=not is_blocked))
    if asks_choice:
        request = replace(request, wishes=replace(request.wishes, choice=_asked_choice(context, comparison)))
    merge.preview(context.database, caller, request, context.now())
    if not asks_choice:
        question = _("Merge {absorbed} into {survivor}?")
        terminal.demand_yes(question.format(absorbed=comparison.absorbed, survivor=comparison.survivor))
    return request


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
            prove(context, caller, absorbed, survivor)
        except (ProofRefused, BadValue, SelfMerge) as error:
            context.terminal.refuse(error)
        else:
            return absorbed


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
