"""What an import and a purge did, and what doctor found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.render.data.writing import Shape
from custmerge.services.purge import Purged

if TYPE_CHECKING:
    from custmerge.services.doctor import Check
    from custmerge.services.imports import Imported


def imported(imported: Imported) -> Shape:
    """Return what an import did."""
    skipped = {} if imported.skipped is None else {"skipped": imported.skipped}
    return {
        "kind": imported.kind,
        "rows": imported.rows,
        "added": imported.added,
        "updated": imported.updated,
        **skipped,
    }


def purged(purged: Purged) -> Shape:
    """Return what a purge erased, or would erase."""
    erased = {"orders": purged.orders, "forms": purged.forms, "reasons": purged.reasons, "rows": purged.rows}
    return {"until": purged.until, **erased, "dry_run": purged.dry_run}


def check(check: Check, message: str) -> Shape:
    """Return one of doctor's findings with its sentence."""
    return {"check": check.check, "ok": check.ok, "message": message}
