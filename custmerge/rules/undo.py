"""The plan of an undo: what goes back exactly, or everything that stands in the way (contract §3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from custmerge.errors import N_, Detail, ImageChanged, Purged, UndoBlocked, UndoBlockedByOrders
from custmerge.rules.fields import EMPTY_VALUES, Customer, Field, Package
from custmerge.rules.history import Actor, has_begun, image_digest, moment
from custmerge.rules.normalise import domain_in_ascii
from custmerge.rules.plan import Choice, Order, contact_after

if TYPE_CHECKING:
    from custmerge.rules.plan import Image

OWN_ORDERS_FOR = timedelta(minutes=15)
"""So long an agent may take back what they ordered themselves."""


@dataclass(frozen=True, slots=True)
class MergeEntry:
    """The history entry of an executed merge."""

    order: int
    survivor: str
    absorbed: str
    choice: Choice
    taken: tuple[Field, ...]
    at: str
    by: Actor
    image_sha256: str
    batch: int | None
    """The bulk file that it was a row of."""

    def is_of(self, actor: Actor, now: datetime) -> bool:
        """Return whether `actor` made the order, and not too long ago to take it back."""
        return self.by == actor and has_begun(self.at, now) and now < moment(self.at) + OWN_ORDERS_FOR

    def says_the_same_as(self, row: Order) -> bool:
        """Return whether the order's row, which somebody could change, repeats the entry."""
        return row == Order(self.order, self.survivor, self.absorbed, self.choice, self.taken, self.at, self.by.name)


@dataclass(frozen=True, slots=True)
class Later:
    """A later order that isn't undone, as far as it can be in the way of an earlier one."""

    order: int
    survivor: str
    absorbed: str
    taken: tuple[Field, ...] = ()
    packages: frozenset[str] = frozenset()
    """Keys of those that it moved; empty where its before-image was purged."""


@dataclass(frozen=True, slots=True)
class Present:
    """How things stand."""

    survivor: Customer | None
    absorbed: Customer | None
    packages: Mapping[str, Package]
    """By their keys, wherever they are now."""
    holders: Mapping[str, str] = field(default_factory=dict)
    """Domain → the package that has it now, for domains that aren't where the image has them."""
    later: Sequence[Later] = ()


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What one undo does."""

    order: int
    survivor: Customer
    """As it is afterwards."""
    absorbed: Customer
    """As it is afterwards: in use again."""
    fields: tuple[Field, ...]
    """Those of the survivor that get their old values."""
    packages: tuple[Package, ...]
    """Those that go back, as they are afterwards, in the order of their keys."""
    contacts: frozenset[str] = frozenset()
    """Keys of those whose contact changes."""

    @property
    def domains(self) -> tuple[str, ...]:
        """The names that go back with their packages, sorted."""
        return tuple(sorted(name for package in self.packages for name in package.domains))

    @property
    def shown(self) -> tuple[int, tuple[Field, ...], tuple[Package, ...], Customer]:
        """What a person agrees to who is shown the plan."""
        return self.order, self.fields, self.packages, self.absorbed


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands in the way."""

    row: str
    """For instance `package P1`: never translated, never personal."""
    why: str
    """An English template for translation, filled from `fills`."""
    fills: Mapping[str, str | int]
    order: int | None = None
    """The later order that did it."""

    def details(self) -> dict[str, Detail]:
        """Return it as scripts see it."""
        return {"row": self.row, "order": self.order, **self.fills, "why": self.why}


# Any: a body as JSON gives it.
def read_merge_entry(body: Mapping[str, Any]) -> MergeEntry:
    """Return the entry of a merge from its body."""
    return MergeEntry(
        order=body["order"],
        survivor=body["survivor"],
        absorbed=body["absorbed"],
        choice=Choice(body["choice"]),
        taken=tuple(Field(name) for name in body["taken"]),
        at=body["at"],
        by=Actor(body["by"], body["by_kind"]),
        image_sha256=body["image_sha256"],
        batch=body.get("batch"),
    )


