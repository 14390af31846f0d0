"""What a search by the fuzzy model is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Engine(StrEnum):
    """What runs the model."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@dataclass(frozen=True, slots=True)
class FuzzyOptions:
    """The options of a search by the fuzzy model, as they were given."""

    related: bool = False
    """Whether pairs of the kind RELATED are wanted, too."""
    against: str | None = None
    """A customer number: only pairs with it are wanted."""
    threshold: float | None = None
    """The lowest probability of a pair, from 0 to 1; None for the model's own."""
    engine: Engine = Engine.DUCKDB
    spark_master: str | None = None
    """The URL of a Spark cluster; None for what Spark is set up for."""
    memory: int | None = None
    """The most memory that the engine may use, in bytes; None for the engine's own."""
    save_model: str | None = None
    """Where the trained model is written."""
    model: str | None = None
    """A trained model, which is not trained again."""
    explain: str | None = None
    """Where the waterfall of the pairs is written as HTML."""
