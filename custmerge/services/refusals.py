"""Refused commands: who wanted to do what they may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.rules.history import Action, Draft
from custmerge.rules.times import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from custmerge.errors import CustmergeError
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database

WAIT_SECONDS = 1.0


def note(database: Database, caller: Caller, verb: str, error: CustmergeError, now: datetime) -> None:
    """Write down that a command was refused, if the database lets us at once; never what it was given."""
    draft = Draft(stamp(now), caller.actor, Action.DENIED, {"command": verb, "code": error.code})
    database.at_once(lambda unit: unit.chain.append([draft]), wait_seconds=WAIT_SECONDS)
