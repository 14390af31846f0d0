"""The audit: proof that history and data hold, and its checkpoint file (contract §7)."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from custmerge.errors import N_, TextUnreadable
from custmerge.rules.audit import Audit, Checked, CheckName, Checkpoint, Findings, Verdict
from custmerge.rules.bulk import APPROVED_FOR, State
from custmerge.rules.history import NO_HASH, Action, Head, moment, stamp
from custmerge.rules.people import Capability
from custmerge.rules.transfers import OPEN
from custmerge.services.access import Caller, demand
from custmerge.services.audit import ledger, people, tables
from custmerge.services.audit.ledger import Stretch
from custmerge.services.audit.workers import AuditProcesses, readable
from custmerge.services.authority import last_update, with_present_status
from custmerge.storage.database import Database
from custmerge.storage.files import checkpoint_file
from custmerge.storage.unit import Unit

RUNS_AT_MOST = 3
"""An audit that found something while others were writing is repeated, up to this number of runs in all."""
CHECKPOINTS_AT_ONCE = 500
SECONDS_BY_CONTENT, SECONDS_BY_CHAIN = 25e-6, 3e-6
"""Measured time for one entry: with its order, before-image and packages, and without them."""
_NOT_THERE = N_("names history entry {seq}, which there isn't: the history was cut off or replaced.")
_OTHER_HASH = N_("has another hash for history entry {seq}: the history was rewritten.")
_NO_HEAD = N_("the end of the chain isn't written down as one row any more: it was changed, deleted or put in twice.")

FAILED_LOGINS = 20
"""So many wrong passwords since the last audit are a warning; a single lock is one, too."""
EXPIRES_WITHIN = timedelta(days=7)
OPEN_FOR = timedelta(days=7)
RUNS_FOR = timedelta(days=1)

_FAILED = N_("wrong passwords since {since}: {count}; `custmerge history --action login_failed` lists them.")
_LOCKED = N_("locks since {since}: {count}; `custmerge history --action locked` lists them.")
_EXPIRES = N_(
    "ends at {at}: make a new one with `custmerge token create`; if there is one, end this with `custmerge token "
    "revoke`."
)
_TRANSFER_OPEN = N_("has been {status} since {at}: `custmerge transfer show` it, then decide or use it.")
_TRANSFER_LAPSED = N_("was filed at {at} for a pair that has changed since: `custmerge purge` makes it void.")
_BATCH_UNRUN = N_("was approved at {at} and not run in time: approve the file again or forget it.")
_BATCH_OVER = N_("was approved at {at} and not run to its end in time: approve the file again, or undo the batch.")
_BATCH_UNFINISHED = N_("was begun at {at} and isn't finished: run the file again, it goes on.")
_OLD_IMAGES = N_(
    "and others before {until} still have their before-images: `custmerge purge --older-than {days}d` erases them."
)
_OLD_TEXTS = N_(
    "and others that ended before {until} still have their signed form or reason: "
    "`custmerge purge --older-than {days}d` erases them."
)
_OLD_REASONS = N_(
    "and others before {until} still have their reason: `custmerge purge --older-than {days}d` erases them."
)
_OLD_DETAILS = N_(
    "and others before {until} still quote cells of their files: `custmerge purge --older-than {days}d` erases them."
)

_UNSIGNED = N_("this line of {file} isn't signed: find out who wrote it, and restore the file from a copy")
_WRONG = N_("the signature of this line of {file} is wrong: find out who wrote it, and restore the file from a copy")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of an audit."""

    checks: frozenset[CheckName]
    checkpoints: Callable[[], Iterator[Checkpoint]] | None
    """Yields the checkpoints of earlier audits, oldest first."""
    since_checkpoint: bool
    """Whether only entries after the last checkpoint are verified."""
    retention_days: int


