"""How frequent the values are that weigh the more, the rarer they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from custmerge.storage.matching.reading import RECORDS
from custmerge.storage.matching.settings import Settings

if TYPE_CHECKING:
    from splink import Linker
    from splink.internals.database_api import DatabaseAPISubClass


def register_frequencies(
    linker: Linker, api: DatabaseAPISubClass, settings: Settings, keep: Callable[[str, str], None]
) -> None:
    """Give a linker the frequencies of the values; `keep` makes a table of that name from a statement.

    Splink's own frequencies count both records of a pair: a value that only these two have would count as twice as
    frequent as it is among the others. Values that a single record has are in no pair.
    """
    for column in _by_frequency(settings):
        table = f"frequency_of_{column}"
        others = f"select count(*) - 1 from {RECORDS} where {column} is not null"
        keep(
            table,
            f"select {column}, (count(*) - 1) / cast(({others}) as double) as tf_{column}"
            f" from {RECORDS} where {column} is not null group by {column} having count(*) > 1",
        )
        linker.table_management.register_term_frequency_lookup(api.register(table), column)


def _by_frequency(settings: Settings) -> list[str]:
    levels = [level for comparison in settings["comparisons"] for level in comparison["comparison_levels"]]
    return [level["tf_adjustment_column"] for level in levels if "tf_adjustment_column" in level]
