"""Every error that a person can meet: its sentence, its exit code, its JSON code.

A sentence is a template in English; `details` fills it. Whoever shows an error translates the template
and neutralises the details, so nothing below the command line needs to know a language or a terminal.
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
    """Contract §4."""

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
    template: ClassVar[str] = ""
    is_refusal: ClassVar[bool] = False
    """Whether somebody who is logged in wanted what their role, or they themselves, may not do: the history tells."""

    def __init__(self, **details: Detail) -> None:
        super().__init__()
        self.details = details

    def __str__(self) -> str:
        return self.template.format(**self.details)

    def filled_details(self) -> dict[str, Detail]:
        """Return the details for a script: in English, with `why` filled from the others, in lists too."""
        return _filled(self.details)


def _filled(details: Mapping[str, Detail]) -> dict[str, Detail]:
    filled = {
        name: [_filled(one) if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value
        for name, value in details.items()
    }
    why = details.get("why")
    if not isinstance(why, str):
        return filled
    texts = {
        name: ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        for name, value in details.items()
    }
    return {**filled, "why": why.format(**texts)}


class DetailsDiffer(CustmergeError):
    """The records differ in details and nobody said which to use."""

    code, exit = "details_differ", ExitCode.DIFFERS
    template = N_("{survivor} and {absorbed} differ in {fields}: choose --adopt or --keep; nothing was changed.")


class Declined(CustmergeError):
    """The person said no."""

    code, exit = "declined", ExitCode.DIFFERS
    template = N_("Cancelled: nothing was changed.")


class BadUsage(CustmergeError):
    """Options that don't go together or can't be understood."""

    code, exit = "usage", ExitCode.USAGE
    template = N_("{problem}")


class NoSecret(BadUsage):
    """A line of standard input that should hold a password and is empty, or isn't there."""


class MissingInput(CustmergeError):
    """Something would have to be asked for, and nobody is there to answer."""

    code, exit = "missing_input", ExitCode.USAGE
    template = N_("Nobody can be asked here ({what}): give {option}.")


class BadValue(CustmergeError):
    """A value that can't be right."""

    code, exit = "bad_value", ExitCode.USAGE
    template = N_("{name} {value}: {why}.")


class BadPassword(CustmergeError):
    """A password that can't be chosen. Source: NIST SP 800-63B §5.1.1.2."""

    code, exit = "bad_password", ExitCode.USAGE
    template = N_("The password can't be chosen: it {why}.")


class SelfMerge(CustmergeError):
    """Rule 10: a number can't be merged with itself."""

    code, exit = "self_merge", ExitCode.USAGE
    template = N_("{number} can't be merged with itself: name another number to take over.")


class BadFile(CustmergeError):
    """A file that can't be read as what it should be."""

    code, exit = "bad_file", ExitCode.USAGE
    template = N_("{file}: {why}.")


class BadLines(CustmergeError):
    """A file with lines that can't be imported; every one was reported."""

    code, exit = "bad_lines", ExitCode.USAGE
    template = N_("{file}: lines in error: {count}; nothing was imported.")


class IdentityBlocked(CustmergeError):
    """Rule 5: company, first name or last name differ.

    Source: the article, "Fehler bei Kundennummernvergleich".
    """

    code, exit = "identity_blocked", ExitCode.BLOCKED
    template = N_(
        "{survivor} and {absorbed} differ in {blocked_by}: they can't be merged for now. To prevent misuse "
        "we need legal proof, a signed contract transfer form; this can't be changed online."
    )


class NotLoggedIn(CustmergeError):
    """No session's token was found."""

    code, exit = "not_logged_in", ExitCode.NOT_ALLOWED
    template = N_("You aren't logged in: run `custmerge login NUMBER` or `custmerge login --staff NAME`.")


class SessionOver(CustmergeError):
    """A token that isn't valid, or isn't any more."""

    code, exit = "session_over", ExitCode.NOT_ALLOWED
    template = N_("Your session is over: log in again with `custmerge login`.")


class LoginRefused(CustmergeError):
    """One answer for a name that doesn't exist and a password that is wrong."""

    code, exit = "login_refused", ExitCode.NOT_ALLOWED
    template = N_("Login refused: the name or number, or the password, isn't right.")


