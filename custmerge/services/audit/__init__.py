"""The audit: proof that history and data hold (contract §7)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from custmerge.errors import N_, TextUnreadable
from custmerge.rules.audit import Audit, Checked, CheckName, Checkpoint, Finding, Findings
from custmerge.rules.history import NO_HASH, Head
from custmerge.rules.people import Capability
from custmerge.rules.times import stamp
from custmerge.services.access import Caller, demand
from custmerge.services.audit import catalogue as audit_catalogue
from custmerge.services.audit import ledger, people
from custmerge.services.audit import register as audit_register
from custmerge.services.audit import warnings as audit_warnings
from custmerge.services.audit.ledger import Stretch
from custmerge.services.audit.processes import AuditProcesses, readable
from custmerge.storage.database import Database
from custmerge.storage.unit import Unit

T = TypeVar("T")

LOOK_AGAIN = 3
"""An audit that found something while others were writing is repeated, up to so many looks in all."""
CHECKPOINTS_AT_ONCE = 500
SECONDS_BY_CONTENT, SECONDS_BY_CHAIN = 25e-6, 3e-6
"""About what an entry takes, with its order, before-image and packages, and alone; measured."""
_CHAIN_TABLES = {"custmerge_history", "custmerge_head"}
_NOT_THERE = N_("names history entry {seq}, which there isn't: the history was cut off or replaced.")
_OTHER_HASH = N_("has another hash for history entry {seq}: the history was rewritten.")
_NO_HEAD = N_("the end of the chain isn't written down as one row any more: it was changed, deleted or put in twice.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked."""

    checks: frozenset[CheckName]
    checkpoints: Callable[[], Iterator[Checkpoint]] | None
    """Gives what earlier audits have written down, oldest first."""
    since_checkpoint: bool
    """Verify only what came after the last checkpoint."""
    retention_days: int


def audit(database: Database, caller: Caller, wanted: Wanted, now: datetime) -> Audit:
    """Check everything that is wanted and return the findings; changes nothing.

    Raises NotAllowed, BadFile for a checkpoint file that can't be read, DatabaseError.
    """
    demand(caller, Capability.AUDIT)
    began = time.monotonic()
    for left in reversed(range(LOOK_AGAIN)):
        look = _Look(database, wanted, now)
        head, findings = look.everything()
        if not look.was_disturbed or not findings.kept or not left:
            break
    return Audit(_checked(wanted.checks, findings), head, time.monotonic() - began)


def _checked(checks: frozenset[CheckName], findings: Findings) -> list[Checked]:
    by_check: dict[CheckName, list[Finding]] = {check: [] for check in CheckName if check in checks}
    for finding in findings.kept:
        if finding.check in checks:
            by_check[finding.check].append(finding)
    return [
        Checked(check, kept, findings.counts.get(check, len(kept)) - len(kept)) for check, kept in by_check.items()
    ]


