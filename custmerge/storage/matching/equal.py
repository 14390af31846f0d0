"""Records that are equal in everything that the model compares, whether it has compared them or not.

It looks at no pair whose keys too many records share, as 30 copies of one record do, and of a few customers it learns
too little to be sure of anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from custmerge.rules.duplicates.levels import Agreement, Compared, Level
from custmerge.rules.duplicates.normalise import MODEL_COLUMNS
from custmerge.storage.matching.comparisons import COMPARISONS, Comparison
from custmerge.storage.matching.reading import NUMBERS, RECORDS
from custmerge.storage.matching.scoring import SCORES
from custmerge.storage.matching.workspace import Workspace

_COLUMNS = ", ".join(MODEL_COLUMNS)
_TELLING = (
    "(first_name is not null and last_name is not null or company is not null)"
    " and coalesce(street, phone, mobile, email, iban) is not null"
)
"""A last name alone is a household's; and a name alone, or with a city, is what many people have in common."""
_ALIKE = f"select hash({_COLUMNS}) from {RECORDS} where {_TELLING} group by 1 having count(*) > 1"
_EQUAL = (
    f"select list(number order by number) as numbers, list(id order by id) as ids, {_COLUMNS}"
    f" from {RECORDS} join {NUMBERS} using (id) where {_TELLING} and hash({_COLUMNS}) in ({_ALIKE})"
    f" group by {_COLUMNS} having count(*) > 1"
)
# All pairs of equal records have the same keys and the same weight: one of them tells of all.
_WITH_SCORE = (
    f"select numbers, id_l is not null, {_COLUMNS} from ({_EQUAL})"
    f" left join {SCORES} on id_l = ids[1] and id_r = ids[2] order by numbers[1]"
)


@dataclass(frozen=True, slots=True)
class EqualRecords:
    """Two records or more that are equal in everything, and in more than a name."""

    numbers: Sequence[str]
    """In the order of their texts."""
    is_scored: bool
    """Whether the model has compared them."""
    agreement: Agreement


def equal_records(space: Workspace) -> Iterator[EqualRecords]:
    """Yield all of them, each number once, after the pairs were scored."""
    for numbers, is_scored, *values in space.rows(_WITH_SCORE):
        filled = {name: value is not None for name, value in zip(MODEL_COLUMNS, values, strict=True)}
        agreement = {comparison.of: _level(comparison, filled) for comparison in COMPARISONS}
        yield EqualRecords(numbers, is_scored, agreement)


def _level(comparison: Comparison, filled: Mapping[str, bool]) -> Level:
    if not any(filled[column] for column in comparison.columns):
        return Level.EMPTY
    if comparison.of is Compared.PLACE and not filled["place"]:
        return Level.POSTCODE if filled["postcode"] else Level.CITY
    return Level.EQUAL
