"""The order: two customer numbers become one, in one transaction; many of them in the one of a bulk chunk.

What an order of a transaction has changed is what the next one sees, so that a chunk of a bulk file gives what its
rows would give one after the other. `Orders` is the only way to execute an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import Changed, IdentityBlocked, ProofRequired
from custmerge.rules.compare import Comparison, compare
from custmerge.rules.fields import Customer, Field, Pair, chain, living_pair
from custmerge.rules.history import Action, Draft, Fact, image_digest, stamp
from custmerge.rules.people import demand_authority, survivor_of
from custmerge.rules.plan import Choice, Order, Plan, State, Wishes, before_image, plan_merge
from custmerge.rules.transfers import Why, approved_now, void_entries
from custmerge.services.access import Caller, demand_alive, demand_may_merge
from custmerge.services.authority import approved, proved_pairs, remedied

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.files.temporary import ChangedRecords
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Request:
    """An order as somebody asks for it."""

    absorbed: str
    into: str | None
    """The number that is kept; None for a customer's own."""
    wishes: Wishes = Wishes()  # noqa: RUF009 (frozen)
    seen: Comparison | None = None
    """What was shown to the person; the order is refused if the records say something else now."""


def preview(database: Database, caller: Caller, request: Request, now: datetime) -> Receipt:
    """Return what the order would do; changes nothing. Raises what `merge` would raise."""
    pair = _demanded(caller, request)
    with database.reading() as unit:
        orders = Orders(unit, caller, [pair], now, lock=False)
        return orders.receipt(_plan(unit, orders, pair, request, caller), None)


