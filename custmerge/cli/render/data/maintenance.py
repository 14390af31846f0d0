"""What an import and a purge did, and what doctor found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.render.data.writing import Shape
from custmerge.cli.words import filled

if TYPE_CHECKING:
    # Each verb loads its own service alone.
    from custmerge.services.doctor import Check
    from custmerge.services.imports import Imported
    from custmerge.services.purge import Purged


def imported_shape(imported: Imported) -> Shape:
    """Return what an import did."""
    skipped = {} if imported.skipped is None else {"skipped": imported.skipped}
    return {
        "kind": imported.kind,
        "rows": imported.rows,
        "added": imported.added,
        "updated": imported.updated,
        **skipped,
    }


def purged_shape(purged: Purged) -> Shape:
    """Return what a purge erased, or would erase."""
    erased = {"orders": purged.orders, "forms": purged.forms, "reasons": purged.reasons, "rows": purged.rows}
    return {"until": purged.until, **erased, "dry_run": purged.dry_run}


def check_shape(check: Check) -> Shape:
    """Return one of doctor's findings."""
    return {"check": check.check, "ok": check.ok, "message": filled(check.message, check.details, for_data=True)}
