"""Groups of duplicates as stars: one record survives, and each of the others is merged into it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from custmerge.rules.duplicates.candidate import Kind, ScoredPair
from custmerge.rules.fields import Pair

Links = Mapping[str, Mapping[str, float]]
"""For each number those that are the same customer as it, with their probabilities."""
Apart = Mapping[str, Collection[str]]
"""For each number those that never are in one star with it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers that belong together, one of which survives."""

    numbers: Sequence[str]
    links: Links | None = None
    """Which of them are the same customer; None if each is the same as each."""
    scores: Mapping[Pair, ScoredPair] = field(default_factory=dict)
    """The pairs that a model has listed, ordered; none if the numbers are there because their identity is equal."""
    equal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """For each number all that are equal to it in everything, itself too, where `scores` has only the pairs with the
    first of them: each is the same customer as each.
    """
    apart: Apart = field(default_factory=dict)
    """Whom a model takes for two customers: a household has a record that may be of either of them."""

    def score(self, one: str, other: str) -> ScoredPair | None:
        """Return what was said of two numbers that are the same customer, None if that their identity is equal."""
        first = self.equal.get(one, (one,))[0]
        if first != self.equal.get(other, (other,))[0]:
            return self.scores.get(ordered_pair(one, other))
        pairs = (ordered_pair(*pair) for pair in ((one, other), (first, one), (first, other)))
        return next((self.scores[pair] for pair in pairs if pair in self.scores), None)


@dataclass(frozen=True, slots=True)
class Spoke:
    """A number of a star that isn't its survivor."""

    number: str
    via: str | None = None
    """The number that it is the same as, if it isn't the same as the survivor."""


@dataclass(frozen=True, slots=True)
class Star:
    """A survivor and the numbers that belong to it."""

    survivor: str
    spokes: tuple[Spoke, ...]


def ordered_pair(left: str, right: str) -> Pair:
    """Return two numbers in the order in which a pair without a direction is kept."""
    return (left, right) if left <= right else (right, left)


def apart_of(pairs: Iterable[Pair]) -> dict[str, set[str]]:
    """Return, for each number of pairs that never are in one star, the others."""
    apart: dict[str, set[str]] = {}
    for one, other in pairs:
        apart.setdefault(one, set()).add(other)
        apart.setdefault(other, set()).add(one)
    return apart


def stars(numbers: Iterable[str], group: Group, dismissed: Apart) -> Iterator[Star]:
    """Yield the stars of those numbers of a group that are in use, of two numbers at least.

    `numbers` are in the order of survival, so that the first survives. Never are two numbers of one star apart, be it
    in the group or `dismissed`: merging both into the survivor would merge them with each other. A number that can't
    be in a star for that reason may be in a further one; of two that are apart the one that is more probably the same
    comes first.
    """
    left = {number: place for place, number in enumerate(numbers)}
    for survivor in list(left):
        if survivor not in left or len(left) == 1:
            continue
        star = _star(survivor, left, group, dismissed)
        if star.spokes:
            yield star
        for number in (survivor, *(spoke.number for spoke in star.spokes)):
            del left[number]


def _star(survivor: str, left: Mapping[str, int], group: Group, dismissed: Apart) -> Star:
    """Return the star of a number with those that are `left`; it may have no spokes."""
    inside, apart, spokes = {survivor}, set[str](), list[Spoke]()
    apart.update(group.apart.get(survivor, ()), dismissed.get(survivor, ()))
    for number, via in _reached(survivor, left, group):
        # The way to it may lead over a number that can't be in this star.
        if number not in apart and (via is None or via in inside):
            inside.add(number)
            apart.update(group.apart.get(number, ()), dismissed.get(number, ()))
            spokes.append(Spoke(number, via))
    return Star(survivor, tuple(spokes))


def _reached(survivor: str, left: Mapping[str, int], group: Group) -> Iterator[tuple[str, str | None]]:
    """Yield the numbers that links lead to, nearest and then most probable first, each with the number before it.

    That is None for the survivor. `left` are those that may be reached, with their places in the order of survival.
    """
    if group.links is None:
        yield from ((number, None) for number in left if number != survivor)
        return
    reached, step, firsts = {survivor}, [survivor], set[str]()
    while step:
        further: list[str] = []
        for before in step:
            linked = group.links.get(before, {})
            equal = group.equal.get(before, ())
            if equal and equal[0] not in firsts:
                # Once for all of them: each leads to all others.
                firsts.add(equal[0])
                linked = {**dict.fromkeys(equal, 1.0), **linked}
            near = [number for number in linked if number in left and number not in reached]
            near.sort(key=lambda number: (-linked[number], left[number]))
            yield from ((number, None if before == survivor else before) for number in near)
            reached.update(near)
            further += near
        step = further


def scored_groups(pairs: Iterable[ScoredPair], *, with_related: bool) -> list[Group]:
    """Return the groups of scored pairs, most probable first: those of one customer, and then each related pair.

    Related pairs count for the groups even if they aren't wanted for themselves.
    """
    scores = {ordered_pair(pair.left, pair.right): pair for pair in pairs}
    related = {pair: score for pair, score in scores.items() if score.kind is Kind.RELATED}
    same = [pair for pair, score in scores.items() if score.kind is Kind.SAME]
    links: dict[str, dict[str, float]] = {}
    equal: dict[str, list[str]] = {}
    for left, right in same:
        links.setdefault(left, {})[right] = links.setdefault(right, {})[left] = _certainty(scores[left, right])
        if scores[left, right].probability is None:
            equal[right] = equal.setdefault(left, [left])
            equal[left].append(right)
    groups = _linked(same)
    place = {number: position for position, numbers in enumerate(groups) for number in numbers}
    apart: dict[int, list[Pair]] = {}
    for left, right in related:
        if left in place and place[left] == place.get(right):
            apart.setdefault(place[left], []).append((left, right))
    of_customers = []
    for position, numbers in enumerate(groups):
        inside = {ordered_pair(one, other) for one in numbers for other in links[one]}
        own = {pair: scores[pair] for pair in inside}
        of_customers.append(Group(numbers, links, own, equal, apart_of(apart.get(position, ()))))
    alone = [Group(pair, None, {pair: score}) for pair, score in related.items()] if with_related else []
    return sorted(of_customers, key=_by_probability) + sorted(alone, key=_by_probability)


def _certainty(score: ScoredPair) -> float:
    """Return a probability, 1 for records that are equal in everything: they come first."""
    return 1.0 if score.probability is None else score.probability


def _by_probability(group: Group) -> tuple[float, str]:
    return -max(map(_certainty, group.scores.values())), min(group.numbers)


def _linked(pairs: Iterable[Pair]) -> list[list[str]]:
    """Return the groups of numbers that pairs link directly or over others, in the order of their first pairs."""
    group_of: dict[str, list[str]] = {}
    for left, right in pairs:
        one, other = group_of.setdefault(left, [left]), group_of.setdefault(right, [right])
        if one is not other:
            kept, added = (one, other) if len(one) >= len(other) else (other, one)
            kept += added
            group_of.update(dict.fromkeys(added, kept))
    return list({id(group): group for group in group_of.values()}.values())
