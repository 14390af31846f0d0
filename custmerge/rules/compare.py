"""Comparing two records field by field, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from custmerge.errors import IdentityBlocked, TransferNeeded, TransferWaits
from custmerge.rules import normalise
from custmerge.rules.fields import BANK_FIELDS, FIELDS, IDENTITY_FIELDS, Customer, Field


class Status(StrEnum):
    """How the two values of one field relate."""

    SAME = "same"
    """Identical text."""
    EQUIVALENT = "equivalent"
    """Two writings of one thing."""
    DIFFERENT = "different"
    BLOCKED = "blocked"
    """An identity field that is neither same nor equivalent."""


class Decision(StrEnum):
    """What a comparison lets a person do.

    Source: the article; "beide Datensätze identisch", "unterschiedliche Werte … farbig markiert",
    "eine Übernahme vorerst nicht möglich".
    """

    IDENTICAL = "identical"
    CHOOSE = "choose"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """One field of both records."""

    field: Field
    survivor: str
    absorbed: str
    status: Status


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contract transfer that is filed and not decided yet."""

    transfer: int
    filed_by: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two records side by side: all eleven fields in their order."""

    survivor: str
    """The number that is kept."""
    absorbed: str
    """The number that is taken over."""
    fields: tuple[FieldComparison, ...]
    transfer: int | None = None
    """The approved, unused contract transfer for exactly this pair, which lifts a block."""

    waiting: Waiting | None = None
    """The contract transfer for exactly this pair that waits for its decision; None for who may not file one."""
    may_file: bool = False
    """Whether the person who asks may file a contract transfer."""

    @property
    def blocked_by(self) -> tuple[Field, ...]:
        """The identity fields that differ."""
        return self._with(Status.BLOCKED)

    @property
    def different(self) -> tuple[Field, ...]:
        """The detail fields that differ."""
        return self._with(Status.DIFFERENT)

    @property
    def is_identical(self) -> bool:
        """Whether both records say the same."""
        return not self.blocked_by and not self.different

    @property
    def decision(self) -> Decision:
        """Blocked, to be chosen, or identical but for the writing and for what a contract transfer lifts."""
        if self.blocked_by and self.transfer is None:
            return Decision.BLOCKED
        return Decision.CHOOSE if self.different else Decision.IDENTICAL

    @property
    def block(self) -> IdentityBlocked:
        """The error of a blocked pair, with what the person who asks can do about it."""
        details = {"survivor": self.survivor, "absorbed": self.absorbed, "blocked_by": self.blocked_by}
        if self.waiting is not None:
            return TransferWaits(**details, transfer=self.waiting.transfer, filed_by=self.waiting.filed_by)
        return (TransferNeeded if self.may_file else IdentityBlocked)(**details)

    def _with(self, status: Status) -> tuple[Field, ...]:
        return tuple(line.field for line in self.fields if line.status is status)


def compare(survivor: Customer, absorbed: Customer) -> Comparison:
    """Compare two records in all eleven fields (contract §2, Comparing).

    Equal texts are never parsed.
    """
    bank_is_one = _one_account(survivor, absorbed)
    lines = []
    for field, mine, theirs in zip(FIELDS, survivor.values, absorbed.values, strict=True):
        if mine == theirs:
            status = Status.SAME
        elif (bank_is_one and field in BANK_FIELDS) or _is_one(field, mine, theirs):
            status = Status.EQUIVALENT
        else:
            status = Status.BLOCKED if field in IDENTITY_FIELDS else Status.DIFFERENT
        lines.append(FieldComparison(field, mine, theirs, status))
    return Comparison(survivor.number, absorbed.number, tuple(lines))


def _is_one(field: Field, mine: str, theirs: str) -> bool:
    key = _KEYS[field]
    # Most numbers that aren't the same are others, and parsing them costs more than all the rest.
    if key is normalise.phone and normalise.surely_other_phone(mine, theirs):
        return False
    return key(mine) == key(theirs)


def _one_account(survivor: Customer, absorbed: Customer) -> bool:
    mine = (survivor[Field.ACCOUNT_NUMBER], survivor[Field.BANK_CODE])
    theirs = (absorbed[Field.ACCOUNT_NUMBER], absorbed[Field.BANK_CODE])
    return mine != theirs and normalise.bank(*mine) == normalise.bank(*theirs)


_KEYS: dict[Field, Callable[[str], object]] = {
    Field.COMPANY: normalise.lower,
    Field.FIRST_NAME: normalise.lower,
    Field.LAST_NAME: normalise.lower,
    Field.STREET: normalise.street,
    Field.POSTCODE: normalise.lower,
    Field.CITY: normalise.lower,
    Field.PHONE: normalise.phone,
    Field.MOBILE: normalise.phone,
    Field.EMAIL: normalise.email,
    Field.ACCOUNT_NUMBER: normalise.account_number,
    Field.BANK_CODE: normalise.bank_code,
}
