"""What an undo gives back."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, ngettext, visible
from custmerge.cli.render.text.parts import INDENTED, Line
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import counted, field_list
from custmerge.rules.undo import Extent, UndoPlan


def asked_lines(plans: Sequence[UndoPlan]) -> list[Line]:
    """Return what would move back, for a person to agree to."""
    return _lines(plans, _("Order {order}: {absorbed} would be in use again, apart from {survivor}."), Style.HEADING)


def undone_lines(plans: Sequence[UndoPlan], *, dry_run: bool) -> list[Line]:
    """Return what moved back, or would."""
    template = _("Order {order} is undone: {absorbed} is in use again.")
    if dry_run:
        template = _("Dry run: order {order} would be undone, {absorbed} in use again; nothing was changed.")
    return _lines(plans, template, Style.GOOD)


def batch_question(extent: Extent) -> SafeText:
    """Return the question whether a whole bulk run shall be undone."""
    return _filled(_("Undo {orders} orders of batch {batch}, {packages} packages, {domains} domains?"), extent)


def batch_undone(extent: Extent, *, dry_run: bool) -> SafeText:
    """Return what undoing a whole bulk run gave back, or would."""
    text = _("Batch {batch} is undone: {orders} orders, {packages} packages, {domains} domains back.")
    if dry_run:
        text = _("Dry run: {orders} orders of batch {batch} would be undone; nothing was changed.")
    return _filled(text, extent)


def _lines(plans: Sequence[UndoPlan], template: SafeText, style: Style) -> list[Line]:
    """Return the template for each order, and below it what moves back."""
    return [line for plan in plans for line in _order_lines(plan, template, style)]


def _order_lines(plan: UndoPlan, template: SafeText, style: Style) -> list[Line]:
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
    for table, changed, restored in plan.references.counts:
        rows = ngettext("{table}: {count} row as before", "{table}: {count} rows as before", changed + restored)
        lines.append(rows.format(table=visible(table), count=changed + restored))
    return [Line(heading, style), *(Line(INDENTED.format(text=line)) for line in lines)]


def _filled(template: SafeText, extent: Extent) -> SafeText:
    return template.format(batch=extent.batch, orders=extent.orders, packages=extent.packages, domains=extent.domains)
