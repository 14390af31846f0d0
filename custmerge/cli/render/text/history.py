"""Entries of the history."""

from __future__ import annotations

from rich.style import Style
from rich.table import Table
from rich.text import Text

from custmerge.cli.language import (
    _,
    fact_label,
    field_label,
    moment,
    ngettext,
    pair,
    word,
)
from custmerge.cli.render.escape import visible
from custmerge.cli.render.text.records import table_of
from custmerge.rules.fields import FIELDS
from custmerge.services.history import Event, Moved, Page

_UNDONE = Style(color="yellow")


def history_table(page: Page) -> Table:
    """Return entries, newest first, each with what it moved and whether it was taken back later."""
    headings = (_("No."), _("At (UTC)"), _("By"), _("Action"), _("Order"), _("What"))
    table = table_of(headings, ())
    for e in page.events:
        what = Text("\n".join(history_details(e)))
        undone = page.undone.get(e.order) if e.is_merge and e.order is not None else None
        if undone is not None:
            what.append("\n" + _("undone by no. {seq}").format(seq=undone), _UNDONE)
        cells = (str(e.seq), moment(e.at), e.by, word(e.action), "" if e.order is None else str(e.order))
        table.add_row(*(Text(visible(cell)) for cell in cells), what)
    return table


def history_details(event: Event) -> list[str]:
    """Return what an entry tells besides who, when and which order: numbers, choice and what moved, fields taken."""
    moved = [visible(word(event.choice))]
    if event.packages is not None:
        moved.append(ngettext("{count} package", "{count} packages", event.packages).format(count=event.packages))
    if event.domains is not None:
        moved.append(ngettext("{count} domain", "{count} domains", event.domains).format(count=event.domains))
    taken = ""
    if event.taken:
        known = {field.value: field_label(field) for field in FIELDS}
        fields = ", ".join(known.get(name) or visible(name) for name in event.taken)
        taken = _("taken: {fields}").format(fields=fields)
    told = ((name, moment(value) if name == "until" else value) for name, value in sorted(event.facts))
    facts = "; ".join(visible(fact_label(*fact)) for fact in told)
    lines = (visible(pair(event.survivor, event.absorbed)), "; ".join(filter(None, moved)), taken, facts)
    return [line for line in lines if line]


def history_line(event: Event) -> str:
    """Return an entry on one line, for a list that grows."""
    order = "" if event.order is None else _("order {order}").format(order=event.order)
    parts = [str(event.seq), moment(event.at), visible(event.by), visible(word(event.action)), order]
    return "  ".join(filter(None, (*parts, *history_details(event))))


def moved_lines(moved: Moved) -> list[Text]:
    """Return the names of everything that an order moved."""
    packages = ngettext("{count} package moved: {names}", "{count} packages moved: {names}", len(moved.packages))
    domains = ngettext("{count} domain moved: {names}", "{count} domains moved: {names}", len(moved.domains))
    return [
        Text(template.format(count=len(names), names=", ".join(map(visible, names)) or "–"))
        for template, names in ((packages, moved.packages), (domains, moved.domains))
    ]
