"""From groups of numbers to candidates: who survives, what moves, and which pairs somebody has dismissed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.compare import compare
from custmerge.rules.duplicates.agreement import agreement, identity_of
from custmerge.rules.duplicates.candidate import Candidate, Kind
from custmerge.rules.duplicates.dismissal import Dismissal
from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.duplicates.groups import Group, Spoke, ordered_pair, stars
from custmerge.rules.duplicates.survivors import Member, SurvivorRule, by_survival
from custmerge.rules.fields import Pair

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

NUMBERS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class _Records:
    """What is read of the numbers of some groups."""

    members: Mapping[str, Member]
    """By number, those that are in use."""
    dismissed: Collection[Pair]
    """Ordered pairs whose dismissal holds."""
    lapsed: Mapping[Pair, Dismissal]
    """Those whose dismissal doesn't hold any more."""


def candidates_of(unit: Unit, groups: Iterable[Group], rule: SurvivorRule) -> Iterator[Candidate]:
    """Yield the candidates of groups, in their order; records are read of some groups at a time."""
    has_dismissals = unit.dismissals.exist()
    for batch in _batches(groups):
        records = _records(unit, [number for group in batch for number in group.numbers], has_dismissals)
        for group in batch:
            for members in _parts(group, records.members):
                yield from _of_members(group, by_survival(members, rule), records)


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


def _records(unit: Unit, numbers: Collection[str], has_dismissals: bool) -> _Records:
    counts = unit.register.package_counts(numbers)
    members = {
        number: Member(record, counts.get(number, 0))
        for number, record in unit.register.customers(numbers).items()
        if record.merged_into is None
    }
    dismissed, lapsed = set[Pair](), dict[Pair, Dismissal]()
    for dismissal in unit.dismissals.among(members) if has_dismissals else ():
        if dismissal.holds(*(members[number].record for number in dismissal.pair)):
            dismissed.add(dismissal.pair)
        else:
            lapsed[dismissal.pair] = dismissal
    return _Records(members, dismissed, lapsed)


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


def _of_members(group: Group, members: list[Member], records: _Records) -> Iterator[Candidate]:
    for star in stars([member.number for member in members], group.links, records.dismissed):
        for spoke in star.spokes:
            yield _candidate(group, star.survivor, spoke, records)


def _candidate(group: Group, survivor: str, spoke: Spoke, records: _Records) -> Candidate:
    absorbed = records.members[spoke.number]
    comparison = compare(records.members[survivor].record, absorbed.record)
    score = group.scores.get(ordered_pair(spoke.via or survivor, spoke.number))
    return Candidate(
        survivor=survivor,
        absorbed=spoke.number,
        kind=Kind.SAME if score is None else score.kind,
        probability=None if score is None else score.probability,
        why=agreement(comparison) if score is None else score.why,
        identity=identity_of(comparison),
        packages=absorbed.packages,
        via=spoke.via,
        dismissal=records.lapsed.get(ordered_pair(survivor, spoke.number)),
    )
