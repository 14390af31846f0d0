"""What a spreadsheet or a wrong decoding has done to a cell, before the file came here."""

import re
from collections.abc import Iterable

from custmerge.errors import N_
from custmerge.rules.mask import MASK

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
    """Return why a cell's text isn't what somebody wrote, and the characters that show it, or None."""
    found = _DECODED_WRONG.search(cell)
    return (WRONG_DECODING, found[0]) if found else None


def joined(rows: Iterable[Iterable[str]]) -> str:
    """Return all cells of rows as one text, for what is looked for in all of them at once."""
    return "\n".join(map("\n".join, rows))
