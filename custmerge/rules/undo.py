"""The plan of an undo: what is restored exactly, or every obstacle (contract §3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from custmerge.errors import N_, ImageChanged, Purged, ReferenceRefused, UndoBlocked, UndoBlockedByOrders
from custmerge.rules.fields import EMPTY_VALUES, Customer, Field, Package
from custmerge.rules.history import Actor, has_begun, image_digest, moment
from custmerge.rules.normalise import domain_in_ascii
from custmerge.rules.obstacles import Obstacle
from custmerge.rules.plan import Choice, Order, contact_after
from custmerge.rules.references.nothing import NO_CHANGES, NO_ROWS, NOTHING_BACK, HostRows, RowChanges, RowsBack
from custmerge.rules.undo_limits import OWN_ORDERS_FOR

if TYPE_CHECKING:
    from custmerge.rules.plan import Image


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
    """The batch of the bulk file with the order's row."""

    def is_of(self, actor: Actor, now: datetime) -> bool:
        """Return whether `actor` made the order, and within OWN_ORDERS_FOR."""
        return self.by == actor and has_begun(self.at, now) and now < moment(self.at) + OWN_ORDERS_FOR

    def matches(self, row: Order) -> bool:
        """Return whether the order's row, which somebody could have changed, has the values of the entry."""
        return row == Order(self.order, self.survivor, self.absorbed, self.choice, self.taken, self.at, self.by.name)


@dataclass(frozen=True, slots=True)
class LaterOrder:
    """A later order that isn't undone, with the values that can block the undo of an earlier one."""

    order: int
    survivor: str
    absorbed: str
    taken: tuple[Field, ...] = ()
    packages: frozenset[str] = frozenset()
    """Keys of the packages that it moved; empty if its before-image was purged."""
    references: RowChanges = NO_CHANGES
    """What it changed in a host's tables; nothing is known of it if its before-image was purged."""


@dataclass(frozen=True, slots=True)
class PresentState:
    """The present records, packages and domains of a merge, and the later orders."""

    survivor: Customer | None
    absorbed: Customer | None
    packages: Mapping[str, Package]
    """The packages that the merge moved, by key, under whichever number they are now."""
    holders: Mapping[str, str] = field(default_factory=dict)
    """Domain → the package that has it now, for domains that left the package of the image."""
    later: Sequence[LaterOrder] = ()
    references: HostRows = NO_ROWS
    """A host's rows that the merge changed."""


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What one undo does."""

    order: int
    survivor: Customer
    """As it is afterwards."""
    absorbed: Customer
    """As it is afterwards: in use again."""
    fields: tuple[Field, ...]
    """The survivor's fields that get their old values."""
    packages: tuple[Package, ...]
    """The packages that go back, as they are afterwards, in the order of their keys."""
    contacts: frozenset[str] = frozenset()
    """Keys of the packages whose contact changes."""
    references: RowsBack = NOTHING_BACK
    """What changes in a host's tables."""

    @property
    def domains(self) -> tuple[str, ...]:
        """The names that go back with their packages, sorted."""
        return tuple(sorted(name for package in self.packages for name in package.domains))

    @property
    def shown(self) -> tuple[int, tuple[Field, ...], tuple[Package, ...], Customer, tuple[tuple[str, int, int], ...]]:
        """The parts of the plan that a person sees and confirms."""
        return self.order, self.fields, self.packages, self.absorbed, self.references.counts


# Any: a body as JSON gives it.
def read_merge_entry(body: Mapping[str, Any]) -> MergeEntry:
    """Return the merge entry with this body."""
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


def demand_image(entry: MergeEntry, salt: bytes, text: str) -> None:
    """Raise Purged if the before-image of an order was erased, ImageChanged if it doesn't match the entry."""
    if not text and not salt:
        raise Purged(order=entry.order)
    if image_digest(salt, text) != entry.image_sha256:
        raise ImageChanged(order=entry.order)


def blocking_orders(entry: MergeEntry, image: Image | None, later: Sequence[LaterOrder]) -> list[LaterOrder]:
    """Return the later orders that changed again what `entry` changed; each must be undone first.

    `image` is None if it can't be read any more.
    """
    fields = entry.taken if image is None else _changed(entry, image)
    packages = set() if image is None else {package.package for package in image.packages}

    def is_in_the_way(order: LaterOrder) -> bool:
        if order.order <= entry.order:
            return False
        if order.absorbed == entry.survivor:
            return True
        return order.survivor == entry.survivor and not (
            set(fields).isdisjoint(order.taken)
            and packages.isdisjoint(order.packages)
            and not (image is not None and order.references.again(image.references))
        )

    return [order for order in later if is_in_the_way(order)]


def plan_undo(entry: MergeEntry, image: Image, present: PresentState) -> UndoPlan:
    """Return what undoing an order does in the present state; raises UndoBlocked, which names every obstacle."""
    obstacles = [
        *_with_survivor(entry, image, present),
        *_with_absorbed(entry, present),
        *(obstacle for package in image.packages for obstacle in _with_package(entry, image, package, present)),
    ]
    keys = () if present.absorbed is None else present.absorbed.keys
    gone = [present.survivor, present.absorbed].count(None)
    given_back, in_the_way = present.references.undo_plan(image.references, keys, gone=gone)
    obstacles += _by_orders(entry, image, present, in_the_way)
    if obstacles or present.survivor is None:
        raise blocked(entry.order, obstacles)
    packages = [(present.packages[package.package], package) for package in image.packages]
    # A field that has its old value again already needs no change.
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
        references=given_back,
    )


