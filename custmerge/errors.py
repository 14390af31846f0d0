"""Every error that a person can meet: its sentence, its exit code, its JSON code.

A sentence is a template in English; `details` fills it. The command line translates the template and
neutralises the details, so nothing below it needs to know a language or a terminal.
A class has a docstring if its sentence doesn't say everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import ClassVar

Detail = str | int | None | Sequence["Detail"] | Mapping[str, "Detail"]


def N_(message: str) -> str:  # noqa: N802 (gettext's own name for "to be translated where it is shown")
    """Mark a text for the catalogue and return it as it is."""
    return message


class ExitCode(IntEnum):
    """The exit codes of contract §4."""

    DONE = 0
    DIFFERS = 1
    UNEXPECTED = 1
    USAGE = 2
    BLOCKED = 3
    AUDIT_UNKNOWN = 3
    NOT_ALLOWED = 4
    NOT_THERE = 5
    CONFLICT = 6
    NOT_ALL = 7
    DATABASE = 8
    INTERRUPTED = 130


class CustmergeError(Exception):
    """What went wrong, with the value, and what to do about it."""

    code: ClassVar[str] = "unexpected"
    exit: ClassVar[ExitCode] = ExitCode.UNEXPECTED
    template: str = ""
    is_refusal: ClassVar[bool] = False
    """Whether a logged-in person wanted something that they or their role may not do; the history records it."""

    def __init_subclass__(cls, *, code: str = "", exit: ExitCode | None = None, is_refusal: bool = False) -> None:  # noqa: A002 (the name of the attribute)
        """Set the attributes from the first line of a subclass; those that aren't given there are inherited."""
        cls.code, cls.exit = code or cls.code, exit or cls.exit
        cls.is_refusal = is_refusal or cls.is_refusal

    def __init__(self, **details: Detail) -> None:
        super().__init__()
        self.details = details

    def __str__(self) -> str:
        return self.template.format(**self.details)

    def filled_details(self) -> dict[str, Detail]:
        """Return the details for a script: in English, with `why` filled from the others, in lists too."""
        return _filled(self.details)


def _filled(details: Mapping[str, Detail]) -> dict[str, Detail]:
    filled: dict[str, Detail] = {
        name: [_filled(i) if isinstance(i, dict) else i for i in value] if isinstance(value, list) else value
        for name, value in details.items()
    }
    if isinstance(why := details.get("why"), str):
        texts = {
            name: ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            for name, value in details.items()
        }
        filled["why"] = why.format(**texts)
    return filled


class DetailsDiffer(CustmergeError, code="details_differ", exit=ExitCode.DIFFERS):
    """The records differ in details and nobody said which to use."""

    template = N_("{survivor} and {absorbed} differ in {fields}: choose --adopt or --keep; nothing was changed.")


class Declined(CustmergeError, code="declined", exit=ExitCode.DIFFERS):
    template = N_("Cancelled: nothing was changed.")


class InputEnded(Declined):
    """A question was answered by Ctrl-D."""


class BadUsage(CustmergeError, code="usage", exit=ExitCode.USAGE):
    """Options that don't go together or can't be understood."""

    template = N_("{problem}")


class NoSecret(BadUsage):
    """A line of standard input that should hold a password is empty or missing."""


class ServiceToken(BadUsage):
    """A service token can't log itself out."""

    template = N_("This is a service token: `custmerge token revoke` ends it.")


class NoCustomerTable(CustmergeError, code="no_customer_table", exit=ExitCode.USAGE):
    """A mapping was to be proposed, and nothing in the database looks like customers."""

    template = N_(
        "None of the {tables} tables looks like one of customers, with a key of one column and fields such as an "
        "e-mail address: name it as `table` of `[customer]` in a file, then `custmerge attach FILE --propose`."
    )


class MissingInput(CustmergeError, code="missing_input", exit=ExitCode.USAGE):
    """A question would have to be asked, but there is no terminal to ask it on."""

    template = N_("Nobody can be asked here ({what}): give {option}.")


_PREDICATES = ("is ", "isn't ", "has ")


class BadValue(CustmergeError, code="bad_value", exit=ExitCode.USAGE):
    """A value that can't be taken: what is wrong with it, `is longer than …`, or what to give in its place."""

    template = N_("{name} {value}: {why}.")

    def __init__(self, **details: Detail) -> None:
        super().__init__(**details)
        if str(details.get("why")).startswith(_PREDICATES):
            self.template = N_("{name} {value} {why}.") if details["value"] else N_("{name} {why}.")


class BadPassword(CustmergeError, code="bad_password", exit=ExitCode.USAGE):
    """A password that can't be chosen. Source: NIST SP 800-63B §5.1.1.2."""

    template = N_("The password can't be chosen: it {why}.")


class ExtraMissing(CustmergeError, code="extra_missing", exit=ExitCode.USAGE):
    """Libraries of an optional part of custmerge aren't installed."""

    template = N_("{option} needs libraries that aren't installed: pip install 'custmerge[{extra}]'.")


