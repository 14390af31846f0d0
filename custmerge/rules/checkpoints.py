"""Checkpoints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of the chain at an audit."""

    seq: int
    hash: str
    at: str
    signature: str | None = None
