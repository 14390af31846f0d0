"""Whether what somebody filed or approved still counts, by what the history tells (contract §2, rule 5).

A row says what it says now, and somebody may have written that. What became of a transfer or of a person is told by
the newest history entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.history import Action
from custmerge.rules.roles import Capability, Role, may
from custmerge.rules.transfers import Status, Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custmerge.rules.history import Fact

    Facts = Mapping[str, Fact]
    """The body of a history entry."""

STATUS_AFTER: Mapping[Action, Status] = {
    Action.TRANSFER_FILE: Status.FILED,
    Action.TRANSFER_APPROVE: Status.APPROVED,
    Action.TRANSFER_REJECT: Status.REJECTED,
    Action.TRANSFER_VOID: Status.VOID,
    Action.MERGE: Status.USED,
}
"""What a transfer is after an entry that names it."""
DECISIONS = (Action.TRANSFER_APPROVE, Action.TRANSFER_REJECT)


@dataclass(frozen=True, slots=True)
class Life:
    """What the history tells of one contract transfer."""

    status: Status
    """What the newest entry made of it."""
    filed: int
    """The seq of the entry that tells of its filing, 0 where there is none."""
    decided: int
    """The seq of the newest decision's entry, 0 where there is none."""
    filing_digest: str | None
    decision_digest: str | None
    """Of the newest decision."""


def life_of(told: Iterable[Facts]) -> Life | None:
    """Return what entries, oldest first, tell of the one transfer that they name; None where there are none."""
    newest: dict[Action, int] = {}
    digests: dict[Action, str] = {}
    status = None
    for facts in told:
        action = Action(str(facts["action"]))
        if "row_sha256" in facts:
            digests[action] = str(facts["row_sha256"])
        # An entry that only adds a digest to what an older version wrote tells of nothing new.
        if facts.get("did") != "seal":
            newest[action] = int(str(facts["seq"]))
            status = STATUS_AFTER[action]
    if status is None:
        return None
    decision = max(DECISIONS, key=lambda action: newest.get(action, 0))
    return Life(
        status,
        newest.get(Action.TRANSFER_FILE, 0),
        newest.get(decision, 0),
        digests.get(Action.TRANSFER_FILE),
        digests.get(decision),
    )


def still_may(role: str, disabled_at: str | None, capability: Capability, since: int, told: Iterable[Facts]) -> bool:
    """Return whether somebody may do something now, and has been able to ever since the entry `since`.

    `told` are the `user` entries of that name, in any order. A role that is given back doesn't count as kept.
    """
    if disabled_at is not None or not _may(role, capability):
        return False
    return not any(
        int(str(facts["seq"])) > since
        and (
            facts.get("did") == "disable" or (facts.get("did") == "role" and not _may(facts.get("role"), capability))
        )
        for facts in told
    )


def why_lost(role: str | None, *, is_approver: bool) -> Why:
    """Return why a transfer is void whose filer or approver is disabled (`role` is None) or has another role."""
    if role is None:
        return Why.APPROVER_DISABLED if is_approver else Why.FILER_DISABLED
    return Why.APPROVER_ROLE if is_approver else Why.FILER_ROLE


def _may(role: Fact, capability: Capability) -> bool:
    # What stands in a row may be anything.
    return isinstance(role, str) and role in set(Role) and may(Role(role), capability)
