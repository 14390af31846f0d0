"""Who of several records survives: a stated rule, and ties by the natural order of the numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from custmerge.rules.fields import Customer

_DIGITS = re.compile("([0-9]+)")


class SurvivorRule(StrEnum):
    """Which record of a group survives."""

    OLDEST = "oldest"
    """The lowest number: numbers are given out in their order."""
    PACKAGES = "packages"
    """The one with the most packages: the fewest move."""
    FILLED = "filled"
    """The one with the most fields filled."""
    RECENT = "recent"
    """The highest number."""


@dataclass(frozen=True, slots=True)
class Member:
    """A record of a group of duplicates."""

    record: Customer
    packages: int
    """How many packages are under its number."""

    @property
    def number(self) -> str:
        """Its number."""
        return self.record.number


def natural_order(number: str) -> tuple[tuple[str | int, ...], str]:
    """Return what sorts numbers as people do: 9 before 10, `B-9` before `B-10`, and then `007` before `07` and 7."""
    if number.isascii() and number.isdigit():
        return ("", int(number), ""), number
    parts = _DIGITS.split(number)
    # Texts and numbers alternate, so that always two of a kind are compared.
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), number


def by_number(numbers: Iterable[str], *, reverse: bool = False) -> list[str]:
    """Return numbers in their natural order."""
    listed = sorted(numbers)
    together = "".join(listed)
    # Of digits alone and without a zero in front, as nearly all are, the longer one is the higher one.
    is_plain = together.isdigit() and together.isascii() and not listed[0].startswith("0")
    listed.sort(key=len if is_plain else natural_order)
    return listed[::-1] if reverse else listed


def by_survival(members: Iterable[Member], rule: SurvivorRule) -> list[Member]:
    """Return members in the order in which they survive; without a difference by the rule the lowest number first."""
    ordered = sorted(members, key=lambda member: natural_order(member.number), reverse=rule is SurvivorRule.RECENT)
    match rule:
        case SurvivorRule.PACKAGES:
            ordered.sort(key=lambda member: -member.packages)
        case SurvivorRule.FILLED:
            ordered.sort(key=lambda member: -sum(not value.isspace() for value in member.record.values if value))
        case SurvivorRule.OLDEST | SurvivorRule.RECENT:
            pass
    return ordered
