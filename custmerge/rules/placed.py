"""Packages as they are now, held against before-images as text: most are plainly as their order left them.

What isn't plainly right may be right all the same (the order was undone, a number was merged further): that is for
a closer look. Nothing is parsed: a quotation mark inside a value always has a backslash before it, so what stands
between two that have none is what it looks like.
"""

from __future__ import annotations

import re

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS

_BEGIN, _END = '"packages":[{', '}],"survivor":{'
BETWEEN = "},{"
"""What stands between two packages of an image."""
_NO_CONTACT = '"contact":null'
_TEXT = r'"(?:[^"\\]|\\.)*"'
_CONTACT = re.compile(rf'"contact":\{{(?:{_TEXT}:{_TEXT},?)*\}}')
_ABSORBED = re.compile(
    ",".join(
        f'("{name}":{_TEXT})' if name in DETAIL_FIELDS else f'"{name}":{_TEXT}'
        for name in sorted(("number", *FIELDS))
    )
)


def is_plainly_right(choice: str, image: str, now: str | None) -> bool:
    """Return whether all packages of an order's before-image are where it put them, as it left them (contract §2, 8).

    `now` are the packages under the number that it kept, each as an image has it, with `BETWEEN` between them;
    None if nobody looked.
    """
    begin = image.find(_BEGIN)
    if begin < 0:
        return True
    if now is None:
        return False
    moved = image[begin + len(_BEGIN) : image.find(_END, begin)]
    if choice == "keep":
        moved = moved.replace(_NO_CONTACT, f'"contact":{_details(image)}') if _NO_CONTACT in moved else moved
    elif choice == "adopt":
        moved = _CONTACT.sub(_NO_CONTACT, moved)
    return moved == now or _is_part(moved, now)


def _details(image: str) -> str:
    """Return the absorbed record's details as a contact."""
    found = _ABSORBED.search(image)
    return f"{{{','.join(found.groups())}}}" if found else ""


def _is_part(moved: str, now: str) -> bool:
    """Return whether the number has all that moved to it beside what it had before."""
    packages = moved.split(BETWEEN)
    # A package's own name may have in it what stands between two.
    return len(packages) == moved.count('"package":') and set(packages).issubset(now.split(BETWEEN))
