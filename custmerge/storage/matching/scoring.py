"""From the scores of pairs to their probabilities: with the kind that the names allow, and the prior that fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2

from custmerge.rules.duplicates.candidate import Kind
from custmerge.rules.duplicates.levels import Agreement
from custmerge.rules.duplicates.name_rule import kind_of
from custmerge.storage.matching.reading import NUMBERS, RECORDS
from custmerge.storage.matching.settings import Settings, agreement, compared_in, prior_of
from custmerge.storage.matching.workspace import Workspace

SCORES, _KINDS = "scores", "kinds"
_ROUNDS, _PRECISION = 500, 1e-13


@dataclass(frozen=True, slots=True)
class Match:
    """Two records that the model has compared."""

    left: str
    """A customer number, before `right` in the order of the numbers."""
    right: str
    probability: float
    kind: Kind
    agreement: Agreement
    ids: tuple[int, int]
    """The two in the table of the records."""


def log_odds(probability: float) -> float:
    """Return a probability as the logarithm, to base 2, of its odds: what Splink calls a match weight."""
    return log2(probability / (1 - probability))


def add_kinds(space: Workspace, settings: Settings) -> None:
    """Make the table of what kind each way to agree is that occurs among the scores."""
    import pyarrow as pa

    compared = compared_in(settings)
    gammas = [f"gamma_{of}" for of in compared]
    ways = space.rows(f"select distinct {', '.join(gammas)} from {SCORES}")
    columns = {name: pa.array((way[place] for way in ways), pa.int32()) for place, name in enumerate(gammas)}
    same = (kind_of(agreement(compared, way)) is Kind.SAME for way in ways)
    space.keep(_KINDS, pa.table({**columns, "is_same": pa.array(same, pa.bool_())}))


def fitting_prior(space: Workspace, settings: Settings) -> float:
    """Return the prior that is the mean of the probabilities that follow from it, by the pairs of kind SAME."""
    count = int(space.value(f"select count(*) from {RECORDS}"))
    pairs = max(1, count * (count - 1) // 2)
    weights = f"select match_weight from {SCORES} natural join {_KINDS} where is_same"
    space.run(f"create or replace temp table weights as {weights}")
    before = log_odds(prior_of(settings))
    prior = prior_of(settings)
    for _round in range(_ROUNDS):
        shift = log_odds(prior) - before
        expected = space.value(f"select coalesce(sum(1 / (1 + pow(2, -(match_weight + {shift})))), 0) from weights")
        # There may be none: half a pair keeps the prior from becoming 0.
        fitting = min(0.5, max(0.5, expected) / pairs)
        if abs(fitting - prior) <= _PRECISION * prior:
            break
        prior = fitting
    return prior


def matches(space: Workspace, scored: Settings, prior: float, threshold: float, *, related: bool) -> Iterator[Match]:
    """Yield the pairs at least as probable as `threshold`, the most probable first.

    `scored` is the model that has given the scores; its prior may be another one.
    """
    compared = compared_in(scored)
    gammas = ", ".join(f"gamma_{of}" for of in compared)
    shift = log_odds(prior) - log_odds(prior_of(scored))
    probabilities = f"select *, 1 / (1 + pow(2, -(match_weight + {shift}))) as probability from {SCORES}"
    rows = space.rows(
        f"select l.number, r.number, probability, is_same, id_l, id_r, {gammas}"
        f" from ({probabilities}) natural join {_KINDS}"
        f" join {NUMBERS} l on l.id = id_l join {NUMBERS} r on r.id = id_r"
        f" where probability >= ?{'' if related else ' and is_same'} order by match_weight desc, id_l, id_r",
        [threshold],
    )
    for left, right, probability, is_same, left_id, right_id, *numbers in rows:
        kind = Kind.SAME if is_same else Kind.RELATED
        yield Match(left, right, probability, kind, agreement(compared, numbers), (left_id, right_id))