def audit(database: Database, caller: Caller, wanted: Wanted, now: datetime) -> Audit:
    """Return the findings of the checks that are wanted; changes nothing.

    Raises NotAllowed, BadFile for a checkpoint file that can't be read, DatabaseError.
    """
    demand(caller, Capability.AUDIT)
    began = time.monotonic()
    for left in reversed(range(RUNS_AT_MOST)):
        look = _AuditRun(database, wanted, now)
        head, findings = look.everything()
        if not look.was_disturbed or not findings.kept or not left:
            break
    checked = [findings.checked(check) for check in CheckName if check in wanted.checks]
    return Audit(checked, head, time.monotonic() - began)


class _AuditRun:
    """One run of an audit, on the state at one moment."""

    def __init__(self, database: Database, wanted: Wanted, now: datetime) -> None:
        self._database = database
        self._wanted = wanted
        self._checks = wanted.checks
        self._now = now
        self._takes_any_text = False
        self._last: Checkpoint | None = None
        """The newest checkpoint of an earlier audit."""
        self._since: Checkpoint | None = None
        """The same checkpoint if only entries after it are verified, else None."""
        self.was_disturbed = False

    def everything(self) -> tuple[Head, Findings]:
        """Return the end of the chain and the findings."""
        try:
            return self._everything()
        except TextUnreadable:
            self._takes_any_text = True
            return self._everything()

    def _everything(self) -> tuple[Head, Findings]:
        findings = Findings()
        with self._reading() as unit:
            unreadable = tables.unreadable(unit, findings, self._checks)
            known = frozenset(finding.subject for finding in findings.kept)
            catalogue = partial(tables.examine_catalogue, checks=self._checks, known=known)
            if CheckName.CHAIN in unreadable:
                # Without the history, nothing else can be checked.
                findings.extend(catalogue(unit))
                return Head(0, NO_HASH, 0), findings
            self._last = self._compare_checkpoints(unit, findings)
            self._since = self._last if self._wanted.since_checkpoint else None
            before = unit.ledger_reader.head()
            # If head or entries were changed, the other may still tell how many entries there are.
            end = min(unit.ledger_reader.last_seq(), before.seq if before else sys.maxsize)
        entries = end - (self._since.seq if self._since else 0)
        seconds = entries * (SECONDS_BY_CONTENT if self._checks & ledger.BY_ORDER else SECONDS_BY_CHAIN)
        # Processes must be started while the database isn't open.
        with (
            AuditProcesses(self._database, seconds=seconds, takes_any_text=self._takes_any_text) as processes,
            self._reading() as unit,
        ):
            written = unit.ledger_reader.head()
            if written is None:
                findings.add(CheckName.CHAIN, "head", _NO_HEAD)
            head = written or Head(unit.ledger_reader.last_seq(), NO_HASH, 0)
            about_tables = processes.ask(catalogue)
            self._check_rest(unit, processes, findings, head)
            findings.extend(processes.answer(about_tables, unit))
            self.was_disturbed = {before} | processes.heads != {written}
            return head, findings

    @contextmanager
    def _reading(self) -> Iterator[Unit]:
        with self._database.reading() as unit:
            if self._takes_any_text:
                unit.ledger_reader.take_any_text()
            yield unit

    def _check_rest(self, unit: Unit, processes: AuditProcesses, findings: Findings, head: Head) -> None:
        first = self._since.seq + 1 if self._since else 1
        only = unit.ledger_reader.numbers_since(first) if self._since else None
        contents = processes.ask(partial(tables.examine_contents, checks=self._checks))
        register = processes.ask(partial(tables.examine_register, checks=self._checks, only=only))
        stretches = self._stretches(unit, findings, first, head.seq)
        parts = [processes.ask(partial(ledger.examine, stretch=stretch)) for stretch in stretches]
        self._warn(unit, findings)
        results = [processes.answer(part, unit) for part in parts]
        findings.extend(ledger.join(results, unit, head, self._checks, is_whole=self._since is None))
        findings.extend(processes.answer(register, unit))
        findings.extend(processes.answer(contents, unit))
        used = {transfer: order for part in results for transfer, order in part.transfers.items()}
        findings.extend(people.examine(unit, self._checks, used))

    def _stretches(self, unit: Unit, findings: Findings, first: int, last: int) -> list[Stretch]:
        erased_until, packages_after = "", 0
        with readable(unit, findings, CheckName.CHAIN):
            erased_until, _count = ledger.purged(unit, "orders")
            packages_after = last_update(unit, "packages")
        # Bounds come from the entries, not from the head, into which somebody could write any large number.
        bounds = unit.ledger_reader.bounds(first, last, AuditProcesses.ENTRIES_AT_ONCE)
        return [
            Stretch(begin, end, self._checks, erased_until, packages_after)
            for begin, end in bounds or [(first, first - 1)]
        ]

    def _compare_checkpoints(self, unit: Unit, findings: Findings) -> Checkpoint | None:
        """Compare the history with the checkpoints of earlier audits; returns the last checkpoint."""
        last = None
        checkpoints = self._wanted.checkpoints() if self._wanted.checkpoints else iter(())
        while group := list(islice(checkpoints, CHECKPOINTS_AT_ONCE)):
            last = group[-1]
            if CheckName.CHECKPOINT not in self._checks and not self._wanted.since_checkpoint:
                continue
            hashes = unit.ledger_reader.hashes({checkpoint.seq for checkpoint in group}) | {0: NO_HASH}
            for checkpoint in group:
                message = _NOT_THERE if checkpoint.seq not in hashes else _OTHER_HASH
                if hashes.get(checkpoint.seq) != checkpoint.hash:
                    subject = f"checkpoint {checkpoint.at}"
                    findings.add(CheckName.CHECKPOINT, subject, message, seq=checkpoint.seq)
        return last

    def _warn(self, unit: Unit, findings: Findings) -> None:
        """Add the warnings: things that somebody should look after, though nothing was changed by hand."""
        now, last = self._now, self._last
        with readable(unit, findings, CheckName.OPEN):
            if CheckName.LOGINS in self._checks:
                # A checkpoint from the future doesn't tell when the last audit was.
                is_past = last is not None and last.at <= stamp(now)
                since = last.at if last is not None and is_past else stamp(now - timedelta(days=1))
                _warn_of_logins(unit, findings, since)
            if CheckName.EXPIRY in self._checks:
                _warn_of_expiry(unit, findings, now)
            if CheckName.OPEN in self._checks:
                _warn_of_transfers(unit, findings, now)
                _warn_of_batches(unit, findings, now)
            if CheckName.RETENTION in self._checks:
                days = self._wanted.retention_days
                _warn_of_retention(unit, findings, stamp(now - timedelta(days=days)), days)


