"""Tombstones: where a number that was merged away leads to, and that it can't be merged again (rules 9 and 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.errors import MergedAway, ProofRequired, UnknownNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from custmerge.rules.fields import Customer, Pair

    WentInto = Callable[[str], str | None]
    """Returns the number that a number was merged into, None for one that is in use or doesn't exist."""


def chain(number: str, went_into: WentInto) -> Iterator[str]:
    """Give `number` and the numbers that it leads to, one after the other; each once, even in a circle."""
    passed = set[str]()
    step: str | None = number
    while step is not None and step not in passed:
        yield step
        passed.add(step)
        step = went_into(step)


def end_of_chain(number: str, went_into: WentInto) -> str:
    """Return the number that `number` leads to at last; itself where it is in use."""
    *_passed, end = chain(number, went_into)
    return end


def living(number: str, record: Customer | None, went_into: WentInto) -> Customer:
    """Return the record of a number that is in use; raises UnknownNumber, MergedAway with the end of its chain."""
    if record is None:
        raise UnknownNumber(number=number)
    if record.merged_into is not None:
        raise MergedAway(number=number, merged_into=end_of_chain(number, went_into))
    return record


def living_pair(
    pair: Pair, records: Mapping[str, Customer], went_into: WentInto, *, is_customer: bool
) -> tuple[Customer, Customer]:
    """Return the records of two numbers that are in use; raises UnknownNumber, MergedAway.

    A customer isn't told that the absorbed number went elsewhere, proof or not: ProofRequired (rule 3).
    """
    survivor, absorbed = pair
    record = records.get(absorbed)
    if is_customer and (record is None or record.merged_into is not None):
        raise ProofRequired(survivor=survivor, absorbed=absorbed)
    return living(survivor, records.get(survivor), went_into), living(absorbed, record, went_into)
