"""A condition that a database evaluates quickly, for texts that the rules may find equal to a given one."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Text, and_, func, or_

from custmerge.rules.normalise import lower
from custmerge.storage.dialect import IsBeyondAscii, TextByBytes

_WHITE_SPACE = " \t\n\v\f\r\x1c\x1d\x1e\x1f"
"""What `str.split` takes for white space in ASCII."""


def may_be_alike(column: ColumnElement[str], value: str) -> ColumnElement[bool]:
    """Return a condition that every text meets whose `normalise.lower` equals that of `value`; others may meet it.

    Beyond ASCII a database's small letters aren't the rules', so such a text always meets it. In ASCII both agree,
    and the key of a text in ASCII is in ASCII itself.
    """
    key = lower(value)
    if not key.isascii():
        return IsBeyondAscii(column)
    # By bytes: in a Turkish collation the small letter of I isn't i.
    text = TextByBytes(column)
    if not key:
        return or_(func.trim(text, _WHITE_SPACE) == "", IsBeyondAscii(column))
    small = func.lower(text, type_=Text())
    return or_(and_(*(small.contains(word, autoescape=True) for word in key.split())), IsBeyondAscii(column))
