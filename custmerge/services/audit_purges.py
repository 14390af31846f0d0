"""What purges have erased: the audit doesn't miss it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Literal

from custmerge.rules.history import Action

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit


def purged_until(unit: Unit, what: Literal["orders", "forms"]) -> str:
    """Return the latest moment before which a purge has erased before-images or forms, an empty text for none.

    Raises ValueError, TypeError or LookupError for an entry that custmerge never writes.
    """
    latest = ""
    # One at a time, and closed before an odd entry ends this part of the audit: an open cursor would end with it.
    with closing(unit.chain.newest(action=Action.PURGE.value)) as entries:
        for entry in entries:
            told = json.loads(entry.body)
            until = told["until"]
            if until > latest and told.get(what):
                latest = until
    return latest
