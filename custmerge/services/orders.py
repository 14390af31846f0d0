"""The execution of orders: two customer numbers become one; a bulk chunk has many orders in one transaction.

Each order of a transaction sees the changes of those before it, so that a chunk of a bulk file has the same result as
its rows one after the other. `Orders` is the only way to execute an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from custmerge.errors import IdentityBlocked, ProofRequired, TransferNeeded
from custmerge.rules.compare import compare
from custmerge.rules.fields import FIELDS, Customer, Field, Pair, chain, living_pair
from custmerge.rules.history import Action, Draft, Fact, image_digest, stamp
from custmerge.rules.people import Capability, demand_authority, may
from custmerge.rules.plan import Choice, Order, Plan, State, Wishes, before_image, plan_merge
from custmerge.rules.proofs import proof_required
from custmerge.rules.transfers import Why, approved_now, void_entries
from custmerge.services.access import Caller, demand_alive
from custmerge.services.authority import approved, proved_pairs, scope_error
from custmerge.services.references import OrderReferences, undecided

if TYPE_CHECKING:
    from custmerge.rules.references.counts import ReferenceCount
    from custmerge.storage.files.temporary import ChangedRecords
    from custmerge.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of an order, or of its dry run."""

    order: int | None
    """None on a dry run."""
    survivor: str
    absorbed: str
    choice: Choice
    taken: tuple[Field, ...]
    """The details that were written into the survivor's record."""
    filled: tuple[Field, ...]
    """The taken details that were empty in the survivor's record."""
    packages: tuple[str, ...]
    """Keys of the moved packages, sorted."""
    dropped: tuple[str, ...]
    """Keys of the moved packages that lose a contact of their own."""
    domains: tuple[str, ...]
    """Names of the moved domains, sorted."""
    at: str
    by: str
    splits_account: bool
    """Whether only one half of a Konto and its Bankleitzahl was taken."""
    transfer: int | None
    """The contract transfer that was used up."""

    references: tuple[ReferenceCount, ...] | None = None
    """The rows of a host's tables that follow; None for custmerge's own register."""
    shifted: tuple[Field, ...] = ()
    """The survivor's fields that read otherwise now, because rows that followed come first where they are read."""

    @property
    def dry_run(self) -> bool:
        """Whether nothing was changed."""
        return self.order is None


