"""What an audit warns of: nothing was touched, but somebody should look after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Finding, Severity
from custmerge.rules.bulk import APPROVED_FOR, State
from custmerge.rules.history import Action
from custmerge.rules.times import moment, stamp
from custmerge.rules.transfers import OPEN
from custmerge.services.transfer import as_they_are

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

FAILED_LOGINS = 20
"""So many wrong passwords since the last audit are worth a look; one lock is."""
EXPIRES_WITHIN = timedelta(days=7)
OPEN_FOR = timedelta(days=7)
RUNS_FOR = timedelta(days=1)

_FAILED = N_("wrong passwords since {since}: {count}; `custmerge history --action login_failed` lists them.")
_LOCKED = N_("locks since {since}: {count}; `custmerge history --action locked` lists them.")
_EXPIRES = N_("ends at {at}: make a new one with `custmerge token create`.")
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
_OLD_DETAILS = N_(
    "and others before {until} still quote cells of their files: `custmerge purge --older-than {days}d` erases them."
)


def examine(
    unit: Unit, checks: frozenset[CheckName], *, since: str, retention_days: int, now: datetime
) -> Iterator[Finding]:
    """Give what should be looked after; `since` is the moment of the last audit."""
    if CheckName.LOGINS in checks:
        yield from _logins(unit, since)
    if CheckName.EXPIRY in checks:
        yield from _expiry(unit, now)
    if CheckName.OPEN in checks:
        yield from _open_transfers(unit, now)
        yield from _open_batches(unit, now)
    if CheckName.RETENTION in checks:
        yield from _retention(unit, stamp(now - timedelta(days=retention_days)), retention_days)


def _logins(unit: Unit, since: str) -> Iterator[Finding]:
    failed = unit.ledger_reader.entries_since(Action.LOGIN_FAILED.value, since)
    if failed >= FAILED_LOGINS:
        yield _warning(CheckName.LOGINS, "login", _FAILED, count=failed, since=since)
    locked = unit.ledger_reader.entries_since(Action.LOCKED.value, since)
    if locked:
        yield _warning(CheckName.LOGINS, "login", _LOCKED, count=locked, since=since)


def _expiry(unit: Unit, now: datetime) -> Iterator[Finding]:
    for made in unit.people.all_services():
        if made.revoked_at is None and stamp(now) <= made.expires_at <= stamp(now + EXPIRES_WITHIN):
            yield _warning(CheckName.EXPIRY, f"token {made.name}", _EXPIRES, at=made.expires_at)


def _retention(unit: Unit, until: str, days: int) -> Iterator[Finding]:
    if (order := unit.ledger_reader.old_image(until)) is not None:
        yield _warning(CheckName.RETENTION, f"order {order}", _OLD_IMAGES, until=until, days=days)
    if (transfer := unit.transfers.old_texts(until)) is not None:
        yield _warning(CheckName.RETENTION, f"transfer {transfer}", _OLD_TEXTS, until=until, days=days)
    if (batch := unit.batches.old_details(until)) is not None:
        yield _warning(CheckName.RETENTION, f"batch {batch}", _OLD_DETAILS, until=until, days=days)


def _open_transfers(unit: Unit, now: datetime) -> Iterator[Finding]:
    for found in as_they_are(unit, unit.transfers.stored_as(*OPEN, filed_before=stamp(now - OPEN_FOR))):
        subject = f"transfer {found.id}"
        if found.status in OPEN:
            yield _warning(CheckName.OPEN, subject, _TRANSFER_OPEN, status=found.status.value, at=found.at)
        else:
            yield _warning(CheckName.OPEN, subject, _TRANSFER_LAPSED, at=found.at)


def _open_batches(unit: Unit, now: datetime) -> Iterator[Finding]:
    for batch in unit.batches.unfinished():
        approved = batch.approved_at
        if batch.state is State.APPROVED and approved and now >= moment(approved) + APPROVED_FOR:
            yield _warning(CheckName.OPEN, f"batch {batch.id}", _BATCH_UNRUN, at=approved)
        elif approved and now >= moment(approved) + APPROVED_FOR:
            yield _warning(CheckName.OPEN, f"batch {batch.id}", _BATCH_OVER, at=approved)
        elif batch.state is State.RUNNING and batch.at < stamp(now - RUNS_FOR):
            yield _warning(CheckName.OPEN, f"batch {batch.id}", _BATCH_UNFINISHED, at=batch.at)


def _warning(check: CheckName, subject: str, message: str, **details: str | int) -> Finding:
    return Finding(check, Severity.WARNING, subject, message, details)
