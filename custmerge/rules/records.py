"""CSV: which values the record of a row may hold, what a spreadsheet makes of cells, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from custmerge.errors import N_
from custmerge.rules.characters import has_hidden, has_too_many_marks
from custmerge.rules.fields import DETAIL_FIELDS, EMPTY_DETAILS, FIELDS, Field, wrong_with_number
from custmerge.rules.mask import MASK, MASKED_FIELDS
from custmerge.rules.normalise import domain_in_ascii, domain_name, has_joiners_in_place
from custmerge.rules.passwords import wrong_with_hash

NUMBER_LENGTH = 60
"""Of a customer or package number that an import brings."""
FIELD_LENGTH = 1_000
"""Of any other text that an import brings."""
TOO_MANY_MARKS = N_("has more than 30 combining marks in a row")
TOMBSTONE_IS_EMPTY = N_("must be empty: a number that was taken over only says where it went")
SKIPPED = N_("went into {other}: the line is skipped")
DOMAIN_LENGTH = 253
PASSWORD_LENGTH = 1_024
LABEL_LENGTH = 63
"""Both of what DNS holds, in A-labels. Source: RFC 1035 §2.3.4."""
CONTACT_COLUMNS = tuple(f"contact_{field}" for field in DETAIL_FIELDS)
CUSTOMER_COLUMNS = ("number", *(str(field) for field in FIELDS), "merged_into", "password", "password_hash")
PACKAGE_COLUMNS = ("package", "number", "name", "domains", *CONTACT_COLUMNS, "password", "password_hash")

_TEXT_COLUMNS = frozenset((*FIELDS, *CONTACT_COLUMNS, "name"))
_DIGIT_FIELDS = (Field.PHONE, Field.MOBILE, Field.ACCOUNT_NUMBER, Field.BANK_CODE, Field.POSTCODE)
_DIGIT_COLUMNS = frozenset(
    {*(str(field) for field in _DIGIT_FIELDS), *(f"contact_{field}" for field in _DIGIT_FIELDS)}
)
_MASKED_COLUMNS = tuple(f"{of}{field}" for of in ("", "contact_") for field in MASKED_FIELDS)
_NOT_IN_A_DOMAIN = frozenset("/\\@:;,'\"`<>()[]{}|?*&%$#!=+~^")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of one line."""

    field: str
    """Empty where it is the line itself."""
    value: str
    """What stands there; empty where it may not be shown."""
    why: str
    """The end of an English sentence, for translation; may hold `{other}`."""
    other: str = ""
    """A line, a number or a package that the sentence names."""


def wrong_with_new_number(number: str) -> str | None:
    """Return why an import can't bring `number` as a customer or package number, or None."""
    if why := wrong_with_number(number) or wrong_with_digits(number):
        return why
    if has_hidden(number):
        return N_("has invisible characters in it")
    if len(number) > NUMBER_LENGTH:
        return N_("is longer than 60 characters")
    return TOO_MANY_MARKS if has_too_many_marks(number) else None


def wrong_with_domain(name: str) -> str | None:
    """Return why `name` can't be a domain, or None; lengths are those of the name that DNS holds."""
    if len(name) > FIELD_LENGTH or has_too_many_marks(name):
        return N_("isn't a domain name")
    written = domain_name(name)
    if any(c.isspace() or c in _NOT_IN_A_DOMAIN for c in written):
        return N_("isn't a domain name")
    if has_hidden(written) and not has_joiners_in_place(written):
        return N_("isn't a domain name")
    key = domain_in_ascii(written)
    if len(key) > DOMAIN_LENGTH or any(not label or len(label) > LABEL_LENGTH for label in key.split(".")):
        return N_("isn't a domain name")
    return None


def problems_of_customer(row: Mapping[str, str]) -> list[Problem]:
    """Return everything that is wrong with a row of a customers file, taken by itself."""
    problems = _problems_of_key("number", row)
    target = row.get("merged_into", "")
    if target and (why := wrong_with_new_number(target)):
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
    """Return the contact that a row of a packages file gives: None where all eight columns are empty.

    White space and nothing else says that there is one, whose eight details are blank: such a package doesn't use
    those of its number, so it may not be taken for one without a contact. A space is in front then, see
    `contact_cells`.
    """
    contact = tuple(row.get(column, "") for column in CONTACT_COLUMNS)
    if any(map(str.strip, contact)):
        return contact
    return (contact[0].removeprefix(" "), *contact[1:]) if any(contact) else None