def _warn_of_logins(unit: Unit, findings: Findings, since: str) -> None:
    failed = unit.ledger_reader.entries_since(Action.LOGIN_FAILED.value, since)
    if failed >= FAILED_LOGINS:
        findings.warn(CheckName.LOGINS, "login", _FAILED, count=failed, since=since)
    locked = unit.ledger_reader.entries_since(Action.LOCKED.value, since)
    if locked:
        findings.warn(CheckName.LOGINS, "login", _LOCKED, count=locked, since=since)


def _warn_of_expiry(unit: Unit, findings: Findings, now: datetime) -> None:
    for made in unit.people.all_services():
        if made.revoked_at is None and stamp(now) <= made.expires_at <= stamp(now + EXPIRES_WITHIN):
            findings.warn(CheckName.EXPIRY, f"token {made.name}", _EXPIRES, at=made.expires_at)


def _warn_of_retention(unit: Unit, findings: Findings, until: str, days: int) -> None:
    if (order := unit.ledger_reader.old_image(until)) is not None:
        findings.warn(CheckName.RETENTION, f"order {order}", _OLD_IMAGES, until=until, days=days)
    if (transfer := unit.transfers.old_texts(until)) is not None:
        findings.warn(CheckName.RETENTION, f"transfer {transfer}", _OLD_TEXTS, until=until, days=days)
    if (pair := unit.dismissals.oldest_reason(until)) is not None:
        findings.warn(CheckName.RETENTION, "dismissal {} {}".format(*pair), _OLD_REASONS, until=until, days=days)
    if (batch := unit.batches.old_details(until)) is not None:
        findings.warn(CheckName.RETENTION, f"batch {batch}", _OLD_DETAILS, until=until, days=days)