class ProofRefused(CustmergeError):
    """Rule 3: one answer for an unknown or retired number, a wrong domain and a wrong password."""

    code, exit = "proof_refused", ExitCode.NOT_ALLOWED
    template = N_("Not verified: the customer number, the domain or the password isn't right.")


class ProofRequired(CustmergeError):
    """Rule 3: nothing is shown or merged before the proof."""

    code, exit = "proof_required", ExitCode.NOT_ALLOWED
    template = N_(
        "{absorbed} isn't verified for {survivor} in this session: run `custmerge verify {absorbed} "
        "--domain NAME`, or give merge --domain and --password-stdin."
    )


class LockedOut(CustmergeError):
    """Too many wrong tries (contract §5)."""

    code, exit = "locked_out", ExitCode.NOT_ALLOWED
    template = N_(
        "Too many wrong tries for {name}: locked until {until}, a supervisor ends it with `custmerge user unlock`."
    )


class LastSupervisor(CustmergeError):
    """Nobody would be left who could add anybody."""

    code, exit = "last_supervisor", ExitCode.NOT_ALLOWED
    template = N_("{name} is the last supervisor: make somebody else a supervisor first.")


class OwnTransfer(CustmergeError):
    """Rule 5: a transfer is filed and decided by two different people."""

    code, exit = "own_transfer", ExitCode.NOT_ALLOWED
    is_refusal = True
    template = N_("Contract transfer {id} was filed by you ({filed_by}): somebody else has to decide.")


class NotAllowed(CustmergeError):
    """The role doesn't allow it."""

    code, exit = "not_allowed", ExitCode.NOT_ALLOWED
    is_refusal = True
    template = N_("The role {role} may not do this: ask somebody whose role allows it.")


class PersonRequired(CustmergeError):
    """A service token at something that would outlast it: people, passwords, further tokens (contract §5)."""

    code, exit = "person_required", ExitCode.NOT_ALLOWED
    is_refusal = True
    template = N_(
        "{name} is a service token, and those change neither people nor tokens: log in yourself with "
        "`custmerge login --staff NAME`."
    )


class PasswordChangeRequired(CustmergeError):
    """A password that somebody else chose is good for one login, which changes it (contract §5)."""

    code, exit = "password_change_required", ExitCode.NOT_ALLOWED
    template = N_(
        "The password of {name} was chosen by {chosen_by} and has to be changed: log in on a terminal, or give the "
        "new password as the second line with --password-stdin."
    )


class NotOwnerOfRights(CustmergeError):
    """Rights that only who owns the database's tables may give."""

    code, exit = "not_owner", ExitCode.NOT_ALLOWED
    template = N_("{user} doesn't own the tables of this database: connect as their owner to give rights on them.")


class NotOwner(CustmergeError):
    """Something that only who owns the database's tables may do, for it needs no login."""

    code, exit = "not_owner", ExitCode.NOT_ALLOWED
    template = N_(
        "{user} doesn't own the tables of this database: connect as their owner, or let a supervisor run "
        "`custmerge user unlock`."
    )


class OwnNumberOnly(CustmergeError):
    """A customer named a number that isn't the own one."""

    code, exit = "own_number_only", ExitCode.NOT_ALLOWED
    is_refusal = True
    template = N_("{number} isn't the number that you logged in with: a customer sees and keeps the own one only.")


class HasStaff(CustmergeError):
    """`init --supervisor` on a database that has staff already."""

    code, exit = "has_staff", ExitCode.NOT_ALLOWED
    template = N_(
        "The database has staff already, so {name} can't be made its first supervisor: "
        "a supervisor adds people with `custmerge user add`."
    )


class UnknownNumber(CustmergeError):
    """For staff: a customer number that isn't there."""

    code, exit = "unknown_number", ExitCode.NOT_THERE
    template = N_("There is no customer number {number}: look it up with `custmerge find`.")


class UnknownOrder(CustmergeError):
    """An order's number that isn't there."""

    code, exit = "unknown_order", ExitCode.NOT_THERE
    template = N_("There is no order {order}: `custmerge history` lists them.")


class UnknownBatch(CustmergeError):
    """A bulk file's number that isn't there."""

    code, exit = "unknown_batch", ExitCode.NOT_THERE
    template = N_("There is no batch {batch}: `custmerge bulk status` lists them.")


