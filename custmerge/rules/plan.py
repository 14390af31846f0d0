"""The plan of a merge: what moves, what is kept, taken and filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from custmerge.errors import DetailsDiffer, IdentityBlocked
from custmerge.rules.compare import Comparison, Decision, compare
from custmerge.rules.fields import BANK_FIELDS, DETAIL_FIELDS, Customer, Field, Package
from custmerge.rules.normalise import white_space


class Choice(StrEnum):
    """Which details the moved packages use from now on."""

    ADOPT = "adopt"
    """The survivor's. Source: the article's button "Daten übernehmen"."""
    KEEP = "keep"
    """Those of the absorbed number. Source: the article's button "Auftrag abschicken"."""
    IDENTICAL = "identical"
    """There is nothing to choose: both records say the same."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for."""

    choice: Choice | None = None
    """ADOPT, KEEP, or None where nothing was chosen."""
    take: tuple[Field, ...] = ()
    """Detail fields whose absorbed value goes into the survivor's record."""
    fill: bool = False
    """Take every detail that the survivor has empty."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one order does."""

    survivor: Customer
    """The record that is kept, as it is before the order."""
    absorbed: Customer
    """The record that is taken over, as it is before the order."""
    choice: Choice
    changes: dict[Field, str]
    """New values of the survivor, in the order of the fields."""
    packages: tuple[Package, ...]
    """The packages that move, as they are before the order."""
    transfer: int | None = None
    """The contract transfer that the order uses up."""

    @property
    def domains(self) -> tuple[str, ...]:
        """The names that move with their packages, sorted."""
        return tuple(sorted(name for package in self.packages for name in package.domains))

    @property
    def packages_after(self) -> tuple[Package, ...]:
        """The packages that move, as they are after the order (rule 8)."""
        return tuple(
            Package(
                package.package,
                self.survivor.number,
                package.name,
                package.domains,
                contact_after(self.choice, self.absorbed, package.contact),
            )
            for package in self.packages
        )

    @property
    def splits_account(self) -> bool:
        """Whether only one half of a Konto and its Bankleitzahl is taken."""
        taken = [field for field in BANK_FIELDS if field in self.changes]
        return len(taken) == 1 and any(
            self.survivor[field] != self.absorbed[field] for field in BANK_FIELDS if field not in taken
        )


@dataclass(frozen=True, slots=True)
class Order:
    """An executed merge."""

    order: int
    survivor: str
    absorbed: str
    choice: Choice
    taken: tuple[Field, ...]
    """In the order of the fields."""
    at: str
    by: str


def plan_merge(
    survivor: Customer,
    absorbed: Customer,
    packages: Sequence[Package],
    wishes: Wishes,
    *,
    transfer: int | None = None,
) -> Plan:
    """Decide what merging `absorbed`, which holds `packages`, into `survivor` does (contract §2, rules 5 to 8).

    `transfer` is the approved contract transfer that the order uses: it lifts a block. Raises
    IdentityBlocked or DetailsDiffer when the records don't allow it.
    """
    if survivor.values == absorbed.values:
        # What most pairs of a bulk file are: nothing to compare.
        choice = Choice.IDENTICAL
    else:
        choice = _choice(replace(compare(survivor, absorbed), transfer=transfer), wishes.choice)
    return Plan(survivor, absorbed, choice, _changes(survivor, absorbed, wishes), tuple(packages), transfer)


def contact_after(choice: Choice, absorbed: Customer, contact: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the contact that a moved package has after the order (rule 8)."""
    match choice:
        case Choice.ADOPT:
            return None
        case Choice.KEEP:
            return absorbed.details if contact is None else contact
        case Choice.IDENTICAL:
            return contact


def _choice(comparison: Comparison, chosen: Choice | None) -> Choice:
    match comparison.decision:
        case Decision.BLOCKED:
            raise IdentityBlocked(
                survivor=comparison.survivor, absorbed=comparison.absorbed, blocked_by=comparison.blocked_by
            )
        case Decision.IDENTICAL:
            return Choice.IDENTICAL
        case Decision.CHOOSE:
            if chosen is None:
                raise DetailsDiffer(
                    survivor=comparison.survivor, absorbed=comparison.absorbed, fields=comparison.different
                )
            return chosen


def _changes(survivor: Customer, absorbed: Customer, wishes: Wishes) -> dict[Field, str]:
    def fills(field: Field) -> bool:
        return wishes.fill and not white_space(survivor[field]) and bool(white_space(absorbed[field]))

    return {field: absorbed[field] for field in DETAIL_FIELDS if field in wishes.take or fills(field)}
