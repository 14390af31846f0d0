"""The search for duplicates by the fuzzy model, which needs the extra `custmerge[duplicates]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from custmerge.rules.duplicates.candidate import ScoredPair
from custmerge.rules.duplicates.options import FuzzyOptions
from custmerge.services.progress import Progress

if TYPE_CHECKING:
    from custmerge.storage.database import Database


def fuzzy_pairs(database: Database, options: FuzzyOptions, progress: Progress) -> Iterator[ScoredPair]:
    """Yield each pair at least as probable as the threshold, once, in any order; `same` and, if wanted, `related`.

    Whoever calls this has checked the rights, and opens transactions of its own while the pairs are read. Tombstones
    are left out; dismissed pairs aren't.
    """
    raise NotImplementedError