class UnknownName(CustmergeError):
    """A staff name that isn't there."""

    code, exit = "unknown_name", ExitCode.NOT_THERE
    template = N_("There is nobody called {name}: `custmerge user list` shows everybody.")


class UnknownToken(CustmergeError):
    """A service token that isn't there, or isn't any more."""

    code, exit = "unknown_token", ExitCode.NOT_THERE
    template = N_("There is no service token {name}: `custmerge token list` shows them.")


class UnknownTransfer(CustmergeError):
    """A contract transfer that isn't there."""

    code, exit = "unknown_transfer", ExitCode.NOT_THERE
    template = N_("There is no contract transfer {id}: `custmerge transfer list` shows them.")


class MergedAway(CustmergeError):
    """Rule 9: a tombstone."""

    code, exit = "merged_away", ExitCode.NOT_THERE
    template = N_("{number} went into {merged_into}: use {merged_into}.")


class UndoChanged(CustmergeError):
    """What was shown isn't what an undo would do any more; `obstacles` are what stands in its way now."""

    code, exit = "changed", ExitCode.CONFLICT
    template = N_("What undoing {orders} would do changed meanwhile: nothing was undone, look at it again.")


class Changed(CustmergeError):
    """What was shown isn't what is there any more."""

    code, exit = "changed", ExitCode.CONFLICT
    template = N_("{survivor} or {absorbed} was changed meanwhile: nothing was merged, compare them again.")


class UndoBlocked(CustmergeError):
    """Later changes stand in the way of an undo: `obstacles` names every one."""

    code, exit = "undo_blocked", ExitCode.CONFLICT
    template = N_("Order {order} can't be undone: {obstacles}. Nothing was changed.")


class UndoBlockedByOrders(UndoBlocked):
    """Some of them are orders, which can be undone first: `undo_first`, newest first."""

    template = N_(
        "Order {order} can't be undone: {obstacles}. Nothing was changed; undo first: {undo_first} (--cascade does)."
    )


class AlreadyUndone(CustmergeError):
    """An order is undone once."""

    code, exit = "already_undone", ExitCode.CONFLICT
    template = N_("Order {order} was undone already, by {by} at {at}.")


class Purged(CustmergeError):
    """The before-image is erased."""

    code, exit = "purged", ExitCode.CONFLICT
    template = N_("Order {order} can't be undone any more: what was before it was erased by `custmerge purge`.")


class FormPurged(Purged):
    """So is a signed form."""

    template = N_("The form of contract transfer {id} isn't there any more: it was erased by `custmerge purge`.")


class PersonChanged(CustmergeError):
    """Somebody's row isn't as the history has it: a new seal would hide that from every audit."""

    code, exit = "person_changed", ExitCode.CONFLICT
    template = N_("{name} isn't as the history has it: somebody changed the database, run `custmerge audit`.")


class FormChanged(CustmergeError):
    """A signed form isn't the one that was filed."""

    code, exit = "form_changed", ExitCode.CONFLICT
    template = N_("The signed form of transfer {id} isn't the one that was filed: somebody changed the database.")


class ImageChanged(CustmergeError):
    """The before-image isn't the one that the history vouches for."""

    code, exit = "image_changed", ExitCode.CONFLICT
    template = N_("Order {order} isn't as the history has it: somebody changed the database, run `custmerge audit`.")


class ResultsChanged(CustmergeError):
    """What became of a bulk file's rows can't be read."""

    code, exit = "results_changed", ExitCode.CONFLICT
    template = N_("What became of the rows of batch {batch} can't be read any more: somebody changed the database.")


class UndoStopped(UndoBlocked):
    """Where orders of a batch were undone before."""

    template = N_("Order {order} can't be undone: {obstacles}. What was undone before it stays so.")


class UndoStoppedByOrders(UndoStopped):
    """Some of them are orders, which can be undone first: `undo_first`, newest first."""

    template = N_(
        "Order {order} can't be undone: {obstacles}. What was undone before it stays so; undo first: {undo_first}."
    )


class BatchUndone(AlreadyUndone):
    """A batch is undone once."""

    template = N_("Batch {batch} was undone already, by {by} at {at}.")


class BatchBusy(CustmergeError):
    """A bulk file that is run or undone, by whomever."""

    code, exit = "batch_busy", ExitCode.CONFLICT
    template = N_("Batch {batch} or its file is being run or undone by another process: wait for it to end.")


