"""Entries of the history."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, literal, ngettext, visible
from custmerge.cli.render.text.parts import Line, Table, moments
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import fact_label, field_label, moment, pair, word
from custmerge.rules.fields import FIELDS, Package
from custmerge.rules.history import Action
from custmerge.services.history import Event, Page


def history_table(page: Page) -> Table:
    """Return entries, newest first, each with what it moved and whether it was undone later."""
    rows = []
    for event in page.events:
        undone = page.undone.get(event.order) if event.is_merge and event.order is not None else None
        note = literal("")
        if undone is not None:
            note = literal("\n{note}").format(note=_("undone by no. {seq}").format(seq=undone))
        what = Line(literal("\n").join(_details(event)), more=(Line(note, Style.NOTICE),))
        rows.append((event.seq, moment(event.at), event.by, word(event.action), event.order, what))
    return Table((_("No."), moments(_("At")), _("By"), _("Action"), _("Order"), _("What")), rows)


def event_line(event: Event) -> SafeText:
    """Return an entry as one line."""
    order = literal("") if event.order is None else _("order {order}").format(order=event.order)
    parts = (visible(str(event.seq)), moment(event.at), visible(event.by), word(event.action), order)
    return literal("  ").join(filter(None, (*parts, *_details(event))))


def moved_lines(moved: Sequence[Package]) -> list[SafeText]:
    """Return the names of the packages and domains that an order moved."""
    keys = [package.package for package in moved]
    names_of_domains = sorted(name for package in moved for name in package.domains)
    packages = ngettext("{count} package moved: {names}", "{count} packages moved: {names}", len(keys))
    domains = ngettext("{count} domain moved: {names}", "{count} domains moved: {names}", len(names_of_domains))
    return [
        template.format(count=len(names), names=literal(", ").join(names) or literal("–"))
        for template, names in ((packages, keys), (domains, names_of_domains))
    ]


def _details(event: Event) -> list[SafeText]:
    """Return an entry's numbers, its choice and what moved, the fields taken, and its other facts."""
    moved = [word(event.choice)]
    if event.packages is not None:
        moved.append(ngettext("{count} package", "{count} packages", event.packages).format(count=event.packages))
    if event.domains is not None:
        moved.append(ngettext("{count} domain", "{count} domains", event.domains).format(count=event.domains))
    taken = literal("")
    if event.taken:
        labels = {field.value: field_label(field) for field in FIELDS}
        fields = literal(", ").join(labels.get(name, name) for name in event.taken)
        taken = _("taken: {fields}").format(fields=fields)
    told = dict(event.facts)
    if told.get("what") == told.get("subject"):
        # What was locked says it already.
        told.pop("subject", None)
    # What isn't a moment comes back as it is.
    facts = literal("; ").join(fact_label(name, moment(value)) for name, value in sorted(told.items()))
    are_two = event.action in (Action.DISMISS, Action.UNDISMISS)
    numbers = literal("{number} ≠ {other}").format(number=event.survivor, other=event.absorbed)
    lines = (
        numbers if are_two else pair(event.survivor, event.absorbed),
        literal("; ").join(filter(None, moved)),
        taken,
        facts,
    )
    return [line for line in lines if line]