def contact_cells(contact: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the cells of a packages file from which `contact_of` reads a contact."""
    if contact is None:
        return EMPTY_DETAILS
    # A space: not empty, nothing that a spreadsheet would change, and no detail of anybody's.
    return contact if any(map(str.strip, contact)) else (f" {contact[0]}", *contact[1:])


def _problems_of_key(column: str, row: Mapping[str, str]) -> list[Problem]:
    key = row.get(column, "")
    why = wrong_with_new_number(key)
    return [Problem(column, key, why)] if why else []


def _problems_of_texts(row: Mapping[str, str]) -> list[Problem]:
    problems = [] if are_plain(row.values()) else list(_problems_of_characters(row))
    problems += _damages(row)
    if row.get("password") and row.get("password_hash"):
        problems.append(Problem("password", "", N_("stands beside a password_hash: give one of them")))
    stored = row.get("password_hash", "")
    if stored and (why := wrong_with_hash(stored)):
        problems.append(Problem("password_hash", "", why))
    return problems


def are_plain(cells: Iterable[str]) -> bool:
    """Return whether no text among the cells of a row can be too long or have characters that it may not have.

    They are looked at together, for one by one that would cost as much as reading them. False says nothing.
    """
    text = "".join(cells)
    return len(text) <= FIELD_LENGTH and "\0" not in text and not has_too_many_marks(text)


def _problems_of_characters(row: Mapping[str, str]) -> Iterator[Problem]:
    for column, text in row.items():
        if "\0" in text:
            yield Problem(column, "", N_("has a NUL character in it"))
        if column in _TEXT_COLUMNS and len(text) > FIELD_LENGTH:
            yield Problem(column, "", N_("is longer than 1,000 characters"))
        # Nobody could log in with a longer one.
        if column == "password" and len(text) > PASSWORD_LENGTH:
            yield Problem(column, "", N_("is longer than 1,024 characters"))
        # Those of numbers and domains are looked at with them.
        if column in (*_TEXT_COLUMNS, "password") and has_too_many_marks(text):
            yield Problem(column, "", TOO_MANY_MARKS)


def _damages(row: Mapping[str, str]) -> Iterator[Problem]:
    """Give what a mask, a spreadsheet or a wrong decoding has done to a row; a password may be anything."""
    for column in _MASKED_COLUMNS:
        if MASK in row.get(column, ""):
            yield Problem(column, row[column], N_("is masked: take it from an export"))
    if not may_be_damaged("\n".join(row.values())):
        return
    for column, cell in row.items():
        if column in _DIGIT_COLUMNS and (why := wrong_with_digits(cell)):
            yield Problem(column, cell, why)
        if column not in NEVER_GUARDED and (found := wrong_with_decoding(cell)):
            why, shown = found
            yield Problem(column, "", why, shown)


_FORMULA = r"[=+\-@\t\r]"
_MONTHS = (
    "januar|january|jan|jänner|februar|february|feb|märz|march|mär|mar|mrz|april|apr|mai|may|juni|june|jun|juli|july|jul|"
    "august|aug|september|sept|sep|oktober|october|okt|oct|november|nov|dezember|december|dez|dec"
)
# Numbers in every writing, amounts, dates, times, and the two truth values. Possessive: never tried in two ways.
_NUMBER_LIKE = (
    rf"(?:(?=[^0-9]*+[0-9])(?:[0-9\s.,:/\\+\-%()€$£]|e(?=[+\-]?[0-9])|am|pm|eur|{_MONTHS})++|wahr|falsch|true|false)"
)
_GUARDED_BY_GUARD = re.compile(rf"'*+{_FORMULA}|'++{_NUMBER_LIKE}\Z", re.IGNORECASE)
_GUARDED_FOR_EXCEL = re.compile(rf"'*+(?:{_FORMULA}|{_NUMBER_LIKE}\Z)", re.IGNORECASE)
_GUARDED = re.compile(rf"'++(?:{_FORMULA}|{_NUMBER_LIKE}\Z)", re.IGNORECASE)
NEVER_GUARDED = frozenset({"password", "password_hash"})
"""Columns whose cells are taken as they stand: a password may begin with anything."""
SHOWN_AT_MOST = 80
"""Characters of a cell that is shown to say what is wrong with it."""

LOST_DIGITS = N_("is how a spreadsheet writes a long number, its digits are lost: take it from the source, as text")
WRONG_DECODING = N_("has {other} in it, UTF-8 that was read as another encoding: open the source as UTF-8")

# Always a sign, and two digits at least: `1E5` may be a number of somebody's.
_SCIENTIFIC = re.compile(r"\s*[+-]?[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]{2,}\s*")
# A letter of UTF-8 in two or three bytes, each shown as the character that it is in CP1252 or Latin-1. Ã, Â and Å
# are letters of names (JOÃO, Âge), so what follows has to be what follows nowhere else. Quotation marks, dashes and
# apostrophes do follow a letter: those count where another letter comes right behind them, as in the middle of KÖLN.
_DECODED_WRONG = re.compile(
    "Ã[\x80-\x9f€‚ƒ„†‡ˆ‰Š‹ŒŽ˜™šœžŸ¡¢£¤¥¦§¨©ª¬®¯°±²³µ¶¸¹º¼½¾¿]"
    "|Ã[–—“”…«»](?=[^\\W\\d_])"
    "|â€|â‚¬|â„¢|â[\x80-\x9f]|ï»¿|ï¿½"
    "|Â[\x80-\x9f¡¢£¤¥¦§¨©ª¬®¯°±²³µ¶¸¹º¼½¾¿]|(?<=[a-zß-ÿ0-9.,])Â\xa0"
    "|[ÄÅ][±Ÿ¡¾]"
    # What a decoder writes where it can't read.
    "|\ufffd"
)
# One of these is in every such text, and seldom in another. One character each: that is looked for the quickest.
_MARKS = "ÃÂâï±Ÿ¡¾\ufffd"
_EXPONENTS = ("E+", "e+")


def guard(cell: str) -> str:
    """Return `cell` with a leading `'` where a spreadsheet would run it; `unguard` takes exactly that back.

    Source: OWASP, CSV Injection.
    """
    return "'" + cell if _GUARDED_BY_GUARD.match(cell) else cell


def guard_for_excel(cell: str) -> str:
    """Return `cell` with a leading `'` where Excel would run it, or read a number, a date or a truth value.

    In a CSV file Excel shows the `'` and saves it again, however often: nothing else keeps `0049` and twenty digits
    a text. Who edits such a cell makes the `'` Excel's own mark of a text, which it then doesn't save: right too.
    """
    return "'" + cell if _GUARDED_FOR_EXCEL.match(cell) else cell


def unguard(cell: str) -> str:
    """Return what `guard` or `guard_for_excel` was given; a cell that was never guarded comes back as it is."""
    return cell[1:] if _GUARDED.match(cell) else cell


def shortened(text: str) -> str:
    """Return `text` as far as it tells a reader what was meant, with an ellipsis where there was more."""
    return text if len(text) <= SHOWN_AT_MOST else text[: SHOWN_AT_MOST - 1] + "…"


def may_be_damaged(text: str) -> bool:
    """Return whether what is looked for here may be in a text: quick, for many cells at once."""
    # Each of them is looked for as quickly as memory is read; a pattern would take longer than the whole import.
    return (
        MASK in text
        or ("+" in text and any(mark in text for mark in _EXPONENTS))
        or (any(mark in text for mark in _MARKS) and _DECODED_WRONG.search(text) is not None)
    )


def wrong_with_digits(cell: str) -> str | None:
    """Return why a cell of a column of numbers can't be one, or None: `4,91711E+11` was twelve digits once."""
    return LOST_DIGITS if _SCIENTIFIC.fullmatch(cell) else None


def wrong_with_decoding(cell: str) -> tuple[str, str] | None:
    """Return why a cell's text was decoded in a wrong encoding, and the characters that show it, or None."""
    match = _DECODED_WRONG.search(cell)
    return (WRONG_DECODING, match[0]) if match else None