def compared(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> Comparison:
    """Compare two numbers for an order, with their bank data: the caller needs the proof, staff too."""
    pair = _demanded(caller, Request(absorbed, into))
    with database.reading() as unit:
        orders = Orders(unit, caller, [pair], now, lock=False)
        records = orders.living_pair(pair)
        orders.demand_authority(pair)
        return remedied(unit, caller, replace(compare(*records), transfer=orders.transfer_for(pair)))


def needs_proof(database: Database, caller: Caller, absorbed: str, *, into: str | None, now: datetime) -> bool:
    """Return whether the caller has to verify `absorbed` before an order.

    Not while a proof of this session holds, and for staff not where an approved contract transfer stands in.
    """
    pair = _demanded(caller, Request(absorbed, into))
    with database.reading() as unit:
        try:
            Orders(unit, caller, [pair], now, lock=False).demand_authority(pair)
        except ProofRequired:
            return True
    return False


def merge(database: Database, caller: Caller, request: Request, *, salt: bytes, now: datetime) -> Receipt:
    """Execute an order and return its receipt (contract §2).

    `salt` is 16 fresh random bytes for the before-image. Raises ProofRequired, UnknownNumber, MergedAway,
    SelfMerge, IdentityBlocked, DetailsDiffer, or Changed; then nothing is changed.
    """
    pair = _demanded(caller, request)
    for attempt in database.attempts():
        with attempt as unit:
            orders = Orders(unit, caller, [pair], now, lock=True)
            orders.execute(_plan(unit, orders, pair, request, caller), salt)
            receipts = orders.write()
    return receipts[0]


def _demanded(caller: Caller, request: Request) -> Pair:
    demand_may_merge(caller)
    return survivor_of(caller.own_number, request.into, request.absorbed), request.absorbed


def _plan(unit: Unit, orders: Orders, pair: Pair, request: Request, caller: Caller) -> Plan:
    """Return what an order does; a blocked pair is refused with what the caller can do about it."""
    if request.seen is not None:
        # Looked at first: a person is to see the new difference, not what follows from it.
        records = orders.living_pair(pair)
        orders.demand_authority(pair)
        if compare(*records).fields != request.seen.fields:
            raise Changed(survivor=pair[0], absorbed=pair[1])
    try:
        return orders.decide(pair, request.wishes)
    except IdentityBlocked:
        raise remedied(unit, caller, compare(*orders.living_pair(pair))).block from None


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


class Orders:
    """The orders of one caller for some pairs, decided on the records and packages of those pairs."""

    def __init__(
        self,
        unit: Unit,
        caller: Caller,
        pairs: Iterable[Pair],
        now: datetime,
        *,
        lock: bool,
        earlier: ChangedRecords | None = None,
    ) -> None:
        """Read everything that orders for `pairs` need; with `lock` nobody else can change it meanwhile.

        `earlier` is what orders of a dry run have left that were decided before. Raises SessionOver.
        """
        pairs = list(pairs)
        demand_alive(unit, caller, now, hold=lock)
        self._unit = unit
        self._caller = caller
        absorbed = {pair[1] for pair in pairs}
        if caller.is_customer:
            # How long the refusal of a number takes must not say what there is of it (rule 3).
            absorbed = {proof.absorbed for proof in unit.people.proofs(caller.token_sha256, absorbed)}
        numbers = {pair[0] for pair in pairs} | absorbed
        records = unit.register.customers(numbers, lock=lock)
        packages = unit.register.packages_of_all(absorbed, lock=lock)
        self.state = State(records, [package for held in packages.values() for package in held])
        """The records and packages, as the executed plans leave them."""
        if earlier is not None:
            self.state.assume(earlier.records(numbers), survivors=earlier.survivors(numbers))
        unit.register.add_chains(self.state.records, changed=earlier)
        # Asked behind the locks, for which this may have waited: from here on nothing of it changes before the
        # order is written, what a proof rests on included.
        now = max(now, unit.now()) if lock else now
        self._at = stamp(now)
        self._proofs = proved_pairs(unit, caller, absorbed, now)
        self._transfers = approved(unit, unit.transfers.open_for_all(absorbed, lock=lock))
        self._plans: list[tuple[Plan, bytes, Mapping[str, Fact]]] = []

    def decide(self, pair: Pair, wishes: Wishes, *, is_authorised: bool = False) -> Plan:
        """Return what an order would do as things stand now (contract §2).

        `is_authorised` stands in for the proof. Raises UnknownNumber, MergedAway, ProofRequired,
        IdentityBlocked, DetailsDiffer.
        """
        survivor, absorbed = self.living_pair(pair)
        transfer = None if is_authorised else self.demand_authority(pair)
        # Equal texts can't block, and a comparison costs as much as the rest.
        if transfer is None and survivor.identity != absorbed.identity and compare(survivor, absorbed).blocked_by:
            transfer = self.transfer_for(pair)
        return plan_merge(survivor, absorbed, self.state.packages_of(absorbed.number), wishes, transfer=transfer)

    def living_pair(self, pair: Pair) -> tuple[Customer, Customer]:
        """Return two records that are in use.

        Raises UnknownNumber or MergedAway (rule 9); for a customer ProofRequired where it is the other number
        and always where the proof is missing (rule 3).
        """
        if self._caller.is_customer and not self._is_proved(pair):
            raise ProofRequired(survivor=pair[0], absorbed=pair[1])
        return living_pair(pair, self.state.records, is_customer=self._caller.is_customer)

    def demand_authority(self, pair: Pair) -> int | None:
        """Return the id of the contract transfer that stands in for a proof, None where the pair is proved (rule 3).

        Raises ProofRequired where there is neither.
        """
        return demand_authority(
            pair,
            is_proved=self._is_proved(pair),
            is_customer=self._caller.is_customer,
            transfer=self.transfer_for(pair),
        )

    def _is_proved(self, pair: Pair) -> bool:
        # What was proved about a number says nothing of what it has taken over since.
        return pair in self._proofs and pair[1] not in self.state.survivors

    def transfer_for(self, pair: Pair) -> int | None:
        """Return the id of the approved contract transfer for exactly this pair in this direction, or None."""
        return approved_now(self._transfers.get(pair), self.state.records)

    def leads_to(self, number: str, target: str) -> bool:
        """Return whether a tombstone went into `target`, at once or by way of others."""
        return target in chain(number, self.state.records)[1:]

    def is_retired(self, number: str) -> bool:
        """Return whether a number went into another."""
        record = self.state.records.get(number)
        return record is not None and record.merged_into is not None

    def execute(self, plan: Plan, salt: bytes, **facts: Fact) -> None:
        """Take a plan into account; it is written by `write`.

        `salt` is 16 fresh random bytes, `facts` is what its history entry tells besides.
        """
        self._plans.append((plan, salt, facts))
        self.state.execute(plan)

    def write(self) -> list[Receipt]:
        """Write every executed plan, its order, before-image and history entry; returns their receipts."""
        if not self._plans:
            return []
        self._write_register()
        unit = self._unit
        # Before the end of the chain is locked, as everybody does who changes a transfer.
        used = [plan.transfer for plan, *_ in self._plans if plan.transfer is not None]
        made_void = unit.transfers.void_all_of([plan.absorbed.number for plan, *_ in self._plans], but=used)
        head = unit.chain.lock()
        receipts, drafts, executed = [], [], []
        for number, (plan, salt, facts) in enumerate(self._plans, start=head.order + 1):
            receipt = self.receipt(plan, number)
            image = before_image(plan)
            order = Order(
                order=number,
                survivor=receipt.survivor,
                absorbed=receipt.absorbed,
                choice=receipt.choice,
                taken=receipt.taken,
                at=receipt.at,
                by=receipt.by,
            )
            executed.append((order, salt, image))
            body = {**_facts(receipt, image_digest(salt, image)), **facts}
            drafts.append(Draft(self._at, self._caller.actor, Action.MERGE, body))
            receipts.append(receipt)
        unit.ledger.add(executed)
        for receipt in receipts:
            if receipt.transfer is not None and receipt.order is not None:
                unit.transfers.use(receipt.transfer, receipt.order)
        drafts += void_entries(made_void, Why.NUMBER_MERGED, self._caller.actor, self._at)
        unit.chain.append(drafts, behind=head, order=executed[-1][0].order)
        return receipts

    def receipt(self, plan: Plan, order: int | None) -> Receipt:
        """Return what a plan does, or did as `order`."""
        return Receipt(
            order=order,
            survivor=plan.survivor.number,
            absorbed=plan.absorbed.number,
            choice=plan.choice,
            taken=tuple(plan.changes),
            packages=tuple(package.package for package in plan.packages),
            domains=plan.domains,
            at=self._at,
            by=self._caller.name,
            splits_account=plan.splits_account,
            transfer=plan.transfer,
        )

    def _write_register(self) -> None:
        unit, state = self._unit, self.state
        unit.register.place(state.changed_packages, contacts=state.contacts)
        unit.register.write([record for record in state.changed_records if record.merged_into is None])
        retired = [record for record in state.changed_records if record.merged_into is not None]
        unit.register.retire(retired)
        numbers = {record.number for record in retired}
        unit.people.end_sessions_of_numbers(numbers)
        unit.people.drop_proofs_of(numbers | {plan.survivor.number for plan, *_ in self._plans})


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
