"""The contract transfer: filed by one, decided by another, used by one order (contract §2, rule 5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custmerge.errors import (
    N_,
    BadFile,
    BadValue,
    FormChanged,
    FormPurged,
    OwnTransfer,
    PersonChanged,
    TransferDecided,
    TransferOpen,
    UnknownTransfer,
)
from custmerge.rules import seals
from custmerge.rules.history import Action, Draft
from custmerge.rules.roles import Capability
from custmerge.rules.times import stamp
from custmerge.rules.transfers import (
    LARGEST_FORM_BYTES,
    OPEN,
    Decision,
    Form,
    Status,
    Transfer,
    Why,
    form_type,
    identity_digest,
    status_now,
)
from custmerge.services.access import demand, demand_alive, living, person_of, survivor_of
from custmerge.services.authority import has_its_form, standing
from custmerge.services.voiding import void_entries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from custmerge.rules.fields import Customer
    from custmerge.rules.history import Fact
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

LISTED_AT_MOST = 100
LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Filing:
    """A signed form as somebody hands it in."""

    absorbed: str
    into: str | None
    file: str
    """The file's name, for errors."""
    content: bytes


def file(database: Database, caller: Caller, filing: Filing, *, salt: bytes, now: datetime) -> Transfer:
    """Keep a signed form for a pair; `salt` is 16 fresh random bytes.

    Raises BadFile for what is no form, UnknownNumber, MergedAway, TransferOpen.
    """
    demand(caller, Capability.TRANSFER_FILE)
    survivor = survivor_of(caller, filing.into, filing.absorbed)
    form = checked_form(filing)

    def keep(unit: Unit) -> Transfer:
        demand_alive(unit, caller, now)
        records = unit.register.customers((survivor, filing.absorbed), lock=True)
        kept, absorbed = (
            living(number, records.get(number), unit.register.end_of_chain) for number in (survivor, filing.absorbed)
        )
        made_void = _make_room(unit, kept, absorbed)
        new = Transfer(
            id=0,
            survivor=survivor,
            absorbed=filing.absorbed,
            status=Status.FILED,
            filed_by=caller.name,
            filed_by_person=person_of(caller),
            at=stamp(now),
            decided_by=None,
            reason=None,
            form=form,
            salt=salt,
            identity_sha256=identity_digest(salt, kept, absorbed),
        )
        new = replace(new, id=unit.transfers.add(new, filing.content))
        if made_void is not None:
            unit.chain.append(void_entries([made_void[0]], made_void[1], caller.actor, stamp(now)))
        _note(unit, caller, now, Action.TRANSFER_FILE, new, seals.of_filing(new))
        return new

    return database.attempt(keep)


def checked_form(filing: Filing) -> Form:
    """Return what there is to say of a form; raises BadFile for one that is too large or of another kind."""
    if len(filing.content) > LARGEST_FORM_BYTES:
        raise BadFile(file=filing.file, why=N_("is larger than 20 MB"))
    kind = form_type(filing.content)
    if kind is None:
        raise BadFile(file=filing.file, why=N_("is no PDF, TIFF, PNG or JPEG file"))
    return Form(hashlib.sha256(filing.content).hexdigest(), len(filing.content), kind)


def list_all(database: Database, caller: Caller, status: Status | None) -> tuple[Transfer, ...]:
    """Return the newest transfers, with the status that they have now, newest first."""
    demand(caller, Capability.TRANSFER_FILE)
    with database.reading() as unit:
        # One that has become void without being written down so is still stored as open.
        stored = list(Status) if status is None else {status, *(OPEN if status is Status.VOID else ())}
        found = as_they_are(unit, unit.transfers.newest(LISTED_AT_MOST, stored))
    return tuple(one for one in found if status is None or one.status is status)


def one(database: Database, caller: Caller, number: int) -> Transfer:
    """Return a transfer with the status that it has now; raises UnknownTransfer."""
    demand(caller, Capability.TRANSFER_FILE)
    with database.reading() as unit:
        return _found(unit, number, lock=False)


def form_of(database: Database, caller: Caller, number: int, now: datetime) -> bytes:
    """Return the signed form of a transfer, once the history says that it was; raises UnknownTransfer, FormPurged.

    Raises FormChanged for one that isn't what was filed, whatever became of the transfer.
    """
    demand(caller, Capability.TRANSFER_FILE)

    def noted(unit: Unit) -> bytes:
        demand_alive(unit, caller, now)
        found = _found(unit, number, lock=False)
        content = unit.sealed.form_of(number)
        if not content or not isinstance(content, bytes):
            raise FormPurged(id=number)
        if not has_its_form(unit, found):
            raise FormChanged(id=number)
        facts: dict[str, Fact] = {"kind": "form", "transfer": number}
        facts |= {"survivor": found.survivor, "absorbed": found.absorbed}
        unit.chain.append([Draft(stamp(now), caller.actor, Action.EXPORT, facts)])
        return content

    return database.attempt(noted)


