"""CSV rows: which values they may hold, how a spreadsheet changes cells, and how cells are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from custmerge.errors import N_
from custmerge.rules.characters import has_hidden, has_too_many_marks
from custmerge.rules.fields import DETAIL_FIELDS, EMPTY_DETAILS, FIELDS, Field, wrong_with_number
from custmerge.rules.mask import MASK, MASKED_FIELDS
from custmerge.rules.normalise import domain_in_ascii, domain_name, has_joiners_in_place

NUMBER_LENGTH = 60
"""The longest customer or package number that can be imported."""
FIELD_LENGTH = 1_000
"""The longest other text that can be imported."""
TOO_MANY_MARKS = N_("has more than 30 combining marks in a row")
TOMBSTONE_IS_EMPTY = N_("must be empty: a number that was taken over only says where it went")
SKIPPED = N_("went into {other}: the line is skipped")
DOMAIN_LENGTH = 253
PASSWORD_LENGTH = 1_024
LABEL_LENGTH = 63
"""The limits of domain and label are for A-labels, as DNS holds them. Source: RFC 1035 §2.3.4."""
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
    """Empty if the line itself is wrong."""
    value: str
    """The field's value; empty if it may not be shown."""
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
    """Return why `name` can't be a domain, or None; its length is measured as DNS holds it."""
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
    """Return the problems of a row of a customers file, looked at by itself."""
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
    """Return the problems of a row of a packages file, looked at by itself."""
    problems = _problems_of_key("package", row) + _problems_of_key("number", row)
    names = row.get("domains", "").split()
    problems += [Problem("domains", name, why) for name in names if (why := wrong_with_domain(name))]
    return problems + _problems_of_texts(row)


