"""The order: two customer numbers become one, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custmerge.errors import Changed, ProofRequired
from custmerge.rules.compare import Comparison, compare
from custmerge.rules.history import Action, Draft, image_digest
from custmerge.rules.image import before_image
from custmerge.rules.plan import Choice, Order, Plan, Wishes, plan_merge
from custmerge.rules.roles import Capability
from custmerge.rules.times import stamp
from custmerge.services.access import demand, living_pair, survivor_of
from custmerge.services.proving import demand_proof, holds
from custmerge.services.transferring import approved_for

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.rules.fields import Customer, Field
    from custmerge.rules.history import Fact
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Database, Unit


@dataclass(frozen=True, slots=True)
class Request:
    """An order as somebody asks for it."""

    absorbed: str
    into: str | None
    """The number that is kept; None for a customer's own."""
    wishes: Wishes = Wishes()  # noqa: RUF009 (frozen)
    seen: Comparison | None = None
    """What was shown to the person; the order is refused if the records say something else now."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an order did, or would do."""

    order: int | None
    """None on a dry run."""
    survivor: str
    absorbed: str
    choice: Choice
    taken: tuple[Field, ...]
    packages: tuple[str, ...]
    """Keys of the moved packages, sorted."""
    domains: tuple[str, ...]
    """Names of the moved domains, sorted."""
    at: str
    by: str
    splits_account: bool
    """Whether only one half of a Konto and its Bankleitzahl was taken."""
    transfer: int | None
    """The contract transfer that was used up."""

    @property
    def dry_run(self) -> bool:
        """Whether nothing was changed."""
        return self.order is None


def preview(database: Database, caller: Caller, request: Request, now: datetime) -> tuple[Comparison, Receipt]:
    """Return the comparison (bank data unmasked) and what the order would do; changes nothing.

    Raises what `merge` would raise.
    """
    survivor = _demanded(caller, request)
    with database.reading() as unit:
        records = unit.register.customers((survivor, request.absorbed))
        plan = _plan(unit, caller, request, survivor, records, now, lock=False)
    return compare(plan.survivor, plan.absorbed), _receipt(plan, None, caller, now)


