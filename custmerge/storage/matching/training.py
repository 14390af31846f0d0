"""Trains the model on the records themselves, without labels."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.rules.duplicates.normalise import MODEL_COLUMNS
from custmerge.storage.matching.blocking import LARGEST_BLOCK
from custmerge.storage.matching.comparisons import COMPARISONS, Comparison, MFrom
from custmerge.storage.matching.reading import RECORDS
from custmerge.storage.matching.settings import Settings, set_m, settings_of, smoothed
from custmerge.storage.matching.workspace import Workspace

LEAST_FILLED = 0.01
"""A field that fewer of the records have isn't compared."""
SAMPLED_PAIRS = 2_000_000
"""Random pairs, from which the levels of two different customers are learnt."""
TRAINED_PAIRS = 1_000_000
"""Of each block, at most."""
SEED = 17
RARE = 0.01
"""A full name is rare if it would be there so many times at most, were first and last names given independently."""

_STRICT = (
    ("first_name", "last_name", "street", "house"),
    ("first_name", "last_name", "email"),
    ("first_name", "last_name", "phone"),
)
_STRICT_RECALL = 0.7
"""The share of the duplicates in which one of these agrees."""
_BLOCKS = (
    "l.first_name = r.first_name and l.last_name = r.last_name",
    "l.first_name = r.first_name and l.postcode = r.postcode",
    "l.last_name = r.last_name and substr(l.first_name, 1, 1) = substr(r.first_name, 1, 1) and l.city = r.city",
)
"""Pairs that hold a name: among those of one address, a household would be learnt as a person."""


def trained(space: Workspace) -> Settings:
    """Return a model that fits the records of a workspace, with a first guess of its prior."""
    from splink import DuckDBAPI, Linker
    from splink.internals.exceptions import SplinkException

    count = int(space.value(f"select count(*) from {RECORDS}"))
    pairs = max(1, count * (count - 1) // 2)
    compared = [each for each in COMPARISONS if _filled(space, each) >= max(1, LEAST_FILLED * count)]
    # Splink wants something to compare, even where there is nothing.
    compared = compared or list(COMPARISONS[:1])
    prior = _prior(space, pairs)
    api = DuckDBAPI(space.connection)
    settings = settings_of(compared, prior)
    _learn_of_rare_names(space, compared, settings, count)
    linker = Linker(api.register(RECORDS), settings, log_level=None)
    linker.training.estimate_u_using_random_sampling(SAMPLED_PAIRS, seed=SEED)
    settings = linker.misc.save_model_to_json()
    for block in _BLOCKS:
        # A block without pairs would leave Splink's settings half changed; what it would train stays as it began.
        if not space.rows(f"select 1 from {RECORDS} l join {RECORDS} r on {block} and l.id < r.id limit 1"):
            continue
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block, estimate_without_term_frequencies=True, max_pairs=TRAINED_PAIRS
            )
        except (ValueError, SplinkException) as error:
            if not _teaches_nothing(error):
                raise
            # It leaves Splink's settings half changed, too.
            break
        settings = linker.misc.save_model_to_json()
    api.delete_tables_created_by_splink_from_db()
    return smoothed(settings, prior * pairs, min(SAMPLED_PAIRS, pairs))


def _learn_of_rare_names(space: Workspace, compared: Sequence[Comparison], settings: Settings, count: int) -> None:
    """Set the m of comparisons in untrained settings by the pairs of rare names."""
    columns = ("first_name", "last_name")
    for column in columns:
        space.run(
            f"create temp table {column}s as"
            f" select {column}, count(*) as {column}s from {RECORDS} where {column} is not null group by {column}"
        )
    rare = (
        f"select * from {RECORDS} natural join first_names natural join last_names"
        f" where first_names * last_names <= {RARE} * {count}"
    )
    space.run(f"create temp table rare as {rare}")
    sides = ", ".join(f"{side}.{column} as {column}_{side}" for column in MODEL_COLUMNS for side in "lr")
    space.run(
        f"create temp table rare_pairs as select {sides} from rare l join rare r"
        " on l.first_name = r.first_name and l.last_name = r.last_name and l.id < r.id"
    )
    for comparison, untrained in zip(compared, settings["comparisons"], strict=True):
        if comparison.m_from is MFrom.RARE_NAMES:
            *named, _other = comparison.levels
            whens = " ".join(f"when {level.sql} then {place}" for place, level in enumerate(named))
            counts = space.rows(
                f"select case {whens} else {len(named)} end as place, count(*) from rare_pairs"
                f" where not coalesce({comparison.neutral}, false) group by place"
            )
            set_m(untrained, comparison, dict(counts))
    for table in ("first_names", "last_names", "rare", "rare_pairs"):
        space.run(f"drop table {table}")


def _teaches_nothing(error: Exception) -> bool:
    """Return whether Splink could write no statement for a block, or not compute with what it gave.

    It comes to a probability of 0 or 1 where all pairs of the block are one customer, as may be among few customers,
    or many copies of one. And there may be nothing to train: records that have only what the block holds.
    """
    import duckdb

    return isinstance(error, ValueError) or isinstance(
        error.__cause__, (duckdb.BinderException, duckdb.ParserException)
    )


def _filled(space: Workspace, comparison: Comparison) -> int:
    condition = " or ".join(f"{column} is not null" for column in comparison.columns)
    return int(space.value(f"select count(*) from {RECORDS} where {condition}"))


def _prior(space: Workspace, pairs: int) -> float:
    duplicates = max(
        space.value(
            "select coalesce(sum(n * (n - 1) / 2), 0) from (select count(*) as n"
            f" from {RECORDS} where {' and '.join(f'{column} is not null' for column in rule)}"
            f" group by {', '.join(rule)}) where n <= {LARGEST_BLOCK}"
        )
        for rule in _STRICT
    )
    return float(min(0.5, max(1.0, duplicates) / _STRICT_RECALL / pairs))
