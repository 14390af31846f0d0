"""Comparing two records field by field, and the decision that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from custmerge.errors import (
    ExitCode,
    IdentityBlocked,
    OtherScope,
    OtherScopeToStaff,
    ReferenceRefused,
    TransferNeeded,
    TransferWaits,
)
from custmerge.rules import normalise
from custmerge.rules.fields import BANK_FIELDS, FIELDS, IDENTITY_FIELDS, Customer, Field


class Status(StrEnum):
    """How the two values of one field relate."""

    SAME = "same"
    """Identical text."""
    EQUIVALENT = "equivalent"
    """Two writings of the same value."""
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
    """A filed contract transfer that isn't decided yet."""

    transfer: int
    filed_by: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two records side by side: all eleven fields in their order."""

    survivor: str
    """The number that is kept."""
    absorbed: str
    """The number that is merged into it."""
    fields: tuple[FieldComparison, ...]
    transfer: int | None = None
    """The approved, unused contract transfer for exactly this pair, which lifts a block."""

    waiting: Waiting | None = None
    """The contract transfer for exactly this pair that waits for a decision; None if the caller may not file one."""
    may_file: bool = False
    """Whether the caller may file a contract transfer."""
    refusal: OtherScope | ReferenceRefused | None = None
    """The error if the records differ in what has to be the same, or rows of a host's tables: nothing lifts that."""

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
        """Whether no field is blocked or different."""
        return not self.blocked_by and not self.different

    @property
    def decision(self) -> Decision:
        """BLOCKED if identity fields differ and no transfer lifts that; CHOOSE if details differ; else IDENTICAL.

        Also BLOCKED if something else refuses the order.
        """
        if self.refusal is not None or (self.blocked_by and self.transfer is None):
            return Decision.BLOCKED
        return Decision.CHOOSE if self.different else Decision.IDENTICAL

    @property
    def exit(self) -> ExitCode:
        """The exit code that tells how the records relate: what a transfer lifts may be merged, but it differs."""
        if self.decision is Decision.BLOCKED:
            return ExitCode.BLOCKED
        return ExitCode.DONE if self.is_identical else ExitCode.DIFFERS

    @property
    def block(self) -> IdentityBlocked | OtherScope | ReferenceRefused:
        """The error of a blocked pair, with what the caller can do about it."""
        if self.refusal is not None:
            return self.refusal
        details = {"survivor": self.survivor, "absorbed": self.absorbed, "blocked_by": self.blocked_by}
        if self.waiting is not None:
            return TransferWaits(**details, transfer=self.waiting.transfer, filed_by=self.waiting.filed_by)
        return (TransferNeeded if self.may_file else IdentityBlocked)(**details)

    def _with(self, status: Status) -> tuple[Field, ...]:
        return tuple(line.field for line in self.fields if line.status is status)


def other_scope(
    survivor: Customer, absorbed: Customer, columns: Sequence[str], *, is_customer: bool
) -> OtherScope | None:
    """Return the error if two records differ in their scope, None if they don't.

    `columns` are the names of what `Customer.scope` holds. A customer isn't told the values.
    """
    if survivor.scope == absorbed.scope:
        return None
    pairs = zip(columns, survivor.scope, absorbed.scope, strict=True)
    differing = [(column, kept, merged) for column, kept, merged in pairs if kept != merged]
    names, kept_values, merged_values = (list(cells) for cells in zip(*differing, strict=True))
    if is_customer:
        return OtherScope(survivor=survivor.number, absorbed=absorbed.number)
    return OtherScopeToStaff(
        survivor=survivor.number,
        absorbed=absorbed.number,
        columns=names,
        survivor_scope=kept_values,
        absorbed_scope=merged_values,
    )


def compare(survivor: Customer, absorbed: Customer) -> Comparison:
    """Compare two records in all eleven fields (contract §2, Comparing).

    Equal texts are never parsed.
    """
    is_same_account = _have_same_account(survivor, absorbed)
    lines = []
    for field, kept, merged in zip(FIELDS, survivor.values, absorbed.values, strict=True):
        if kept == merged:
            status = Status.SAME
        elif (is_same_account and field in BANK_FIELDS) or _are_equivalent(field, kept, merged):
            status = Status.EQUIVALENT
        else:
            status = Status.BLOCKED if field in IDENTITY_FIELDS else Status.DIFFERENT
        lines.append(FieldComparison(field, kept, merged, status))
    return Comparison(survivor.number, absorbed.number, tuple(lines))


def _are_equivalent(field: Field, left: str, right: str) -> bool:
    key = _KEYS[field]
    # Most phone numbers whose texts differ are different numbers, and parsing them costs more than all the rest.
    if key is normalise.phone and normalise.surely_different_phones(left, right):
        return False
    return key(left) == key(right)


def _have_same_account(survivor: Customer, absorbed: Customer) -> bool:
    left = (survivor[Field.ACCOUNT_NUMBER], survivor[Field.BANK_CODE])
    right = (absorbed[Field.ACCOUNT_NUMBER], absorbed[Field.BANK_CODE])
    if left == right or normalise.surely_different_accounts(left[0], right[0]):
        return False
    return normalise.bank(*left) == normalise.bank(*right)


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
