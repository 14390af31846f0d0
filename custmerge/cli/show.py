"""custmerge show."""

from collections.abc import Sequence
from typing import Annotated

import typer

from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.language import _, field_label, literal, moment, pair, visible, word
from custmerge.cli.options import FormatOption, RevealOption
from custmerge.cli.render.parts import BLANK, INDENTED, Cell, Grid, Line, Part, Table, value_or_dash
from custmerge.cli.render.records import contact, customer
from custmerge.cli.render.writing import Format, Shape, write_one
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Package
from custmerge.rules.plan import Order
from custmerge.services import find
from custmerge.services.find import Profile

_HEADING = "bold"


def show(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help=_("A customer number."))],
    reveal: RevealOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a record with its packages, domains and orders; a retired number leads to the one in use."""
    context: Context = ctx.obj
    caller = context.caller()
    profile = find.show(context.database, caller, number, reveal=reveal, now=context.now())
    if form is not Format.TABLE:
        write_one(_shape(profile), form)
        return
    context.terminal.print(*_parts(profile))
    target = profile.customer.merged_into
    if target is not None:
        context.terminal.print(BLANK, _("{number} is now:").format(number=number), BLANK)
        survivor = find.show(context.database, caller, target, reveal=reveal, now=context.now())
        context.terminal.print(*_parts(survivor))


def _shape(profile: Profile) -> Shape:
    record = customer(profile.customer)
    return {
        # These two come first.
        "number": record["number"],
        "merged_into": record["merged_into"],
        **record,
        "packages": [
            {"package": p.package, "name": p.name, "contact": contact(p), "domains": list(p.domains)}
            for p in profile.packages
        ],
        "orders": [_order(order) for order in profile.orders],
    }


def _order(order: Order) -> Shape:
    return {
        "order": order.order,
        "survivor": order.survivor,
        "absorbed": order.absorbed,
        "choice": order.choice.value,
        "taken": [field.value for field in order.taken],
        "at": order.at,
        "by": order.by,
    }


def _parts(profile: Profile) -> list[Part]:
    customer = profile.customer
    rows: list[tuple[Cell, Cell]] = [
        (Line(_("Number"), _HEADING), Line(visible(customer.number), _HEADING)),
    ]
    if customer.merged_into:
        rows.append((_("went into"), Line(visible(customer.merged_into), "yellow")))
    else:
        rows += [(field_label(field), value_or_dash(customer[field])) for field in FIELDS]
    parts: list[Part] = [Grid(rows)]
    for package in profile.packages:
        parts += [BLANK, *_package_lines(package)]
    if profile.orders:
        parts += [BLANK, _orders_table(profile.orders)]
    return parts


def _package_lines(package: Package) -> list[Line]:
    title = _("Package {package}  {name}").format(package=package.package, name=package.name).rstrip()
    names = literal(", ").join(package.domains) or literal("–")
    lines = [
        Line(title, _HEADING),
        Line(INDENTED.format(text=_("Domains: {names}").format(names=names))),
    ]
    if package.contact is not None:
        details = literal(", ").join(
            literal("{field} {value}").format(field=field_label(field), value=value)
            for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)
            if value
        )
        contact = _("Contact: {details}").format(details=details or literal("–"))
        lines.append(Line(INDENTED.format(text=contact), "dim"))
    return lines


def _orders_table(orders: Sequence[Order]) -> Table:
    rows = [(o.order, moment(o.at), o.by, pair(o.survivor, o.absorbed), word(o.choice)) for o in orders]
    return Table((_("Order"), _("At (UTC)"), _("By"), _("Numbers"), _("Choice")), rows)


app = single(show, "custmerge show 10001", "custmerge show 10001 --format json")
