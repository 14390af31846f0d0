"""CSV cells: what a spreadsheet makes of them, and those that are too long to be shown."""

import re

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
