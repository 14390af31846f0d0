"""Bulk files: what a row asks for, its result, and when an approval is valid (contract §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from custmerge import errors
from custmerge.errors import (
    N_,
    BadValue,
    CustmergeError,
    DecidedElsewhere,
    DetailsDiffer,
    FieldNotWritable,
    IdentityBlocked,
    LockedOut,
    MergedAway,
    OtherScope,
    OwnPasswordRefused,
    OwnPasswordRequired,
    ProofRefused,
    ProofRequired,
    ReferenceRefused,
    SelfMerge,
    UnknownNumber,
)
from custmerge.rules.fields import DETAIL_FIELDS, Field, wrong_with_number
from custmerge.rules.history import CLOCK_TOLERANCE, has_begun, moment, row_digest, stamp
from custmerge.rules.plan import Choice, Wishes
from custmerge.rules.proofs import ProofBy
from custmerge.rules.records import shortened, unguard, wrong_with_digits

COLUMNS = ("survivor", "absorbed", "choice", "domain", "password", "take")
REQUIRED = ("survivor", "absorbed")
APPROVED_FOR = timedelta(days=7)
ALIVE_FOR = timedelta(seconds=60)
"""A lease expires after this time unless it is renewed."""


class Result(StrEnum):
    """The result of a row."""

    MERGED = "merged"
    ALREADY = "already"
    """An earlier run of this file merged it, or the absorbed number leads to this survivor already."""
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    BLOCKED = "blocked"
    DIFFERS = "differs"
    FAILED = "failed"


SUCCESSES = (Result.MERGED, Result.ALREADY)


class State(StrEnum):
    """The state of a batch."""

    APPROVED = "approved"
    RUNNING = "running"
    FINISHED = "finished"
    UNDONE = "undone"


UNFINISHED = (State.APPROVED, State.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A bulk file that was approved or run."""

    sha256: str
    state: State
    rows: int
    at: str
    """When it was approved or its run began; see `history.stamp`."""
    id: int = 0
    """0 for a batch that isn't stored yet."""
    done: int = 0
    merged: int = 0
    approved_by: str | None = None
    approved_by_person: int | None = None
    approved_at: str | None = None
    run_by: str | None = None
    runner: str | None = None
    """The process that runs or undoes it, see `services.bulk.lease`."""
    alive_until: str | None = None
    """When the runner's lease expires unless it is renewed, see `history.stamp`."""


@dataclass(frozen=True, slots=True)
class BulkRow:
    """A row of a bulk file."""

    row: int
    """Counted from 1 without the header."""
    survivor: str
    absorbed: str
    wishes: Wishes
    domain: str
    password: str
    problem: CustmergeError | None
    """What is wrong with the row by itself, independent of the database."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line of the report."""

    row: int
    survivor: str
    absorbed: str
    result: Result
    code: int = 0
    order: int | None = None
    error: CustmergeError | None = None
    """Why the row has this result."""


def read_row(row: int, cells: Mapping[str, str]) -> BulkRow:
    """Return a row of a bulk file from its cells."""
    survivor, absorbed = unguard(cells["survivor"].strip()), unguard(cells["absorbed"].strip())
    choice, take = cells.get("choice", "").strip(), cells.get("take", "").split()
    wishes = Wishes(
        Choice(choice) if choice in _CHOICES else None, tuple(Field(name) for name in take if name in DETAIL_FIELDS)
    )
    # A text that was shortened is no valid number; messages, report and database needn't hold all of it.
    return BulkRow(
        row=row,
        survivor=shortened(survivor),
        absorbed=shortened(absorbed),
        wishes=wishes,
        domain=unguard(cells.get("domain", "")),
        password=cells.get("password", ""),
        problem=_problem(survivor, absorbed, choice, take),
    )


def outcome_of(row: BulkRow, error: CustmergeError) -> Outcome:
    """Return the report's line for a row that wasn't merged because of `error`."""
    result = next((result for result, kinds in _RESULTS.items() if isinstance(error, kinds)), Result.FAILED)
    return Outcome(row.row, row.survivor, row.absorbed, result, code=int(error.exit), error=error)


def approval_holds(batch: Batch, now: datetime) -> bool:
    """Return whether a batch may be run without passwords: approved within APPROVED_FOR, and not finished."""
    if batch.approved_at is None or batch.state not in UNFINISHED:
        return False
    return has_begun(batch.approved_at, now) and now < moment(batch.approved_at) + APPROVED_FOR


