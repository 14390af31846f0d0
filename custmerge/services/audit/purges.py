"""What purges have erased: the audit doesn't miss it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Literal

from custmerge.errors import N_
from custmerge.rules.history import Action

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

EMPTIED = N_("{count} are erased, and the purges that the history has erased {told}: some were emptied.")


def purged(unit: Unit, what: Literal["orders", "forms"]) -> tuple[str, int]:
    """Return the latest moment before which a purge has erased before-images or forms, and how many all purges have.

    For none it is an empty text.

    Raises ValueError, TypeError or LookupError for an entry that custmerge never writes.
    """
    latest, count = "", 0
    # One at a time, and closed before an odd entry ends this part of the audit: an open cursor would end with it.
    with closing(unit.chain.newest(action=Action.PURGE.value)) as entries:
        for entry in entries:
            told = json.loads(entry.body)
            if told.get(what):
                latest, count = max(latest, told["until"]), count + told[what]
    return latest, count
