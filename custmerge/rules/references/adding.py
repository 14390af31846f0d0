"""Two rows become one: the sum of two cells, the later and the earlier of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation, localcontext

from custmerge.rules.references.cells import INT64, NewCell, text_of

_DIGITS = 1_000
"""Enough for every number that a database adds up exactly."""


def added(stays: NewCell, goes: NewCell) -> NewCell:
    """Return the sum of two cells, in the type of the first; NULL counts as 0, unless both are.

    Texts are added as exact decimals. Raises ValueError for what is no number, and for an integer that no
    database holds.
    """
    if stays is None or goes is None:
        return goes if stays is None else stays
    with localcontext() as context:
        context.prec = _DIGITS
        total = _number(stays) + _number(goes)
    if isinstance(stays, int) and not isinstance(goes, int) and total != int(total):
        return float(total)
    match stays:
        case int() if int(total) not in INT64:
            raise ValueError(total)
        case int():
            return int(total)
        case float():
            return float(total)
        case _:
            return f"{total:f}"


def later(stays: NewCell, goes: NewCell) -> NewCell:
    """Return the later of two moments, numbers or texts; NULL loses."""
    if stays is None or goes is None:
        return goes if stays is None else stays
    return goes if _is_before(stays, goes) else stays


def earlier(stays: NewCell, goes: NewCell) -> NewCell:
    """Return the earlier of two moments, numbers or texts; NULL loses."""
    if stays is None or goes is None:
        return goes if stays is None else stays
    return goes if _is_before(goes, stays) else stays


def _number(cell: NewCell) -> Decimal:
    text = text_of(cell)
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite():
        raise ValueError(text)
    return number


def _is_before(cell: NewCell, other: NewCell) -> bool:
    """Compare as numbers, else as moments, else as texts."""
    try:
        return _number(cell) < _number(other)
    except ValueError:
        pass
    one, two = text_of(cell), text_of(other)
    if one is None or two is None:
        raise ValueError(one or two)
    try:
        return datetime.fromisoformat(one) < datetime.fromisoformat(two)
    except (ValueError, TypeError):
        return one < two
