"""Who may merge two numbers, and whether what a person filed or approved counts (contract §2, rules 2, 3, 5, 10).

Rows can be changed by hand. What became of a transfer or of a person is told by the newest history entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from custmerge.errors import N_, MissingInput, OwnNumberOnly, ProofRequired, SelfMerge
from custmerge.rules.fields import Pair
from custmerge.rules.history import Action, Fact
from custmerge.rules.people import Capability, Role, may
from custmerge.rules.records import checked_number
from custmerge.rules.transfers import Status, Why

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


def seq_of(facts: Facts) -> int:
    """Return the number of the history entry with a body."""
    return int(str(facts["seq"]))


def survivor_of(own: str | None, into: str | None, absorbed: str) -> str:
    """Return the number that is kept: `own`, or for staff, who have no number of their own, `into` (rule 2).

    Raises OwnNumberOnly, MissingInput, BadValue, and SelfMerge where it is `absorbed` (rule 10).
    """
    checked_number(absorbed)
    if own is not None:
        survivor = own_survivor(own, into)
    elif into is None:
        raise MissingInput(what=N_("Number that is kept"), option="--into NUMBER")
    else:
        survivor = checked_number(into)
    if survivor == absorbed:
        raise SelfMerge(number=survivor)
    return survivor


def own_survivor(own: str, into: str | None) -> str:
    """Return the only number that a customer can keep, their own; raises OwnNumberOnly where another is named."""
    if into is not None and into != own:
        raise OwnNumberOnly(number=into)
    return own


def demand_authority(pair: Pair, *, is_proved: bool, is_customer: bool, transfer: int | None = None) -> int | None:
    """Return the id of the contract transfer that stands in for the proof, None where the pair is proved (rule 3).

    `transfer` is the id of the approved transfer for the pair, if there is one: it stands in for staff alone. Raises
    ProofRequired where there is neither a proof nor such a transfer.
    """
    if is_proved:
        return None
    if is_customer or transfer is None:
        raise ProofRequired(survivor=pair[0], absorbed=pair[1])
    return transfer


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
            newest[action] = seq_of(facts)
            status = STATUS_AFTER[action]
    if status is None:
        return None
    decision = max(DECISIONS, key=lambda action: newest.get(action, 0))
    return Life(
        status=status,
        filed=newest.get(Action.TRANSFER_FILE, 0),
        decided=newest.get(decision, 0),
        filing_digest=digests.get(Action.TRANSFER_FILE),
        decision_digest=digests.get(decision),
    )


def still_may(role: str, disabled_at: str | None, capability: Capability, since: int, told: Iterable[Facts]) -> bool:
    """Return whether a person has a capability now, and has had it without a break since the entry `since`.

    `told` are the `user` entries of that person's name, in any order. A role that was lost and given back is a break.
    """
    if disabled_at is not None or not _may(role, capability):
        return False
    return not any(
        seq_of(facts) > since
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
