"""CSV cells: what a spreadsheet would make of them, what one has already made of them, and how they are shown."""

import re

from custmerge.errors import N_
from custmerge.rules.mask import MASK

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
