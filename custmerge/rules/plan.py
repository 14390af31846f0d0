"""The plan of a merge: what moves, what is kept, taken and filled; its before-image, and the state after plans."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from custmerge.errors import DetailsDiffer
from custmerge.rules.compare import Comparison, Decision, compare
from custmerge.rules.fields import BANK_FIELDS, DETAIL_FIELDS, FIELDS, Customer, Field, Package
from custmerge.rules.normalise import white_space
from custmerge.rules.references.nothing import NO_CHANGES, NO_ROWS, HostRows, RowChanges

if TYPE_CHECKING:
    from custmerge.rules.undo import UndoPlan

IMAGE_VERSION = 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
# Plain strings as keys: an audit reads every before-image, and an enumeration's keys are hashed by Python code.
_cells_of = itemgetter("number", *(field.value for field in FIELDS))
_details_of = itemgetter(*(field.value for field in DETAIL_FIELDS))
Moved = tuple[str, list[str], tuple[str, ...] | None]
"""A package of a before-image: key, domains (sorted), contact."""


class Choice(StrEnum):
    """Which details the moved packages use from now on."""

    ADOPT = "adopt"
    """The survivor's. Source: the article's button "Daten übernehmen"."""
    KEEP = "keep"
    """Those of the absorbed number. Source: the article's button "Auftrag abschicken"."""
    IDENTICAL = "identical"
    """There is nothing to choose: the records don't differ."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """The choices of the person who asks for the order."""

    choice: Choice | None = None
    """ADOPT, KEEP, or None if nothing was chosen."""
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
    """The record that is merged into it, as it is before the order."""
    choice: Choice
    changes: dict[Field, str]
    """New values of the survivor, in the order of the fields."""
    packages: tuple[Package, ...]
    """The packages that move, as they are before the order."""
    transfer: int | None = None
    """The contract transfer that the order uses up."""
    references: RowChanges = NO_CHANGES
    """What changes in a host's tables."""

    @property
    def domains(self) -> tuple[str, ...]:
        """The names that move with their packages, sorted."""
        return tuple(sorted(name for package in self.packages for name in package.domains))

    @property
    def packages_after(self) -> tuple[Package, ...]:
        """The packages that move, as they are after the order (rule 8)."""
        number, choice, details = self.survivor.number, self.choice, self.absorbed.details
        return tuple(
            Package(moved.package, number, moved.name, moved.domains, contact_after(choice, details, moved.contact))
            for moved in self.packages
        )

    @property
    def filled(self) -> tuple[Field, ...]:
        """The taken details that are empty in the survivor's record."""
        return tuple(field for field in self.changes if not white_space(self.survivor[field]))

    @property
    def dropped(self) -> tuple[str, ...]:
        """Keys of the packages that lose a contact of their own (rule 8)."""
        if self.choice is not Choice.ADOPT:
            return ()
        return tuple(package.package for package in self.packages if package.contact is not None)

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
        # Most pairs of a bulk file are equal and needn't be compared.
        choice = Choice.IDENTICAL
    else:
        choice = _choice(replace(compare(survivor, absorbed), transfer=transfer), wishes.choice)
    return Plan(survivor, absorbed, choice, _changes(survivor, absorbed, wishes), tuple(packages), transfer)


