"""What an import and a purge did, and what doctor found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.render.data.writing import Shape

if TYPE_CHECKING:
    from custmerge.services.doctor import Check
    from custmerge.services.imports import Imported
    from custmerge.services.purge import Purged


def imported(done: Imported) -> Shape:
    """Return what an import did."""
    skipped = {} if done.skipped is None else {"skipped": done.skipped}
    return {"kind": done.kind, "rows": done.rows, "added": done.added, "updated": done.updated, **skipped}


def purged(done: Purged) -> Shape:
    """Return what a purge erased, or would erase."""
    erased = {"orders": done.orders, "forms": done.forms, "reasons": done.reasons, "rows": done.rows}
    return {"until": done.until, **erased, "dry_run": done.dry_run}


def check(found: Check, message: str) -> Shape:
    """Return one of doctor's findings with its sentence."""
    return {"check": found.check, "ok": found.ok, "message": message}