class UndoTooLate(CustmergeError):
    """An agent takes back own orders for a while only (contract §5)."""

    code, exit = "undo_too_late", ExitCode.NOT_ALLOWED
    is_refusal = True
    template = N_("Order {order} was made more than {minutes} minutes ago: ask a supervisor to undo it.")


class NotOwnOrder(CustmergeError):
    """An agent takes back own orders only (contract §5)."""

    code, exit = "not_own_order", ExitCode.NOT_ALLOWED
    is_refusal = True
    template = N_("Order {order} was made by {by}, not by you: ask a supervisor to undo it.")


class NameTaken(CustmergeError):
    """A staff name that exists."""

    code, exit = "name_taken", ExitCode.CONFLICT
    template = N_("There is somebody called {name} already: choose another name.")


class BatchMoved(CustmergeError):
    """A bulk file that is run or undone, by whomever."""

    code, exit = "batch_running", ExitCode.CONFLICT
    template = N_(
        "{file} is being run or undone by another process: wait for it to end, `custmerge bulk status` tells how far "
        "it is."
    )


class RunUnderWay(CustmergeError):
    """An upgrade while a program of an earlier version works on."""

    code, exit = "batch_running", ExitCode.CONFLICT
    template = N_(
        "An older program is running or undoing a bulk file in {database}: wait for it to end, or for a minute if it "
        "died, then run `custmerge init` again."
    )


class BatchApproved(CustmergeError):
    """A bulk file that is approved already."""

    code, exit = "batch_approved", ExitCode.CONFLICT
    template = N_("{file} is approved already, by {approved_by}: run it with `custmerge bulk run`.")


class ApprovalVoid(CustmergeError):
    """Rule 5: an approval ends with the right of whoever gave it."""

    code, exit = "approval_void", ExitCode.NOT_ALLOWED
    template = N_(
        "The approval of {file} by {approved_by} doesn't count any more: they are disabled or may not approve now. "
        "What was executed stays; somebody else has to approve the file for the rest."
    )


class ApprovalOver(ApprovalVoid):
    """It ends after seven days, in the middle of a run that was stopped for as long too."""

    template = N_(
        "The approval of {file} by {approved_by} ended after 7 days. What was executed stays; somebody has to "
        "approve the file anew for the rest."
    )


class OwnBatch(CustmergeError):
    """A bulk file is approved and run by two different people."""

    code, exit = "own_batch", ExitCode.NOT_ALLOWED
    is_refusal = True
    template = N_("{file} was approved by you ({approved_by}): somebody else has to run it.")


class NotApproved(CustmergeError):
    """Nothing authorises the rows of a bulk file: no passwords, and no approval, or one that has ended."""

    code, exit = "not_approved", ExitCode.NOT_ALLOWED
    template = N_(
        "{file} has no password column and isn't approved (any more): a supervisor who isn't the one that runs it "
        "approves it with `custmerge bulk approve {file}`."
    )


class TransferOpen(CustmergeError):
    """A pair has one open transfer at a time."""

    code, exit = "transfer_open", ExitCode.CONFLICT
    template = N_("Contract transfer {id} for {absorbed} into {survivor} is {status} already: use it or reject it.")


class TransferDecided(CustmergeError):
    """A transfer that can't be decided any more."""

    code, exit = "transfer_decided", ExitCode.CONFLICT
    template = N_("Contract transfer {id} is {status}: nothing was changed.")


class DatabaseError(CustmergeError):
    """The database can't do what was asked of it."""

    code, exit = "database", ExitCode.DATABASE
    template = N_("The database {database} refused: {reason}.")


class TextUnreadable(DatabaseError):
    """A text in it isn't UTF-8: custmerge didn't write it."""


class DatabaseMissing(DatabaseError):
    """No file or no database is there."""

    code = "database_missing"
    template = N_(
        "There is no database at {database}: create it with `custmerge init`, or name another with --database."
    )


class DatabaseUnreachable(DatabaseError):
    """The server doesn't answer or doesn't let us in."""

    code = "database_unreachable"
    template = N_(
        "The database {database} can't be reached ({reason}): check its address, its server and your rights."
    )


class NotCommitted(DatabaseUnreachable):
    """The connection was lost before the transaction was committed."""

    code = "not_committed"
    template = N_(
        "The connection to the database {database} was lost ({reason}) before this was committed: nothing of it was "
        "done, try again."
    )