def demand_kept(entry: MergeEntry, salt: bytes, text: str) -> None:
    """Raise unless this is the before-image of an order: Purged, or ImageChanged where it isn't its entry's."""
    if not text and not salt:
        raise Purged(order=entry.order)
    if image_digest(salt, text) != entry.image_sha256:
        raise ImageChanged(order=entry.order)


def later_in_the_way(entry: MergeEntry, image: Image | None, later: Sequence[Later]) -> list[Later]:
    """Return those of the later orders that changed again what `told` changed; each is to be undone first.

    `image` is None where it can't be read any more.
    """
    fields = entry.taken if image is None else _changed(entry, image)
    packages = set() if image is None else {package.package for package in image.packages}

    def is_in_the_way(order: Later) -> bool:
        if order.order <= entry.order:
            return False
        if order.absorbed == entry.survivor:
            return True
        return order.survivor == entry.survivor and not (
            set(fields).isdisjoint(order.taken) and packages.isdisjoint(order.packages)
        )

    return [order for order in later if is_in_the_way(order)]


def plan_undo(entry: MergeEntry, image: Image, present: Present) -> UndoPlan:
    """Decide what undoing an order does as things stand; raises UndoBlocked, which names all that is in the way."""
    obstacles = [
        *_with_survivor(entry, image, present),
        *_with_absorbed(entry, present),
        *(obstacle for package in image.packages for obstacle in _with_package(entry, image, package, present)),
    ]
    if obstacles or present.survivor is None:
        raise blocked(entry.order, obstacles)
    packages = [(present.packages[package.package], package) for package in image.packages]
    # One that has gone back meanwhile is as before already.
    fields = tuple(name for name in _changed(entry, image) if present.survivor[name] != image.survivor[name])
    return UndoPlan(
        order=entry.order,
        survivor=present.survivor.with_values({name: image.survivor[name] for name in fields}),
        absorbed=image.absorbed,
        fields=fields,
        packages=tuple(
            Package(now.package, before.number, now.name, now.domains, before.contact) for now, before in packages
        ),
        contacts=frozenset(now.package for now, before in packages if now.contact != before.contact),
    )


def blocked(order: int, obstacles: Sequence[Obstacle]) -> UndoBlocked:
    """Return the error that names everything in the way of undoing an order."""
    orders = sorted({obstacle.order for obstacle in obstacles if obstacle.order is not None}, reverse=True)
    kind = UndoBlockedByOrders if orders else UndoBlocked
    return kind(order=order, obstacles=[obstacle.details() for obstacle in obstacles], undo_first=orders)


def _changed(entry: MergeEntry, image: Image) -> tuple[Field, ...]:
    """Return the fields of the survivor that the order gave another text."""
    return tuple(name for name in entry.taken if image.survivor[name] != image.absorbed[name])


def _moved_on(entry: MergeEntry, later: Sequence[Later]) -> Later | None:
    """Return the order that took the survivor over, with all that it had."""
    return next((order for order in later if order.order > entry.order and order.absorbed == entry.survivor), None)


def _with_survivor(entry: MergeEntry, image: Image, present: Present) -> Iterator[Obstacle]:
    number, row, record = entry.survivor, f"customer {entry.survivor}", present.survivor
    if record is None:
        yield Obstacle(row, N_("{number} isn't there any more"), {"number": number})
        return
    if record.merged_into is not None:
        fills: dict[str, str | int] = {"number": number, "into": record.merged_into}
        if (by := _moved_on(entry, present.later)) is None:
            yield Obstacle(row, N_("{number} went into {into}"), fills)
        else:
            yield Obstacle(row, N_("{number} went into {into} by order {order}"), fills, by.order)
        # What it holds now says nothing: a tombstone is empty.
        return
    again = [order for order in later_in_the_way(entry, image, present.later) if order.survivor == number]
    for name in _changed(entry, image):
        fills = {"number": number, "field": name}
        if by := next((order for order in reversed(again) if name in order.taken), None):
            yield Obstacle(row, N_("{field} of {number} was taken again by order {order}"), fills, by.order)
        elif record[name] not in (image.absorbed[name], image.survivor[name]):
            yield Obstacle(row, N_("{field} of {number} was changed since"), fills)


