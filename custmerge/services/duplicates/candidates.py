"""From groups of numbers to candidates: who survives, what moves, and which pairs somebody has dismissed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from custmerge.rules.compare import compare
from custmerge.rules.duplicates.agreement import agreement, identity_of
from custmerge.rules.duplicates.candidate import Candidate, Kind, ScoredPair
from custmerge.rules.duplicates.dismissal import Dismissal
from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.duplicates.groups import Apart, Group, Spoke, Star, apart_of, stars
from custmerge.rules.duplicates.survivors import Member, SurvivorRule, by_number, by_survival
from custmerge.rules.fields import Customer, Pair

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

NUMBERS_AT_ONCE = 2_000
_BY_NUMBER = (SurvivorRule.OLDEST, SurvivorRule.RECENT)
"""The rules for which the numbers are enough."""


@dataclass(frozen=True, slots=True)
class _Records:
    """What is read of the numbers of some groups."""

    members: Mapping[str, Member]
    """By number, those that are in use."""
    dismissed: Apart
    """Those from which a dismissal that holds keeps them apart."""
    lapsed: Mapping[str, Mapping[str, Dismissal]]
    """By each number of a pair, and then by the other one, the dismissals that don't hold any more."""


class Grouping:
    """Makes stars of groups; records are read of some groups at a time."""

    def __init__(self, unit: Unit, rule: SurvivorRule) -> None:
        self._unit = unit
        self._rule = rule
        self._has_dismissals = unit.dismissals.exist()

    def candidates(self, groups: Iterable[Group]) -> Iterator[Candidate]:
        """Yield every number of each group with who would survive, in the order of the groups."""
        for group, star, records in self._stars(groups, with_records=True, with_counts=True):
            inside = [star.survivor]
            for spoke in star.spokes:
                yield _candidate(group, star.survivor, spoke, records, inside)
                inside.append(spoke.number)

    def pairs_of_equal(self, groups: Iterable[list[str]]) -> Iterator[Pair]:
        """Yield the pairs of numbers whose identity is equal, as `pairs`.

        Of a million customers that takes no longer than finding the groups if their numbers alone say all.
        """
        if self._rule not in _BY_NUMBER or self._has_dismissals or self._unit.register.scope_names:
            yield from self.pairs(map(Group, groups), are_scored=False)
            return
        is_highest = self._rule is SurvivorRule.RECENT
        for numbers in groups:
            survivor, *others = by_number(numbers, reverse=is_highest)
            for absorbed in others:
                yield survivor, absorbed

    def pairs(self, groups: Iterable[Group], *, are_scored: bool) -> Iterator[Pair]:
        """Yield (survivor, absorbed) of the same candidates as far as they may be merged.

        Nothing is read but what says who survives, and stored keys are trusted: a bulk file's rows are compared when
        they are checked and run.
        """
        # What a model was given may have changed since.
        needs_records = are_scored or self._rule is SurvivorRule.FILLED or bool(self._unit.register.scope_names)
        needs_counts = self._rule is SurvivorRule.PACKAGES
        stars_of = self._stars(groups, with_records=needs_records, with_counts=needs_counts)
        for group, star, _records in stars_of:
            for spoke in star.spokes:
                if spoke.via is None and _kind(group.score(star.survivor, spoke.number)) is Kind.SAME:
                    yield star.survivor, spoke.number

    def _stars(
        self, groups: Iterable[Group], *, with_records: bool, with_counts: bool
    ) -> Iterator[tuple[Group, Star, _Records]]:
        for batch in _batches(groups):
            numbers = [number for group in batch for number in group.numbers]
            records = self._records(numbers, with_records=with_records, with_counts=with_counts)
            for group in batch:
                for members in _parts(group, records.members) if with_records else (_members(group, records),):
                    ordered = [member.number for member in by_survival(members, self._rule)]
                    for star in stars(ordered, group, records.dismissed):
                        yield group, star, records

    def _records(self, numbers: Collection[str], *, with_records: bool, with_counts: bool) -> _Records:
        register = self._unit.register
        records = register.customers(numbers) if with_records else {number: Customer(number) for number in numbers}
        counts = register.package_counts(numbers) if with_counts else {}
        members = {
            number: Member(record, counts.get(number, 0))
            for number, record in records.items()
            if record.merged_into is None
        }
        dismissed, lapsed = list[Pair](), dict[str, dict[str, Dismissal]]()
        for dismissal, holds in self._dismissals(members):
            if holds:
                dismissed.append(dismissal.pair)
            else:
                for one, other in permutations(dismissal.pair):
                    lapsed.setdefault(one, {})[other] = dismissal
        return _Records(members, apart_of(dismissed), lapsed)

    def _dismissals(self, numbers: Collection[str]) -> Iterator[tuple[Dismissal, bool]]:
        """Yield the dismissals of pairs of `numbers`, and whether each holds."""
        dismissals = self._unit.dismissals.among(numbers) if self._has_dismissals else []
        records = self._unit.register.customers({number for each in dismissals for number in each.pair})
        for dismissal in dismissals:
            yield dismissal, dismissal.holds(*(records[number] for number in dismissal.pair))


def _batches(groups: Iterable[Group]) -> Iterator[list[Group]]:
    batch, size = list[Group](), 0
    for group in groups:
        batch.append(group)
        size += len(group.numbers)
        if size >= NUMBERS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _members(group: Group, records: _Records) -> list[Member]:
    return [records.members[number] for number in group.numbers if number in records.members]


def _parts(group: Group, members: Mapping[str, Member]) -> Iterator[list[Member]]:
    """Yield the members of a group that may be merged with each other.

    In different scopes they never may. Without scores their identity has to be equal, whatever key is stored: a
    host's program may have changed a name.
    """
    parts: dict[object, list[Member]] = {}
    for number in group.numbers:
        if number in members:
            record = members[number].record
            key = None if group.scores else identity_key(record.identity)
            if group.scores or key is not None:
                parts.setdefault((key, record.scope), []).append(members[number])
    yield from parts.values()


def _kind(score: ScoredPair | None) -> Kind:
    return Kind.SAME if score is None else score.kind


def _candidate(group: Group, survivor: str, spoke: Spoke, records: _Records, before: Iterable[str]) -> Candidate:
    """Return a spoke as a candidate; `before` are the survivor and earlier spokes, with which it would be merged."""
    absorbed = records.members[spoke.number]
    comparison = compare(records.members[survivor].record, absorbed.record)
    score = group.score(spoke.via or survivor, spoke.number)
    lapsed = records.lapsed.get(spoke.number, {})
    return Candidate(
        survivor=survivor,
        absorbed=spoke.number,
        kind=_kind(score),
        probability=None if score is None else score.probability,
        why=agreement(comparison) if score is None else score.why,
        identity=identity_of(comparison),
        packages=absorbed.packages,
        via=spoke.via,
        dismissal=next((lapsed[number] for number in before if number in lapsed), None) if lapsed else None,
    )
