"""The receipt of orders for the customer: as text, or as a page that prints on one sheet for each order.

It has numbers, packages, domains and names of fields, and of nobody's fields the content: whoever gets it, it shows
nothing that would have to be masked.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from custmerge.cli.language import SafeText, _, literal, visible
from custmerge.cli.render.text.merge import by_us, choice_sentence, taken_over
from custmerge.cli.render.text.parts import BLANK, Grid, Line, Part
from custmerge.cli.words import field_list, moment
from custmerge.rules.undo_limits import UndoLimits
from custmerge.services.orders import Receipt

_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
@page {{ size: A4; margin: 18mm }}
body {{ font: 11pt/1.4 sans-serif; color: #000; background: #fff; max-width: 46em; margin: 2em auto; padding: 0 1em }}
section + section {{ break-before: page }}
h1 {{ font-size: 1.3em }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #999; padding: .35em .5em; text-align: left; vertical-align: top }}
th {{ width: 32%; font-weight: 600 }}
td {{ overflow-wrap: anywhere }}
tr {{ break-inside: avoid }}
@media print {{ body {{ margin: 0; padding: 0; font-size: 10pt }} }}
</style>
</head>
<body>
{sections}</body>
</html>
"""
_SECTION = "<section>\n<h1>{title}</h1>\n<table>\n{rows}</table>\n</section>\n"
_ROW = '<tr><th scope="row">{label}</th><td>{value}</td></tr>\n'

Fact = tuple[SafeText, SafeText]
"""A label and what there is to say."""


def receipt_text(receipts: Sequence[tuple[Receipt, UndoLimits]]) -> list[Part]:
    """Return receipts as text, each with how long its order can be taken back."""
    parts: list[Part] = []
    for receipt, limits in receipts:
        parts += [BLANK] * bool(parts)
        parts += [Line(_title(receipt)), BLANK, Grid(_facts(receipt, limits))]
    return parts


def receipt_page(receipts: Sequence[tuple[Receipt, UndoLimits]], language: str) -> str:
    """Return the same as an HTML document that loads nothing; `language` is `de` or `en`."""
    sections = [
        _SECTION.format(
            title=html.escape(_title(receipt)),
            rows="".join(
                _ROW.format(label=html.escape(label), value=html.escape(value))
                for label, value in _facts(receipt, limits)
            ),
        )
        for receipt, limits in receipts
    ]
    title = literal(", ").join(_title(receipt) for receipt, _limits in receipts)
    return _PAGE.format(language=html.escape(language), title=html.escape(title), sections="".join(sections))


def _title(receipt: Receipt) -> SafeText:
    title = _("Confirmation of order {order}: {absorbed} went into {survivor}")
    return title.format(order=receipt.order, absorbed=receipt.absorbed, survivor=receipt.survivor)


def _facts(receipt: Receipt, limits: UndoLimits) -> list[Fact]:
    """Return what an order did, all of it: unlike on a screen, every package and domain is named."""
    facts = [
        (_("Order"), visible(str(receipt.order))),
        (_("Time"), moment(receipt.at)),
        (_("Number that is kept"), visible(receipt.survivor)),
        (_("Number that was taken over"), visible(receipt.absorbed)),
        (_("Choice"), choice_sentence(receipt)),
        (_("Moved packages"), _listed(receipt.packages)),
        (_("Moved domains"), _listed(receipt.domains)),
        (_("Contact of its own dropped"), _listed(receipt.dropped)),
        (_("Details taken over"), field_list(taken_over(receipt)) or literal("–")),
        (_("Details filled, were empty"), field_list(receipt.filled) or literal("–")),
        (_("Executed by"), visible(receipt.by)),
    ]
    if receipt.transfer is not None:
        facts.append((_("Contract transfer"), visible(str(receipt.transfer))))
    return [*facts, (_("Taking it back"), by_us(limits))]


def _listed(names: Sequence[str]) -> SafeText:
    return literal(", ").join(names) or literal("–")
