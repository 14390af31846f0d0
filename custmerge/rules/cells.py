"""CSV cells: those that a spreadsheet would take for a formula, and those that are too long to be shown."""

import re

_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
SHOWN_AT_MOST = 80
"""Characters of a cell that is shown to say what is wrong with it."""
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guard(cell: str) -> str:
    """Return `cell` with a leading `'` where a spreadsheet would run it; `unguard` takes exactly that back.

    Source: OWASP, CSV Injection.
    """
    return "'" + cell if _DANGEROUS.match(cell) else cell


def unguard(cell: str) -> str:
    """Return what `guard` was given; a cell that was never guarded comes back as it is."""
    return cell[1:] if _GUARDED.match(cell) else cell


def shortened(text: str) -> str:
    """Return `text` as far as it tells a reader what was meant, with an ellipsis where there was more."""
    return text if len(text) <= SHOWN_AT_MOST else text[: SHOWN_AT_MOST - 1] + "…"