def _with_absorbed(entry: MergeEntry, present: Present) -> Iterator[Obstacle]:
    number, row, record = entry.absorbed, f"customer {entry.absorbed}", present.absorbed
    if record is None:
        yield Obstacle(row, N_("{number} isn't there any more"), {"number": number})
    elif record.merged_into is None:
        yield Obstacle(row, N_("{number} is in use already"), {"number": number})
    elif record.merged_into != entry.survivor:
        yield Obstacle(row, N_("{number} went into {into}"), {"number": number, "into": record.merged_into})
    elif record.values != EMPTY_VALUES:
        yield Obstacle(row, N_("{number} was changed since"), {"number": number})


def _with_package(entry: MergeEntry, image: Image, package: Package, present: Present) -> Iterator[Obstacle]:
    key, row = package.package, f"package {package.package}"
    now = present.packages.get(key)
    fills: dict[str, str | int] = {"package": key}
    if now is None:
        yield Obstacle(row, N_("package {package} isn't there any more"), fills)
        yield from _with_domains(package, (), present)
        return
    if now.number != entry.survivor:
        fills["number"] = now.number
        if (by := _moved_on(entry, present.later)) is None:
            yield Obstacle(row, N_("package {package} is under {number} now"), fills)
        else:
            why = N_("package {package} is under {number} now, after order {order}")
            yield Obstacle(row, why, fills, by.order)
    elif by := next((o for o in reversed(present.later) if o.order > entry.order and key in o.packages), None):
        yield Obstacle(row, N_("package {package} was moved again by order {order}"), fills, by.order)
    elif now.contact not in (contact_after(entry.choice, image.absorbed.details, package.contact), package.contact):
        # Asked where it is: whoever moved it on has changed this too. As it was before it is in nobody's way.
        yield Obstacle(row, N_("the contact of package {package} was changed since"), fills)
    yield from _with_domains(package, now.domains, present)


def _with_domains(package: Package, now: Collection[str], present: Present) -> Iterator[Obstacle]:
    if package.domains == now:
        return
    fills: dict[str, str | int] = {"package": package.package}
    before = set(map(domain_in_ascii, package.domains))
    after = set(map(domain_in_ascii, now))
    for name in package.domains:
        if domain_in_ascii(name) in after:
            continue
        if (holder := present.holders.get(name)) is None:
            why = N_("domain {domain} of package {package} isn't there any more")
            yield Obstacle(f"domain {name}", why, {**fills, "domain": name})
        else:
            why = N_("domain {domain} of package {package} is in package {holder} now")
            yield Obstacle(f"domain {name}", why, {**fills, "domain": name, "holder": holder})
    for name in now:
        if domain_in_ascii(name) not in before:
            why = N_("domain {domain} was added to package {package} since")
            yield Obstacle(f"domain {name}", why, {**fills, "domain": name})


@dataclass(frozen=True, slots=True)
class Extent:
    """What an undo of a batch did, or would do."""

    batch: int
    orders: int = 0
    already: int = 0
    """Orders of the batch that were undone before."""
    packages: int = 0
    domains: int = 0

    def with_chunk(self, orders: Sequence[int], plans: Sequence[UndoPlan]) -> Extent:
        """Return this with further orders of the batch, of which `plans` undo those that weren't undone before."""
        return Extent(
            batch=self.batch,
            orders=self.orders + len(plans),
            already=self.already + len(orders) - len(plans),
            packages=self.packages + sum(len(plan.packages) for plan in plans),
            domains=self.domains + sum(len(plan.domains) for plan in plans),
        )
