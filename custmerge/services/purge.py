"""Purge: erases personal data that is no longer needed; the history still verifies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from custmerge.rules.fields import Pair
from custmerge.rules.history import Action, Draft, Fact, image_digest, stamp
from custmerge.rules.people import Capability
from custmerge.rules.transfers import OPEN, Status, Why, decision_digest, is_as_filed, status_now, void_entries
from custmerge.services.access import Caller, demand, demand_alive
from custmerge.services.authority import records_of

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Purged:
    """The numbers of things that a purge erased, or would erase."""

    until: str
    """Only what ended before this moment is erased."""
    orders: int
    """Number of before-images of orders."""
    forms: int
    """Number of signed forms, of transfers that were rejected, used or void."""
    reasons: int
    """Number of reasons for which transfers were rejected or duplicates dismissed."""
    rows: int
    """Number of rows of finished bulk files whose results quote cells."""
    dry_run: bool

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing to erase."""
        return not (self.orders or self.forms or self.reasons or self.rows)


def preview(database: Database, caller: Caller, days: int, now: datetime) -> Purged:
    """Return what a purge of everything older than `days` would erase; raises NotAllowed."""
    demand(caller, Capability.PURGE)
    until = stamp(now - timedelta(days=days))
    with database.reading() as unit:
        return Purged(
            until,
            unit.ledger.images_before(until),
            unit.transfers.forms_before(until),
            len(unit.transfers.reasons_before(until)) + len(unit.dismissals.reasons_before(until)),
            unit.batches.details_before(until),
            dry_run=True,
        )


def purge(database: Database, caller: Caller, shown: Purged, now: datetime) -> Purged:
    """Erase for good what ended before `shown.until`, and return what was erased.

    `shown` is the `preview`; everything is counted again. The orders can't be undone afterwards. Images and forms
    that don't match the history stay, so that every audit reports them. Raises NotAllowed.
    """
    demand(caller, Capability.PURGE)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            orders = unit.ledger.erase_images_before(shown.until, but=_changed_images(unit, shown.until))
            _end_what_lapsed(unit, caller, stamp(now))
            forms = unit.transfers.erase_forms_before(shown.until, but=_changed_forms(unit, shown.until))
            rows = unit.batches.erase_details_before(shown.until)
            rejections = _erase_reasons(unit, shown.until)
            dismissals = _erase_reasons_of_dismissals(unit, shown.until)
            reasons = len(rejections) + len(dismissals)
            purged = Purged(shown.until, orders, forms, reasons, rows, dry_run=False)
            if not purged.is_nothing:
                facts: dict[str, Fact] = {"until": purged.until, "orders": orders, "forms": forms}
                facts |= {"reasons": purged.reasons, "rows": rows}
                draft = partial(Draft, stamp(now), caller.actor)
                drafts = [draft(Action.TRANSFER_REJECT, rejection) for rejection in rejections if rejection]
                drafts += [draft(Action.DISMISS, dismissal) for dismissal in dismissals if dismissal]
                unit.chain.append([draft(Action.PURGE, facts), *drafts])
    return purged


def _end_what_lapsed(unit: Unit, caller: Caller, at: str) -> None:
    """Make transfers void whose pair has changed since the filing, so that a later purge erases their forms.

    custmerge's own changes make a transfer void at once; this is for changes that the host made in the register.
    """
    open_ones = unit.transfers.stored_as(*OPEN)
    records = records_of(unit, open_ones)
    lapsed = [transfer.id for transfer in open_ones if status_now(transfer, records) is Status.VOID]
    if made_void := unit.transfers.void_open(lapsed) if lapsed else []:
        unit.chain.append(void_entries(made_void, Why.IDENTITY_CHANGED, caller.actor, at))


def _changed_images(unit: Unit, until: str) -> list[int]:
    """Return the orders whose before-image doesn't have the digest in their entry."""
    return [
        order
        for order, salt, image, digest in unit.ledger.images_with_digests(until)
        if not isinstance(salt, bytes) or not isinstance(image, str) or image_digest(salt, image) != digest
    ]


def _changed_forms(unit: Unit, until: str) -> list[int]:
    """Return the ids of the transfers whose form isn't the one that was filed."""
    return [
        number
        for number, content, filed in unit.transfers.forms_with_digests(until)
        if not is_as_filed(content, filed)
    ]


def _erase_reasons(unit: Unit, until: str) -> list[dict[str, Fact]]:
    """Erase the reasons for which transfers were rejected; returns the facts of a new entry for each transfer.

    The facts are empty for a transfer that doesn't match its entry: a new digest would hide that from audits.
    """
    rejections: list[dict[str, Fact]] = []
    for number in unit.transfers.reasons_before(until):
        row = unit.digested_rows.transfer(number)
        matches_history = decision_digest(row, Status.REJECTED) == _digest_of(unit, row)
        unit.transfers.erase_reason(number)
        facts: dict[str, Fact] = {
            "did": "purge",
            "survivor": row["survivor"],
            "absorbed": row["absorbed"],
            "transfer": number,
            "form_sha256": row["sha256"],
            "row_sha256": decision_digest({**row, "reason": None}, Status.REJECTED),
        }
        rejections.append(facts if matches_history else {})
    return rejections


def _erase_reasons_of_dismissals(unit: Unit, until: str) -> list[dict[str, Fact]]:
    """Erase the reasons for which pairs were dismissed as duplicates; returns facts as `_erase_reasons`.

    The pairs stay dismissed.
    """
    dismissals: list[dict[str, Fact]] = []
    for before in unit.dismissals.reasons_before(until):
        if unit.dismissals.locked(before.pair) != before:
            # Somebody has taken it back, or dismissed the pair anew, since it was read.
            continue
        erased = replace(before, reason=None)
        unit.dismissals.put(erased)
        facts: dict[str, Fact] = {"did": "purge", **erased.facts, "row_sha256": erased.digest}
        dismissals.append(facts if before.digest == _dismissal_digest(unit, before.pair) else {})
    return dismissals


def _dismissal_digest(unit: Unit, pair: Pair) -> Fact:
    """Return the digest in the newest entry about the dismissal of an ordered pair.

    None if there is none, and if that entry takes the dismissal back.
    """
    actions = (Action.DISMISS.value, Action.UNDISMISS.value)
    with closing(unit.chain.newest(number=pair[0], only=actions)) as entries:
        for entry in entries:
            facts: dict[str, Fact] = json.loads(entry.body)
            if (facts["survivor"], facts["absorbed"]) == pair:
                return facts.get("row_sha256")
    return None


# Any: cells of any kind.
def _digest_of(unit: Unit, row: Mapping[str, Any]) -> Fact:
    """Return the digest in the newest entry that rejects a transfer, None if there is none."""
    with closing(unit.chain.newest(number=row["survivor"], action=Action.TRANSFER_REJECT.value)) as entries:
        for entry in entries:
            facts: dict[str, Fact] = json.loads(entry.body)
            if facts.get("transfer") == row["id"] and "row_sha256" in facts:
                return facts["row_sha256"]
    return None
