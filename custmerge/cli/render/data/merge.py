"""What an order did."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.services.merge import Receipt


def merge(receipt: Receipt) -> Shape:
    """Return what an order did."""
    return {
        "order": receipt.order,
        "survivor": receipt.survivor,
        "absorbed": receipt.absorbed,
        "choice": receipt.choice.value,
        "taken": [field.value for field in receipt.taken],
        "moved": {"packages": list(receipt.packages), "domains": list(receipt.domains)},
        "at": receipt.at,
        "by": receipt.by,
        "dry_run": receipt.dry_run,
    }


def merge_row(receipt: Receipt) -> Shape:
    """Return what an order did as one flat row."""
    return {
        **{key: value for key, value in merge(receipt).items() if key != "moved"},
        "packages": list(receipt.packages),
        "domains": list(receipt.domains),
    }
