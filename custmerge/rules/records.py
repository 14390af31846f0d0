"""Rows of an import file: which values a record may hold, and what a row says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS
from custmerge.rules.hashes import wrong_with_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER_LENGTH = 64
TOMBSTONE_IS_EMPTY = N_("must be empty: a number that was taken over only says where it went")
DOMAIN_LENGTH = 253
CONTACT_COLUMNS = tuple(f"contact_{field}" for field in DETAIL_FIELDS)
CUSTOMER_COLUMNS = ("number", *(str(field) for field in FIELDS), "merged_into", "password", "password_hash")
PACKAGE_COLUMNS = ("package", "number", "name", "domains", *CONTACT_COLUMNS, "password", "password_hash")

_NOT_IN_A_DOMAIN = frozenset("/\\@:;,'\"`<>()[]{}|?*&%$#!=+~^")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of one line."""

    field: str
    value: str
    """What stands there; empty where it may not be shown."""
    why: str
    """The end of an English sentence, for translation; may hold `{other}`."""
    other: str = ""
    """A line, a number or a package that the sentence names."""


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
    if len(number) > NUMBER_LENGTH:
        return N_("is longer than 64 characters")
    return None


def wrong_with_domain(name: str) -> str | None:
    """Return why `name` can't be a domain, or None."""
    if not name or len(name) > DOMAIN_LENGTH:
        return N_("isn't a domain name")
    if any(c.isspace() or c in _NOT_IN_A_DOMAIN for c in name) or not name.isprintable():
        return N_("isn't a domain name")
    if any(not label or len(label) > 63 for label in name.split(".")):  # noqa: PLR2004 (RFC 1035)
        return N_("isn't a domain name")
    return None


def problems_of_customer(row: Mapping[str, str]) -> list[Problem]:
    """Return everything that is wrong with a row of a customers file, taken by itself."""
    problems = _problems_of_key("number", row)
    target = row.get("merged_into", "")
    if target and (why := wrong_with_number(target)):
        problems.append(Problem("merged_into", target, why))
    if target and target == row.get("number"):
        problems.append(Problem("merged_into", target, N_("is the number itself")))
    if target:
        problems += [Problem(field, "", TOMBSTONE_IS_EMPTY) for field in FIELDS if row.get(field)]
    return problems + _problems_of_texts(row)


def problems_of_package(row: Mapping[str, str]) -> list[Problem]:
    """Return everything that is wrong with a row of a packages file, taken by itself."""
    problems = _problems_of_key("package", row) + _problems_of_key("number", row)
    names = row.get("domains", "").split()
    problems += [Problem("domains", name, why) for name in names if (why := wrong_with_domain(name))]
    return problems + _problems_of_texts(row)


def contact_of(row: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the contact that a row of a packages file gives: None where all eight columns are empty."""
    contact = tuple(row.get(column, "") for column in CONTACT_COLUMNS)
    return contact if any(contact) else None


def _problems_of_key(column: str, row: Mapping[str, str]) -> list[Problem]:
    key = row.get(column, "")
    why = wrong_with_number(key)
    return [Problem(column, key, why)] if why else []


def _problems_of_texts(row: Mapping[str, str]) -> list[Problem]:
    problems = [Problem(column, "", N_("has a NUL character in it")) for column in row if "\0" in row[column]]
    if row.get("password") and row.get("password_hash"):
        problems.append(Problem("password", "", N_("stands beside a password_hash: give one of them")))
    stored = row.get("password_hash", "")
    if stored and (why := wrong_with_hash(stored)):
        problems.append(Problem("password_hash", "", why))
    return problems
