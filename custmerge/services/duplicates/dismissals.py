"""Dismissals: two numbers are two customers, and searches leave the pair out until an identity field changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from custmerge.errors import N_, BadValue, NotDismissed
from custmerge.rules.duplicates.dismissal import Dismissal, checked_reason, identity_digest
from custmerge.rules.duplicates.groups import ordered_pair
from custmerge.rules.fields import Pair, checked_number
from custmerge.rules.history import Action, Draft, stamp
from custmerge.rules.people import Capability
from custmerge.services.access import Caller, demand, demand_alive, demand_living

if TYPE_CHECKING:
    from custmerge.storage.database import Database
    from custmerge.storage.unit import Unit

LISTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A dismissal, and whether it still keeps its pair out of searches."""

    dismissal: Dismissal
    holds: bool
    """False once an identity field of one has changed, or a number isn't in use any more."""


def dismiss(
    database: Database, caller: Caller, numbers: Pair, reason: str, *, salt: bytes, now: datetime
) -> Dismissal:
    """Keep two numbers apart, in the place of an earlier dismissal, and return that; `salt` is 16 fresh random bytes.

    Raises NotAllowed, BadValue for the reason or one number twice, UnknownNumber, MergedAway.
    """
    demand(caller, Capability.DISMISS)
    pair, reason = _checked(numbers), checked_reason(reason)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            one, other = demand_living(unit, *pair, lock=True)
            digest = identity_digest(salt, one, other)
            new = Dismissal(*pair, reason, caller.name, stamp(now), salt, digest)
            unit.dismissals.put(new)
            facts = {**new.facts, "row_sha256": new.digest}
            unit.chain.append([Draft(stamp(now), caller.actor, Action.DISMISS, facts)])
    return new


def undismiss(database: Database, caller: Caller, numbers: Pair, now: datetime) -> Dismissal:
    """Let searches find a pair again, and return the dismissal as it was; raises NotAllowed, NotDismissed.

    A number needn't be in use any more.
    """
    demand(caller, Capability.DISMISS)
    pair = _checked(numbers)
    for attempt in database.attempts():
        with attempt as unit:
            demand_alive(unit, caller, now)
            ended = _ended(unit, pair)
            unit.chain.append([Draft(stamp(now), caller.actor, Action.UNDISMISS, ended.facts)])
    return ended


def _ended(unit: Unit, pair: Pair) -> Dismissal:
    """Delete the dismissal of an ordered pair and return it; raises NotDismissed."""
    ended = unit.dismissals.locked(pair)
    if ended is None:
        raise NotDismissed(number=pair[0], other=pair[1])
    unit.dismissals.delete(pair)
    return ended


def dismissed(database: Database, caller: Caller) -> Iterator[Dismissed]:
    """Yield every dismissal, newest first; raises NotAllowed."""
    demand(caller, Capability.DUPLICATES)
    return _all(database)


def _all(database: Database) -> Iterator[Dismissed]:
    with database.reading() as unit:
        rows = unit.dismissals.all()
        while some := list(islice(rows, LISTED_AT_ONCE)):
            yield from _with_records(unit, some)


def _with_records(unit: Unit, some: list[Dismissal]) -> Iterator[Dismissed]:
    numbers = {number for dismissal in some for number in dismissal.pair}
    records = unit.register.customers(numbers)
    in_use = {number: record for number, record in records.items() if record.merged_into is None}
    for dismissal in some:
        pair = [in_use[number] for number in dismissal.pair if number in in_use]
        yield Dismissed(dismissal, len(pair) == len(dismissal.pair) and dismissal.holds(*pair))


def _checked(numbers: Pair) -> Pair:
    """Return two numbers as an ordered pair; raises BadValue."""
    one, other = map(checked_number, numbers)
    if one == other:
        raise BadValue(name="B", value=other, why=N_("is the first number too; name another one"))
    return ordered_pair(one, other)
