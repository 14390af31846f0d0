"""Packages as they are now, held against before-images as text: most are plainly as their order left them.

What isn't plainly right may be right all the same (the order was undone, a number was merged further, a contact was
kept): that is for a closer look.
"""

from __future__ import annotations

_BEGIN, _END = '"packages":[{', '}],"survivor":{'
BETWEEN = "},{"
"""What stands between two packages of an image."""


def is_plainly_right(choice: str, image: str, now: str | None) -> bool:
    """Return whether all packages of an order's before-image are where it put them, as it left them.

    `now` are the packages under the number that it kept, each as an image has it, with `BETWEEN` between them;
    None if nobody looked. One that has a contact can be like none in an image.
    """
    begin = image.find(_BEGIN)
    if begin < 0:
        return True
    if choice == "keep" or now is None:
        return False
    moved = image[begin + len(_BEGIN) : image.find(_END, begin)]
    return moved == now or _is_part(moved, now)


def _is_part(moved: str, now: str) -> bool:
    """Return whether the number has all that moved to it beside what it had before."""
    packages = moved.split(BETWEEN)
    # A package's own name may have in it what stands between two.
    return len(packages) == moved.count('"package":') and set(packages).issubset(now.split(BETWEEN))