class SelfMerge(CustmergeError, code="self_merge", exit=ExitCode.USAGE):
    """Rule 10: a number can't be merged with itself."""

    template = N_("{number} can't be merged with itself: name another number to take over.")


class BadFile(CustmergeError, code="bad_file", exit=ExitCode.USAGE):
    """A file that can't be read as what it should be."""

    template = N_("{file}: {why}.")


class BadLines(CustmergeError, code="bad_lines", exit=ExitCode.USAGE):
    """A file with lines that can't be imported; every one was reported."""

    template = N_("{file}: lines in error: {count}; nothing was imported.")


class BadMapping(CustmergeError, code="bad_mapping", exit=ExitCode.USAGE):
    """A mistake in a mapping, with its line and its key."""

    template = N_("{file}, line {line}: {key}: {why}.")


class BadMappingText(BadMapping):
    """A mapping that isn't TOML."""

    template = N_("{file}, line {line}: {why}.")


class Attached(CustmergeError, code="attached", exit=ExitCode.USAGE):
    """Rows were to be brought into a host's tables, which custmerge doesn't fill."""

    template = N_(
        "custmerge is attached to tables of another program here: customers and packages come into them by that "
        "program, not by an import."
    )


class IdentityBlocked(CustmergeError, code="identity_blocked", exit=ExitCode.BLOCKED):
    """Rule 5: company, first name or last name differ.

    Source: the article, "Fehler bei Kundennummernvergleich".
    """

    template = N_(
        "{survivor} and {absorbed} differ in {blocked_by}: they can't be merged for now. To prevent misuse "
        "we need legal proof: please ask us for the contract transfer form and send it back signed; this can't be "
        "changed online."
    )


class TransferNeeded(IdentityBlocked):
    """The error for staff who may file the form."""

    template = N_(
        "{survivor} and {absorbed} differ in {blocked_by}: they can't be merged for now. To prevent misuse "
        "we need legal proof, a signed contract transfer form: `custmerge transfer file {absorbed} --into {survivor} "
        "--form FILE`."
    )


class TransferWaits(IdentityBlocked):
    """The error for staff if the form is already filed, as contract transfer `transfer`."""

    template = N_(
        "{survivor} and {absorbed} differ in {blocked_by}: they can't be merged for now. Contract transfer "
        "{transfer}, filed by {filed_by}, waits for a supervisor who didn't file it: `custmerge transfer approve "
        "{transfer}`."
    )


class OtherScope(CustmergeError, code="other_scope", exit=ExitCode.BLOCKED):
    """Columns differ that the mapping says have to be the same (`same`)."""

    template = N_(
        "{survivor} and {absorbed} belong to different parts of our business, so they can't be merged, and no form "
        "changes that: please ask us."
    )


class OtherScopeToStaff(OtherScope):
    """The error for staff, who may see the values."""

    template = N_(
        "{survivor} ({survivor_scope}) and {absorbed} ({absorbed_scope}) differ in {columns}, which the mapping says "
        "has to be the same: they can't be merged, and no contract transfer changes that."
    )


class ReferenceRefused(CustmergeError, code="reference_refused", exit=ExitCode.BLOCKED):
    """Rows of a host's tables that point at the customers don't allow the order; `why` says what they are."""

    template = N_(
        "{survivor} and {absorbed} can't be merged because of rows of {table} ({count}): {why}. Nothing was changed."
    )


class RowsRefused(ReferenceRefused):
    """The host's database itself refuses a row: by a constraint, a trigger, or because a value doesn't fit."""

    template = N_(
        "The database refuses what would be changed in {table} ({by}): nothing was changed. Look at these rows, or "
        "give the table another policy with `custmerge attach`."
    )


class RowsLeftOut(ReferenceRefused):
    """The database leaves rows as they are and says nothing: a trigger of the host prevents the change."""

    template = N_(
        "The database leaves rows of {table} as they are ({left}), most likely because of a trigger: nothing was "
        "changed. Look at the triggers of this table, or give it another policy with `custmerge attach`."
    )


class ChildrenLeft(ReferenceRefused):
    """The database has rows that refer to rows which would be dropped, and that weren't found by what they hold."""

    template = N_(
        "Rows of {table} refer to rows of {parent} that would be dropped, and are written otherwise ({left}): "
        "nothing was changed, for they would be lost. Give {parent} another policy with `custmerge attach`."
    )


class OrphansDropped(ReferenceRefused):
    """A row that would be dropped refers to a row that isn't there, so it could never be given back."""

    template = N_(
        "Rows of {table} that would be dropped refer to rows of {parent} that aren't there ({left}): nothing was "
        "changed, for an undo couldn't give them back. Put these rows right first."
    )


class RefusedByMapping(ReferenceRefused):
    """A statement of the mapping finds a row because of which the two aren't merged; `rule` is the mapping's own."""

    template = N_("{survivor} and {absorbed} can't be merged: {rule}. Nothing was changed.")


class RowsRefuseCustomer(ReferenceRefused):
    """The error for a customer, who isn't told what a host has in which tables."""

    template = N_(
        "These numbers can't be merged online, because other data that we have about them doesn't allow it: nothing "
        "was changed. Please ask us."
    )


