"""Audit: proves that history and data hold (preliminary: the chain and its checkpoints only)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.audit import Audit, Checked, CheckName, Finding, Severity
from custmerge.rules.history import NO_HASH, Head, chain_hash
from custmerge.rules.roles import Capability
from custmerge.services.access import demand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from custmerge.rules.checkpoints import Checkpoint
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be looked at."""

    checks: frozenset[CheckName]
    checkpoints: Callable[[], Iterator[Checkpoint]] | None
    """What reads the checkpoints anew, oldest first; None where there are none."""
    since_checkpoint: bool
    retention_days: int


def audit(database: Database, caller: Caller, wanted: Wanted, now: datetime) -> Audit:  # noqa: ARG001
    """Return what an audit of the moment `now` comes to. Raises NotAllowed, BadFile, DatabaseError."""
    demand(caller, Capability.AUDIT)
    began = time.perf_counter()
    seen = {found.seq: found.hash for found in wanted.checkpoints()} if wanted.checkpoints else {}
    findings: dict[CheckName, list[Finding]] = {}
    seq, digest = 0, NO_HASH
    with database.reading() as unit:
        for entry in unit.chain.oldest():
            seq, digest = seq + 1, chain_hash(digest, entry.body)
            if entry.hash != digest:
                why = "this entry doesn't follow from the one before it: restore a copy, and find out who changed it"
                _found(findings, CheckName.CHAIN, f"history {entry.seq}", why)
                break
            if seen.pop(seq, digest) != digest:
                _found(findings, CheckName.CHECKPOINT, f"history {seq}", "its checkpoint has another hash")
    if seen.get(0) == NO_HASH:
        del seen[0]
    for missing in seen:
        _found(findings, CheckName.CHECKPOINT, f"history {missing}", "its checkpoint is there, the entry isn't")
    checks = [Checked(name, findings.get(name, ())) for name in CheckName if name in wanted.checks]
    return Audit(checks, Head(seq, digest, 0), time.perf_counter() - began)


def _found(findings: dict[CheckName, list[Finding]], check: CheckName, subject: str, why: str) -> None:
    findings.setdefault(check, []).append(Finding(check, Severity.CRITICAL, subject, why))
