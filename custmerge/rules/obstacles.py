"""What blocks an undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custmerge.errors import Detail


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One change that blocks an undo."""

    row: str
    """For instance `package P1`: never translated, never personal."""
    why: str
    """An English template for translation, filled from `fills`."""
    fills: Mapping[str, str | int]
    order: int | None = None
    """The later order that made the change."""

    def details(self) -> dict[str, Detail]:
        """Return the obstacle as scripts see it."""
        return {"row": self.row, "order": self.order, **self.fills, "why": self.why}