class FieldNotWritable(CustmergeError, code="field_not_writable", exit=ExitCode.USAGE):
    """A field is computed, or read from a row that the customer doesn't have or that the mapping only reads."""

    template = N_(
        "{field} of {number} can't be written in this database: leave it out; `custmerge attach --show` prints where "
        "each field comes from."
    )


class FieldNotWritableByCustomer(FieldNotWritable):
    """The error for a customer, who has no mapping to look at."""

    template = N_("{field} of {number} can't be changed online: leave it out, or ask us to change it.")


class NotBlocked(CustmergeError, code="not_blocked", exit=ExitCode.USAGE):
    """A contract transfer was filed for a pair that needs none."""

    template = N_(
        "{survivor} and {absorbed} don't differ in company, first or last name, so no contract transfer is needed: "
        "`custmerge merge {absorbed} --into {survivor}`."
    )


class NotLoggedIn(CustmergeError, code="not_logged_in", exit=ExitCode.NOT_ALLOWED):
    """No session's token was found."""

    template = N_("You aren't logged in: run `custmerge login NUMBER` or `custmerge login --staff NAME`.")


class LoginUnreadable(NotLoggedIn):
    """The keyring fails or doesn't answer, so custmerge can't see whether a login is stored in it."""

    template = N_(
        "You aren't logged in: no login can be read from the keyring ({reason}). Run `custmerge login NUMBER` or "
        "`custmerge login --staff NAME`."
    )


class SessionOver(CustmergeError, code="session_over", exit=ExitCode.NOT_ALLOWED):
    """The session's token isn't valid, or no longer."""

    template = N_("Your session is over: log in again with `custmerge login`.")


class LoginRefused(CustmergeError, code="login_refused", exit=ExitCode.NOT_ALLOWED):
    """The same answer for an unknown name and for a wrong password."""

    template = N_("Login refused: the name or number, or the password, isn't right.")


class ProofRefused(CustmergeError, code="proof_refused", exit=ExitCode.NOT_ALLOWED):
    """Rule 3: the same answer for an unknown or merged number, a wrong domain and a wrong password."""

    template = N_("Not verified: the customer number, the domain or the password isn't right.")


class ProofRequired(CustmergeError, code="proof_required", exit=ExitCode.NOT_ALLOWED):
    """Rule 3: nothing is shown or merged before the proof."""

    template = N_(
        "{absorbed} isn't verified for {survivor} in this session: run `custmerge verify {absorbed} "
        "--into {survivor} --domain NAME`, or give merge --domain and --password-stdin."
    )


class ProofRequiredToSee(ProofRequired):
    """The error of a command that only looks."""

    template = N_(
        "{absorbed} isn't verified for {survivor} in this session: run `custmerge verify {absorbed} "
        "--into {survivor} --domain NAME`."
    )


class OwnPasswordRefused(ProofRefused):
    """The error where the proof is the customer's own password."""

    template = N_("Not verified: the customer number or the password isn't right.")


class OwnPasswordRequired(ProofRequired):
    """The error where the proof is the customer's own password."""

    template = N_(
        "{absorbed} isn't verified for {survivor} in this session: run `custmerge verify {absorbed} "
        "--into {survivor}` with the customer's own password, or give merge --password-stdin."
    )


class OwnPasswordRequiredToSee(OwnPasswordRequired):
    """The error of a command that only looks."""

    template = N_(
        "{absorbed} isn't verified for {survivor} in this session: run `custmerge verify {absorbed} "
        "--into {survivor}` with the customer's own password."
    )


class NoProof(ProofRequired, code="no_proof"):
    """The mapping says that nothing proves whose a number is."""

    template = N_(
        "Nothing proves here that {absorbed} may be taken over: file a contract transfer with `custmerge transfer "
        "file {absorbed} --into {survivor} --form FILE`, or let a bulk file with this pair be approved."
    )


class NoProofForCustomers(NoProof):
    """The error for a customer, who can do neither."""

    template = N_("A number can't be taken over online here: please ask us to merge {absorbed} into {survivor}.")


class DomainNotAsked(BadUsage):
    """A domain was given where the proof is another one."""

    template = N_("The proof is the password of the customer number itself here: leave --domain out.")


class LockedOut(CustmergeError, code="locked_out", exit=ExitCode.NOT_ALLOWED):
    """Too many wrong tries (contract §5)."""

    template = N_(
        "Too many wrong tries for {name}: locked until {until}, a supervisor ends it with `custmerge user unlock "
        "{name}`."
    )


class LastSupervisor(CustmergeError, code="last_supervisor", exit=ExitCode.NOT_ALLOWED):
    """Without the last supervisor nobody could add staff."""

    template = N_("{name} is the last supervisor: make somebody else a supervisor first.")


