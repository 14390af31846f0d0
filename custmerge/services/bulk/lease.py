"""One run of a bulk file at a time: a lease in the database, and a lock of the user's that tells who has died.

The lease holds for every user and machine, and needs no connection that stays: behind a pooler the next
transaction may be another connection's. A death leaves it behind until it runs out. The lock on a file of the
user's ends with its process, so what it guarded is known to be over at once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from custmerge.rules.bulk import is_alive
from custmerge.storage.files.locks import only_one

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from custmerge.rules.bulk import Batch
    from custmerge.storage.database import Database
    from custmerge.storage.files.locks import Turn
    from custmerge.storage.unit import Unit


def turn_at(database: Database, sha256: str) -> AbstractContextManager[Turn]:
    """Return a block in which one process of this user at a time runs, or undoes, a file on this database."""
    both = hashlib.sha256(f"{database.identity}\n{sha256}".encode()).hexdigest()
    return only_one(f"batch-{both}")


def is_free(batches: Iterable[Batch], turn: Turn, now: datetime) -> bool:
    """Return whether none of a file's batches is run by somebody who lives, as far as is known."""
    return turn.is_alone and all(batch.runner in turn.dead or not is_alive(batch, now) for batch in batches)


def end_dead_leases(unit: Unit, batches: Iterable[Batch], turn: Turn) -> None:
    """End the leases of those who are known to be dead, before their marks are dropped: nobody else would know it."""
    for batch in batches:
        if batch.runner is not None and batch.runner in turn.dead:
            unit.batches.release(batch.id, batch.runner)
