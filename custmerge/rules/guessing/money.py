"""Which tables have rows that are money."""

from __future__ import annotations

from custmerge.rules.guessing.words import MONEY, words
from custmerge.rules.host_schema import HostTable, Kind


def is_money(table: HostTable) -> bool:
    """Return whether a table has a column of amounts, `debit` or `total`: none of its rows is to go unasked."""
    return any(
        column.kind is Kind.NUMBER and not MONEY.isdisjoint(words(column.name)[-1:]) for column in table.columns
    )
