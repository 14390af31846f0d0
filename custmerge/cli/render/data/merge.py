"""What an order did, or would do."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.services.orders import Receipt


def receipt_shape(receipt: Receipt) -> Shape:
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
        **_references(receipt),
    }


def receipt_row(receipt: Receipt) -> Shape:
    """Return the same as one flat row, with what moved at its end."""
    kept = {key: value for key, value in receipt_shape(receipt).items() if key not in ("moved", "references")}
    return {**kept, "packages": list(receipt.packages), "domains": list(receipt.domains)}


def _references(receipt: Receipt) -> Shape:
    """Return what follows in a host's tables; custmerge's own register has no such key."""
    if receipt.references is None:
        return {}
    return {
        "references": [
            {"column": each.column, "policy": each.policy.value, "rows": each.rows, "dropped": each.dropped}
            for each in receipt.references
        ]
    }
