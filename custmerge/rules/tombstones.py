"""Tombstones: numbers that went into another, and where their way ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custmerge.rules.fields import Customer


def way_of(number: str, records: Mapping[str, Customer]) -> Iterator[str]:
    """Give the numbers that a tombstone leads to, one after the other; none for a number in use.

    Ends where `records` ends, and in a circle, which only a damaged register has, before it begins anew.
    """
    passed = {number}
    while (record := records.get(number)) is not None and (into := record.merged_into) is not None:
        if into in passed:
            return
        yield into
        passed.add(into)
        number = into


def end_of(number: str, records: Mapping[str, Customer]) -> str:
    """Return the number that a tombstone leads to at last; the number itself if it is in use."""
    end = number
    for into in way_of(number, records):
        end = into
    return end