def decidable(database: Database, caller: Caller, number: int, to: Status) -> Transfer:
    """Return a transfer that the caller may approve or reject; raises what `decide` raises."""
    _demand_decider(database, caller, number, to)
    with database.reading() as unit:
        return _decidable(unit, caller, number, to, lock=False)


def decide(
    database: Database, caller: Caller, number: int, to: Status, *, reason: str | None = None, now: datetime
) -> Transfer:
    """Approve or reject a transfer that somebody else filed; an approved one can still be rejected.

    Raises UnknownTransfer, OwnTransfer, TransferDecided, BadValue for a rejection without a reason.
    """
    _demand_decider(database, caller, number, to)
    if to is Status.REJECTED and not (reason and reason.strip() and len(reason) <= LONGEST_REASON):
        raise BadValue(name="--reason", value=(reason or "")[:40], why=N_("give 1 to 1,000 characters"))

    def write(unit: Unit) -> Transfer:
        demand_alive(unit, caller, now)
        found = _decidable(unit, caller, number, to, lock=True)
        decision = Decision(to, caller.name, person_of(caller), stamp(now), reason)
        unit.transfers.decide(number, decision)
        action = Action.TRANSFER_APPROVE if to is Status.APPROVED else Action.TRANSFER_REJECT
        _note(unit, caller, now, action, found, seals.of_decision(found, decision))
        return replace(found, status=to, decided_by=caller.name, reason=reason)

    return database.attempt(write)


def _demand_decider(database: Database, caller: Caller, number: int, to: Status) -> None:
    """Raise unless the caller may decide; whoever filed it is told that first, whatever they are called by now."""
    try:
        demand(caller, Capability.TRANSFER_DECIDE)
    except PersonChanged:
        with database.reading() as unit:
            _decidable(unit, caller, number, to, lock=False)
        raise


def approved_for(unit: Unit, survivor: Customer, absorbed: Customer) -> int | None:
    """Return the id of the approved, unused transfer for exactly this pair in this direction, or None."""
    found = unit.transfers.open_for(survivor.number, absorbed.number, lock=False)
    if found is None or _status(unit, found, survivor, absorbed) is not Status.APPROVED:
        return None
    return found.id


def _make_room(unit: Unit, survivor: Customer, absorbed: Customer) -> tuple[Transfer, Why] | None:
    """Make an open transfer for the pair void if that is what it has become; raises TransferOpen if not.

    Returns which one that was and why, to be told in the history.
    """
    before = unit.transfers.open_for(survivor.number, absorbed.number, lock=True)
    if before is None:
        return None
    if _status(unit, before, survivor, absorbed) in OPEN:
        raise TransferOpen(
            id=before.id, survivor=survivor.number, absorbed=absorbed.number, status=before.status.value
        )
    unit.transfers.void(before.id)
    is_changed = status_now(before, survivor, absorbed) is Status.VOID
    return before, Why.IDENTITY_CHANGED if is_changed else Why.NOT_AS_TOLD


def _status(unit: Unit, found: Transfer, survivor: Customer, absorbed: Customer) -> Status:
    told = replace(found, status=standing(unit, [found])[found.id])
    now = replace(told, status=status_now(told, survivor, absorbed))
    return _with_its_form(unit, now).status


def _decidable(unit: Unit, caller: Caller, number: int, to: Status, *, lock: bool) -> Transfer:
    found = _found(unit, number, lock=lock)
    if found.filed_by_person == person_of(caller):
        raise OwnTransfer(id=number, filed_by=found.filed_by)
    if found.status not in OPEN or found.status is to:
        raise TransferDecided(id=number, status=found.status.value)
    return found


def _found(unit: Unit, number: int, *, lock: bool) -> Transfer:
    found = unit.transfers.transfer(number, lock=lock)
    if found is None:
        raise UnknownTransfer(id=number)
    return _with_its_form(unit, as_they_are(unit, [found])[0])


def _with_its_form(unit: Unit, found: Transfer) -> Transfer:
    """Return a transfer as it is, void where it is open and its form isn't the one that was filed."""
    if found.status in OPEN and not has_its_form(unit, found):
        return replace(found, status=Status.VOID)
    return found


def as_they_are(unit: Unit, found: Iterable[Transfer]) -> list[Transfer]:
    """Return transfers with the status that they have now, whatever is stored."""
    stored = list(found)
    told = standing(unit, stored)
    transfers = [replace(one, status=told[one.id]) for one in stored]
    numbers = {number for one in transfers if one.status in OPEN for number in (one.survivor, one.absorbed)}
    records = unit.register.customers(numbers) if numbers else {}
    return [
        replace(one, status=status_now(one, records.get(one.survivor), records.get(one.absorbed)))
        for one in transfers
    ]


def _note(unit: Unit, caller: Caller, now: datetime, action: Action, found: Transfer, seal: str) -> None:
    facts: dict[str, Fact] = {
        "survivor": found.survivor,
        "absorbed": found.absorbed,
        "transfer": found.id,
        "form_sha256": found.form.sha256,
        "row_sha256": seal,
    }
    unit.chain.append([Draft(stamp(now), caller.actor, action, facts)])