def compared(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> Comparison:
    """Compare two numbers for an order, with their bank data: the caller needs the proof, staff too."""
    survivor = _demanded(caller, Request(absorbed, into))
    with database.reading() as unit:
        records = unit.register.customers((survivor, absorbed))
        pair = _pair(unit, caller, survivor, absorbed, records, now)
        transfer = _transfer(unit, caller, *pair, now, lock=False)
        return replace(compare(*pair), transfer=transfer)


def needs_proof(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> bool:
    """Return whether the caller has to verify `absorbed` before an order.

    Not while a proof of this session holds, and for staff not where an approved contract transfer stands in.
    """
    survivor = survivor_of(caller, into, absorbed)
    with database.reading() as unit:
        if holds(unit, caller, survivor, absorbed, now):
            return False
        records = unit.register.customers((survivor, absorbed))
        if caller.is_customer or len(records) < len((survivor, absorbed)):
            return True
        return approved_for(unit, records[survivor], records[absorbed], lock=False) is None


def merge(database: Database, caller: Caller, request: Request, *, salt: bytes, now: datetime) -> Receipt:
    """Execute an order and return its receipt (contract §2).

    `salt` is 16 fresh random bytes for the before-image. Raises ProofRequired, UnknownNumber, MergedAway,
    SelfMerge, IdentityBlocked, DetailsDiffer, or Changed; then nothing is changed.
    """
    survivor = _demanded(caller, request)
    with database.writing() as unit:
        records = unit.register.customers((survivor, request.absorbed), lock=True)
        unit.register.lock_packages(request.absorbed)
        plan = _plan(unit, caller, request, survivor, records, now, lock=True)
        head = unit.chain.lock()
        receipt = _receipt(plan, head.order + 1, caller, now)
        _execute(unit, plan)
        order = Order(head.order + 1, survivor, request.absorbed, plan.choice, receipt.taken, receipt.at, receipt.by)
        image = before_image(plan)
        unit.ledger.add(order, salt=salt, image=image)
        if plan.transfer is not None:
            unit.transfers.use(plan.transfer, order.order)
        unit.transfers.void_all_of([request.absorbed])
        draft = Draft(receipt.at, caller.actor, Action.MERGE, _facts(receipt, image_digest(salt, image)))
        unit.chain.append([draft], behind=head, order=order.order)
    return receipt


def _demanded(caller: Caller, request: Request) -> str:
    demand(caller, Capability.MERGE_OWN if caller.is_customer else Capability.MERGE_ANY)
    return survivor_of(caller, request.into, request.absorbed)


def _pair(
    unit: Unit, caller: Caller, survivor: str, absorbed: str, records: dict[str, Customer], now: datetime
) -> tuple[Customer, Customer]:
    if caller.is_customer:
        demand_proof(unit, caller, survivor, absorbed, now)
    return living_pair(unit.register, caller, survivor, absorbed, records)


def _transfer(
    unit: Unit, caller: Caller, kept: Customer, absorbed: Customer, now: datetime, *, lock: bool
) -> int | None:
    """Return the contract transfer that the order needs, None where it needs none or there is none.

    It is needed where an identity field differs, and where staff have no proof (rule 3); raises ProofRequired.
    """
    is_proved = holds(unit, caller, kept.number, absorbed.number, now)
    if is_proved and not compare(kept, absorbed).blocked_by:
        return None
    transfer = approved_for(unit, kept, absorbed, lock=lock)
    if transfer is None and not is_proved:
        raise ProofRequired(survivor=kept.number, absorbed=absorbed.number)
    return transfer


def _plan(
    unit: Unit,
    caller: Caller,
    request: Request,
    survivor: str,
    records: dict[str, Customer],
    now: datetime,
    *,
    lock: bool,
) -> Plan:
    kept, absorbed = _pair(unit, caller, survivor, request.absorbed, records, now)
    transfer = _transfer(unit, caller, kept, absorbed, now, lock=lock)
    if request.seen is not None and compare(kept, absorbed).fields != request.seen.fields:
        raise Changed(survivor=survivor, absorbed=request.absorbed)
    packages = unit.register.packages_of(request.absorbed)
    return plan_merge(kept, absorbed, packages, request.wishes, transfer=transfer)


def _execute(unit: Unit, plan: Plan) -> None:
    unit.register.move_packages(plan.absorbed, plan.survivor.number, plan.choice)
    if plan.changes:
        unit.register.write(plan.survivor, plan.changes)
    unit.register.retire(plan.absorbed.number, plan.survivor.number)
    unit.people.end_sessions_of_numbers([plan.absorbed.number])
    unit.people.drop_proofs_of(plan.absorbed.number)


def _receipt(plan: Plan, order: int | None, caller: Caller, now: datetime) -> Receipt:
    return Receipt(
        order=order,
        survivor=plan.survivor.number,
        absorbed=plan.absorbed.number,
        choice=plan.choice,
        taken=tuple(plan.changes),
        packages=tuple(package.package for package in plan.packages),
        domains=plan.domains,
        at=stamp(now),
        by=caller.name,
        splits_account=plan.splits_account,
        transfer=plan.transfer,
    )


def _facts(receipt: Receipt, digest: str) -> dict[str, Fact]:
    return {
        "order": receipt.order,
        "survivor": receipt.survivor,
        "absorbed": receipt.absorbed,
        "choice": receipt.choice.value,
        "taken": [field.value for field in receipt.taken],
        "packages": len(receipt.packages),
        "domains": len(receipt.domains),
        "image_sha256": digest,
        **({} if receipt.transfer is None else {"transfer": receipt.transfer}),
    }
