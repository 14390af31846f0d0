"""Customers, packages, orders, history, staff and doctor's findings as a person sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.style import Style
from rich.table import Table
from rich.text import Text

from custmerge.cli.language import _, fact_label, field_label, field_list, ngettext, word
from custmerge.cli.render.escape import value_or_dash, visible
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from custmerge.rules.fields import Customer, Package
    from custmerge.rules.people import Person
    from custmerge.rules.plan import Order
    from custmerge.services.find import Profile
    from custmerge.services.history import Event, Moved, Page
    from custmerge.services.merge.orders import Receipt

NAMES_SHOWN = 20
"""More moved packages or domains than this are counted, not listed, on a screen."""

_HEADING = Style(bold=True)
_DIM = Style(dim=True)
_UNDONE = Style(color="yellow")


def table_of(headings: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> Table:
    """Return a plain table whose cells are untrusted text."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), collapse_padding=True)
    for heading in headings:
        table.add_column(heading, overflow="fold", min_width=max(map(len, heading.split()), default=0))
    for row in rows:
        table.add_row(*(Text("" if cell is None else visible(str(cell))) for cell in row))
    return table


def found_table(customers: Sequence[Customer]) -> Table:
    """Return what `find` found."""
    rows = []
    for c in customers:
        company, first, last, _street, postcode, city, *_rest = c.values
        went = _("→ {number}").format(number=c.merged_into) if c.merged_into else ""
        rows.append((c.number, company, f"{first} {last}".strip(), f"{postcode} {city}".strip(), went))
    return table_of((_("Number"), _("Company"), _("Name"), _("City"), ""), rows)


def profile_parts(profile: Profile) -> list[RenderableType]:
    """Return a number's record, its packages and its orders."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")
    grid.add_row(Text(_("Number"), style=_HEADING), Text(visible(profile.customer.number), style=_HEADING))
    if profile.customer.merged_into:
        grid.add_row(_("went into"), Text(visible(profile.customer.merged_into), style=Style(color="yellow")))
    else:
        for field in FIELDS:
            grid.add_row(field_label(field), Text(value_or_dash(profile.customer[field])))
    parts: list[RenderableType] = [grid]
    for package in profile.packages:
        parts += [Text(), *_package_lines(package)]
    if profile.orders:
        parts += [Text(), _orders_table(profile.orders)]
    return parts


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


def staff_table(people: Sequence[Person]) -> Table:
    """Return everybody who works here."""
    rows = ((p.name, word(p.role.value), moment(p.created_at), moment(p.disabled_at)) for p in people)
    return table_of((_("Name"), _("Role"), _("Since"), _("Disabled")), rows)


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


def moment(stamp: str | None) -> str:
    """Return a moment for people: UTC, without `T` and `Z`; empty for None."""
    return (stamp or "").replace("T", " ").replace("Z", "")


def pair(survivor: str | None, absorbed: str | None) -> str:
    """Return which number went into which, or the one number that there is."""
    if absorbed is None:
        return survivor or ""
    return f"{absorbed} → {survivor}"


def counted(template: str, names: Sequence[str]) -> str:
    """Return a template filled with names, of which the first are listed, and how many there are."""
    shown = ", ".join(visible(name) for name in names[:NAMES_SHOWN])
    if len(names) > NAMES_SHOWN:
        shown += _(" and {count} more").format(count=len(names) - NAMES_SHOWN)
    return template.format(count=len(names), names=shown or "–")


def _package_lines(package: Package) -> list[Text]:
    title = _("Package {package}  {name}").format(package=visible(package.package), name=visible(package.name))
    domains = ", ".join(visible(name) for name in package.domains) or "–"
    lines = [Text(title.rstrip(), style=_HEADING), Text("  " + _("Domains: {names}").format(names=domains))]
    if package.contact is not None:
        details = ", ".join(
            f"{field_label(field)} {visible(value)}"
            for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)
            if value
        )
        lines.append(Text("  " + _("Contact: {details}").format(details=details or "–"), style=_DIM))
    return lines


def _orders_table(orders: Sequence[Order]) -> Table:
    rows = ((o.order, moment(o.at), o.by, pair(o.survivor, o.absorbed), word(o.choice)) for o in orders)
    return table_of((_("Order"), _("At (UTC)"), _("By"), _("Numbers"), _("Choice")), rows)
