"""CSV cells that a spreadsheet would take for a formula."""

import re

_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guard(cell: str) -> str:
    """Return `cell` with a leading `'` where a spreadsheet would run it; `unguard` takes exactly that back.

    Source: OWASP, CSV Injection.
    """
    return "'" + cell if _DANGEROUS.match(cell) else cell


def unguard(cell: str) -> str:
    """Return what `guard` was given; a cell that was never guarded comes back as it is."""
    return cell[1:] if _GUARDED.match(cell) else cell
