"""What an undo gives back."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.undo import Extent, UndoPlan


def plan_shape(plan: UndoPlan, *, dry_run: bool) -> Shape:
    """Return what undoing an order gives back."""
    return {
        "order": plan.order,
        "undone": True,
        "restored": {"packages": [package.package for package in plan.packages], "domains": list(plan.domains)},
        "dry_run": dry_run,
    }


def extent_shape(extent: Extent, *, dry_run: bool) -> Shape:
    """Return what undoing a whole bulk run gives back; `restored` are numbers of packages and domains."""
    return {
        "batch": extent.batch,
        "undone": True,
        "orders": extent.orders,
        "already": extent.already,
        "restored": {"packages": extent.packages, "domains": extent.domains},
        "dry_run": dry_run,
    }
