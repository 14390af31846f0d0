"""Contract transfers: filed by one person, decided by another, used by one order (contract §2, rule 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import (
    N_,
    BadValue,
    FormChanged,
    FormPurged,
    NotBlocked,
    NotOwnTransfer,
    OwnTransfer,
    PersonChanged,
    TransferDecided,
    TransferFiled,
    TransferOpen,
    UnknownTransfer,
)
from custmerge.rules.compare import Comparison, compare
from custmerge.rules.fields import Customer
from custmerge.rules.history import Action, Actor, Draft, Fact, stamp
from custmerge.rules.mask import masked_comparison
from custmerge.rules.people import Capability, survivor_of
from custmerge.rules.proofs import ProofBy
from custmerge.rules.transfers import (
    OPEN,
    Status,
    Transfer,
    Why,
    decision_digest,
    filing_digest,
    identity_digest,
    is_as_filed,
    read_form,
    status_now,
    void_entries,
)
from custmerge.services.access import Caller, demand, demand_alive, demand_living, person_of
from custmerge.services.authority import scope_error, with_form_checked, with_present_status

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

LISTED_AT_MOST = 100
LONGEST_REASON = 1_000
_ORDER = {Status.FILED: 0, Status.APPROVED: 1}


@dataclass(frozen=True, slots=True)
class Filing:
    """A request to file a signed form."""

    absorbed: str
    into: str | None
    file: str
    """The file's name, for errors."""
    content: bytes


def file(database: Database, caller: Caller, filing: Filing, *, salt: bytes, now: datetime) -> Transfer:
    """File a signed form for a pair and return the transfer; `salt` is 16 fresh random bytes.

    Raises BadFile for content that is no form, UnknownNumber, MergedAway, OtherScope, NotBlocked, TransferOpen.
    """
    demand(caller, Capability.TRANSFER_FILE)
    survivor = survivor_of(caller.own_number, filing.into, filing.absorbed)
    form = read_form(filing.content, file=filing.file)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            kept, absorbed = demand_living(unit, survivor, filing.absorbed, lock=True)
            if error := scope_error(unit, caller, kept, absorbed):
                raise error
            # Where there is no proof, a transfer stands in for it too.
            is_needed = unit.register.proof_by is ProofBy.NOTHING or compare(kept, absorbed).blocked_by
            if not is_needed:
                raise NotBlocked(survivor=survivor, absorbed=filing.absorbed)
            lapsed = _make_room(unit, (kept, absorbed), caller.actor, stamp(now))
            new = Transfer(
                id=0,
                survivor=survivor,
                absorbed=filing.absorbed,
                status=Status.FILED,
                filed_by=caller.name,
                filed_by_person=person_of(caller),
                at=stamp(now),
                form=form,
                salt=salt,
                identity_sha256=identity_digest(salt, kept, absorbed),
            )
            new = replace(new, id=unit.transfers.add(new, filing.content))
            facts = {**new.facts, "row_sha256": filing_digest(new.row)}
            unit.chain.append([*lapsed, Draft(stamp(now), caller.actor, Action.TRANSFER_FILE, facts)])
    return new


def list_all(database: Database, caller: Caller, status: Status | None) -> tuple[Transfer, ...]:
    """Return up to `LISTED_AT_MOST` transfers with their present status.

    Those that wait for a decision come first, then those that wait to be used, then the others; each newest first.
    """
    demand(caller, Capability.TRANSFER_FILE)
    with database.reading() as unit:
        # A transfer may have become void while its row still says that it is open.
        stored = set(Status) if status is None else {status, *(OPEN if status is Status.VOID else ())}
        asked = [stored.intersection(OPEN), stored.difference(OPEN)]
        rows = [row for kinds in asked if kinds for row in unit.transfers.newest(LISTED_AT_MOST, kinds)]
        transfers = with_present_status(unit, rows)
    found = [transfer for transfer in transfers if status is None or transfer.status is status]
    found.sort(key=lambda transfer: (_ORDER.get(transfer.status, len(_ORDER)), -transfer.id))
    return tuple(found[:LISTED_AT_MOST])


def show(database: Database, caller: Caller, number: int) -> Transfer:
    """Return a transfer with its present status; raises UnknownTransfer."""
    demand(caller, Capability.TRANSFER_FILE)
    with database.reading() as unit:
        return _transfer(unit, number, lock=False)


def form_of(database: Database, caller: Caller, number: int, now: datetime) -> bytes:
    """Return the signed form of a transfer and write an entry of the export; raises UnknownTransfer, FormPurged.

    Raises FormChanged if the form isn't the one that was filed, whatever the status of the transfer is.
    """
    demand(caller, Capability.TRANSFER_FILE)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            transfer = _transfer(unit, number, lock=False)
            content = _kept_form(unit, transfer)
            facts: dict[str, Fact] = {"kind": "form", "transfer": number}
            facts |= {"survivor": transfer.survivor, "absorbed": transfer.absorbed}
            unit.chain.append([Draft(stamp(now), caller.actor, Action.EXPORT, facts)])
    return content