def contact_of(row: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the contact of a row of a packages file: None if all eight columns are empty.

    White space only means a contact whose eight details are blank: the package doesn't use its customer's details,
    so this isn't the same as no contact. Then the space that `contact_cells` puts in front is removed.
    """
    contact = tuple(row.get(column, "") for column in CONTACT_COLUMNS)
    if any(map(str.strip, contact)):
        return contact
    return (contact[0].removeprefix(" "), *contact[1:]) if any(contact) else None


def contact_cells(contact: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the cells of a packages file from which `contact_of` reads a contact."""
    if contact is None:
        return EMPTY_DETAILS
    # A space isn't empty, no spreadsheet changes it, and it is nobody's detail.
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
    if (stored := row.get("password_hash", "")) and (why := _wrong_with_hash(stored)):
        problems.append(Problem("password_hash", "", why))
    return problems


def _wrong_with_hash(stored: str) -> str | None:
    # Imported here: every command loads this module, and only an import of hashes needs that one.
    from custmerge.rules.hashes import wrong_with_hash

    return wrong_with_hash(stored)


def are_plain(cells: Iterable[str]) -> bool:
    """Return whether a row has surely no cell that is too long or has forbidden characters.

    The cells are checked together, because one by one would take as long as reading them. If False is returned, each
    cell must be checked.
    """
    text = "".join(cells)
    return len(text) <= FIELD_LENGTH and "\0" not in text and not has_too_many_marks(text)


def _problems_of_characters(row: Mapping[str, str]) -> Iterator[Problem]:
    for column, text in row.items():
        if "\0" in text:
            yield Problem(column, "", N_("has a NUL character in it"))
        if column in _TEXT_COLUMNS and len(text) > FIELD_LENGTH:
            yield Problem(column, "", N_("is longer than 1,000 characters"))
        # Nobody could log in with a longer password.
        if column == "password" and len(text) > PASSWORD_LENGTH:
            yield Problem(column, "", N_("is longer than 1,024 characters"))
        # Numbers and domains are checked for this elsewhere.
        if column in (*_TEXT_COLUMNS, "password") and has_too_many_marks(text):
            yield Problem(column, "", TOO_MANY_MARKS)


def _damages(row: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the damage that a mask, a spreadsheet or a wrong decoding did to a row; a password may be anything."""
    for column in _MASKED_COLUMNS:
        if MASK in row.get(column, ""):
            yield Problem(column, row[column], N_("is masked: take it from an export"))
    if not may_be_damaged("\n".join(row.values())):
        return
    for column, cell in row.items():
        if column in _DIGIT_COLUMNS and (why := wrong_with_digits(cell)):
            yield Problem(column, cell, why)
        if column not in NEVER_GUARDED and (damage := wrong_with_decoding(cell)):
            why, shown = damage
            yield Problem(column, "", why, shown)


_FORMULA = r"[=+\-@\t\r]"
_MONTHS = (
    "januar|january|jan|jänner|februar|february|feb|märz|march|mär|mar|mrz|april|apr|mai|may|juni|june|jun|juli|july|jul|"
    "august|aug|september|sept|sep|oktober|october|okt|oct|november|nov|dezember|december|dez|dec"
)
# Numbers in every writing, amounts, dates, times, and the two truth values. Possessive, to avoid backtracking.
_NUMBER_LIKE = (
    rf"(?:(?=[^0-9]*+[0-9])(?:[0-9\s.,:/\\+\-%()€$£]|e(?=[+\-]?[0-9])|am|pm|eur|{_MONTHS})++|wahr|falsch|true|false)"
)
_GUARDED_BY_GUARD = re.compile(rf"'*+{_FORMULA}|'++{_NUMBER_LIKE}\Z", re.IGNORECASE)
_GUARDED_FOR_EXCEL = re.compile(rf"'*+(?:{_FORMULA}|{_NUMBER_LIKE}\Z)", re.IGNORECASE)
_GUARDED = re.compile(rf"'++(?:{_FORMULA}|{_NUMBER_LIKE}\Z)", re.IGNORECASE)
NEVER_GUARDED = frozenset({"password", "password_hash"})
"""Columns whose cells are used unchanged: a password may begin with anything."""
SHOWN_AT_MOST = 80
"""How many characters of a wrong cell are shown."""

LOST_DIGITS = N_("is how a spreadsheet writes a long number, its digits are lost: take it from the source, as text")
WRONG_DECODING = N_("has {other} in it, UTF-8 that was read as another encoding: open the source as UTF-8")

# Always a sign, and at least two digits: `1E5` may be somebody's number.
_SCIENTIFIC = re.compile(r"\s*[+-]?[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]{2,}\s*")
# A UTF-8 letter of two or three bytes, each read as a character of CP1252 or Latin-1. Ã, Â and Å are also letters of
# names (JOÃO, Âge), so they count only before a character that never follows a letter. Quotation marks, dashes and
# apostrophes do follow letters: they count only before another letter, as in the middle of KÖLN.
_DECODED_WRONG = re.compile(
    "Ã[\x80-\x9f€‚ƒ„†‡ˆ‰Š‹ŒŽ˜™šœžŸ¡¢£¤¥¦§¨©ª¬®¯°±²³µ¶¸¹º¼½¾¿]"
    "|Ã[–—“”…«»](?=[^\\W\\d_])"
    "|â€|â‚¬|â„¢|â[\x80-\x9f]|ï»¿|ï¿½"
    "|Â[\x80-\x9f¡¢£¤¥¦§¨©ª¬®¯°±²³µ¶¸¹º¼½¾¿]|(?<=[a-zß-ÿ0-9.,])Â\xa0"
    "|[ÄÅ][±Ÿ¡¾]"
    # A decoder writes this for bytes that it can't read.
    "|\ufffd"
)
# Every such text has one of these, and other texts seldom. Single characters, because they are found the quickest.
_MARKS = "ÃÂâï±Ÿ¡¾\ufffd"
_EXPONENTS = ("E+", "e+")


def guard(cell: str) -> str:
    """Return `cell` with a leading `'` where a spreadsheet would run it; `unguard` takes exactly that back.

    Source: OWASP, CSV Injection.
    """
    return "'" + cell if _GUARDED_BY_GUARD.match(cell) else cell


def guard_for_excel(cell: str) -> str:
    """Return `cell` with a leading `'` where Excel would run it, or read a number, a date or a truth value.

    Excel shows the `'` of a CSV file and saves it again; nothing else keeps `0049` or twenty digits as text. If a
    person edits such a cell, Excel takes the `'` as its own mark of a text and doesn't save it, which is right too.
    """
    return "'" + cell if _GUARDED_FOR_EXCEL.match(cell) else cell


def unguard(cell: str) -> str:
    """Return the cell that `guard` or `guard_for_excel` was given; a cell without a guard is returned unchanged."""
    return cell[1:] if _GUARDED.match(cell) else cell


def shortened(text: str) -> str:
    """Return the first SHOWN_AT_MOST characters of `text`; the last one is an ellipsis if there were more."""
    return text if len(text) <= SHOWN_AT_MOST else text[: SHOWN_AT_MOST - 1] + "…"


def may_be_damaged(text: str) -> bool:
    """Return whether a text may be damaged as `_damages` reports it; quick, for many cells at once."""
    # A search for one character is as quick as reading memory; a pattern would take longer than the whole import.
    return (
        MASK in text
        or ("+" in text and any(mark in text for mark in _EXPONENTS))
        or (any(mark in text for mark in _MARKS) and _DECODED_WRONG.search(text) is not None)
    )


def wrong_with_digits(cell: str) -> str | None:
    """Return why a cell of a column of numbers is damaged, or None: `4,91711E+11` was twelve digits once."""
    return LOST_DIGITS if _SCIENTIFIC.fullmatch(cell) else None


def wrong_with_decoding(cell: str) -> tuple[str, str] | None:
    """Return the problem of a cell that was decoded in a wrong encoding and the characters that show it, or None."""
    match = _DECODED_WRONG.search(cell)
    return (WRONG_DECODING, match[0]) if match else None
