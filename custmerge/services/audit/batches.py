"""An audit of bulk files: how far each is by its row, and by the history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.audit import CheckName
from custmerge.rules.batch_trace import Trace
from custmerge.rules.bulk import UNFINISHED, State
from custmerge.services.authority import approved_in, told_of_batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custmerge.rules.ledger_check import Findings
    from custmerge.storage.unit import Unit

_AGAIN = N_("its row {row} was merged though it, or one behind it, had been before: it was set back in between.")
_NO_STATE = N_("is stored as {state}, which is no state of a bulk file: it was changed.")
_REVIVED = N_("is stored as {state}, and the history has it undone: it was set back.")
_NOT_UNDONE = N_("is stored as undone, and some of its orders stand: it was changed.")
_RESULTS = N_("says that {done} of its rows are decided, and what became of {rows} is kept: it was changed.")
_MERGED = N_("says that {merged} of its rows were merged, and the history has {merges}: it was changed.")
_SET_BACK = N_("says that {done} of its rows are decided, and the history has row {row} merged: it was set back.")
_GONE = N_("is gone, and the history has {merges} of its rows merged: it was deleted.")


def examine(unit: Unit, findings: Findings, traces: Mapping[int, Trace], *, is_whole: bool) -> None:
    """Hold every bulk file against what the history tells of it; `is_whole` says that all of it was read.

    Where only its end was, what is told of an approval that can be used is looked for in the rest.
    """
    open_ones = set() if is_whole else {number for number, _person in unit.digested_rows.open_approvals()}
    known, kept = set(), unit.ledger_reader.decided_rows()
    for number, state, done, merged in unit.ledger_reader.batches():
        known.add(number)
        told = traces.get(number, Trace())
        if number in open_ones:
            merges, last, undone = told_of_batch(unit, number, merged)
            told = replace(told, merges=merges, last=last, undone=undone)
        is_all = is_whole or number in open_ones
        _hold(findings, f"batch {number}", (state, done, merged), told, kept.get(number, 0), is_whole=is_all)
        if is_all and state == State.UNDONE and told.undone < told.merges and _some_stand(unit, number):
            findings.add(CheckName.BATCHES, f"batch {number}", _NOT_UNDONE)
    for number in sorted(traces.keys() - known):
        # Of one that was approved that entry tells already, and is asked for elsewhere.
        if not approved_in(unit, number):
            findings.add(CheckName.BATCHES, f"batch {number}", _GONE, merges=traces[number].merges)


def _some_stand(unit: Unit, number: int) -> bool:
    orders = unit.chain.orders_of_batch(number)
    return len(unit.chain.undone(orders)) < len(orders)


def _hold(
    findings: Findings, subject: str, row: tuple[str, int, int], told: Trace, kept: int, *, is_whole: bool
) -> None:
    state, done, merged = row
    if told.again:
        findings.add(CheckName.BATCHES, subject, _AGAIN, row=told.again)
    # An undo ends a batch before it takes the first order back.
    if state not in set(State):
        findings.add(CheckName.BATCHES, subject, _NO_STATE, state=state)
    elif (told.undone or told.is_ended) and state in UNFINISHED:
        findings.add(CheckName.BATCHES, subject, _REVIVED, state=state)
    elif merged < told.merges or (is_whole and merged != told.merges):
        findings.add(CheckName.BATCHES, subject, _MERGED, merged=merged, merges=told.merges)
    elif done < told.last:
        findings.add(CheckName.BATCHES, subject, _SET_BACK, done=done, row=told.last)
    elif done != kept:
        findings.add(CheckName.BATCHES, subject, _RESULTS, done=done, rows=kept)
