"""What an undo gives back."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, counted, field_list, ngettext
from custmerge.cli.render.text.parts import INDENTED, Line
from custmerge.rules.undo import UndoPlan

_DONE, _ASKED = "bold green", "bold"


def asked_parts(plans: Sequence[UndoPlan]) -> list[Line]:
    """Return what would move back, for a person to agree to."""
    template = _("Order {order}: {absorbed} would be in use again, apart from {survivor}.")
    return [line for plan in plans for line in _lines(plan, template, _ASKED)]


def dry_run_parts(plans: Sequence[UndoPlan]) -> list[Line]:
    """Return what would move back, where nothing was changed."""
    template = _("Dry run: order {order} would be undone, {absorbed} in use again; nothing was changed.")
    return [line for plan in plans for line in _lines(plan, template, _DONE)]


def done_parts(plans: Sequence[UndoPlan]) -> list[Line]:
    """Return what moved back."""
    template = _("Order {order} is undone: {absorbed} is in use again.")
    return [line for plan in plans for line in _lines(plan, template, _DONE)]


def _lines(plan: UndoPlan, template: SafeText, style: str) -> list[Line]:
    survivor = plan.survivor.number
    heading = template.format(order=plan.order, survivor=survivor, absorbed=plan.absorbed.number)
    names = [package.package for package in plan.packages]
    packages = ngettext("{count} package back: {names}", "{count} packages back: {names}", len(names))
    domains = ngettext("{count} domain back: {names}", "{count} domains back: {names}", len(plan.domains))
    lines = [counted(packages, names), counted(domains, plan.domains)]
    if plan.contacts:
        lines.append(counted(_("Contacts as before: {names}"), sorted(plan.contacts)))
    if plan.fields:
        fields = _("Fields of {survivor} as before: {fields}")
        lines.append(fields.format(survivor=survivor, fields=field_list(plan.fields)))
    return [Line(heading, style), *(Line(INDENTED.format(text=line)) for line in lines)]