class Orders:
    """The orders of one caller for pairs of numbers, decided on the pairs' records and packages."""

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
        """Read everything that orders for `pairs` need; with `lock` nobody else can change it before the end.

        `earlier` has the records that earlier orders of a dry run changed. Raises SessionOver.
        """
        pairs = list(pairs)
        demand_alive(unit, caller, now, hold=lock)
        self._unit = unit
        self._caller = caller
        absorbed = {pair[1] for pair in pairs}
        if caller.is_customer:
            # The time that a refusal takes must not reveal whether the number exists (rule 3).
            absorbed = {proof.absorbed for proof in unit.people.proofs(caller.token_sha256, absorbed)}
        numbers = {pair[0] for pair in pairs} | absorbed
        records = unit.register.customers(numbers, lock=lock)
        packages = unit.register.packages_of_all(absorbed, lock=lock)
        references = OrderReferences(unit, records, absorbed, now, lock=lock, earlier=earlier)
        self.state = State(records, [package for held in packages.values() for package in held], references)
        """The records and packages after the executed plans."""
        if earlier is not None:
            self.state.assume(earlier.records(numbers), survivors=earlier.survivors(numbers))
        unit.register.add_chains(self.state.records, changed=earlier)
        # Read after the locks, for which this may have waited: from here on nothing changes before the order is
        # written, including the passwords that proofs depend on.
        now = max(now, unit.now()) if lock else now
        self._at = stamp(now)
        self._proofs = proved_pairs(unit, caller, absorbed, now)
        self._transfers = approved(unit, unit.transfers.open_for_all(absorbed, lock=lock))
        self._plans: list[tuple[Plan, bytes, Mapping[str, Fact]]] = []

    def decide(self, pair: Pair, wishes: Wishes, *, is_authorised: bool = False) -> Plan:
        """Return the plan of an order in the present state (contract §2).

        `is_authorised` replaces the proof. Raises UnknownNumber, MergedAway, ProofRequired, OtherScope,
        IdentityBlocked, DetailsDiffer, ReferenceRefused, FieldNotWritable.
        """
        survivor, absorbed = self.living_pair(pair)
        transfer = None if is_authorised else self.demand_authority(pair)
        if survivor.scope != absorbed.scope and (error := scope_error(self._unit, self._caller, survivor, absorbed)):
            raise error
        # Equal identities can't block, and a comparison takes as long as all the rest.
        if transfer is None and survivor.identity != absorbed.identity and compare(survivor, absorbed).blocked_by:
            transfer = self.transfer_for(pair)
        packages = self.state.packages_of(absorbed.number)
        try:
            plan = plan_merge(survivor, absorbed, packages, wishes, transfer=transfer)
        except IdentityBlocked as error:
            if may(self._caller.role, Capability.TRANSFER_FILE):
                raise TransferNeeded(**error.details) from None
            raise
        return self.state.with_references(plan)

    def references_of(self, survivor: Customer, absorbed: Customer) -> tuple[ReferenceCount, ...] | None:
        """Return the rows of a host's tables that would follow an order, whatever is chosen; None if none ever do.

        Raises ReferenceRefused.
        """
        return self._unit.references.counts(undecided(self.state, survivor, absorbed))

    def executed_plans(self) -> Iterator[Plan]:
        """Yield the executed plans, in their order."""
        yield from (plan for plan, *_ in self._plans)

    def living_pair(self, pair: Pair) -> tuple[Customer, Customer]:
        """Return the records of two numbers that are in use.

        Raises UnknownNumber or MergedAway (rule 9). A customer gets ProofRequired instead if the proof is missing, or
        if `absorbed` isn't in use (rule 3).
        """
        is_customer = self._caller.is_customer
        if is_customer and not self._is_proved(pair):
            raise self._required(ProofRequired(survivor=pair[0], absorbed=pair[1]))
        try:
            return living_pair(pair, self.state.records, is_customer=is_customer)
        except ProofRequired as error:
            raise self._required(error) from None

    def demand_authority(self, pair: Pair) -> int | None:
        """Return the id of the contract transfer that replaces the proof, None if the pair is proved (rule 3).

        Raises ProofRequired if there is neither.
        """
        is_customer = self._caller.is_customer
        try:
            return demand_authority(
                pair, is_proved=self._is_proved(pair), is_customer=is_customer, transfer=self.transfer_for(pair)
            )
        except ProofRequired as error:
            raise self._required(error) from None

    def _required(self, error: ProofRequired) -> ProofRequired:
        """Return the error of a missing proof, with what the caller can do in this register."""
        return proof_required(error, self._unit.register.proof_by, is_customer=self._caller.is_customer)

    def _is_proved(self, pair: Pair) -> bool:
        # A proof for a number doesn't cover a number that was merged into it since.
        return pair in self._proofs and pair[1] not in self.state.survivors

    def proved_until(self, pair: Pair) -> str | None:
        """Return the moment at which the proof for a pair ends, None if there is no valid proof."""
        return self._proofs.get(pair)

    def transfer_for(self, pair: Pair) -> int | None:
        """Return the id of the approved contract transfer for exactly this pair in this direction, or None."""
        return approved_now(self._transfers.get(pair), self.state.records)

    def leads_to(self, number: str, target: str) -> bool:
        """Return whether a tombstone leads to `target`, directly or over other tombstones."""
        return target in chain(number, self.state.records)[1:]

    def is_retired(self, number: str) -> bool:
        """Return whether a number is a tombstone."""
        record = self.state.records.get(number)
        return record is not None and record.merged_into is not None

    def execute(self, plan: Plan, salt: bytes, **facts: Fact) -> None:
        """Apply a plan to the state; `write` writes it.

        `salt` is 16 fresh random bytes, `facts` are further values of its history entry.
        """
        self._plans.append((plan, salt, facts))
        self.state.execute(plan)

    def write(self) -> list[Receipt]:
        """Write every executed plan with its order, before-image and history entry.

        Returns the receipts, without `Receipt.references`: of the orders of a bulk file nobody looks at them.
        """
        if not self._plans:
            return []
        self._write_register()
        unit = self._unit
        # Transfers are changed before the end of the chain is locked: every transaction locks in this order.
        used = [plan.transfer for plan, *_ in self._plans if plan.transfer is not None]
        made_void = unit.transfers.void_all_of([plan.absorbed.number for plan, *_ in self._plans], but=used)
        head = unit.chain.lock()
        if unit.references.have_order_numbers:
            unit.references.write(self.state.references, head.order + 1)
        receipts, drafts, executed = [], [], []
        for number, (plan, salt, facts) in enumerate(self._plans, start=head.order + 1):
            receipt = self._receipt(plan, number)
            image = before_image(plan, head.order + 1)
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
        unit.chain.append(drafts, locked=head, order=executed[-1][0].order)
        return receipts

    def shifted(self, survivor: str) -> tuple[Field, ...]:
        """Return the fields of a survivor that read otherwise than its orders have left them, after `write`."""
        if not self._unit.mapping.records_shift:
            return ()
        now, meant = self._unit.register.customer(survivor), self.state.records[survivor]
        return () if now is None else tuple(field for field in FIELDS if now[field] != meant[field])

    def receipt(self, plan: Plan, order: int | None) -> Receipt:
        """Return the receipt of a plan; `order` is None for a dry run."""
        # What a host's tables are called is no business of its customers.
        counts = None if self._caller.is_customer else self._unit.references.counts(plan)
        return replace(self._receipt(plan, order), references=counts)

    def _receipt(self, plan: Plan, order: int | None) -> Receipt:
        return Receipt(
            order=order,
            survivor=plan.survivor.number,
            absorbed=plan.absorbed.number,
            choice=plan.choice,
            taken=tuple(plan.changes),
            filled=plan.filled,
            dropped=plan.dropped,
            packages=tuple(package.package for package in plan.packages),
            domains=plan.domains,
            at=self._at,
            by=self._caller.name,
            splits_account=plan.splits_account,
            transfer=plan.transfer,
        )

    def _write_register(self) -> None:
        unit, state = self._unit, self.state
        if not unit.references.have_order_numbers:
            # Before the end of the chain is locked: others needn't wait for these rows.
            unit.references.write(state.references)
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
