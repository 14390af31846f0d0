"""Customers, packages and orders."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, literal, visible
from custmerge.cli.render.text.characters import character_remarks, explained, with_remarks
from custmerge.cli.render.text.parts import BLANK, INDENTED, Cell, Grid, Line, Part, Table, moments
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import field_label, moment, pair, word
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Package
from custmerge.rules.plan import Order
from custmerge.services.find import Match, Profile, Reason

ALWAYS_SHOWN = 4
"""Columns of what a search found that are there even if all their cells are empty."""


def matches_table(matches: Sequence[Match]) -> Table:
    """Return the customers that a search found, a line each, with what it found where that isn't in the line."""
    rows = []
    for match in matches:
        c = match.customer
        company, first, last, _street, postcode, city, *_rest = c.values
        merged_into = _("→ {number}").format(number=c.merged_into) if c.merged_into else None
        cells = (company, f"{first} {last}".strip(), f"{postcode} {city}".strip())
        why = literal("\n").join(map(_reason, match.reasons))
        rows.append((c.number, *map(_with_its_remarks, cells), merged_into, why))
    headings = (_("Number"), _("Company"), _("Name"), _("City"), BLANK, _("Found in"))
    filled = [at for at, cells in enumerate(zip(*rows, strict=True)) if at < ALWAYS_SHOWN or any(cells)]
    return Table([headings[at] for at in filled], [[row[at] for at in filled] for row in rows])


def profile_parts(profile: Profile) -> list[Part]:
    """Return a number's record, its packages and its orders."""
    customer = profile.customer
    rows: list[tuple[Cell, Cell]] = [
        (Line(_("Number"), Style.HEADING), Line(visible(customer.number), Style.HEADING)),
    ]
    if customer.merged_into:
        rows.append((_("went into"), Line(visible(customer.merged_into), Style.NOTICE)))
    else:
        rows += [(field_label(field), explained(customer[field])) for field in FIELDS]
    parts: list[Part] = [Grid(rows)]
    for package in profile.packages:
        parts += [BLANK, *_package_lines(package)]
    if profile.orders:
        parts += [BLANK, _orders_table(profile)]
    return parts


def _package_lines(package: Package) -> list[Line]:
    name = _with_its_remarks(package.name)
    title = _("Package {package}  {name}").format(package=package.package, name=name).rstrip()
    names = literal(", ").join(map(_with_its_remarks, package.domains)) or literal("–")
    lines = [
        Line(title, Style.HEADING),
        Line(INDENTED.format(text=_("Domains: {names}").format(names=names))),
    ]
    if package.contact is not None:
        details = literal(", ").join(
            literal("{field} {value}").format(field=field_label(field), value=_with_its_remarks(value))
            for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)
            if value
        )
        contact = _("Contact: {details}").format(details=details or literal("–"))
        lines.append(Line(INDENTED.format(text=contact)))
    return lines


def _reason(reason: Reason) -> SafeText:
    label = _("domain") if reason.field is None else field_label(reason.field)
    text = literal("{label} {value}").format(label=label, value=_with_its_remarks(reason.value))
    if not reason.more:
        return text
    return literal("").join((text, _(" and {count} more").format(count=reason.more)))


def _with_its_remarks(value: str) -> SafeText:
    """Return a value, in parentheses behind it what is written out in it."""
    return with_remarks(visible(value), character_remarks(value, value), literal(" "))


def _orders_table(profile: Profile) -> Table:
    rows = [
        (order.order, moment(order.at), order.by, pair(order.survivor, order.absorbed), _outcome(profile, order))
        for order in profile.orders
    ]
    return Table((_("Order"), moments(_("At")), _("By"), _("Numbers"), _("Choice")), rows)


def _outcome(profile: Profile, order: Order) -> Line:
    """Return an order's choice, and the entry of its undo if it was undone."""
    if order.order not in profile.undone:
        return Line(word(order.choice))
    note = _("undone: history no. {seq}").format(seq=profile.undone[order.order])
    return Line(literal("{choice}\n").format(choice=word(order.choice)), more=(Line(note, Style.NOTICE),))
