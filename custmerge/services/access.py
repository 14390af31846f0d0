"""Who is asking, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import (
    N_,
    BadValue,
    MergedAway,
    MissingInput,
    NotAllowed,
    OwnNumberOnly,
    PersonChanged,
    PersonRequired,
    ProofRequired,
    SelfMerge,
    SessionOver,
    UnknownNumber,
)
from custmerge.rules.history import Actor
from custmerge.rules.records import wrong_with_number
from custmerge.rules.roles import Capability, Role, may

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from custmerge.rules.fields import Customer
    from custmerge.storage.unit import Unit

Pair = tuple[str, str]
"""Survivor and absorbed."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A logged-in person."""

    role: Role
    name: str
    """A staff name, or the number that a customer logged in with."""
    token_sha256: str
    expires_at: str
    """When the session ends unless it is used before, see `times.stamp`."""
    person: int | None = None
    """The id of the person who acts or, for a service token, answers for it; None for a customer."""
    is_service: bool = False
    is_as_told: bool = True
    """Whether the row of the person or service token has the digest that the history has."""

    @property
    def is_customer(self) -> bool:
        """Whether this is a customer and not somebody who works here."""
        return self.role is Role.CUSTOMER

    @property
    def actor(self) -> Actor:
        """The caller as the history names them."""
        if self.is_service:
            return Actor(self.name, "service")
        return Actor(self.name, "customer" if self.is_customer else "staff")


def demand(caller: Caller, capability: Capability) -> None:
    """Raise NotAllowed unless the caller's role has the capability.

    Raises PersonChanged for somebody whose row was changed, who may find out by an audit and do nothing else.
    """
    if not caller.is_as_told and capability is not Capability.AUDIT:
        raise PersonChanged(name=caller.name)
    if not may(caller.role, capability):
        raise NotAllowed(role=caller.role.value, capability=capability.value)


def demand_person_acts(caller: Caller) -> None:
    """Raise PersonRequired for a service token: what it did to people or tokens would outlast its own end."""
    if caller.is_service:
        raise PersonRequired(name=caller.name)


def demand_may_change_people(caller: Caller) -> None:
    """Raise unless the caller may add, change, disable and unlock people, make and revoke service tokens."""
    demand(caller, Capability.STAFF)
    demand_person_acts(caller)


def demand_alive(unit: Unit, caller: Caller, now: datetime, *, hold: bool = True) -> None:
    """Raise SessionOver where the caller's session has ended by `now`.

    It ends at its limits, and with a role, a password, a disabling. Asked in the transaction that writes, for a
    person may think for long before they answer; without `hold` in one that reads for a form or a run that goes on.
    """
    session = unit.people.session(caller.token_sha256, hold=hold)
    # A command may have been stopped, or have waited for its input, since it looked at the clock.
    if session is None or not session.is_open(max(now, unit.now())):
        raise SessionOver


def person_of(caller: Caller) -> int:
    """Return the id of the person who acts; raises NotAllowed for a customer."""
    if caller.person is None:
        raise NotAllowed(role=caller.role.value, capability="staff")
    return caller.person


def demand_number(caller: Caller, number: str) -> None:
    """Raise unless the caller may look at `number`: staff at any, a customer at the own one."""
    demand(caller, Capability.LOOK_OWN if caller.is_customer else Capability.LOOK)
    if caller.is_customer and number != caller.name:
        raise OwnNumberOnly(number=number)


def checked_number(number: str) -> str:
    """Return `number`; raises BadValue where no customer number can look like that."""
    if why := wrong_with_number(number):
        raise BadValue(name="number", value=number, why=why)
    return number


def survivor_of(caller: Caller, into: str | None, absorbed: str) -> str:
    """Return the number that is kept: a customer's own, or the one that staff name (rule 2).

    Raises OwnNumberOnly, MissingInput, and SelfMerge where it is `absorbed` (rule 10).
    """
    checked_number(absorbed)
    if caller.is_customer:
        survivor = own_survivor(caller, into)
    elif into is None:
        raise MissingInput(what=N_("Number that is kept"), option="--into NUMBER")
    else:
        survivor = checked_number(into)
    if survivor == absorbed:
        raise SelfMerge(number=survivor)
    return survivor


def own_survivor(caller: Caller, into: str | None) -> str:
    """Return the only number that a customer can keep, their own; raises OwnNumberOnly where another is named."""
    if into is not None and into != caller.name:
        raise OwnNumberOnly(number=into)
    return caller.name


def living_pair(
    caller: Caller, pair: Pair, records: Mapping[str, Customer], end_of_chain: Callable[[str], str]
) -> tuple[Customer, Customer]:
    """Return two records that are in use, out of `records`; raises UnknownNumber or MergedAway (rule 9).

    A customer, proof or not, isn't told where the other number went (rule 3): it needs a new proof.
    """
    survivor, absorbed = pair
    other = records.get(absorbed)
    if caller.is_customer and (other is None or other.merged_into is not None):
        raise ProofRequired(survivor=survivor, absorbed=absorbed)
    return living(survivor, records.get(survivor), end_of_chain), living(absorbed, other, end_of_chain)


def living(number: str, record: Customer | None, end_of_chain: Callable[[str], str]) -> Customer:
    """Return the record of a number that is in use; raises UnknownNumber or MergedAway (rule 9).

    `end_of_chain` says where a number that was merged away has come to by now.
    """
    if record is None:
        raise UnknownNumber(number=number)
    if record.merged_into is not None:
        raise MergedAway(number=number, merged_into=end_of_chain(number))
    return record
