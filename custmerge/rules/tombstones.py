"""Tombstones: where a number that was merged away leads to, and that it can't be merged again (rules 9 and 10)."""

from __future__ import annotations

from collections.abc import Mapping

from custmerge.errors import MergedAway, ProofRequired, UnknownNumber
from custmerge.rules.fields import Customer, Pair

Records = Mapping[str, Customer]
"""By number; of a tombstone the records that it leads to, as well."""


def chain(number: str, records: Records) -> list[str]:
    """Return `number` and the numbers that it leads to, in their order; each once, even in a circle."""
    passed: dict[str, None] = {}
    step: str | None = number
    while step is not None and step not in passed:
        passed[step] = None
        record = records.get(step)
        step = None if record is None else record.merged_into
    return list(passed)


def living(number: str, records: Records) -> Customer:
    """Return the record of a number that is in use; raises UnknownNumber, MergedAway with the end of its chain."""
    record = records.get(number)
    if record is None:
        raise UnknownNumber(number=number)
    if record.merged_into is not None:
        raise MergedAway(number=number, merged_into=chain(number, records)[-1])
    return record


def living_pair(pair: Pair, records: Records, *, is_customer: bool) -> tuple[Customer, Customer]:
    """Return the records of two numbers that are in use; raises UnknownNumber, MergedAway.

    A customer isn't told that the absorbed number went elsewhere, proof or not: ProofRequired (rule 3).
    """
    survivor, absorbed = pair
    record = records.get(absorbed)
    if is_customer and (record is None or record.merged_into is not None):
        raise ProofRequired(survivor=survivor, absorbed=absorbed)
    return living(survivor, records), living(absorbed, records)
