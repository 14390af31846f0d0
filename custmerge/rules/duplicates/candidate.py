"""What a search for duplicates gives: pairs with their scores, and candidates with who would survive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from custmerge.rules.compare import Status
from custmerge.rules.duplicates.dismissal import Dismissal


class Kind(StrEnum):
    """Which of the two lists a pair belongs to."""

    SAME = "same"
    """One customer: this goes into a bulk file."""
    RELATED = "related"
    """A household, a firm, an agency and its client: never merged because of a score."""


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """Two records that a search takes for duplicates; nothing says yet which one survives."""

    left: str
    """A customer number, before `right` in the order of the numbers."""
    right: str
    probability: float | None
    """From 0 to 1 that both are one customer; None if they are here because they are equal in everything: then each
    that is equal to one of them is the same customer as both, without a pair for each.
    """
    kind: Kind
    why: tuple[str, ...]
    """What agrees and what doesn't: marked English texts, such as "last name equal", for translation."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that may be merged into another one."""

    survivor: str
    absorbed: str
    kind: Kind
    probability: float | None
    """From 0 to 1; None for a pair that is here because it is equal, in its identity or in everything."""
    why: tuple[str, ...]
    """See `ScoredPair.why`."""
    identity: Status
    """SAME, EQUIVALENT or BLOCKED: a blocked pair needs a contract transfer."""
    packages: int
    """The number of packages that would move."""
    via: str | None = None
    """The number by which `absorbed` belongs to the survivor's group, if it isn't itself the same as the survivor."""
    dismissal: Dismissal | None = None
    """A decision that no longer holds, for an identity field has changed since: `absorbed` and the survivor, or a
    number that would be merged into it too, are two customers.
    """

    @property
    def dismissed_third(self) -> str | None:
        """The number from which `absorbed` was dismissed, if it isn't the survivor."""
        if self.dismissal is None or self.survivor in self.dismissal.pair:
            return None
        return next(number for number in self.dismissal.pair if number != self.absorbed)

    @property
    def is_mergeable(self) -> bool:
        """Whether it goes into a bulk file: it is itself the same customer as its survivor."""
        return self.kind is Kind.SAME and self.via is None
