"""What an undo gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text

from custmerge.cli.language import _, counted, field_list, ngettext
from custmerge.cli.render.escape import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from custmerge.rules.undo import UndoPlan

_DONE = Style(color="green", bold=True)
_ASKED = Style(bold=True)


def asked_parts(plans: Sequence[UndoPlan]) -> list[RenderableType]:
    """Return what would move back, for a person to agree to."""
    template = _("Order {order}: {absorbed} would be in use again, apart from {survivor}.")
    return [part for plan in plans for part in _parts(plan, template, _ASKED)]


def dry_run_parts(plans: Sequence[UndoPlan]) -> list[RenderableType]:
    """Return what would move back, where nothing was changed."""
    template = _("Dry run: order {order} would be undone, {absorbed} in use again; nothing was changed.")
    return [part for plan in plans for part in _parts(plan, template, _DONE)]


def done_parts(plans: Sequence[UndoPlan]) -> list[RenderableType]:
    """Return what moved back."""
    template = _("Order {order} is undone: {absorbed} is in use again.")
    return [part for plan in plans for part in _parts(plan, template, _DONE)]


def _parts(plan: UndoPlan, template: str, style: Style) -> list[RenderableType]:
    kept, back = visible(plan.survivor.number), visible(plan.absorbed.number)
    packages = tuple(package.package for package in plan.packages)
    parts: list[RenderableType] = [
        Text(template.format(order=plan.order, survivor=kept, absorbed=back), style=style),
        Text(
            "  "
            + counted(
                ngettext("{count} package back: {names}", "{count} packages back: {names}", len(packages)), packages
            )
        ),
        Text(
            "  "
            + counted(
                ngettext("{count} domain back: {names}", "{count} domains back: {names}", len(plan.domains)),
                plan.domains,
            )
        ),
    ]
    if plan.contacts:
        parts.append(Text("  " + counted(_("Contacts as before: {names}"), sorted(plan.contacts))))
    if plan.fields:
        fields = _("Fields of {survivor} as before: {fields}").format(survivor=kept, fields=field_list(plan.fields))
        parts.append(Text(f"  {fields}"))
    return parts
