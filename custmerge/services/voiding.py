"""History entries of contract transfers that became void: each tells of one, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.rules import row_digests
from custmerge.rules.history import Action, Actor, Draft

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custmerge.rules.history import Fact
    from custmerge.rules.transfers import Transfer, Why


def void_entries(transfers: Iterable[Transfer], why: Why, by: Actor, at: str) -> list[Draft]:
    """Return the entries of transfers that somebody made void, in the order of their numbers."""
    drafts = []
    for one in sorted(transfers, key=lambda transfer: transfer.id):
        facts: dict[str, Fact] = {
            "survivor": one.survivor,
            "absorbed": one.absorbed,
            "transfer": one.id,
            "form_sha256": one.form.sha256,
            "why": why.value,
            "row_sha256": row_digests.void_digest(one, why),
        }
        drafts.append(Draft(at, by, Action.TRANSFER_VOID, facts))
    return drafts
