"""What an undo gave back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custmerge.cli.render.data.writing import Shape
    from custmerge.rules.undo import UndoPlan
    from custmerge.services.undo.batch import Extent


def undo(plan: UndoPlan, *, dry_run: bool) -> Shape:
    """Return what an undo gave back."""
    return {
        "order": plan.order,
        "undone": True,
        "restored": {"packages": [one.package for one in plan.packages], "domains": list(plan.domains)},
        "dry_run": dry_run,
    }


def undo_row(plan: UndoPlan, *, dry_run: bool) -> Shape:
    """Return what an undo gave back as one flat row."""
    return {
        "order": plan.order,
        "undone": True,
        "packages": [one.package for one in plan.packages],
        "domains": list(plan.domains),
        "dry_run": dry_run,
    }


def undo_batch(extent: Extent, *, dry_run: bool) -> Shape:
    """Return what undoing a whole bulk run gave back; `restored` are numbers of packages and domains."""
    return {
        "batch": extent.batch,
        "undone": True,
        "orders": extent.orders,
        "already": extent.already,
        "restored": {"packages": extent.packages, "domains": extent.domains},
        "dry_run": dry_run,
    }


def undo_batch_row(extent: Extent, *, dry_run: bool) -> Shape:
    """Return what undoing a whole bulk run gave back as one flat row."""
    return {
        "batch": extent.batch,
        "undone": True,
        "orders": extent.orders,
        "already": extent.already,
        "packages": extent.packages,
        "domains": extent.domains,
        "dry_run": dry_run,
    }
