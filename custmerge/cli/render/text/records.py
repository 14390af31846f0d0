"""Customers, packages and orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from custmerge.cli.language import (
    _,
    field_label,
    moment,
    pair,
    word,
)
from custmerge.cli.render.escape import value_or_dash, visible
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.plan import Order
from custmerge.services.find import Profile

_HEADING = Style(bold=True)
_DIM = Style(dim=True)


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