def blocked(order: int, obstacles: Sequence[Obstacle]) -> UndoBlocked:
    """Return the error that names every obstacle to undoing an order."""
    orders = sorted({obstacle.order for obstacle in obstacles if obstacle.order is not None}, reverse=True)
    kind = UndoBlockedByOrders if orders else UndoBlocked
    return kind(order=order, obstacles=[obstacle.details() for obstacle in obstacles], undo_first=orders)


def refused_by_database(order: int, error: ReferenceRefused) -> UndoBlocked:
    """Return the error for rows of a host's tables that the database itself doesn't take back."""
    table, by = str(error.details["table"]), str(error.details.get("by", ""))
    why = N_("the database refuses what would be given back to {table} ({by})")
    if not by:
        why = N_("the database leaves rows of {table} as they are, most likely because of a trigger")
    return blocked(order, [Obstacle(f"table {table}", why, {"table": table, **({"by": by} if by else {})})])


def _changed(entry: MergeEntry, image: Image) -> tuple[Field, ...]:
    """Return the survivor's fields whose text the order changed."""
    return tuple(name for name in entry.taken if image.survivor[name] != image.absorbed[name])


def _moved_on(entry: MergeEntry, later: Sequence[LaterOrder]) -> LaterOrder | None:
    """Return the later order that merged the survivor into another number, or None."""
    return next((order for order in later if order.order > entry.order and order.absorbed == entry.survivor), None)


def _with_survivor(entry: MergeEntry, image: Image, present: PresentState) -> Iterator[Obstacle]:
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
        # A tombstone is empty, so its fields can't be compared.
        return
    again = [order for order in blocking_orders(entry, image, present.later) if order.survivor == number]
    for name in _changed(entry, image):
        fills = {"number": number, "field": name}
        if by := next((order for order in reversed(again) if name in order.taken), None):
            yield Obstacle(row, N_("{field} of {number} was taken again by order {order}"), fills, by.order)
        elif record[name] not in (image.absorbed[name], image.survivor[name]):
            yield Obstacle(row, N_("{field} of {number} was changed since"), fills)


def _with_absorbed(entry: MergeEntry, present: PresentState) -> Iterator[Obstacle]:
    number, row, record = entry.absorbed, f"customer {entry.absorbed}", present.absorbed
    if record is None:
        yield Obstacle(row, N_("{number} isn't there any more"), {"number": number})
    elif record.merged_into is None:
        yield Obstacle(row, N_("{number} is in use already"), {"number": number})
    elif record.merged_into != entry.survivor:
        yield Obstacle(row, N_("{number} went into {into}"), {"number": number, "into": record.merged_into})
    elif record.values != EMPTY_VALUES:
        yield Obstacle(row, N_("{number} was changed since"), {"number": number})


def _by_orders(
    entry: MergeEntry, image: Image, present: PresentState, in_the_way: Sequence[Obstacle]
) -> Iterator[Obstacle]:
    """Yield what is in the way in a host's tables; rows that later orders changed again are named with the orders."""
    named = set[str]()
    # Nobody has changed again what wasn't changed.
    for order in present.later if image.references.changed or image.references.dropped else ():
        if order.order <= entry.order or order.survivor != entry.survivor:
            continue
        again = order.references.again if in_the_way else order.references.hides
        if rows := again(image.references):
            from custmerge.rules.references.undo import row_name  # most registers have no host

            named |= {row_name(table, key) for table, keys in rows.items() for key in keys}
            fills: dict[str, str | int] = {"order": order.order, "tables": ", ".join(sorted(rows))}
            yield Obstacle(
                f"order {order.order}", N_("order {order} changed rows of {tables} again"), fills, order.order
            )
    yield from (obstacle for obstacle in in_the_way if obstacle.row not in named)


def _with_package(entry: MergeEntry, image: Image, package: Package, present: PresentState) -> Iterator[Obstacle]:
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
        # Not for a package that was moved on, for that changes the contact too. The old contact is no obstacle.
        yield Obstacle(row, N_("the contact of package {package} was changed since"), fills)
    yield from _with_domains(package, now.domains, present)


def _with_domains(package: Package, now: Collection[str], present: PresentState) -> Iterator[Obstacle]:
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
    """The numbers of an undo of a batch, done or planned."""

    batch: int
    orders: int = 0
    already: int = 0
    """Orders of the batch that were undone before."""
    packages: int = 0
    domains: int = 0

    def with_chunk(self, orders: Sequence[int], plans: Sequence[UndoPlan]) -> Extent:
        """Return the extent with further `orders` added, of which `plans` undo those that weren't undone before."""
        return Extent(
            batch=self.batch,
            orders=self.orders + len(plans),
            already=self.already + len(orders) - len(plans),
            packages=self.packages + sum(len(plan.packages) for plan in plans),
            domains=self.domains + sum(len(plan.domains) for plan in plans),
        )
