"""Groups of duplicates as stars: one record survives, and each of the others is merged into it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from custmerge.rules.duplicates.candidate import Kind, ScoredPair
from custmerge.rules.fields import Pair

Links = Mapping[str, Mapping[str, float]]
"""For each number those that are the same customer as it, with their probabilities."""


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers that belong together, one of which survives."""

    numbers: Sequence[str]
    links: Links | None = None
    """Which of them are the same customer; None if each is the same as each."""
    scores: Mapping[Pair, ScoredPair] = field(default_factory=dict)
    """The pairs that a model has scored, ordered; none if the numbers are there because their identity is equal."""
    apart: frozenset[Pair] = frozenset()
    """Ordered pairs that a model takes for two customers: a household has a record that may be of either of them."""


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


def stars(numbers: Sequence[str], links: Links | None, apart: Collection[Pair]) -> Iterator[Star]:
    """Yield the stars of a group, of two numbers at least.

    `numbers` are in the order of survival, so that the first survives. Without `links` each is the same as each.
    Never are two numbers of one star among `apart`, whose pairs are ordered: merging both into the survivor would
    merge them with each other. A number that can't be in a star for that reason may be in a further one; of two that
    are apart the one that is more probably the same comes first.
    """
    left = list(numbers)
    while len(left) > 1:
        star = _star(left, links, apart)
        if star.spokes:
            yield star
        inside = {star.survivor, *(spoke.number for spoke in star.spokes)}
        left = [number for number in left if number not in inside]


def _star(numbers: Sequence[str], links: Links | None, apart: Collection[Pair]) -> Star:
    """Return the star of the first of `numbers`, which may have no spokes."""
    survivor, *others = numbers
    inside, spokes = [survivor], list[Spoke]()
    for number, via in _reached(survivor, others, links):
        if via is not None and via not in inside:
            # The way to it leads over a number that can't be in this star.
            continue
        if not apart or not any(ordered_pair(number, member) in apart for member in inside):
            inside.append(number)
            spokes.append(Spoke(number, via))
    return Star(survivor, tuple(spokes))


def _reached(survivor: str, others: Sequence[str], links: Links | None) -> Iterator[tuple[str, str | None]]:
    """Yield the numbers that links lead to, nearest and then most probable first, each with the number before it.

    That is None for the survivor.
    """
    if links is None:
        yield from ((number, None) for number in others)
        return
    left, step = list(others), [survivor]
    while step:
        further: list[str] = []
        for before in step:
            linked = links.get(before, {})
            # Sorting keeps the order of survival where two are equally probable.
            near = sorted((number for number in left if number in linked), key=lambda number: -linked[number])
            yield from ((number, None if before == survivor else before) for number in near)
            further += near
            left = [number for number in left if number not in linked]
        step = further


def scored_groups(pairs: Iterable[ScoredPair], *, with_related: bool) -> list[Group]:
    """Return the groups of scored pairs, most probable first: those of one customer, and then each related pair.

    Related pairs count for the groups even if they aren't wanted for themselves.
    """
    scores = {ordered_pair(pair.left, pair.right): pair for pair in pairs}
    related = {pair: score for pair, score in scores.items() if score.kind is Kind.RELATED}
    links: dict[str, dict[str, float]] = {}
    for (left, right), score in scores.items():
        if score.kind is Kind.SAME:
            links.setdefault(left, {})[right] = links.setdefault(right, {})[left] = score.probability or 0
    groups = _linked([pair for pair, score in scores.items() if score.kind is Kind.SAME])
    place = {number: position for position, numbers in enumerate(groups) for number in numbers}
    apart: dict[int, set[Pair]] = {}
    for left, right in related:
        if left in place and place[left] == place.get(right):
            apart.setdefault(place[left], set()).add((left, right))
    of_customers = []
    for position, numbers in enumerate(groups):
        inside = {ordered_pair(one, other) for one in numbers for other in links[one]}
        own = {pair: scores[pair] for pair in inside}
        of_customers.append(Group(numbers, links, own, frozenset(apart.get(position, ()))))
    alone = [Group(pair, None, {pair: score}) for pair, score in related.items()] if with_related else []
    return sorted(of_customers, key=_by_probability) + sorted(alone, key=_by_probability)


def _by_probability(group: Group) -> tuple[float, str]:
    return -max(score.probability or 0 for score in group.scores.values()), min(group.numbers)


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
