"""Which unique keys, constraints and indexes of a host's table may refuse a row whose columns change."""

from __future__ import annotations

import re
from collections.abc import Iterable

from custmerge.rules.host_schema import HostTable, Unique, UniqueKind

_OPERATOR = re.compile(r" WITH (\S+?)(?=[,)])")


def can_clash(table: HostTable, column: str) -> list[Unique]:
    """Return what may refuse a second row with the same value of a column, also in an expression.

    Where other columns of a unique are unique already, as an `id` is, nothing clashes in it.
    """
    about = [unique for unique in table.uniques if column in unique.columns or mentions(unique.expressions, column)]
    others = [
        frozenset(unique.columns)
        for unique in table.uniques
        if unique.is_plain and not unique.nulls_are_equal and unique not in about
    ]
    return [unique for unique in about if not (unique.is_plain and _has_one_of(unique, others))]


def _has_one_of(unique: Unique, others: Iterable[frozenset[str]]) -> bool:
    return not unique.nulls_are_equal and any(columns <= frozenset(unique.columns) for columns in others)


def mentions(expressions: Iterable[str], column: str) -> bool:
    """Return whether SQL expressions name a column."""
    word = re.compile(rf'(?<![\w"]){re.escape(column)}(?![\w"])|"{re.escape(column)}"', re.IGNORECASE)
    return any(word.search(expression) for expression in expressions)


def compares_by_equality(unique: Unique) -> bool:
    """Return whether a unique refuses rows that are equal; an exclusion constraint may have other operators."""
    if unique.kind is not UniqueKind.EXCLUSION:
        return True
    return all(operator == "=" for operator in _OPERATOR.findall(unique.definition))
