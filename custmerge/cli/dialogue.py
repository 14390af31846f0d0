"""The article's form: number, proof, comparison, choice, confirmation; one dialogue with and without a NUMBER."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum, auto

from custmerge.cli.choosing import asked_wishes
from custmerge.cli.context import Context
from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.render.text.comparison import comparison_parts
from custmerge.cli.render.text.merge import confirmed_lines, offer_lines
from custmerge.cli.render.text.parts import Line
from custmerge.cli.render.text.styles import Style
from custmerge.cli.terminal import SteppedBack
from custmerge.cli.words import sentence
from custmerge.errors import (
    N_,
    BadValue,
    CustmergeError,
    Declined,
    DomainNotAsked,
    ExitCode,
    FormLeft,
    FormLeftLater,
    InputEnded,
    MergedAway,
    MissingInput,
    ProofRefused,
    ProofRequired,
    ReceiptLost,
    SelfMerge,
    UnknownNumber,
)
from custmerge.rules.compare import Decision
from custmerge.rules.mask import masked_comparison
from custmerge.rules.people import own_survivor
from custmerge.rules.plan import Wishes
from custmerge.rules.proofs import ProofBy
from custmerge.services import merge, verify
from custmerge.services.access import Caller
from custmerge.services.merge import Request

NUMBER_OPTION = "NUMBER"


class _Step(Enum):
    """A question of the form."""

    KEPT = auto()
    NUMBER = auto()
    DOMAIN = auto()
    PASSWORD = auto()
    CHOICE = auto()
    CONFIRMATION = auto()


_HEADINGS = {
    _Step.KEPT: N_("1 of 4: customer numbers"),
    _Step.NUMBER: N_("1 of 4: customer numbers"),
    _Step.DOMAIN: N_("2 of 4: proof"),
    _Step.PASSWORD: N_("2 of 4: proof"),
    _Step.CHOICE: N_("3 of 4: comparison and choice"),
    _Step.CONFIRMATION: N_("4 of 4: confirmation"),
}


def run_wizard(
    context: Context, caller: Caller, into: str | None, wishes: Wishes, execute: Callable[[Request], int | None]
) -> int:
    """Merge numbers one after the other, always two at a time, until the person has no further number.

    `execute` executes an order, prints its receipt and returns its number. Returns 0 if one was executed, else the
    exit code of the error that stopped the only one. Raises FormLeft and ReceiptLost.
    """
    terminal = context.terminal
    if not terminal.can_ask:
        raise MissingInput(what=_("Customer number to take over"), option=NUMBER_OPTION)
    if caller.is_customer:
        into = own_survivor(caller.name, into)
    elif into is not None:
        verify.check_survivor(context.database, caller, into, context.now())
    terminal.say(_("The answer < goes a step back, Ctrl-C leaves the form."))
    done: list[int | None] = []
    code = ExitCode.DONE
    while True:
        form = Form(context, caller, Request("", into, wishes), done=done)
        try:
            request = form.filled_in()
            into = request.into
            done.append(execute(request))
        except (FormLeft, ReceiptLost):
            raise
        except CustmergeError as error:
            if isinstance(error, Declined):
                terminal.warn(_("Cancelled: nothing more was changed.") if done else sentence(error))
            else:
                terminal.refuse(error)
            code = error.exit
        if not done:
            return code
        if not form.has_further():
            return ExitCode.DONE


def prove(context: Context, caller: Caller, request: Request, *, domain: str | None, password_stdin: bool) -> None:
    """Verify what was given for a proof, without a form: nobody can be asked, or the password isn't typed.

    Raises ProofRefused and what `verify.check_proof` raises.
    """
    if domain is None and not password_stdin:
        return
    database, into = context.database, request.into
    verify.check_proof(database, caller, request.absorbed, domain, into=into, now=context.now())
    password = context.password(_("The password that belongs to it"), from_stdin=password_stdin)
    claim = verify.Claim(request.absorbed, domain or "", password)
    verify.verify(database, caller, claim, into=into, now=context.now())


class Form:
    """One order as a person fills it in: what was answered, and which questions lie behind.

    Where nobody can be asked it asks nothing, and raises for what is missing. Its methods raise FormLeft where the
    person leaves by Ctrl-C or Ctrl-D, and Declined where they cancel.
    """

    def __init__(
        self,
        context: Context,
        caller: Caller,
        request: Request,
        *,
        domain: str | None = None,
        done: Sequence[int | None] = (),
    ) -> None:
        """Begin with what `request` has; an empty number is asked for. `done` are orders of the same dialogue."""
        self._context = context
        self._terminal = context.terminal
        self._caller = caller
        self._request = request
        self._given = request
        self._domain = domain or ""
        self._is_domain_given = domain is not None
        self._proof_by: ProofBy | None = None
        """The proof that is asked for."""
        self._kept_said: str | None = None
        self._done = done
        self._trail: list[_Step] = []
        """Questions that were asked and can be gone back to, the present one at the end."""
        self._heading = literal("")
        self._steps: dict[_Step, Callable[[], _Step | None]] = {
            _Step.KEPT: self._kept,
            _Step.NUMBER: self._number,
            _Step.DOMAIN: self._proof,
            _Step.PASSWORD: self._password,
            _Step.CHOICE: self._choice,
            _Step.CONFIRMATION: self._confirmation,
        }

    def proved(self) -> Request:
        """Ask for the numbers and the proof where they are missing, and return the order that was asked for."""
        self._walk(until=_Step.CHOICE)
        return self._request

    def filled_in(self) -> Request:
        """Ask from the first question without an answer to the confirmation; return the order for what was shown.

        Raises before anybody is asked to confirm what `merge.preview` raises.
        """
        self._walk(until=None)
        return self._request

    def has_further(self) -> bool:
        """Return whether the person wants to merge a further number."""
        with self._leaving():
            return self._terminal.confirm(_("Merge a further number?"), option=NUMBER_OPTION)

    def _walk(self, *, until: _Step | None) -> None:
        request, can_ask = self._request, self._terminal.can_ask
        step: _Step | None = _Step.DOMAIN if request.absorbed else _Step.NUMBER
        if request.into is None and not self._caller.is_customer and can_ask:
            step = _Step.KEPT
        with self._leaving():
            while step is not until and step is not None:
                try:
                    step = self._steps[step]()
                except SteppedBack:
                    step = self._step_before()

    def _step_before(self) -> _Step:
        """Return the question before the present one, or the present one again if it is the first."""
        if len(self._trail) == 1:
            self._terminal.warn(_("This is the first question: there is nothing before it."))
            return self._trail[0]
        return self._trail[-2]

    def _enter(self, step: _Step, *, is_asked: bool = True) -> None:
        """Say where the person is, where that has changed; what is asked can be gone back to."""
        if is_asked:
            if step in self._trail:
                del self._trail[self._trail.index(step) :]
            self._trail.append(step)
        if (heading := _(_HEADINGS[step])) != self._heading:
            self._heading = heading
            self._terminal.show(Line(heading, Style.HEADING))

    def _ask(self, step: _Step, question: SafeText, *, option: str, default: str = "") -> str:
        """Return the answer to a question of the form; raises Declined where there is none."""
        self._enter(step)
        if answer := self._terminal.ask(question, option=option, default=default, can_go_back=True):
            return answer
        raise Declined

    def _kept(self) -> _Step:
        number = self._ask(_Step.KEPT, _("Number that is kept"), option="--into", default=self._request.into or "")
        try:
            self._check_kept(number)
        except (BadValue, SelfMerge, UnknownNumber, MergedAway) as error:
            self._terminal.refuse(error)
            return _Step.KEPT
        if number != self._request.into:
            self._request = replace(self._request, into=number, wishes=self._given.wishes)
        return _Step.DOMAIN if self._given.absorbed else _Step.NUMBER

    def _check_kept(self, number: str) -> None:
        verify.check_survivor(self._context.database, self._caller, number, self._context.now())
        if number == self._given.absorbed:
            raise SelfMerge(number=number)

    def _number(self) -> _Step:
        into = self._request.into
        self._enter(_Step.NUMBER)
        if into != self._kept_said:
            self._kept_said = into
            self._terminal.say(_("Merge customer numbers: {survivor} is kept."), survivor=into)
        question, default = _("Customer number to take over"), self._request.absorbed
        number = self._ask(_Step.NUMBER, question, option=NUMBER_OPTION, default=default)
        try:
            verify.check_claim(self._context.database, self._caller, number, into=into, now=self._context.now())
        except (BadValue, SelfMerge, UnknownNumber, MergedAway) as error:
            return self._number_again(error)
        if number != self._request.absorbed:
            self._domain = ""
            self._request = replace(self._request, wishes=self._given.wishes)
        self._request = replace(self._request, absorbed=number)
        return _Step.DOMAIN

    def _number_again(self, error: CustmergeError) -> _Step:
        """Say why a number can't be taken over, and return the question for another."""
        if isinstance(error, MergedAway) and error.details["merged_into"] == (into := self._request.into):
            number = error.details["number"]
            self._terminal.warn(
                _("{number} went into {into} already: name another number."), number=number, into=into
            )
        else:
            self._terminal.refuse(error)
        return _Step.NUMBER

    def _proof(self) -> _Step:
        if not self._terminal.can_ask:
            return _Step.CHOICE
        database, request = self._context.database, self._request
        if self._given.absorbed:
            try:
                verify.check_claim(
                    database, self._caller, request.absorbed, into=request.into, now=self._context.now()
                )
            except (UnknownNumber, MergedAway) as error:
                if error.details["number"] != request.absorbed:
                    raise
                return self._without_given_number(error)
        now = self._context.now()
        self._proof_by = merge.needed_proof(database, self._caller, request.absorbed, into=request.into, now=now)
        return _Step.CHOICE if self._proof_by is None else self._asked_proof(self._proof_by)

    def _asked_proof(self, by: ProofBy) -> _Step:
        """Ask for a domain, where one is the proof; the password is asked for next."""
        if by is ProofBy.PASSWORD:
            if self._is_domain_given:
                raise DomainNotAsked
            return _Step.PASSWORD
        if self._is_domain_given:
            # It can be changed after a wrong password.
            self._is_domain_given = False
            self._trail.append(_Step.DOMAIN)
            return _Step.PASSWORD
        question = _("A domain from its package")
        try:
            self._domain = self._ask(_Step.DOMAIN, question, option="--domain", default=self._domain)
        except Declined:
            self._terminal.warn(_("Type one of its domains, or < to go back."))
            return _Step.DOMAIN
        return _Step.PASSWORD

    def _without_given_number(self, error: CustmergeError) -> _Step:
        """Go on as if the number, and its domain, hadn't been given on the command line: it can't be taken over."""
        self._given = replace(self._given, absorbed="")
        self._request = replace(self._request, absorbed="")
        self._domain, self._is_domain_given = "", False
        return self._number_again(error)

    def _password(self) -> _Step:
        self._enter(_Step.PASSWORD)
        is_own = self._proof_by is ProofBy.PASSWORD
        question = _("The password of that customer number") if is_own else _("The password that belongs to it")
        password = self._terminal.ask_secret(question, option="--password-stdin", can_go_back=True)
        if not password:
            return _Step.PASSWORD
        claim = verify.Claim(self._request.absorbed, self._domain, password)
        try:
            verify.verify(
                self._context.database, self._caller, claim, into=self._request.into, now=self._context.now()
            )
        except ProofRefused as error:
            # One answer for all three (rule 3): the password is the one that is typed unseen.
            self._terminal.refuse(error)
            again = _("{number}, {domain}: type the password again, or < to change them.")
            if is_own:
                again = _("{number}: type the password again, or < to change the number.")
                if self._given.absorbed:
                    again = _("{number}: type the password again.")
            elif self._given.absorbed:
                again = _("{number}, {domain}: type the password again, or < to change the domain.")
            self._terminal.say(again, number=claim.absorbed, domain=claim.domain)
            return _Step.PASSWORD
        # What is proved isn't asked for again.
        self._trail = [step for step in self._trail if step not in (_Step.DOMAIN, _Step.PASSWORD)]
        return _Step.CHOICE

    def _choice(self) -> _Step:
        terminal, request = self._terminal, self._request
        offer = merge.offered(
            self._context.database, self._caller, request.absorbed, into=request.into, now=self._context.now()
        )
        comparison = offer.comparison
        self._enter(_Step.CHOICE, is_asked=False)
        terminal.show(*offer_lines(offer))
        # The error of a blocked pair says the verdict.
        has_verdict = comparison.decision is not Decision.BLOCKED
        terminal.show(*comparison_parts(masked_comparison(comparison), all_rows=False, has_verdict=has_verdict))
        self._request = replace(request, shown=offer)
        if terminal.can_ask and comparison.decision is Decision.CHOOSE and self._given.wishes.choice is None:
            self._enter(_Step.CHOICE)
            before, given = replace(request.wishes, choice=None), self._given.wishes
            wishes = asked_wishes(terminal, offer, before, given=given)
            self._request = replace(self._request, wishes=wishes)
        return _Step.CONFIRMATION

    def _confirmation(self) -> _Step | None:
        try:
            receipt = merge.preview(self._context.database, self._caller, self._request, self._context.now())
        except ProofRequired:
            if not self._terminal.can_ask:
                raise
            self._terminal.warn(_("The proof doesn't hold any more: it is asked for again."))
            return _Step.DOMAIN
        self._enter(_Step.CONFIRMATION)
        self._terminal.show(*confirmed_lines(receipt))
        question = _("Merge {absorbed} into {survivor}?")
        question = question.format(absorbed=receipt.absorbed, survivor=receipt.survivor)
        if not self._terminal.confirm(question, option="--yes", can_go_back=True):
            raise Declined
        return None

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        """Say what was and what wasn't done where the person leaves by Ctrl-C or Ctrl-D."""
        try:
            yield
        except (KeyboardInterrupt, InputEnded):
            if not self._done:
                raise FormLeft from None
            raise FormLeftLater(orders=list(self._done)) from None
