"""What an order did."""

from __future__ import annotations

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from custmerge.cli.language import (
    _,
    counted,
    field_list,
    ngettext,
)
from custmerge.cli.render.escape import visible
from custmerge.services.merge.orders import Receipt


def receipt_parts(receipt: Receipt) -> list[RenderableType]:
    """Return the confirmation of an order, or of what it would do."""
    kept, gone = visible(receipt.survivor), visible(receipt.absorbed)
    if receipt.order is None:
        first = _("Dry run: {absorbed} would go into {survivor}; nothing was changed.")
        heading = first.format(absorbed=gone, survivor=kept)
    else:
        first = _("Order {order} is done: {absorbed} went into {survivor}.")
        heading = first.format(order=receipt.order, absorbed=gone, survivor=kept)
    parts: list[RenderableType] = [Text(heading, style=Style(color="green", bold=True))]
    packages = ngettext("{count} package moved: {names}", "{count} packages moved: {names}", len(receipt.packages))
    domains = ngettext("{count} domain moved: {names}", "{count} domains moved: {names}", len(receipt.domains))
    parts += [
        Text("  " + counted(packages, receipt.packages)),
        Text("  " + counted(domains, receipt.domains)),
    ]
    if receipt.transfer is not None:
        parts.append(Text("  " + _("Uses up contract transfer {id}.").format(id=receipt.transfer)))
    if receipt.taken:
        taken = _("Taken from {absorbed}: {fields}").format(absorbed=gone, fields=field_list(receipt.taken))
        parts.append(Text(f"  {taken}"))
    return parts
