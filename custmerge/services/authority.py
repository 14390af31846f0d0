"""What authorises a merge: valid proofs and contract transfers (contract §2, rules 3 and 5).

A transfer is valid by the history and by the present rights of its people, not by its row only.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from custmerge.errors import OtherScope
from custmerge.rules.compare import Comparison, Decision, Waiting, other_scope
from custmerge.rules.fields import Customer, Pair, Records
from custmerge.rules.history import Action, Facts
from custmerge.rules.people import Capability, may
from custmerge.rules.proofs import ProofBy
from custmerge.rules.transfers import (
    OPEN,
    Status,
    Transfer,
    TransferHistory,
    approved_now,
    decision_digest,
    filing_digest,
    is_as_filed,
    status_now,
    transfer_history,
)
from custmerge.services.access import Caller, Staff

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit


Claim = tuple[str, str]
"""A number, and a domain that is claimed to be under it; empty where the proof isn't a domain."""


class RegisterView(Protocol):
    """The register on which orders are decided: the stored one, or the one after the rows of a dry run."""

    def customers(self, numbers: Collection[str], /) -> Mapping[str, Customer]:
        """Return the records of those of `numbers` that exist."""

    def domain_passwords(self, claims: Collection[Claim], /) -> Mapping[Claim, str]:
        """Return the password hash of each (number, domain); a pair is left out if it has none.

        The hash is that of the domain's package, or else of the number.
        """

    def number_passwords(self, numbers: Collection[str], /) -> Mapping[str, str | None]:
        """Return the hashes of the own passwords of the `numbers` that exist."""


def proved_pairs(unit: Unit, caller: Caller, absorbed: Collection[str], now: datetime) -> dict[Pair, str]:
    """Return the pairs for which the caller's session has a valid proof, with the moment of its end (rule 3).

    An order calls this after it has locked its records and packages.
    """
    proofs = unit.people.proofs(caller.token_sha256, absorbed)
    if not proofs:
        return {}
    claims = {(proof.absorbed, proof.domain) for proof in proofs}
    stored = proof_passwords(unit.register, claims, unit.register.proof_by)
    return {
        (proof.survivor, proof.absorbed): proof.valid_until
        for proof in proofs
        if proof.holds(stored.get((proof.absorbed, proof.domain)), now)
    }


def proof_passwords(register: RegisterView, claims: Collection[Claim], by: ProofBy) -> Mapping[Claim, str]:
    """Return the hash that the password of each (number, domain) has to fit; a claim without one is left out."""
    match by:
        case ProofBy.DOMAIN:
            return register.domain_passwords(claims)
        case ProofBy.PASSWORD:
            own = register.number_passwords({number for number, _ in claims})
            return {claim: stored for claim in claims if (stored := own.get(claim[0])) is not None}
        case ProofBy.NOTHING:
            return {}


def approved(unit: Unit, transfers: Mapping[Pair, Transfer]) -> dict[Pair, Transfer]:
    """Return the transfers, by pair, that are approved by the history and whose form is the one that was filed.

    An order calls this after it has locked their rows.
    """
    return {
        (transfer.survivor, transfer.absorbed): transfer
        for transfer in with_recorded_status(unit, transfers.values())
        if transfer.status is Status.APPROVED
        and is_as_filed(unit.transfers.form_of(transfer.id), transfer.form.sha256)
    }


def approved_for(unit: Unit, pair: Pair, records: Records) -> int | None:
    """Return the id of the approved, unused transfer for exactly this pair in this direction, or None."""
    transfers = approved(unit, unit.transfers.open_for_all([pair[1]], lock=False))
    return approved_now(transfers.get(pair), records)


def scope_error(unit: Unit, caller: Caller, survivor: Customer, absorbed: Customer) -> OtherScope | None:
    """Return the error if two records differ in what the register says has to be the same, None if they don't."""
    return other_scope(survivor, absorbed, unit.register.scope_names, is_customer=caller.is_customer)


def remedied(unit: Unit, caller: Caller, comparison: Comparison) -> Comparison:
    """Return a comparison with what the caller can do about its block, if they may file a contract transfer."""
    if comparison.refusal is not None:
        return comparison
    if comparison.decision is not Decision.BLOCKED or not may(caller.role, Capability.TRANSFER_FILE):
        return comparison
    pair = comparison.survivor, comparison.absorbed
    stored = unit.transfers.open_for_all([comparison.absorbed]).get(pair)
    filed = None if stored is None else with_form_checked(unit, stored)
    if filed is None or filed.status is not Status.FILED:
        return replace(comparison, may_file=True)
    return replace(comparison, may_file=True, waiting=Waiting(filed.id, filed.filed_by))


