"""What the history tells of bulk files: which of their rows were merged, and whether any of that was undone.

Nothing of a body is parsed, see `ledger_check`: what is looked for stands in a body only as a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.history import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_AT = '"at":"'
_BATCH = ',"batch":'
_AT_MOST = 80
"""Characters from the key of a moment to behind that of a batch, with room."""
_ROW = ',"row":'
_NO_ORDER = ',"order":null,'
_UNDO = f'"action":"{Action.UNDO.value}"'


@dataclass(slots=True)
class Trace:
    """What entries tell of one bulk file. Rows are counted from 1; 0 stands for none."""

    merges: int = 0
    first: int = 0
    """The row of the first of them that tells of a merge."""
    last: int = 0
    """The highest row that was merged."""
    again: int = 0
    """A row that was merged though it, or one behind it, was merged before: a run only goes on."""
    undone: int = 0
    """So many orders were taken back by an undo of the whole file."""
    is_ended: bool = False
    """Whether an undo began while the file could still be run, or had merged nothing that stood."""

    def merged(self, row: int) -> None:
        """Take note that a row was merged."""
        self.merges += 1
        if row <= self.last:
            self.again = self.again or row
        else:
            self.first, self.last = self.first or row, row

    def go_on_with(self, later: Trace) -> None:
        """Take note of what later entries tell."""
        if later.merges and later.first <= self.last:
            self.again = self.again or later.first
        self.merges += later.merges
        self.first = self.first or later.first
        self.last = max(self.last, later.last)
        self.again = self.again or later.again
        self.undone += later.undone
        self.is_ended = self.is_ended or later.is_ended


def trace(body: object, traces: dict[int, Trace], *, is_merge: bool) -> None:
    """Take note of what an entry tells of a bulk file; most tell of none."""
    # Keys are sorted, and looking for one through a whole body takes nearly as long as hashing it.
    if not isinstance(body, str) or (place := body.find(_BATCH, begin := body.find(_AT), begin + _AT_MOST)) < 0:
        return
    if not is_merge and _UNDO not in body:
        return
    try:
        number = _number_at(body, place + len(_BATCH))
        row = _number_at(body, body.rindex(_ROW) + len(_ROW)) if is_merge else 0
    except ValueError:
        # No entry of ours: the chain doesn't hold there.
        return
    if (found := traces.get(number)) is None:
        found = traces[number] = Trace()
    if is_merge:
        found.merged(row)
    elif _NO_ORDER in body:
        found.is_ended = True
    else:
        found.undone += 1


def joined(parts: Iterable[Mapping[int, Trace]]) -> dict[int, Trace]:
    """Return what entries tell that were looked at in parts, in their order."""
    whole: dict[int, Trace] = {}
    for part in parts:
        for number, found in part.items():
            whole.setdefault(number, Trace()).go_on_with(found)
    return whole


def _number_at(body: str, begin: int) -> int:
    return int(body[begin : body.index(",", begin)])
