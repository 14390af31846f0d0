"""Orders, one or many, inside one transaction: read at once, decided one after the other, written at once.

What an order of this transaction has changed is what the next one sees, so that a chunk of a bulk file gives
what its rows would give one after the other. There is no other way to execute an order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import ProofRequired
from custmerge.rules.authority import void_entries
from custmerge.rules.compare import compare
from custmerge.rules.fields import EMPTY_VALUES, Customer, Package
from custmerge.rules.history import Action, Draft, image_digest
from custmerge.rules.image import before_image
from custmerge.rules.plan import Choice, Order, Plan, Wishes, contact_after, plan_merge
from custmerge.rules.times import stamp
from custmerge.rules.tombstones import living_pair
from custmerge.rules.transfers import Status, Why, status_now
from custmerge.services.access import demand_alive
from custmerge.services.authority import has_its_form, proved_pairs, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from custmerge.rules.fields import Field, Pair
    from custmerge.rules.history import Fact
    from custmerge.rules.transfers import Transfer
    from custmerge.services.access import Caller
    from custmerge.storage.unit import Unit


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
    """The records of some pairs, with what belongs to them, and the orders of one caller for them."""

    def __init__(self, unit: Unit, caller: Caller, pairs: Iterable[Pair], now: datetime, *, lock: bool) -> None:
        """Read everything that orders for `pairs` need; with `lock` nobody else can change it meanwhile."""
        pairs = list(pairs)
        if lock:
            demand_alive(unit, caller, now)
        self._unit = unit
        self._caller = caller
        absorbed = {pair[1] for pair in pairs}
        if caller.is_customer:
            # How long the refusal of a number takes must not say what there is of it (rule 3).
            absorbed = {proof.absorbed for proof in unit.people.proofs(caller.token_sha256, absorbed)}
        self._records = unit.register.customers({pair[0] for pair in pairs} | absorbed, lock=lock)
        self._packages = unit.register.packages_of_all(absorbed, lock=lock)
        # Behind the locks, for which this may have waited: from here on nothing of it changes before the order is
        # written, what a proof rests on included.
        now = max(now, unit.now()) if lock else now
        self._at = stamp(now)
        self._proofs = proved_pairs(unit, caller, absorbed, now)
        self._transfers = self._approved(unit.transfers.open_for_all(absorbed, lock=lock))
        self._plans: list[tuple[Plan, bytes]] = []
        self._absorbed = absorbed
        self._took_over: set[str] = set()
        self._look_up: Callable[[str], Customer | None] = unit.register.customer
        self._changed: set[str] = set()
        self._placed: dict[str, Package] = {}
        self._with_contact: set[str] = set()

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
        packages = self._packages.get(absorbed.number, ())
        return plan_merge(survivor, absorbed, packages, wishes, transfer=transfer)

    def assume(
        self, records: Mapping[str, Customer], took_over: Collection[str], look_up: Callable[[str], Customer | None]
    ) -> None:
        """Take `records` for what is in the database, and `look_up` for what is asked of other numbers.

        Those that `took_over` another number are as if nothing had been proved about them.
        """
        self._records |= records
        self._took_over |= set(took_over)
        self._look_up = look_up

    def changed(self) -> list[Customer]:
        """Return the records that the executed plans have changed, as they are now."""
        return [self._records[number] for number in sorted(self._changed)]

    def living_pair(self, pair: Pair) -> tuple[Customer, Customer]:
        """Return two records that are in use.

        Raises UnknownNumber or MergedAway (rule 9); for a customer ProofRequired where it is the other number
        and always where the proof is missing (rule 3).
        """
        if self._caller.is_customer and not self._is_proved(pair):
            raise ProofRequired(survivor=pair[0], absorbed=pair[1])
        return living_pair(pair, self._records, self._went_into, is_customer=self._caller.is_customer)

    def demand_authority(self, pair: Pair) -> int | None:
        """Raise ProofRequired unless the session has proved the pair, or a contract transfer stands in (rule 3).

        Returns the transfer's id where it is one that stands in.
        """
        if self._is_proved(pair):
            return None
        transfer = None if self._caller.is_customer else self.transfer_for(pair)
        if transfer is None:
            raise ProofRequired(survivor=pair[0], absorbed=pair[1])
        return transfer

    def _is_proved(self, pair: Pair) -> bool:
        # What was proved about a number says nothing of what it has taken over since.
        return pair in self._proofs and pair[1] not in self._took_over

    def transfer_for(self, pair: Pair) -> int | None:
        """Return the id of the approved contract transfer for exactly this pair in this direction, or None."""
        found = self._transfers.get(pair)
        if found is None:
            return None
        survivor, absorbed = (self._records.get(number) for number in pair)
        return found.id if status_now(found, survivor, absorbed) is Status.APPROVED else None

    def _approved(self, transfers: Mapping[Pair, Transfer]) -> dict[Pair, Transfer]:
        """Return those that the history has as approved, by people who may: asked when their rows are locked."""
        told = standing(self._unit, transfers.values())
        approved = {pair: one for pair, one in transfers.items() if told[one.id] is Status.APPROVED}
        return {pair: one for pair, one in approved.items() if has_its_form(self._unit, one)}

    def leads_to(self, number: str, target: str) -> bool:
        """Return whether a retired number went into `target`, at once or by way of others."""
        seen = {number}
        while (into := self._went_into(number)) is not None and into not in seen:
            if into == target:
                return True
            seen.add(into)
            number = into
        return False

    def is_retired(self, number: str) -> bool:
        """Return whether a number went into another."""
        return self._went_into(number) is not None

    def execute(self, plan: Plan, salt: bytes) -> None:
        """Take a plan into account; it is written by `write`. `salt` is 16 fresh random bytes."""
        survivor, absorbed = plan.survivor, plan.absorbed
        self._plans.append((plan, salt))
        if plan.changes:
            self._records[survivor.number] = survivor.with_values(plan.changes)
            self._changed.add(survivor.number)
        self._records[absorbed.number] = Customer(absorbed.number, EMPTY_VALUES, survivor.number)
        self._changed.add(absorbed.number)
        self._took_over.add(survivor.number)
        moved = [self._moved(plan, package) for package in plan.packages]
        self._packages.pop(absorbed.number, None)
        if moved and survivor.number in self._absorbed:
            kept = self._packages.get(survivor.number, [])
            self._packages[survivor.number] = sorted([*kept, *moved], key=lambda package: package.package)

    def write(self, facts: Callable[[int], dict[str, Fact]] = lambda _place: {}) -> list[Receipt]:
        """Write every executed plan, its order, before-image and history entry; returns their receipts.

        `facts` gives what the entry of the n-th plan tells besides.
        """
        if not self._plans:
            return []
        self._write_register()
        unit = self._unit
        # Before the end of the chain is locked, as everybody does who changes a transfer.
        used = [plan.transfer for plan, _salt in self._plans if plan.transfer is not None]
        made_void = unit.transfers.void_all_of([plan.absorbed.number for plan, _salt in self._plans], but=used)
        head = unit.chain.lock()
        receipts, drafts, executed = [], [], []
        for place, (plan, salt) in enumerate(self._plans):
            receipt = self.receipt(plan, head.order + 1 + place)
            image = before_image(plan)
            order = Order(
                head.order + 1 + place,
                receipt.survivor,
                receipt.absorbed,
                receipt.choice,
                receipt.taken,
                self._at,
                receipt.by,
            )
            executed.append((order, salt, image))
            told = {**_facts(receipt, image_digest(salt, image)), **facts(place)}
            drafts.append(Draft(self._at, self._caller.actor, Action.MERGE, told))
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

    def _moved(self, plan: Plan, package: Package) -> Package:
        contact = contact_after(plan.choice, plan.absorbed, package.contact)
        if contact != package.contact:
            self._with_contact.add(package.package)
        moved = Package(package.package, plan.survivor.number, package.name, package.domains, contact)
        self._placed[package.package] = moved
        return moved

    def _write_register(self) -> None:
        unit = self._unit
        placed = self._placed.values()
        unit.register.place((one for one in placed if one.package not in self._with_contact), contacts=False)
        unit.register.place((one for one in placed if one.package in self._with_contact), contacts=True)
        changed = self.changed()
        unit.register.write(one for one in changed if one.merged_into is None)
        unit.register.retire(one for one in changed if one.merged_into is not None)
        retired = [one.number for one in changed if one.merged_into is not None]
        unit.people.end_sessions_of_numbers(retired)
        unit.people.drop_proofs_of({*retired, *self._took_over})

    def _went_into(self, number: str) -> str | None:
        record = self._records.get(number) or self._look_up(number)
        return None if record is None else record.merged_into


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