class OutcomeUnknown(DatabaseUnreachable):
    """The connection was lost while the transaction was being committed, and the server can't be asked."""

    code = "outcome_unknown"
    template = N_(
        "The connection to the database {database} was lost ({reason}) while this was being committed, and it can't "
        "be reached to find out: look it up with `custmerge history` before you try again."
    )


class PartNotCommitted(NotCommitted):
    """Of long work whose parts are committed one by one: before the next part was."""

    template = N_(
        "The connection to the database {database} was lost ({reason}) before the next part was committed: {done} of "
        "{total} are done and stay so, the others aren't; the same command goes on."
    )


class PartUnknown(OutcomeUnknown):
    """Likewise, while the next part was being committed."""

    template = N_(
        "The connection to the database {database} was lost ({reason}) while the next part was being committed, and "
        "it can't be reached to find out: {done} of {total} are done and stay so; the same command finds out and "
        "goes on."
    )


class DatabaseLocked(DatabaseError):
    """Another process holds it for longer than we wait."""

    code = "database_locked"
    template = N_(
        "The database {database} is locked by another process: nothing half done was left behind, try again."
    )


class DatabaseConflict(DatabaseLocked):
    """Two transactions stood in each other's way, and this one was broken off (SQLSTATE 40001, 40P01)."""

    code = "database_conflict"
    template = N_(
        "The database {database} broke this off for another change: nothing half done was left behind, try again."
    )


class DatabaseReadOnly(DatabaseError):
    """It can be read but not written."""

    code = "database_read_only"
    template = N_("The database {database} is read-only: nothing half done was left behind, check the rights on it.")


class DatabaseFull(DatabaseError):
    """No room is left."""

    code = "database_full"
    template = N_(
        "The disk of the database {database} is full: nothing half done was left behind, make room and try again."
    )


class ClockBehind(DatabaseError):
    """On SQLite this machine's clock is all there is, and it says something that can't be."""

    code = "clock_behind"
    template = N_(
        "This machine's clock says {now}, but the newest history entry in {database} is from {newest}: "
        "set the clock (NTP), then try again."
    )


class TemporaryFilesFailed(CustmergeError):
    """No room, or no right, for what is kept outside of the database while a command works."""

    code, exit = "temporary_files", ExitCode.DATABASE
    template = N_(
        "Temporary files can't be written in {directory} ({reason}): nothing half done was left behind, make room "
        "there or name another directory with TMPDIR."
    )


class NotADatabase(DatabaseError):
    """A file of another kind, or a damaged one."""

    code = "not_a_database"
    template = N_("{database} isn't a sound SQLite database ({reason}): name another, or restore a copy.")


class NoSchema(DatabaseError):
    """A database without our tables."""

    code = "no_schema"
    template = N_("The database {database} has no custmerge tables: create them with `custmerge init`.")


class OldSchema(DatabaseError):
    """A database that an older program made."""

    code = "old_schema"
    template = N_("The database {database} is of version {version}, older than this program: run `custmerge init`.")


class NewSchema(DatabaseError):
    """A database that a newer program made."""

    code = "new_schema"
    template = N_(
        "The database {database} is of version {version}, which this program doesn't know: install a newer custmerge."
    )


class DomainsClash(DatabaseError):
    """Rows of the register are one domain in two writings, and a version that keeps it once can't take them."""

    code = "domains_clash"
    template = N_(
        "The database {database} stays at its version: {clashes}. Take one of the two out of its package with the "
        "version of custmerge that you had (`import packages --update`), then run `custmerge init` again."
    )


class ReferenceWouldGo(DatabaseError):
    """A table of the host's would lose which domain its rows are about."""

    code = "reference_would_go"
    template = N_(
        "The database {database} stays at its version: domains get other keys, and the table {table} would lose what "
        "it says of them (ON UPDATE {action}). Declare that reference ON UPDATE CASCADE, then run `custmerge init` "
        "again."
    )


class KeyringUnavailable(CustmergeError):
    """Nowhere to keep a token."""

    code, exit = "keyring_unavailable", ExitCode.NOT_ALLOWED
    template = N_(
        "No keyring can be used here ({reason}): log in with --print-token and set CUSTMERGE_TOKEN, put the token "
        "into $CREDENTIALS_DIRECTORY/custmerge-token, or use --insecure-storage (a file that only you can read)."
    )