class _Look:
    """One look at the whole, as it is at one moment."""

    def __init__(self, database: Database, wanted: Wanted, now: datetime) -> None:
        self._database = database
        self._wanted = wanted
        self._checks = wanted.checks
        self._now = now
        self._takes_any_text = False
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
            unreadable = audit_catalogue.unreadable(unit, findings, self._checks)
            known = frozenset(finding.subject for finding in findings.kept)
            catalogue = partial(audit_catalogue.examine, checks=self._checks, known=known)
            if not unreadable.isdisjoint(_CHAIN_TABLES):
                # Nothing else can be compared with anything.
                findings.extend(catalogue(unit))
                return Head(0, NO_HASH, 0), findings
            last = self._compare_checkpoints(unit, findings)
            since = last if self._wanted.since_checkpoint else None
            before = unit.ledger_reader.head()
            # If one of the two was changed, the other may still say how many entries there are.
            end = min(unit.ledger_reader.last_seq(), before.seq if before else sys.maxsize)
            entries = end - (0 if since is None else since.seq)
        seconds = entries * (SECONDS_BY_CONTENT if self._checks & ledger.BY_ORDER else SECONDS_BY_CHAIN)
        # Processes are started while the database isn't open.
        with (
            AuditProcesses(self._database, seconds=seconds, takes_any_text=self._takes_any_text) as processes,
            self._reading() as unit,
        ):
            written = unit.ledger_reader.head()
            if written is None:
                findings.add(CheckName.CHAIN, "head", _NO_HEAD)
            head = written or Head(unit.ledger_reader.last_seq(), NO_HASH, 0)
            about_tables = processes.ask(catalogue)
            self._check_rest(unit, processes, findings, head, last)
            findings.extend(processes.answer(about_tables, unit))
            self.was_disturbed = {before} | processes.heads != {written}
            return head, findings

    @contextmanager
    def _reading(self) -> Iterator[Unit]:
        with self._database.reading() as unit:
            if self._takes_any_text:
                unit.ledger_reader.take_any_text()
            yield unit

    def _check_rest(
        self, unit: Unit, processes: AuditProcesses, findings: Findings, head: Head, last: Checkpoint | None
    ) -> None:
        since = last if self._wanted.since_checkpoint else None
        first = 1 if since is None else since.seq + 1
        only = None if since is None else unit.ledger_reader.numbers_since(first)
        contents = processes.ask(partial(audit_catalogue.examine_contents, checks=self._checks))
        register = processes.ask(partial(audit_register.examine, checks=self._checks, only=only))
        stretches = self._stretches(unit, findings, first, head.seq)
        parts = [processes.ask(partial(ledger.examine, stretch=stretch)) for stretch in stretches]
        self._warn(unit, findings, last)
        results = [processes.answer(part, unit) for part in parts]
        findings.extend(ledger.join(results, unit, head, self._checks, is_whole=since is None))
        findings.extend(processes.answer(register, unit))
        findings.extend(processes.answer(contents, unit))
        used = {transfer: order for part in results for transfer, order in part.transfers.items()}
        findings.extend(people.examine(unit, self._checks, used))

    def _stretches(self, unit: Unit, findings: Findings, first: int, last: int) -> list[Stretch]:
        erased_until, packages_after = "", 0
        with readable(unit, findings, CheckName.CHAIN):
            erased_until, _count = ledger.purged(unit, "orders")
            packages_after = ledger.last_import_of_packages(unit)
        # Bounds come from the entries that there are: a number that somebody wrote into the head would have no end.
        bounds = unit.ledger_reader.bounds(first, last, AuditProcesses.ENTRIES_AT_ONCE)
        return [
            Stretch(begin, end, self._checks, erased_until, packages_after)
            for begin, end in bounds or [(first, first - 1)]
        ]

    def _compare_checkpoints(self, unit: Unit, findings: Findings) -> Checkpoint | None:
        """Compare the history with what earlier audits wrote down; returns the last checkpoint."""
        last = None
        if self._wanted.checkpoints is None:
            return None
        for some in _batched(self._wanted.checkpoints(), CHECKPOINTS_AT_ONCE):
            last = some[-1]
            if CheckName.CHECKPOINT not in self._checks and not self._wanted.since_checkpoint:
                continue
            hashes = unit.ledger_reader.hashes({checkpoint.seq for checkpoint in some}) | {0: NO_HASH}
            for checkpoint in some:
                message = _NOT_THERE if checkpoint.seq not in hashes else _OTHER_HASH
                if hashes.get(checkpoint.seq) != checkpoint.hash:
                    subject = f"checkpoint {checkpoint.at}"
                    findings.add(CheckName.CHECKPOINT, subject, message, seq=checkpoint.seq)
        return last

    def _warn(self, unit: Unit, findings: Findings, last: Checkpoint | None) -> None:
        # A line from the future says nothing of the moment of the last audit.
        is_past = last is not None and last.at <= stamp(self._now)
        since = last.at if last is not None and is_past else stamp(self._now - timedelta(days=1))
        days = self._wanted.retention_days
        warnings = audit_warnings.examine(unit, self._checks, since=since, retention_days=days, now=self._now)
        with readable(unit, findings, CheckName.OPEN):
            for warning in warnings:
                findings.keep(warning)


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    some: list[T] = []
    for item in items:
        some.append(item)
        if len(some) >= size:
            yield some
            some = []
    if some:
        yield some
