"""What an order did, or would do."""

from __future__ import annotations

from custmerge.cli.language import _, counted, field_list, ngettext
from custmerge.cli.render.text.parts import INDENTED, Line
from custmerge.cli.render.text.styles import Style
from custmerge.services.merge import Receipt


def receipt_lines(receipt: Receipt) -> list[Line]:
    """Return the confirmation of an order, or of what it would do."""
    heading = _("Order {order} is done: {absorbed} went into {survivor}.")
    if receipt.order is None:
        heading = _("Dry run: {absorbed} would go into {survivor}; nothing was changed.")
    packages = ngettext("{count} package moved: {names}", "{count} packages moved: {names}", len(receipt.packages))
    domains = ngettext("{count} domain moved: {names}", "{count} domains moved: {names}", len(receipt.domains))
    lines = [counted(packages, receipt.packages), counted(domains, receipt.domains)]
    if receipt.transfer is not None:
        lines.append(_("Uses up contract transfer {id}.").format(id=receipt.transfer))
    if receipt.taken:
        taken = _("Taken from {absorbed}: {fields}")
        lines.append(taken.format(absorbed=receipt.absorbed, fields=field_list(receipt.taken)))
    return [
        Line(heading.format(order=receipt.order, absorbed=receipt.absorbed, survivor=receipt.survivor), Style.GOOD),
        *(Line(INDENTED.format(text=line)) for line in lines),
    ]