class OwnTransfer(CustmergeError, code="own_transfer", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """Rule 5: a transfer is filed and decided by two different people."""

    template = N_("Contract transfer {id} was filed by you ({filed_by}): somebody else has to decide.")


class NotOwnTransfer(CustmergeError, code="not_own_transfer", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """Only the person who filed a transfer can withdraw it."""

    template = N_(
        "Contract transfer {id} was filed by {filed_by}, who alone can withdraw it: a supervisor rejects it with "
        "`custmerge transfer reject {id} --reason TEXT`."
    )


class NotAllowed(CustmergeError, code="not_allowed", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """The role may not do this; `allowed` are those that may."""

    template = N_("The role {role} may not do this: ask somebody with the role {allowed}.")


class NotForCustomers(NotAllowed):
    """The error for a customer, who has no colleague to ask."""

    template = N_(
        "Customers may not do this, our staff may: please ask us. You can merge a further number of yours with "
        "`custmerge merge`, and see what was merged with `custmerge history`."
    )


class PersonRequired(CustmergeError, code="person_required", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """A service token can't change what would outlast it: people, passwords, other tokens (contract §5)."""

    template = N_(
        "{name} is a service token, and those change neither people nor tokens: log in yourself with "
        "`custmerge login --staff NAME`."
    )


class PasswordChangeRequired(CustmergeError, code="password_change_required", exit=ExitCode.NOT_ALLOWED):
    """A password that somebody else chose is valid for one login, which changes it (contract §5)."""

    template = N_(
        "The password of {name} was chosen by {chosen_by} and has to be changed: log in on a terminal, or give the "
        "new password as the second line with --password-stdin."
    )


class NotOwnerOfRights(CustmergeError, code="not_owner", exit=ExitCode.NOT_ALLOWED):
    """Only the owner of the database's tables may give rights on them."""

    template = N_("{user} doesn't own the tables of this database: connect as their owner to give rights on them.")


class NotOwner(CustmergeError, code="not_owner", exit=ExitCode.NOT_ALLOWED):
    """Only the owner of the database's tables may do this, because it needs no login."""

    template = N_(
        "{user} doesn't own the tables of this database: connect as their owner, or let a supervisor run "
        "`custmerge user unlock`."
    )


class NotOwnerToAttach(NotOwner):
    """Only the owner of the database's tables may attach, because it needs no login."""

    template = N_("{user} doesn't own the tables of this database: connect as their owner to attach.")


class OwnNumberOnly(CustmergeError, code="own_number_only", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """A customer named a number that isn't their own."""

    template = N_("{number} isn't the number that you logged in with: a customer sees and keeps the own one only.")


class HasStaff(CustmergeError, code="has_staff", exit=ExitCode.NOT_ALLOWED):
    """`init --supervisor` on a database that has staff already."""

    template = N_(
        "The database has staff already, so {name} can't be made its first supervisor: "
        "a supervisor adds people with `custmerge user add`."
    )


class UnknownNumber(CustmergeError, code="unknown_number", exit=ExitCode.NOT_THERE):
    """For staff: the customer number doesn't exist."""

    template = N_("There is no customer number {number}: look it up with `custmerge find`.")


class UnknownOrder(CustmergeError, code="unknown_order", exit=ExitCode.NOT_THERE):
    template = N_("There is no order {order}: `custmerge history` lists them.")


class UnknownBatch(CustmergeError, code="unknown_batch", exit=ExitCode.NOT_THERE):
    template = N_("There is no batch {batch}: `custmerge bulk status` lists them.")


class UnknownName(CustmergeError, code="unknown_name", exit=ExitCode.NOT_THERE):
    template = N_("There is nobody called {name}: `custmerge user list` shows everybody.")


class UnknownToken(CustmergeError, code="unknown_token", exit=ExitCode.NOT_THERE):
    """The service token doesn't exist, or no longer."""

    template = N_("There is no service token {name}: `custmerge token list` shows them.")


class UnknownTransfer(CustmergeError, code="unknown_transfer", exit=ExitCode.NOT_THERE):
    template = N_("There is no contract transfer {id}: `custmerge transfer list` shows them.")


class NotDismissed(CustmergeError, code="not_dismissed", exit=ExitCode.NOT_THERE):
    template = N_("{number} and {other} aren't dismissed: `custmerge duplicates dismissed` lists the pairs that are.")


class MergedAway(CustmergeError, code="merged_away", exit=ExitCode.NOT_THERE):
    """Rule 9: a tombstone."""

    template = N_("{number} went into {merged_into}: use {merged_into}.")


class UndoChanged(CustmergeError, code="changed", exit=ExitCode.CONFLICT):
    """An undo would no longer do what was shown; `obstacles` are those that it has now."""

    template = N_("What undoing {orders} would do changed meanwhile: nothing was undone, look at it again.")


class Changed(CustmergeError, code="changed", exit=ExitCode.CONFLICT):
    """The records changed after they were shown."""

    template = N_("{survivor} or {absorbed} was changed meanwhile: nothing was merged, compare them again.")


class UndoBlocked(CustmergeError, code="undo_blocked", exit=ExitCode.CONFLICT):
    """Later changes block an undo; `obstacles` names each of them."""

    template = N_("Order {order} can't be undone: {obstacles}. Nothing was changed.")


class UndoBlockedByOrders(UndoBlocked):
    """Some obstacles are orders that can be undone first: `undo_first`, newest first."""

    template = N_(
        "Order {order} can't be undone: {obstacles}. Nothing was changed; undo first: {undo_first} (--cascade does)."
    )


class AlreadyUndone(CustmergeError, code="already_undone", exit=ExitCode.CONFLICT):
    template = N_("Order {order} was undone already, by {by} at {at}.")


class Purged(CustmergeError, code="purged", exit=ExitCode.CONFLICT):
    """The before-image is erased."""

    template = N_("Order {order} can't be undone any more: what was before it was erased by `custmerge purge`.")


class FormPurged(Purged):
    template = N_("The form of contract transfer {id} isn't there any more: it was erased by `custmerge purge`.")


class PersonChanged(CustmergeError, code="person_changed", exit=ExitCode.CONFLICT):
    """A person's row doesn't match the history; a new digest would hide that from every audit."""

    template = N_("{name} isn't as the history has it: somebody changed the database, run `custmerge audit`.")


class FormChanged(CustmergeError, code="form_changed", exit=ExitCode.CONFLICT):
    template = N_("The signed form of transfer {id} isn't the one that was filed: somebody changed the database.")


class ImageChanged(CustmergeError, code="image_changed", exit=ExitCode.CONFLICT):
    """The before-image doesn't have the digest that its history entry has."""

    template = N_("Order {order} isn't as the history has it: somebody changed the database, run `custmerge audit`.")


class ResultsChanged(CustmergeError, code="results_changed", exit=ExitCode.CONFLICT):
    template = N_("What became of the rows of batch {batch} can't be read any more: somebody changed the database.")


class UndoStopped(UndoBlocked):
    """An undo of a batch is blocked after other orders of the batch were undone."""

    template = N_("Order {order} can't be undone: {obstacles}. What was undone before it stays so.")


class UndoStoppedByOrders(UndoStopped):
    """Some obstacles are orders that can be undone first: `undo_first`, newest first."""

    template = N_(
        "Order {order} can't be undone: {obstacles}. What was undone before it stays so; undo first: {undo_first}."
    )


class BatchUndone(AlreadyUndone):
    template = N_("Batch {batch} was undone already, by {by} at {at}.")


class BatchBusy(CustmergeError, code="batch_busy", exit=ExitCode.CONFLICT):
    template = N_("Batch {batch} or its file is being run or undone by another process: wait for it to end.")


class UndoTooLate(CustmergeError, code="undo_too_late", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """An agent can undo own orders only for a limited time (contract §5)."""

    template = N_("Order {order} was made more than {minutes} minutes ago: ask a supervisor to undo it.")


class NotOwnOrder(CustmergeError, code="not_own_order", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """An agent can undo own orders only (contract §5)."""

    template = N_("Order {order} was made by {by}, not by you: ask a supervisor to undo it.")


class NameTaken(CustmergeError, code="name_taken", exit=ExitCode.CONFLICT):
    template = N_("There is somebody called {name} already: choose another name.")


class TokenTaken(NameTaken):
    """A service token has the name, whose entries in the history stay its own when it is over."""

    template = N_("There is or was a service token called {name} already: choose another name.")


class BatchMoved(CustmergeError, code="batch_running", exit=ExitCode.CONFLICT):
    template = N_(
        "{file} is being run or undone by another process: wait for it to end, `custmerge bulk status` tells how far "
        "it is."
    )


class RunUnderWay(CustmergeError, code="batch_running", exit=ExitCode.CONFLICT):
    """An upgrade was tried while a program of an earlier version was running."""

    template = N_(
        "An older program is running or undoing a bulk file in {database}: wait for it to end, or for a minute if it "
        "died, then run `custmerge init` again."
    )


class BatchApproved(CustmergeError, code="batch_approved", exit=ExitCode.CONFLICT):
    template = N_("{file} is approved already, by {approved_by}: run it with `custmerge bulk run`.")


class ApprovalVoid(CustmergeError, code="approval_void", exit=ExitCode.NOT_ALLOWED):
    """Rule 5: an approval ends when the person who gave it may no longer approve."""

    template = N_(
        "The approval of {file} by {approved_by} doesn't count any more: they are disabled or may not approve now. "
        "What was executed stays; somebody else has to approve the file for the rest."
    )


class ApprovalOver(ApprovalVoid):
    """An approval ends after seven days, also for a run that was stopped and isn't finished."""

    template = N_(
        "The approval of {file} by {approved_by} ended after 7 days. What was executed stays; somebody has to "
        "approve the file anew for the rest."
    )


class OwnBatch(CustmergeError, code="own_batch", exit=ExitCode.NOT_ALLOWED, is_refusal=True):
    """A bulk file is approved and run by two different people."""

    template = N_("{file} was approved by you ({approved_by}): somebody else has to run it.")


class NotApproved(CustmergeError, code="not_approved", exit=ExitCode.NOT_ALLOWED):
    """A bulk file has neither passwords nor a valid approval."""

    template = N_(
        "{file} has no password column and isn't approved (any more): a supervisor who isn't the one that runs it "
        "approves it with `custmerge bulk approve {file}`."
    )


class ApprovalNeeded(NotApproved):
    """The mapping says that nothing else authorises the rows of a bulk file."""

    template = N_(
        "{file} isn't approved (any more), and no password authorises its rows here: a supervisor who isn't the one "
        "that runs it approves it with `custmerge bulk approve {file}`."
    )


class TransferOpen(CustmergeError, code="transfer_open", exit=ExitCode.CONFLICT):
    """A pair has one open transfer at a time."""

    template = N_(
        "Contract transfer {id} for {absorbed} into {survivor} is {status} already: use it. Who filed it can end it "
        "with `custmerge transfer withdraw {id}`, a supervisor with `custmerge transfer reject {id} --reason TEXT`."
    )


class TransferFiled(TransferOpen):
    """The open transfer isn't decided yet."""

    template = N_(
        "Contract transfer {id} for {absorbed} into {survivor} is filed already, by {filed_by}, and waits for a "
        "supervisor who didn't file it: `custmerge transfer approve {id}`. Who filed it can end it with `custmerge "
        "transfer withdraw {id}`, a supervisor with `custmerge transfer reject {id} --reason TEXT`."
    )


class TransferDecided(CustmergeError, code="transfer_decided", exit=ExitCode.CONFLICT):
    template = N_("Contract transfer {id} is {status}: nothing was changed.")


class DatabaseError(CustmergeError, code="database", exit=ExitCode.DATABASE):
    """The database refused a statement."""

    template = N_("The database {database} refused: {reason}.")


class TextUnreadable(DatabaseError):
    """A text in the database isn't UTF-8: custmerge didn't write it."""


class DatabaseRefusesCustomer(DatabaseError):
    """The error for a customer: the database's own words may name tables, columns and values of a host."""

    template = N_("The database {database} refused: nothing half done was left behind. Please ask us.")


class DatabaseMissing(DatabaseError, code="database_missing"):
    template = N_(
        "There is no database at {database}: create it with `custmerge init`, or name another with --database."
    )


class DatabaseUnreachable(DatabaseError, code="database_unreachable"):
    template = N_(
        "The database {database} can't be reached ({reason}): check its address, its server and your rights."
    )


class NotCommitted(DatabaseUnreachable, code="not_committed"):
    """The connection was lost before the transaction was committed."""

    template = N_(
        "The connection to the database {database} was lost ({reason}) before this was committed: nothing of it was "
        "done, try again."
    )


class OutcomeUnknown(DatabaseUnreachable, code="outcome_unknown"):
    """The connection was lost while the transaction was being committed, and the server can't be asked."""

    template = N_(
        "The connection to the database {database} was lost ({reason}) while this was being committed, and it can't "
        "be reached to find out: look it up with `custmerge history` before you try again."
    )


class PartNotCommitted(NotCommitted):
    """The connection was lost in long work before its next part was committed."""

    template = N_(
        "The connection to the database {database} was lost ({reason}) before the next part was committed: {done} of "
        "{total} are done and stay so, the others aren't; the same command goes on."
    )


class PartUnknown(OutcomeUnknown):
    """The connection was lost in long work while its next part was being committed."""

    template = N_(
        "The connection to the database {database} was lost ({reason}) while the next part was being committed, and "
        "it can't be reached to find out: {done} of {total} are done and stay so; the same command finds out and "
        "goes on."
    )


class DatabaseLocked(DatabaseError, code="database_locked"):
    """Another process holds the lock for longer than custmerge waits."""

    template = N_(
        "The database {database} is locked by another process: nothing half done was left behind, try again."
    )


class DatabaseConflict(DatabaseLocked, code="database_conflict"):
    """Two transactions conflicted, and the database aborted this one (SQLSTATE 40001, 40P01)."""

    template = N_(
        "The database {database} broke this off for another change: nothing half done was left behind, try again."
    )


class DatabaseReadOnly(DatabaseError, code="database_read_only"):
    template = N_("The database {database} is read-only: nothing half done was left behind, check the rights on it.")


class RowsHidden(DatabaseReadOnly):
    """Policies hide rows of a host's table from the connected role (row-level security): they would stay behind."""

    template = N_(
        "Policies in the database {database} hide rows from the connected role: nothing half done was left behind; "
        "`custmerge attach FILE --check` names the tables."
    )


class RowsHiddenFromCustomer(RowsHidden):
    """The error for a customer, who has no mapping to check."""

    template = DatabaseRefusesCustomer.template


class DatabaseFull(DatabaseError, code="database_full"):
    template = N_(
        "The disk of the database {database} is full: nothing half done was left behind, make room and try again."
    )


class ClockBehind(DatabaseError, code="clock_behind"):
    """This machine's clock, the only one on SQLite, is behind the newest history entry."""

    template = N_(
        "This machine's clock says {now}, but the newest history entry in {database} is from {newest}: "
        "set the clock (NTP), then try again."
    )


class TemporaryFilesFailed(CustmergeError, code="temporary_files", exit=ExitCode.DATABASE):
    """There is no room, or no right, to write a command's temporary files."""

    template = N_(
        "Temporary files can't be written in {directory} ({reason}): nothing half done was left behind, make room "
        "there or name another directory with TMPDIR."
    )


class NotADatabase(DatabaseError, code="not_a_database"):
    template = N_("{database} isn't a sound SQLite database ({reason}): name another, or restore a copy.")


class DatabaseUnsoundToCustomer(NotADatabase):
    """The error for a customer: SQLite's reason may name a table or an index of a host."""

    template = DatabaseRefusesCustomer.template


class NoSchema(DatabaseError, code="no_schema"):
    template = N_("The database {database} has no custmerge tables: create them with `custmerge init`.")


class OldSchema(DatabaseError, code="old_schema"):
    template = N_("The database {database} is of version {version}, older than this program: run `custmerge init`.")


class NewSchema(DatabaseError, code="new_schema"):
    template = N_(
        "The database {database} is of version {version}, which this program doesn't know: install a newer custmerge."
    )


class MappingChanged(DatabaseError, code="mapping_changed"):
    """The mapping that holds isn't stored as it was attached."""

    template = N_(
        "The database {database} is attached by the mapping {sha256}, which isn't stored there as it was: attach its "
        "file again (`custmerge attach FILE`)."
    )


class DomainsClash(DatabaseError, code="domains_clash"):
    """Two rows of the register are the same domain in two writings; this version stores each domain only once."""

    template = N_(
        "The database {database} stays at its version: {clashes}. Take one of the two out of its package with the "
        "version of custmerge that you had (`import packages --update`), then run `custmerge init` again."
    )


class ReferenceWouldGo(DatabaseError, code="reference_would_go"):
    """The rows of a host's table would lose their references to domains."""

    template = N_(
        "The database {database} stays at its version: domains get other keys, and the table {table} would lose what "
        "it says of them (ON UPDATE {action}). Declare that reference ON UPDATE CASCADE, then run `custmerge init` "
        "again."
    )


class NotAttached(CustmergeError, code="not_attached", exit=ExitCode.NOT_THERE):
    """No mapping holds."""

    template = N_(
        "The database {database} isn't attached to a host's tables: custmerge has a register of its own there. "
        "`custmerge attach FILE` attaches it, `custmerge attach --propose` begins such a FILE."
    )


class OtherCustomers(CustmergeError, code="other_customers", exit=ExitCode.CONFLICT):
    """A mapping was to be replaced by one in which the numbers that were merged away mean other customers."""

    template = N_(
        "{key} was {before} when numbers were merged away, and {value} would make these other customers: leave it "
        "as it was, or undo those orders first."
    )


class RegisterInUse(CustmergeError, code="register_in_use", exit=ExitCode.CONFLICT):
    """A host's tables were to take the place of our own register, which has rows."""

    template = N_(
        "custmerge's own register isn't empty ({customers} customers, {packages} packages, {domains} domains), so "
        "nothing can be attached in its place: attach in a database in which nothing was imported."
    )


class NamesTaken(CustmergeError, code="names_taken", exit=ExitCode.CONFLICT):
    """A register of ours was to be made beside tables of the same name."""

    template = N_(
        "The database {database} has tables of another program by the names of ours ({tables}): work on its tables "
        "with `custmerge attach` (`custmerge attach --propose` begins), or name another database."
    )


class SchemaChanged(CustmergeError, code="schema_changed", exit=ExitCode.CONFLICT):
    """The host's tables aren't as they were when they were attached."""

    template = N_(
        "Tables in {database} were changed since they were attached ({tables}): run `custmerge attach FILE --check`, "
        "then attach again; `custmerge attach --show` prints the mapping."
    )


class SchemaChangedForCustomer(SchemaChanged):
    """The error for a customer, who isn't told the tables and can't attach."""

    template = N_(
        "Something was changed in {database} that our staff has to look at first: nothing was done. Please ask us."
    )


class ChangedMeanwhile(SchemaChanged):
    """The host's tables were changed between the check and the attaching."""

    template = N_("The host's tables in {database} were changed while they were checked: attach again.")


class RunMeanwhile(CustmergeError, code="batch_running", exit=ExitCode.CONFLICT):
    """A mapping was to be attached while a bulk file runs."""

    template = N_(
        "A bulk file is being run or undone in {database}: wait for it to end, or for a minute if it died, then "
        "attach again."
    )


class KeyringUnavailable(CustmergeError, code="keyring_unavailable", exit=ExitCode.NOT_ALLOWED):
    template = N_(
        "No keyring can be used here ({reason}): log in with --insecure-storage (a file that only you can read; "
        "CUSTMERGE_TOKEN_STORE=file does it at every login), or with --print-token and set CUSTMERGE_TOKEN, or put "
        "the token into $CREDENTIALS_DIRECTORY/custmerge-token."
    )


class NoKeyring(KeyringUnavailable):
    """This machine has no keyring, so nothing is stored in one."""


class LooseTokenFile(CustmergeError, code="loose_token_file", exit=ExitCode.NOT_ALLOWED):
    template = N_("{file} isn't yours alone (mode {mode}): give it the mode 0600, or remove it and log in again.")


class OthersTokenFile(LooseTokenFile):
    """The token file belongs to somebody else, whatever its mode."""

    template = N_("{file} isn't yours alone: it belongs to user {owner}; remove it and log in again.")


class LooseFile(CustmergeError, code="loose_file", exit=ExitCode.NOT_ALLOWED):
    """Others can change a file that this program obeys, or read a secret in it."""

    template = N_("{file} isn't used: {why} (mode {mode}); give it to yourself alone with `chmod 600`.")


class OthersFile(LooseFile):
    """The file belongs to somebody else, who can change it whatever its mode."""

    template = N_("{file} isn't used: it belongs to user {owner}; give it to yourself with `chown` and `chmod 600`.")


class NoHome(CustmergeError, code="no_home", exit=ExitCode.USAGE):
    """The user has no home directory, so the default files have no place."""

    template = N_(
        "This user has no home directory: set HOME or XDG_DATA_HOME, or name the database with "
        "CUSTMERGE_DATABASE_URL and give the token with CUSTMERGE_TOKEN."
    )


class NoPlaceForToken(CustmergeError, code="no_place_for_token", exit=ExitCode.NOT_ALLOWED):
    template = N_("{file} can't be written ({reason}): log in with --print-token and set CUSTMERGE_TOKEN.")


class BadTokenFile(CustmergeError, code="bad_token_file", exit=ExitCode.NOT_ALLOWED):
    template = N_("{file} can't be used as a token ({reason}): put the token into it, or log in again.")


class Interrupted(CustmergeError, code="interrupted", exit=ExitCode.INTERRUPTED):
    template = N_("Interrupted: nothing half done was left behind.")


class FormLeft(Interrupted):
    """The form of `merge` was left by Ctrl-C or Ctrl-D at a question."""

    template = N_("Left before the order was sent: nothing was merged.")


class FormLeftLater(FormLeft):
    """The form of `merge` was left after orders of the same dialogue had been executed."""

    template = N_("Left before a further order was sent: what was executed stands (orders: {orders}).")


def is_interrupt(error: BaseException, *, handled: BaseException | None = None) -> bool:
    """Return whether an error is Ctrl-C, or the error of a library that Ctrl-C interrupted.

    `handled` is what was being handled already where the library was called: its errors aren't due to that.
    """
    cause: BaseException | None = error
    while cause is not None and cause is not handled:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__context__
    return False


class DecidedElsewhere(CustmergeError, code="decided_elsewhere", exit=ExitCode.NOT_ALL):
    """The result of a bulk file's row was stored by another version of the program."""

    template = N_("Decided by another version of custmerge, which says: {code}.")


class HostBusy(CustmergeError, code="host_busy", exit=ExitCode.UNEXPECTED):
    """Other processes verify passwords on all cores for longer than custmerge waits."""

    template = N_(
        "This machine was busy with other passwords for {seconds} s: nothing half done was left behind, try again."
    )


class SparkUnavailable(CustmergeError, code="spark_unavailable", exit=ExitCode.USAGE):
    """Spark, or the cluster that was named, doesn't start or answer."""

    template = N_("Spark doesn't work ({reason}): Java 17 or later has to be installed, and {master} has to answer.")


class OutputFailed(CustmergeError, code="output_failed", exit=ExitCode.UNEXPECTED):
    """The work is done, but the output couldn't be written."""

    template = N_(
        "The output couldn't be written ({reason}): what the command did stands, `custmerge history` tells."
    )


class OutputClosed(OutputFailed):
    """The output can't be written, which was noticed before anything was done."""

    template = N_("Standard output is closed, or can't be written to: nothing was done.")


class ReportLost(OutputFailed):
    """Rows were checked or executed, but their results couldn't be written."""

    template = N_(
        "The report {file} couldn't be written to its end ({reason}) and was taken away; what was done with the rows "
        "stands, `custmerge history` tells."
    )


class ReceiptLost(OutputFailed):
    """The order is executed, and its receipt isn't written."""

    template = N_("Order {order} is executed, but its receipt couldn't be written: {file}: {why}.")


class TokenLost(OutputFailed):
    """A token that couldn't be written was revoked."""

    template = N_("The token couldn't be written to standard output, so it was ended: nobody has it.")


class Unexpected(CustmergeError, code="unexpected", exit=ExitCode.UNEXPECTED):
    """A bug in the program."""

    template = N_("Unexpected error ({kind}): nothing half done was left behind; the details are in {file}.")


class UnexpectedUnsaved(Unexpected):
    """An unexpected error whose details can't be written to a file."""

    template = N_(
        "Unexpected error ({kind} at {place}): nothing half done was left behind; no file could be written to "
        "keep the details in."
    )


class ProcessLost(Unexpected, code="process_lost"):
    """A worker process was killed, by somebody or by the system for want of memory."""

    template = N_(
        "A process that helped was killed, perhaps because memory was short: nothing was changed, try again."
    )