def contact_after(
    choice: Choice, details: tuple[str, ...], contact: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Return the contact that a moved package has after the order (rule 8); `details` are the absorbed record's."""
    match choice:
        case Choice.ADOPT:
            return None
        case Choice.KEEP:
            return details if contact is None else contact
        case Choice.IDENTICAL:
            return contact


def _choice(comparison: Comparison, chosen: Choice | None) -> Choice:
    match comparison.decision:
        case Decision.BLOCKED:
            raise comparison.block
        case Decision.IDENTICAL:
            return Choice.IDENTICAL
        case Decision.CHOOSE:
            if chosen is None:
                raise DetailsDiffer(
                    survivor=comparison.survivor, absorbed=comparison.absorbed, fields=comparison.different
                )
            return chosen


def _changes(survivor: Customer, absorbed: Customer, wishes: Wishes) -> dict[Field, str]:
    filled = missing_details(survivor, absorbed) if wishes.fill else ()
    return {field: absorbed[field] for field in DETAIL_FIELDS if field in wishes.take or field in filled}


def missing_details(survivor: Customer, absorbed: Customer) -> tuple[Field, ...]:
    """Return the details that are empty in the survivor's record and not in the absorbed one."""
    return tuple(
        field for field in DETAIL_FIELDS if not white_space(survivor[field]) and white_space(absorbed[field])
    )


class State:
    """Records and packages as they were read, changed by each plan that is executed.

    Each plan is decided on the state after the plan before it. So many orders in one transaction, or in a dry run,
    have the same result as one after the other.
    """

    def __init__(
        self, records: Mapping[str, Customer], packages: Iterable[Package], references: HostRows = NO_ROWS
    ) -> None:
        self.references = references
        """A host's rows that point at the numbers."""
        self._orders = 0
        self.records = dict(records)
        """By number."""
        self.packages: dict[str, Package] = {}
        """By key."""
        self.survivors: set[str] = set()
        """Numbers into which another number was merged."""
        self.contacts: set[str] = set()
        """Keys of packages whose contact was changed."""
        self._keys: dict[str, set[str]] = {}
        self._changed_records: set[str] = set()
        self._changed_packages: set[str] = set()
        self._put_packages(packages)

    def packages_of(self, number: str) -> list[Package]:
        """Return the packages under a number, in the order of their keys."""
        return [self.packages[key] for key in sorted(self._keys.get(number, ()))]

    def with_references(self, plan: Plan) -> Plan:
        """Return the plan with what it does in a host's tables; raises ReferenceRefused, FieldNotWritable."""
        return self.references.planned(plan, self._orders)

    def execute(self, plan: Plan) -> None:
        """Change the state as an order does."""
        survivor, absorbed, after = plan.survivor, plan.absorbed, plan.packages_after
        if plan.changes:
            self._change([survivor.with_values(plan.changes)], ())
        self._change([Customer(absorbed.number, merged_into=survivor.number, keys=absorbed.keys)], after)
        self.survivors.add(survivor.number)
        self.contacts |= {
            now.package for before, now in zip(plan.packages, after, strict=True) if now.contact != before.contact
        }
        self._orders += 1
        self.references.execute(plan)

    def undo(self, plan: UndoPlan) -> None:
        """Change the state as an undo does."""
        self._change([plan.survivor, plan.absorbed], plan.packages)
        self.contacts |= plan.contacts
        self.references.undo(plan.references)

    def assume(
        self, records: Mapping[str, Customer], packages: Iterable[Package] = (), survivors: Iterable[str] = ()
    ) -> None:
        """Replace records and packages by those that earlier plans changed without storing them."""
        self.records |= records
        self._put_packages(packages)
        self.survivors.update(survivors)

    @property
    def changed_records(self) -> list[Customer]:
        """The records that plans have changed, as they are now, in the order of their numbers."""
        return [self.records[number] for number in sorted(self._changed_records)]

    @property
    def changed_packages(self) -> list[Package]:
        """The packages that plans have changed, as they are now, in the order of their keys."""
        return [self.packages[key] for key in sorted(self._changed_packages)]

    def _change(self, records: Iterable[Customer], packages: Iterable[Package]) -> None:
        for record in records:
            self.records[record.number] = record
            self._changed_records.add(record.number)
        packages = tuple(packages)
        self._changed_packages.update(package.package for package in packages)
        self._put_packages(packages)

    def _put_packages(self, packages: Iterable[Package]) -> None:
        for package in packages:
            if (before := self.packages.get(package.package)) is not None:
                self._keys[before.number].discard(package.package)
            self.packages[package.package] = package
            self._keys.setdefault(package.number, set()).add(package.package)


@dataclass(frozen=True, slots=True)
class Image:
    """A parsed before-image."""

    survivor: Customer
    absorbed: Customer
    packages: tuple[Package, ...]
    """The packages that moved, under the absorbed number; an image doesn't hold their names."""
    references: RowChanges = NO_CHANGES
    """What changed in a host's tables."""


def before_image(plan: Plan, first_order: int = 0) -> str:
    """Return the JSON text of both records, of the packages that move, and of what changes in a host's tables.

    `first_order` is the number of the transaction's first order.
    """
    return _ENCODER.encode(
        {
            **plan.references.in_image(first_order),
            "v": IMAGE_VERSION,
            "survivor": _record(plan.survivor),
            "absorbed": _record(plan.absorbed),
            "packages": [
                {
                    "package": package.package,
                    "contact": None
                    if package.contact is None
                    else dict(zip(DETAIL_FIELDS, package.contact, strict=True)),
                    "domains": list(package.domains),
                }
                for package in plan.packages
            ],
        }
    )


def read_image(text: str) -> Image:
    """Return the before-image that `before_image` wrote; raises ValueError, LookupError or TypeError for another."""
    image = orjson.loads(text)
    survivor, absorbed = _customer(image["survivor"]), _customer(image["absorbed"])
    packages = [
        Package(key, absorbed.number, domains=tuple(domains), contact=contact)
        for key, domains, contact in _moved(image)
    ]
    references = NO_CHANGES
    if "references" in image:
        from custmerge.rules.references.image import decoded  # most registers have no host

        references = decoded(image["references"])
    return Image(survivor, absorbed, tuple(packages), references)


def readable_image(text: str) -> Image | None:
    """Return the before-image that `before_image` wrote; None if it was erased, or changed into something else."""
    try:
        return read_image(text) if text else None
    except (ValueError, LookupError, TypeError):
        return None


def read_moved(text: str) -> tuple[tuple[str, ...], list[Moved]]:
    """Return the absorbed record's details and the packages of a before-image, which an audit compares.

    Tuples, because an audit reads every image. Raises the errors of `read_image`.
    """
    image = orjson.loads(text)
    return _cells_of(image["absorbed"])[-len(DETAIL_FIELDS) :], _moved(image)


# Any: a before-image as JSON gives it.
def _moved(image: Mapping[str, Any]) -> list[Moved]:
    return [
        (
            package["package"],
            package["domains"],
            None if package["contact"] is None else _details_of(package["contact"]),
        )
        for package in image["packages"]
    ]


def _record(customer: Customer) -> dict[str, str]:
    return {"number": customer.number, **dict(zip(FIELDS, customer.values, strict=True))}


def _customer(record: Mapping[str, str]) -> Customer:
    number, *values = _cells_of(record)
    return Customer(number, tuple(values))
