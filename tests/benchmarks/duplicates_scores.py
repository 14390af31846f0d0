"""How good pairs are, against the truth: precision, recall, F1; as they are given, and closed transitively."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from duplicates_sets import Pair, pair


@dataclass(frozen=True, slots=True)
class Score:
    """From 0 to 1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def __str__(self) -> str:
        return f"{self.f1:.4f} ({self.precision:.4f}, {self.recall:.4f})"


def score(pairs: Collection[Pair], truth: Collection[Pair]) -> Score:
    """Return how good pairs are: of them, how many are true; of the true ones, how many are there."""
    right = sum(one in truth for one in pairs)
    return Score(right / len(pairs) if pairs else 0.0, right / len(truth))


def closed(pairs: Iterable[Pair]) -> set[Pair]:
    """Return all pairs of the groups that pairs make: A with B and B with C also give A with C."""
    leader: dict[str, str] = {}

    def lead(number: str) -> str:
        while (next_one := leader.setdefault(number, number)) != number:
            leader[number] = number = leader[next_one]
        return number

    for left, right in pairs:
        leader[lead(left)] = lead(right)
    groups = defaultdict(list)
    for number in leader:
        groups[lead(number)].append(number)
    return {pair(*two) for numbers in groups.values() for two in combinations(numbers, 2)}


@dataclass(frozen=True, slots=True)
class Best:
    """The threshold with the highest F1, chosen with the labels that nobody has in life."""

    threshold: float
    score: Score


def best_of_pairs(probabilities: Mapping[Pair, float], truth: Collection[Pair]) -> Best:
    """Return the best of all thresholds for pairs as they are."""
    right = 0
    best = Best(1.0, Score(0.0, 0.0))
    for count, (probability, is_last, is_true) in enumerate(_descending(probabilities, truth), start=1):
        right += is_true
        # Pairs of one probability are in or out together.
        if is_last and (found := Score(right / count, right / len(truth))).f1 > best.score.f1:
            best = Best(probability, found)
    return best


def _descending(probabilities: Mapping[Pair, float], truth: Collection[Pair]) -> Iterator[tuple[float, bool, bool]]:
    order = sorted(probabilities.items(), key=lambda item: -item[1])
    for place, (one, probability) in enumerate(order):
        is_last = place + 1 == len(order) or order[place + 1][1] != probability
        yield probability, is_last, one in truth


def best_of_closed(probabilities: Mapping[Pair, float], truth: Collection[Pair]) -> Best:
    """Return the best of 60 thresholds for groups; not of all, for each closes anew."""
    # Near 0 and near 1 the steps are small: that is where the probabilities lie.
    thresholds = sorted({1 / (1 + 2 ** (weight / 2)) for weight in range(-30, 30)})
    found = (
        Best(at, score(closed(one for one, probability in probabilities.items() if probability >= at), truth))
        for at in thresholds
    )
    return max(found, key=lambda best: best.score.f1)
