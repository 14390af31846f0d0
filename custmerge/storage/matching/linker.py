"""Splink's linker as every scoring needs it: with the pairs to score, and with how frequent values are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from custmerge.storage.matching.reading import RECORDS
from custmerge.storage.matching.settings import Settings

if TYPE_CHECKING:
    from splink import Linker
    from splink.internals.database_api import DatabaseAPISubClass


def linker_of(api: DatabaseAPISubClass, settings: Settings, pairs: str, keep: Callable[[str, str], None]) -> Linker:
    """Return the linker for the records, which scores a table of pairs; `keep` makes a table from a statement."""
    from splink import Linker

    linker = Linker(api.register(RECORDS), settings, log_level=None)
    linker.table_management.register_blocked_pairs_for_predict(api.register(pairs))
    for column in _by_frequency(settings):
        table = f"frequency_of_{column}"
        keep(table, _frequencies(column))
        linker.table_management.register_term_frequency_lookup(api.register(table), column)
    return linker


def _frequencies(column: str) -> str:
    """Return the statement for how frequent the values of a column are that more than one record has.

    Splink's own frequencies count both records of a pair: a value that only these two have would count as twice as
    frequent as it is among the others. Values that a single record has are in no pair.
    """
    others = f"select count(*) - 1 from {RECORDS} where {column} is not null"
    return (
        f"select {column}, (count(*) - 1) / cast(({others}) as double) as tf_{column}"
        f" from {RECORDS} where {column} is not null group by {column} having count(*) > 1"
    )


def _by_frequency(settings: Settings) -> list[str]:
    """Return the columns whose values weigh the more, the rarer they are."""
    levels = [level for comparison in settings["comparisons"] for level in comparison["comparison_levels"]]
    return [level["tf_adjustment_column"] for level in levels if "tf_adjustment_column" in level]
