"""The settings of the model as Splink reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from custmerge.rules.duplicates.levels import Agreement, Compared, Level
from custmerge.storage.matching.comparisons import COMPARISONS, SMALLEST_FREQUENCY, Comparison, LevelSql, MFrom

# Any: JSON.
Settings = dict[str, Any]

_BY_NAME = {comparison.of: comparison for comparison in COMPARISONS}
_BEGUN_M, _BEGUN_U = 20, 100
"""The pairs that the values weigh with which training begins."""
_LEAST_M = 0.001
_LEAST = 1e-20
"""No trained probability is nearly so small; the quotients of smaller ones can't be computed."""
_PRIOR = "probability_two_random_records_match"


def settings_of(compared: Sequence[Comparison], prior: float) -> Settings:
    """Return the settings of an untrained model; `prior` is how probable it is that two records are one customer."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "id",
        _PRIOR: prior,
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [_comparison(comparison) for comparison in compared],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
    }


def prior_of(settings: Settings) -> float:
    """Return the probability that two random records are one customer."""
    return float(settings[_PRIOR])


def with_prior(settings: Settings, prior: float) -> Settings:
    """Return settings with another prior."""
    return {**settings, _PRIOR: prior}


def retaining(settings: Settings, *, everything: bool) -> Settings:
    """Return settings with which Splink's scores keep the levels, and with `everything` what a waterfall needs."""
    return {**settings, "retain_matching_columns": True, "retain_intermediate_calculation_columns": everything}


def compared_in(settings: Settings) -> list[Compared]:
    """Return what a model compares."""
    return [Compared(comparison["output_column_name"]) for comparison in settings["comparisons"]]


def agreement(compared: Sequence[Compared], gammas: Sequence[int]) -> Agreement:
    """Return how two records agree, from Splink's numbers of their levels."""
    return {of: _BY_NAME[of].level(gamma) for of, gamma in zip(compared, gammas, strict=True)}


def restored(saved: Settings) -> Settings:
    """Return the settings of a saved model: its probabilities with the SQL of this version.

    Raises KeyError, TypeError, ValueError, OverflowError or AttributeError unless it was trained with the same
    comparisons.
    """
    prior = prior_of(saved)
    compared = compared_in(saved)
    if len(set(compared)) < len(compared):
        raise ValueError(compared)
    settings = settings_of([_BY_NAME[of] for of in compared], prior)
    numbers = [prior]
    for known, other in zip(settings["comparisons"], saved["comparisons"], strict=True):
        if _conditions(known) != _conditions(other):
            raise ValueError(known["output_column_name"])
        for level, trained in zip(_filled_levels(known), _filled_levels(other), strict=True):
            level |= {name: float(trained[name]) for name in ("m_probability", "u_probability")}
            numbers += level["m_probability"], level["u_probability"]
    if not (numbers[1:] and prior < 1 and all(_LEAST <= number <= 1 for number in numbers)):
        raise ValueError(numbers)
    return settings


def smoothed(settings: Settings, duplicates: float, pairs: int) -> Settings:
    """Return trained settings drawn to where they began, the more the fewer pairs have taught them.

    `duplicates` is about how many of the pairs were of one customer. What wasn't there while training stays as it
    began, and no level that expectation maximisation has taught is so rare that it would outweigh all others.
    """
    of_trained_m, of_trained_u = duplicates / (duplicates + _BEGUN_M), pairs / (pairs + _BEGUN_U)
    for comparison in settings["comparisons"]:
        known = _BY_NAME[Compared(comparison["output_column_name"])]
        for level, trained in zip(known.levels, _filled_levels(comparison), strict=True):
            m, u = trained.get("m_probability", level.m), trained.get("u_probability", 0.0)
            if known.m_from is MFrom.EXPECTATION:
                trained["m_probability"] = max(_LEAST_M, level.m + of_trained_m * (m - level.m))
            trained["u_probability"] = max(0.5 / (pairs + _BEGUN_U), level.u + of_trained_u * (u - level.u))
    return settings


def set_m(settings: Settings, comparison: Comparison, counts: Mapping[int, int]) -> None:
    """Set the m of a comparison's settings by how many pairs have which of its levels, drawn to where they began."""
    pairs = sum(counts.values()) + _BEGUN_M
    for place, (level, trained) in enumerate(zip(comparison.levels, _filled_levels(settings), strict=True)):
        trained["m_probability"] = (counts.get(place, 0) + _BEGUN_M * level.m) / pairs


def _comparison(comparison: Comparison) -> Settings:
    neutral = {"sql_condition": comparison.neutral, "label_for_charts": Level.EMPTY.value, "is_null_level": True}
    return {
        "output_column_name": comparison.of.value,
        "comparison_levels": [neutral, *(_level(level, comparison) for level in comparison.levels)],
    }


def _level(level: LevelSql, comparison: Comparison) -> Settings:
    settings: Settings = {
        "sql_condition": level.sql,
        "label_for_charts": level.level.value,
        "m_probability": level.m,
        "fix_m_probability": comparison.m_from is not MFrom.EXPECTATION,
    }
    if level.has_fixed_u:
        settings |= {"u_probability": level.u, "fix_u_probability": True}
    if level.by_frequency is not None:
        settings |= {"tf_adjustment_column": level.by_frequency, "tf_minimum_u_value": SMALLEST_FREQUENCY}
    return settings


def _filled_levels(comparison: Settings) -> list[Settings]:
    return [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]


def _conditions(comparison: Settings) -> list[tuple[str, str | None]]:
    return [(level["sql_condition"], level.get("tf_adjustment_column")) for level in comparison["comparison_levels"]]