def _kept_form(unit: Unit, transfer: Transfer) -> bytes:
    """Return the form of a transfer; raises FormPurged, and FormChanged if it isn't the one that was filed."""
    content = unit.transfers.form_of(transfer.id)
    if not content or not isinstance(content, bytes):
        raise FormPurged(id=transfer.id)
    if not is_as_filed(content, transfer.form.sha256):
        raise FormChanged(id=transfer.id)
    return content


def decidable(database: Database, caller: Caller, number: int, to: Status) -> tuple[Transfer, Comparison]:
    """Return a transfer that the caller may approve or reject, and its pair's comparison, with bank data masked.

    Raises the errors of `decide`.
    """
    _demand_decider(database, caller, number, to)
    with database.reading() as unit:
        transfer = _decidable(unit, caller, number, to, lock=False)
        records = demand_living(unit, transfer.survivor, transfer.absorbed)
        return transfer, masked_comparison(compare(*records))


def withdrawable(database: Database, caller: Caller, number: int) -> Transfer:
    """Return a transfer that the caller may withdraw; raises the errors of `withdraw`."""
    demand(caller, Capability.TRANSFER_FILE)
    with database.reading() as unit:
        return _withdrawable(unit, caller, number, lock=False)


def withdraw(database: Database, caller: Caller, number: int, now: datetime) -> Transfer:
    """Make a transfer void that the caller filed, even if it is approved, and return it.

    Raises UnknownTransfer, NotOwnTransfer, TransferDecided.
    """
    demand(caller, Capability.TRANSFER_FILE)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            transfer = _withdrawable(unit, caller, number, lock=True)
            unit.transfers.void(number)
            unit.chain.append(void_entries([transfer], Why.WITHDRAWN, caller.actor, stamp(now)))
    return replace(transfer, status=Status.VOID)


def decide(
    database: Database, caller: Caller, number: int, to: Status, *, reason: str | None = None, now: datetime
) -> Transfer:
    """Approve or reject a transfer that another person filed, and return it; an approved one can still be rejected.

    Raises UnknownTransfer, OwnTransfer, TransferDecided, BadValue for a rejection without a reason.
    """
    _demand_decider(database, caller, number, to)
    if to is Status.REJECTED and not (reason and reason.strip() and len(reason) <= LONGEST_REASON):
        raise BadValue(name="--reason", value=(reason or "")[:40], why=N_("give 1 to 1,000 characters"))
    action = Action.TRANSFER_APPROVE if to is Status.APPROVED else Action.TRANSFER_REJECT
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            transfer = _decidable(unit, caller, number, to, lock=True)
            decided = replace(
                transfer,
                status=to,
                decided_by=caller.name,
                decided_by_person=person_of(caller),
                decided_at=stamp(now),
                reason=reason,
            )
            unit.transfers.decide(decided)
            facts = {**decided.facts, "row_sha256": decision_digest(decided.row, to)}
            unit.chain.append([Draft(stamp(now), caller.actor, action, facts)])
    return decided


def _demand_decider(database: Database, caller: Caller, number: int, to: Status) -> None:
    """Raise unless the caller may decide; for the filer OwnTransfer comes before PersonChanged."""
    try:
        demand(caller, Capability.TRANSFER_DECIDE)
    except PersonChanged:
        with database.reading() as unit:
            _decidable(unit, caller, number, to, lock=False)
        raise


def _make_room(unit: Unit, pair: Sequence[Customer], by: Actor, at: str) -> list[Draft]:
    """Make the open transfer of a pair void if it isn't valid any more, and return its entry.

    Raises TransferOpen if it is valid.
    """
    survivor, absorbed = (record.number for record in pair)
    before = unit.transfers.open_for(survivor, absorbed)
    if before is None:
        return []
    if with_form_checked(unit, before).status in OPEN:
        kind = TransferFiled if before.status is Status.FILED else TransferOpen
        status, filed_by = before.status.value, before.filed_by
        raise kind(id=before.id, survivor=survivor, absorbed=absorbed, status=status, filed_by=filed_by)
    unit.transfers.void(before.id)
    is_changed = status_now(before, {record.number: record for record in pair}) is Status.VOID
    return void_entries([before], Why.IDENTITY_CHANGED if is_changed else Why.NOT_AS_TOLD, by, at)


def _decidable(unit: Unit, caller: Caller, number: int, to: Status, *, lock: bool) -> Transfer:
    transfer = _transfer(unit, number, lock=lock)
    if transfer.filed_by_person == person_of(caller):
        raise OwnTransfer(id=number, filed_by=transfer.filed_by)
    if transfer.status not in OPEN or transfer.status is to:
        raise TransferDecided(id=number, status=transfer.status.value)
    return transfer


def _withdrawable(unit: Unit, caller: Caller, number: int, *, lock: bool) -> Transfer:
    transfer = _transfer(unit, number, lock=lock)
    if transfer.filed_by_person != person_of(caller):
        raise NotOwnTransfer(id=number, filed_by=transfer.filed_by)
    if transfer.status not in OPEN:
        raise TransferDecided(id=number, status=transfer.status.value)
    return transfer


def _transfer(unit: Unit, number: int, *, lock: bool) -> Transfer:
    """Return a transfer with its present status, for which its form counts too; raises UnknownTransfer."""
    stored = unit.transfers.transfer(number, lock=lock)
    if stored is None:
        raise UnknownTransfer(id=number)
    return with_form_checked(unit, stored)