def _warn_of_transfers(unit: Unit, findings: Findings, now: datetime) -> None:
    for transfer in with_present_status(unit, unit.transfers.stored_as(*OPEN, filed_before=stamp(now - OPEN_FOR))):
        subject = f"transfer {transfer.id}"
        if transfer.status in OPEN:
            findings.warn(CheckName.OPEN, subject, _TRANSFER_OPEN, status=transfer.status.value, at=transfer.at)
        else:
            findings.warn(CheckName.OPEN, subject, _TRANSFER_LAPSED, at=transfer.at)


def _warn_of_batches(unit: Unit, findings: Findings, now: datetime) -> None:
    for batch in unit.batches.unfinished():
        approved = batch.approved_at
        if approved and now >= moment(approved) + APPROVED_FOR:
            message = _BATCH_UNRUN if batch.state is State.APPROVED else _BATCH_OVER
            findings.warn(CheckName.OPEN, f"batch {batch.id}", message, at=approved)
        elif batch.state is State.RUNNING and batch.at < stamp(now - RUNS_FOR):
            findings.warn(CheckName.OPEN, f"batch {batch.id}", _BATCH_UNFINISHED, at=batch.at)


class CheckpointBook:
    """A checkpoint file; without a path, checkpoints are written elsewhere and none are read."""

    def __init__(
        self, path: str | None, *, sign_key: str | None, verify_key: str | None, environ: Mapping[str, str]
    ) -> None:
        """Load the keys, so that a wrong key is reported before the audit. Raises BadFile."""
        self._path = path
        self._sign = checkpoint_file.signer(sign_key, environ) if sign_key else None
        self._is_right = checkpoint_file.verifier(verify_key) if verify_key else None

    @property
    def checkpoints(self) -> Callable[[], Iterator[Checkpoint]] | None:
        """A function that reads the checkpoints again, oldest first; None without a file. It raises BadFile."""
        path = self._path
        return None if path is None else lambda: checkpoint_file.read(path)

    def verified(self, done: Audit) -> Audit:
        """Return an audit with a further finding for each line that isn't signed correctly.

        Nothing is added without a key, or if the check was left out. Raises BadFile.
        """
        if self._is_right is None or self._path is None:
            return done
        path, is_right = self._path, self._is_right
        checks = [
            _with_wrong_lines(checked, path, is_right) if checked.check is CheckName.CHECKPOINT else checked
            for checked in done.checks
        ]
        return replace(done, checks=checks)

    def following(self, done: Audit, now: datetime) -> Checkpoint | None:
        """Return the checkpoint of an audit at the moment `now`, signed if there is a key.

        None if findings are critical, or if the audit left out a check that a checkpoint needs: that everything up to
        it is right.
        """
        looked_at = {checked.check for checked in done.checks}
        needed = {CheckName.CHAIN} if self._path is None else {CheckName.CHAIN, CheckName.CHECKPOINT}
        if done.verdict is Verdict.CRITICAL or not needed <= looked_at:
            return None
        new = Checkpoint(done.head.seq, done.head.hash, stamp(now), None)
        return new if self._sign is None else self._sign(new)

    def keep(self, new: Checkpoint) -> None:
        """Append a checkpoint to the file, if there is one; raises BadFile."""
        if self._path is not None:
            checkpoint_file.append(self._path, new)


def _with_wrong_lines(checked: Checked, path: str, is_right: Callable[[Checkpoint], bool]) -> Checked:
    """Return a check with a further finding for each line of a file that isn't signed correctly."""
    # All findings of this check are critical, so findings that are only counted don't change the verdict.
    findings = Findings(list(checked.findings), Counter({checked.check: checked.count}))
    for number, checkpoint in checkpoint_file.numbered(path):
        if not is_right(checkpoint):
            message = _UNSIGNED if checkpoint.signature is None else _WRONG
            findings.add(checked.check, f"checkpoint line {number}", message, file=path)
    return findings.checked(checked.check)
