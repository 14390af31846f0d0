"""What an import and a purge did, and what doctor found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.language import SafeText, _, literal, ngettext
from custmerge.cli.words import filled, moment, word

if TYPE_CHECKING:
    # Each verb loads its own service alone.
    from custmerge.services.doctor import Check
    from custmerge.services.imports import Imported
    from custmerge.services.purge import Purged


def imported_lines(imported: Imported) -> list[SafeText]:
    """Return what an import did."""
    text = ngettext(
        "{rows} row imported: {added} added, {updated} updated.",
        "{rows} rows imported: {added} added, {updated} updated.",
        imported.rows,
    )
    parts = [text.format(rows=imported.rows, added=imported.added, updated=imported.updated)]
    if imported.skipped is not None:
        skipped = ngettext(
            "{skipped} row of a number that was merged skipped.",
            "{skipped} rows of numbers that were merged skipped.",
            imported.skipped,
        )
        parts.append(skipped.format(skipped=imported.skipped))
    return parts


def purged_lines(purged: Purged) -> list[SafeText]:
    """Return what a purge erased, or would erase."""
    text = _("From before {until} are erased: {what}.")
    if purged.dry_run:
        text = _("Dry run: from before {until} would be erased: {what}.")
    return [text.format(until=moment(purged.until), what=erased(purged))]


def erased(purged: Purged) -> SafeText:
    """Return what a purge erases, as a part of a sentence."""
    counted = _("before-images of {orders} orders, {forms} signed forms, {reasons} reasons, what {rows} rows quoted")
    return counted.format(orders=purged.orders, forms=purged.forms, reasons=purged.reasons, rows=purged.rows)


def check_line(check: Check) -> SafeText:
    """Return one of doctor's findings."""
    line = literal("✓ {check}: {message}") if check.ok else literal("✗ {check}: {message}")
    return line.format(check=word(check.check), message=filled(check.message, check.details))
