"""What an order did, or would do, and what there is to decide about before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from custmerge.cli.language import SafeText, _, literal, ngettext
from custmerge.cli.render.text.parts import INDENTED, Line
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import counted, day, field_list, moment
from custmerge.rules.fields import Field
from custmerge.rules.plan import Choice
from custmerge.rules.undo_limits import UndoLimits
from custmerge.services.merge import Offer
from custmerge.services.orders import Receipt

if TYPE_CHECKING:
    from custmerge.rules.references.counts import ReferenceCount


def offer_lines(offer: Offer) -> list[Line]:
    """Return what a number brings, and how long its proof holds."""
    lines = []
    if offer.proved_until is not None:
        proved = _("The proof of {absorbed} holds until {until}.")
        proved = proved.format(absorbed=offer.comparison.absorbed, until=moment(offer.proved_until))
        lines.append(Line(literal("✓ {proved}").format(proved=proved), Style.GOOD))
    packages = [package.package for package in offer.packages]
    domains = sorted(name for package in offer.packages for name in package.domains)
    brings = ngettext("Brings {count} package: {names}", "Brings {count} packages: {names}", len(packages))
    with_it = ngettext("and {count} domain: {names}", "and {count} domains: {names}", len(domains))
    follow = [Line(line) for line in _following(offer.references)]
    return [*lines, Line(counted(brings, packages)), Line(counted(with_it, domains)), *follow]


def receipt_lines(receipt: Receipt, limits: UndoLimits | None = None, *, is_customer: bool = False) -> list[Line]:
    """Return the confirmation of an order, with how it can be taken back, or of what it would do."""
    heading = _("Order {order} is done: {absorbed} went into {survivor}.")
    if receipt.order is None:
        heading = _("Dry run: {absorbed} would go into {survivor}; nothing was changed.")
    packages = ngettext("{count} package moved: {names}", "{count} packages moved: {names}", len(receipt.packages))
    domains = ngettext("{count} domain moved: {names}", "{count} domains moved: {names}", len(receipt.domains))
    lines = [choice_sentence(receipt), counted(packages, receipt.packages), counted(domains, receipt.domains)]
    lines += [*_details_lines(receipt), *_following(receipt.references)]
    if receipt.shifted:
        careful = _(
            "Careful: {survivor} reads otherwise now in {fields}, because rows that followed come first there."
        )
        lines.append(careful.format(fields=field_list(receipt.shifted), survivor=receipt.survivor))
    if receipt.transfer is not None:
        lines.append(_("Uses up contract transfer {id}.").format(id=receipt.transfer))
    if receipt.order is not None:
        by = _("By {by}, {at}").format(by=receipt.by, at=moment(receipt.at))
        lines.insert(0, by)
    if limits is not None:
        lines.append(by_us(limits) if is_customer else _by_command(receipt, limits))
    return [
        Line(heading.format(order=receipt.order, absorbed=receipt.absorbed, survivor=receipt.survivor), Style.GOOD),
        *(Line(INDENTED.format(text=line)) for line in lines),
    ]


def confirmed_lines(receipt: Receipt) -> list[Line]:
    """Return what a person agrees to when they send an order, which `receipt` foresees."""
    lines = (choice_sentence(receipt), *_details_lines(receipt), *_following(receipt.references))
    return [Line(INDENTED.format(text=line)) for line in lines]


def _following(references: Sequence[ReferenceCount] | None) -> list[SafeText]:
    if not references:
        return []
    from custmerge.cli.render.text.references import reference_lines  # most registers have no host

    return reference_lines(references)


def by_us(limits: UndoLimits) -> SafeText:
    """Return to a customer how the order can be taken back."""
    back = _("We can take the order back, as a rule until {day}, if nothing was changed since: tell us its number.")
    return back.format(day=day(limits.kept_until))


def _by_command(receipt: Receipt, limits: UndoLimits) -> SafeText:
    back = _("`custmerge undo {order}` takes it back, as a rule until {day}, if nothing was changed since.")
    if limits.own_until is not None:
        back = _(
            "`custmerge undo {order}` takes it back: you can until {moment}, a supervisor as a rule until {day}, if "
            "nothing was changed since."
        )
    return back.format(order=receipt.order, moment=moment(limits.own_until), day=day(limits.kept_until))


def taken_over(receipt: Receipt) -> list[Field]:
    """Return the details that took the place of others; those that were empty are `filled`."""
    return [field for field in receipt.taken if field not in receipt.filled]


def choice_sentence(receipt: Receipt) -> SafeText:
    """Return which data the moved packages use from now on."""
    what = {
        Choice.ADOPT: _("Adopt: the moved packages use the data of {survivor}."),
        Choice.KEEP: _("Keep: the moved packages keep the data of {absorbed}."),
        Choice.IDENTICAL: _("Identical: no detail differs, the packages stay as they are."),
    }[receipt.choice]
    return what.format(survivor=receipt.survivor, absorbed=receipt.absorbed)


def _details_lines(receipt: Receipt) -> list[SafeText]:
    """Return what an order took from the absorbed record and dropped, or would take and drop."""
    is_done, names = receipt.order is not None, receipt.dropped
    taken = _("Taken from {absorbed}: {fields}") if is_done else _("Takes from {absorbed}: {fields}")
    filled = _("Fills in from {absorbed}, because it is empty: {fields}")
    dropped = ngettext(
        "{count} package loses the contact of its own: {names}",
        "{count} packages lose the contact of their own: {names}",
        len(names),
    )
    if is_done:
        filled = _("Filled from {absorbed}, was empty: {fields}")
        dropped = ngettext(
            "{count} package lost the contact of its own: {names}",
            "{count} packages lost the contact of their own: {names}",
            len(names),
        )
    fields = ((taken, taken_over(receipt)), (filled, receipt.filled))
    lines = [text.format(absorbed=receipt.absorbed, fields=field_list(some)) for text, some in fields if some]
    return [*lines, counted(dropped, names)] if names else lines
