"""The eleven fields of a customer, the records that carry them, numbers, and where a tombstone leads (rule 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from custmerge.errors import N_, BadValue, MergedAway, ProofRequired, UnknownNumber


class Field(StrEnum):
    """A field of a customer's record, in the order in which fields always appear.

    Source: the article's two lists, "Firma, Vorname und/oder Nachname" and "Strasse … Bankleitzahl".
    """

    COMPANY = "company"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    STREET = "street"
    POSTCODE = "postcode"
    CITY = "city"
    PHONE = "phone"
    MOBILE = "mobile"
    EMAIL = "email"
    ACCOUNT_NUMBER = "account_number"
    BANK_CODE = "bank_code"


FIELDS: tuple[Field, ...] = tuple(Field)
IDENTITY_FIELDS: tuple[Field, ...] = FIELDS[:3]
DETAIL_FIELDS: tuple[Field, ...] = FIELDS[3:]
BANK_FIELDS: tuple[Field, ...] = (Field.ACCOUNT_NUMBER, Field.BANK_CODE)
_POSITION = {field: position for position, field in enumerate(FIELDS)}

Pair = tuple[str, str]
"""Two customer numbers: survivor and absorbed."""
EMPTY_VALUES: tuple[str, ...] = ("",) * len(FIELDS)
EMPTY_DETAILS: tuple[str, ...] = ("",) * len(DETAIL_FIELDS)
OLD_NUMBER_LENGTH = 64
"""Earlier versions accepted numbers of this length, and these can still be looked up and merged."""


@dataclass(frozen=True, slots=True)
class Customer:
    """The record of one customer number."""

    number: str
    values: tuple[str, ...] = EMPTY_VALUES
    """The eleven values in the order of `FIELDS`; an unknown value is an empty text."""
    merged_into: str | None = None
    """The number that this one was merged into; if it is set, the record is a tombstone."""
    keys: tuple[str, ...] = field(default=(), compare=False)
    """The texts of what a host's references hold, in the order of its mapping's keys; an empty text matches nothing.

    Not compared: a before-image doesn't hold them.
    """
    scope: tuple[str, ...] = field(default=(), compare=False)
    """The texts of a host's columns that have to be equal in both records of an order."""

    def __getitem__(self, field: Field) -> str:
        return self.values[_POSITION[field]]

    @property
    def identity(self) -> tuple[str, ...]:
        """The three identity values in the order of `IDENTITY_FIELDS`."""
        return self.values[: len(IDENTITY_FIELDS)]

    @property
    def details(self) -> tuple[str, ...]:
        """The eight detail values in the order of `DETAIL_FIELDS`."""
        return self.values[len(IDENTITY_FIELDS) :]

    def with_values(self, changes: Mapping[Field, str]) -> Customer:
        """Return this record with the given fields replaced."""
        return replace(self, values=tuple(changes.get(f, v) for f, v in zip(FIELDS, self.values, strict=True)))


@dataclass(frozen=True, slots=True)
class Package:
    """A contract under one customer number."""

    package: str
    number: str
    name: str = ""
    domains: tuple[str, ...] = ()
    """Domain names, sorted."""
    contact: tuple[str, ...] | None = None
    """The package's own eight details (contract: Ansprechpartner), or None if its customer's apply."""


def wrong_with_number(number: str) -> str | None:
    """Return why `number` can't be a customer or package number, or None.

    Leading zeros count and letters are fine: a number is a text.
    """
    if not number:
        return N_("is empty")
    if any(character.isspace() for character in number):
        return N_("has white space in it")
    if not number.isprintable():
        return N_("has invisible characters in it")
    if len(number) > OLD_NUMBER_LENGTH:
        return N_("is longer than 64 characters")
    return None


def checked_number(number: str) -> str:
    """Return `number`; raises BadValue if it can't be a customer number."""
    if why := wrong_with_number(number):
        raise BadValue(name="number", value=number, why=why)
    return number


Records = Mapping[str, Customer]
"""Records by number; for a tombstone also the records that it leads to."""


def chain(number: str, records: Records) -> list[str]:
    """Return `number` and the numbers that it leads to, in their order; each once, even in a circle."""
    passed: dict[str, None] = {}
    step: str | None = number
    while step is not None and step not in passed:
        passed[step] = None
        record = records.get(step)
        step = None if record is None else record.merged_into
    return list(passed)


def living(number: str, records: Records) -> Customer:
    """Return the record of a number that is in use; raises UnknownNumber, MergedAway with the end of its chain."""
    record = records.get(number)
    if record is None:
        raise UnknownNumber(number=number)
    if record.merged_into is not None:
        raise MergedAway(number=number, merged_into=chain(number, records)[-1])
    return record


def living_pair(pair: Pair, records: Records, *, is_customer: bool) -> tuple[Customer, Customer]:
    """Return the records of two numbers that are in use; raises UnknownNumber, MergedAway.

    Raises ProofRequired for a customer if `absorbed` isn't in use: they mustn't learn more, proof or not (rule 3).
    """
    survivor, absorbed = pair
    record = records.get(absorbed)
    if is_customer and (record is None or record.merged_into is not None):
        raise ProofRequired(survivor=survivor, absorbed=absorbed)
    return living(survivor, records), living(absorbed, records)