def approval_digest(batch: Batch) -> str:
    """Return the digest of a bulk file's approval."""
    approved = (batch.approved_by, batch.approved_by_person, batch.approved_at)
    return row_digest("approval", batch.id, batch.sha256, batch.rows, *approved)


def can_continue(batch: Batch, now: datetime) -> bool:
    """Return whether a run of the file continues this batch instead of starting a new one.

    It starts a new one if the batch was started under an approval that has ended.
    """
    return batch.state is State.RUNNING and (batch.approved_at is None or approval_holds(batch, now))


def is_alive(batch: Batch, now: datetime) -> bool:
    """Return whether a batch has a lease that hasn't expired."""
    if batch.alive_until is None:
        return False
    return stamp(now) < batch.alive_until <= stamp(now + ALIVE_FOR + CLOCK_TOLERANCE)


# Any: JSON values.
def packed(outcome: Outcome) -> list[Any]:
    """Return an outcome as JSON for `unpacked`: result, code, order; then the error's code and details, if any."""
    error = outcome.error
    return [outcome.result.value, outcome.code, outcome.order, *((error.code, error.details) if error else ())]


def unpacked(row: BulkRow, stored: Sequence[Any]) -> Outcome:
    """Return the outcome of a row that an earlier run stored by `packed`; MERGED becomes ALREADY.

    Another version may have written `stored`, with other results and errors.
    """
    result, code, order, *rest = stored
    error = _error(rest[0], rest[1] if len(rest) > 1 else {}) if rest else None
    if result not in set(Result):
        result, error = Result.FAILED, error or DecidedElsewhere(code=str(result))
    result = Result.ALREADY if result == Result.MERGED else Result(result)
    return Outcome(row.row, row.survivor, row.absorbed, result, code=code, order=order, error=error)


def _error(code: str, details: Mapping[str, Any]) -> CustmergeError:
    """Return an error that `packed` stored, or DecidedElsewhere if this version doesn't know it."""
    for kind in _CLASSES.get(code, ()):
        try:
            if issubclass(kind, _BY_PASSWORD) != (details.get("proof") == ProofBy.PASSWORD):
                continue
            filled = {
                name: [Field(item) for item in value] if name in _FIELD_LISTS and code != BadValue.code else value
                for name, value in details.items()
            }
            error = kind(**filled)
            # The message is filled from these details; some of them are templates themselves.
            for template in (error.template, *(str(filled[name]) for name in _TEMPLATES if name in filled)):
                template.format(**filled)
        except (LookupError, TypeError, ValueError, AttributeError):
            continue
        return error
    return DecidedElsewhere(code=str(code))


_CHOICES = (Choice.ADOPT.value, Choice.KEEP.value)
_RESULTS: dict[Result, tuple[type[CustmergeError], ...]] = {
    Result.REFUSED: (SelfMerge, BadValue, FieldNotWritable, ProofRefused, ProofRequired, LockedOut),
    Result.NOT_FOUND: (UnknownNumber, MergedAway),
    Result.BLOCKED: (IdentityBlocked, OtherScope, ReferenceRefused),
    Result.DIFFERS: (DetailsDiffer,),
}
_CLASSES: dict[str, list[type[CustmergeError]]] = {}
"""The errors of each code, those that say more first: the run of a file raises these."""
for _kind in vars(errors).values():
    if isinstance(_kind, type) and issubclass(_kind, CustmergeError):
        _CLASSES.setdefault(_kind.code, []).insert(0, _kind)
_BY_PASSWORD = (OwnPasswordRefused, OwnPasswordRequired)
# Details that hold fields; they are shown under translated names.
_FIELD_LISTS = ("fields", "blocked_by")
_TEMPLATES = ("why", "what", "role", "status")


def _problem(survivor: str, absorbed: str, choice: str, take: Sequence[str]) -> CustmergeError | None:
    for name, value in (("survivor", survivor), ("absorbed", absorbed)):
        if why := wrong_with_number(value) or wrong_with_digits(value):
            return BadValue(name=name, value=shortened(value), why=why)
    if survivor == absorbed:
        return SelfMerge(number=survivor)
    if choice and choice not in _CHOICES:
        return BadValue(name="choice", value=shortened(choice), why=N_("choose adopt or keep, or leave it empty"))
    for name in take:
        if name not in DETAIL_FIELDS:
            why = N_("is no detail field; they are {fields}")
            return BadValue(
                name="take", value=shortened(name), why=why, fields=[field.value for field in DETAIL_FIELDS]
            )
    return None
