"""What an order did, or would do."""

from __future__ import annotations

from custmerge.cli.language import SafeText, _, counted, field_list, ngettext
from custmerge.cli.render.text.parts import INDENTED, Line
from custmerge.rules.plan import Choice
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
    lines += _taken_lines(receipt)
    return [
        Line(heading.format(order=receipt.order, absorbed=receipt.absorbed, survivor=receipt.survivor), "bold green"),
        *(Line(INDENTED.format(text=line)) for line in lines),
    ]


def confirmed_lines(receipt: Receipt) -> list[Line]:
    """Return what a person agrees to when they send an order, which `receipt` foresees."""
    what = {
        Choice.ADOPT: _("Adopt: the moved packages use the data of {survivor}."),
        Choice.KEEP: _("Keep: the moved packages keep the data of {absorbed}."),
        Choice.IDENTICAL: _("The moved packages stay as they are."),
    }[receipt.choice]
    lines = [what.format(survivor=receipt.survivor, absorbed=receipt.absorbed), *_taken_lines(receipt)]
    return [Line(INDENTED.format(text=line)) for line in lines]


def _taken_lines(receipt: Receipt) -> list[SafeText]:
    if not receipt.taken:
        return []
    taken = _("Taken from {absorbed}: {fields}")
    return [taken.format(absorbed=receipt.absorbed, fields=field_list(receipt.taken))]
