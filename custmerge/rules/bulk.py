"""Bulk files: what a row asks for, what becomes of it, and when an approval holds (contract §6)."""

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
    IdentityBlocked,
    LockedOut,
    MergedAway,
    ProofRefused,
    ProofRequired,
    SelfMerge,
    UnknownNumber,
)
from custmerge.rules.fields import DETAIL_FIELDS, Field, wrong_with_number
from custmerge.rules.history import MAY_BE_APART, has_begun, moment, row_digest, stamp
from custmerge.rules.plan import Choice, Wishes
from custmerge.rules.records import shortened, unguard, wrong_with_digits

COLUMNS = ("survivor", "absorbed", "choice", "domain", "password", "take")
REQUIRED = ("survivor", "absorbed")
APPROVED_FOR = timedelta(days=7)
ALIVE_FOR = timedelta(seconds=60)
"""So long a lease lasts unless it is renewed."""


class Result(StrEnum):
    """What becomes of a row."""

    MERGED = "merged"
    ALREADY = "already"
    """Executed by an earlier run of this file, or the absorbed number leads to this survivor already."""
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    BLOCKED = "blocked"
    DIFFERS = "differs"
    FAILED = "failed"


IS_WELL = (Result.MERGED, Result.ALREADY)


class State(StrEnum):
    """Where a batch is in its life."""

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
    """When it was approved, or begun; see `history.stamp`."""
    id: int = 0
    """0 for a batch that isn't kept yet."""
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
    """What is wrong with it whatever the database holds."""


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
    """What is to be said about it."""


def read_row(row: int, cells: Mapping[str, str]) -> BulkRow:
    """Return what the cells of one row ask for."""
    survivor, absorbed = unguard(cells["survivor"].strip()), unguard(cells["absorbed"].strip())
    choice, take = cells.get("choice", "").strip(), cells.get("take", "").split()
    wishes = Wishes(
        Choice(choice) if choice in _CHOICES else None, tuple(Field(name) for name in take if name in DETAIL_FIELDS)
    )
    # A longer number is none, and would only be carried through messages, report and database.
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
    """Return the line of a row that wasn't merged."""
    result = next((result for result, kinds in _RESULTS.items() if isinstance(error, kinds)), Result.FAILED)
    return Outcome(row.row, row.survivor, row.absorbed, result, code=int(error.exit), error=error)


def approval_holds(batch: Batch, now: datetime) -> bool:
    """Return whether a batch may still be run as a whole: approved, not for too long, and not finished."""
    if batch.approved_at is None or batch.state not in UNFINISHED:
        return False
    return has_begun(batch.approved_at, now) and now < moment(batch.approved_at) + APPROVED_FOR


def approval_digest(batch: Batch) -> str:
    """Return the digest of a bulk file's approval."""
    approved = (batch.approved_by, batch.approved_by_person, batch.approved_at)
    return row_digest("approval", batch.id, batch.sha256, batch.rows, *approved)


def goes_on(batch: Batch, now: datetime) -> bool:
    """Return whether a run of the file goes on with this batch instead of beginning one of its own.

    Not where the approval has ended under which it was begun.
    """
    return batch.state is State.RUNNING and (batch.approved_at is None or approval_holds(batch, now))


def is_alive(batch: Batch, now: datetime) -> bool:
    """Return whether a batch has a lease that hasn't expired."""
    if batch.alive_until is None:
        return False
    return stamp(now) < batch.alive_until <= stamp(now + ALIVE_FOR + MAY_BE_APART)


# Any: JSON, as it goes and as it comes.
def packed(outcome: Outcome) -> list[Any]:
    """Return what `unpacked` needs: result, code and order, and behind them what there is to be said of the row."""
    error = outcome.error
    return [outcome.result.value, outcome.code, outcome.order, *((error.code, error.details) if error else ())]


def unpacked(row: BulkRow, kept: Sequence[Any]) -> Outcome:
    """Return the outcome that `packed` kept of a row, as a later run tells it: what was merged is so already.

    `kept` may be of another version, which knew other results and errors.
    """
    result, code, order, *said = kept
    error = _error(said[0], said[1] if len(said) > 1 else {}) if said else None
    if result not in set(Result):
        result, error = Result.FAILED, error or DecidedElsewhere(code=str(result))
    result = Result.ALREADY if result == Result.MERGED else Result(result)
    return Outcome(row.row, row.survivor, row.absorbed, result, code=code, order=order, error=error)


def _error(code: str, details: Mapping[str, Any]) -> CustmergeError:
    """Return an error that was kept, or DecidedElsewhere where this version can't say it."""
    try:
        filled = {
            name: [Field(item) for item in value] if name in _FIELD_LISTS and code != BadValue.code else value
            for name, value in details.items()
        }
        error = _CLASSES[code](**filled)
        # The message is made of these, some of which are templates themselves.
        for template in (error.template, *(str(filled[name]) for name in _TEMPLATES if name in filled)):
            template.format(**filled)
    except (LookupError, TypeError, ValueError, AttributeError):
        return DecidedElsewhere(code=str(code))
    return error


_CHOICES = (Choice.ADOPT.value, Choice.KEEP.value)
_RESULTS: dict[Result, tuple[type[CustmergeError], ...]] = {
    Result.REFUSED: (SelfMerge, BadValue, ProofRefused, ProofRequired, LockedOut),
    Result.NOT_FOUND: (UnknownNumber, MergedAway),
    Result.BLOCKED: (IdentityBlocked,),
    Result.DIFFERS: (DetailsDiffer,),
}
_CLASSES = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CustmergeError)
}
# Details that hold fields, which people read under other names.
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