class LooseTokenFile(CustmergeError):
    """A token's file that others can read."""

    code, exit = "loose_token_file", ExitCode.NOT_ALLOWED
    template = N_("{file} isn't yours alone (mode {mode}): give it the mode 0600, or remove it and log in again.")


class OthersTokenFile(LooseTokenFile):
    """One that belongs to somebody else, whatever its mode."""

    template = N_("{file} isn't yours alone: it belongs to user {owner}; remove it and log in again.")


class LooseFile(CustmergeError):
    """A file that this program obeys, and that others can change or read a secret in."""

    code, exit = "loose_file", ExitCode.NOT_ALLOWED
    template = N_("{file} isn't used: {why} (mode {mode}); give it to yourself alone with `chmod 600`.")


class OthersFile(LooseFile):
    """One that belongs to somebody else, who can change it whatever its mode."""

    template = N_("{file} isn't used: it belongs to user {owner}; give it to yourself with `chown` and `chmod 600`.")


class NoHome(CustmergeError):
    """A user without a home directory: nowhere to look for files that have no name of their own."""

    code, exit = "no_home", ExitCode.USAGE
    template = N_(
        "This user has no home directory: set HOME or XDG_DATA_HOME, or name the database with "
        "CUSTMERGE_DATABASE_URL and give the token with CUSTMERGE_TOKEN."
    )


class NoPlaceForToken(CustmergeError):
    """A file for a token that can't be written."""

    code, exit = "no_place_for_token", ExitCode.NOT_ALLOWED
    template = N_("{file} can't be written ({reason}): log in with --print-token and set CUSTMERGE_TOKEN.")


class BadTokenFile(CustmergeError):
    """A token's file that can't be read as one."""

    code, exit = "bad_token_file", ExitCode.NOT_ALLOWED
    template = N_("{file} can't be used as a token ({reason}): put the token into it, or log in again.")


class Interrupted(CustmergeError):
    """Ctrl-C."""

    code, exit = "interrupted", ExitCode.INTERRUPTED
    template = N_("Interrupted: nothing half done was left behind.")


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether an error is Ctrl-C, or what came of it in a library that it took by surprise."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


class DecidedElsewhere(CustmergeError):
    """What became of a bulk file's row, as another version of the program has kept it."""

    code, exit = "decided_elsewhere", ExitCode.NOT_ALL
    template = N_("Decided by another version of custmerge, which says: {code}.")


class HostBusy(CustmergeError):
    """Others verify passwords on all cores, and don't end."""

    code, exit = "host_busy", ExitCode.UNEXPECTED
    template = N_(
        "This machine was busy with other passwords for {seconds} s: nothing half done was left behind, try again."
    )


class OutputFailed(CustmergeError):
    """What was done is done, but nobody could be told."""

    code, exit = "output_failed", ExitCode.UNEXPECTED
    template = N_(
        "The output couldn't be written ({reason}): what the command did stands, `custmerge history` tells."
    )


class OutputClosed(OutputFailed):
    """Nobody could be told, which was seen before anything was done."""

    template = N_("Standard output is closed, or can't be written to: nothing was done.")


class ReportLost(OutputFailed):
    """Rows were looked at or executed, and what became of each isn't written down."""

    template = N_(
        "The report {file} couldn't be written to its end ({reason}) and was taken away; what was done with the rows "
        "stands, `custmerge history` tells."
    )


class TokenLost(OutputFailed):
    """A token that nobody has read opens nothing any more."""

    template = N_("The token couldn't be written to standard output, so it was ended: nobody has it.")


class Unexpected(CustmergeError):
    """A fault of the program's own."""

    code, exit = "unexpected", ExitCode.UNEXPECTED
    template = N_("Unexpected error ({kind}): nothing half done was left behind; the details are in {file}.")


class UnexpectedUnsaved(Unexpected):
    """Likewise, where no file can be written."""

    template = N_(
        "Unexpected error ({kind} at {place}): nothing half done was left behind; no file could be written to "
        "keep the details in."
    )


class ProcessLost(Unexpected):
    """Somebody, or the system for want of memory, killed a process that helped."""

    code = "process_lost"
    template = N_(
        "A process that helped was killed, perhaps because memory was short: nothing was changed, try again."
    )