def with_form_checked(unit: Unit, stored: Transfer) -> Transfer:
    """Return a transfer with its present status, which is also void if its form isn't the one that was filed."""
    (transfer,) = with_present_status(unit, [stored])
    if transfer.status in OPEN and not is_as_filed(unit.transfers.form_of(transfer.id), transfer.form.sha256):
        return replace(transfer, status=Status.VOID)
    return transfer


def with_present_status(unit: Unit, stored: Iterable[Transfer]) -> list[Transfer]:
    """Return transfers with their present status, by the history and by the records of their pairs."""
    transfers = with_recorded_status(unit, stored)
    records = records_of(unit, [transfer for transfer in transfers if transfer.status in OPEN])
    return [replace(transfer, status=status_now(transfer, records)) for transfer in transfers]


def records_of(unit: Unit, transfers: Iterable[Transfer]) -> dict[str, Customer]:
    """Return the records of the transfers' pairs, by number."""
    numbers = {number for transfer in transfers for number in (transfer.survivor, transfer.absorbed)}
    return unit.register.customers(numbers) if numbers else {}


def with_recorded_status(unit: Unit, stored: Iterable[Transfer]) -> list[Transfer]:
    """Return transfers with the status that the history gives them.

    A transfer that is open in its row is void if its row, filer or approver doesn't match the history. All others
    have the status of their row.
    """
    stored = list(stored)
    open_ones = [transfer for transfer in stored if transfer.status in OPEN]
    known, staff = transfer_histories(unit, open_ones), staff_of(unit, open_ones)
    return [
        replace(transfer, status=_status(staff, transfer, known[transfer.id])) if transfer.id in known else transfer
        for transfer in stored
    ]


def staff_of(unit: Unit, transfers: Iterable[Transfer]) -> Staff:
    """Return the people who filed and decided `transfers`."""
    return Staff(
        unit, {person for transfer in transfers for person in (transfer.filed_by_person, transfer.decided_by_person)}
    )


def transfer_histories(unit: Unit, transfers: Collection[Transfer]) -> dict[int, TransferHistory | None]:
    """Return the history of each transfer by its id, None if there are no entries."""
    if not transfers:
        return {}
    entries = entries_of(unit, {transfer.id: transfer.absorbed for transfer in transfers})
    return {
        transfer.id: transfer_history(
            facts
            for facts in entries[transfer.id]
            if (facts["survivor"], facts["absorbed"]) == (transfer.survivor, transfer.absorbed)
        )
        for transfer in transfers
    }


def entries_of(unit: Unit, transfers: Mapping[int, str]) -> dict[int, list[Facts]]:
    """Return the entries that name each transfer, oldest first, by the transfer's id.

    `transfers` has the ids, each with the number that would be absorbed.
    """
    named: dict[int, list[Facts]] = {number: [] for number in transfers}
    # All entries are read before any is parsed, for an odd entry, after which an audit goes on, ends open cursors.
    for entry in list(unit.chain.of_transfers(set(transfers.values()))):
        facts = json.loads(entry.body)
        if facts.get("transfer") in named:
            named[facts["transfer"]].append(facts)
    return named


def _status(staff: Staff, transfer: Transfer, history: TransferHistory | None) -> Status:
    """Return the status of a transfer that is open in its row, see `with_recorded_status`."""
    if history is None:
        return Status.VOID
    if history.status not in OPEN:
        return history.status
    holds = (
        history.status is transfer.status
        and history.filing_digest == filing_digest(transfer.row)
        and staff.holds(transfer.filed_by_person, Capability.TRANSFER_FILE, history.filed)
    )
    if holds and transfer.status is Status.APPROVED:
        holds = (
            transfer.decided_by_person != transfer.filed_by_person
            and history.decision_digest == decision_digest(transfer.row, transfer.status)
            and staff.holds(transfer.decided_by_person, Capability.TRANSFER_DECIDE, history.decided)
        )
    return transfer.status if holds else Status.VOID


def last_update(unit: Unit, kind: str) -> int:
    """Return the seq of the newest entry of an import that changed rows of a kind, 0 if there is none."""
    with closing(unit.chain.newest(action=Action.IMPORT.value)) as entries:
        for entry in entries:
            facts = json.loads(entry.body)
            if facts.get("kind") == kind and facts.get("updated"):
                return entry.seq
    return 0
