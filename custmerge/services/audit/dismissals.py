"""The audit of dismissals: each row is compared with the newest entry about its pair."""

from __future__ import annotations

import json
from contextlib import closing

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.history import Action, Fact, Facts, seq_of
from custmerge.storage.unit import Unit

_CHANGED = N_("isn't as history entry {seq} has it: it was changed.")
_NO_ENTRY = N_("no history entry tells of it: it was put in.")
_GONE = N_("is gone, and history entry {seq} tells of it: it was deleted.")


def check_dismissals(unit: Unit, findings: Findings) -> None:
    """Report dismissals that were changed, put in or deleted by hand."""
    standing = _standing(unit)
    with closing(unit.dismissals.all()) as dismissals:
        for dismissal in dismissals:
            subject = f"dismissal {dismissal.number} {dismissal.other}"
            entry = standing.pop(dismissal.pair, None)
            if entry is None:
                findings.add(CheckName.DISMISSALS, subject, _NO_ENTRY)
            elif entry.get("row_sha256") != dismissal.digest:
                findings.add(CheckName.DISMISSALS, subject, _CHANGED, seq=seq_of(entry))
    for (number, other), entry in standing.items():
        findings.add(CheckName.DISMISSALS, f"dismissal {number} {other}", _GONE, seq=seq_of(entry))


def _standing(unit: Unit) -> dict[tuple[Fact, Fact], Facts]:
    """Return the newest entry about each pair whose dismissal wasn't taken back.

    All are held in memory: each was typed by a person.
    """
    newest: dict[tuple[Fact, Fact], Facts] = {}
    for entry in unit.chain.newest(only=[Action.DISMISS.value, Action.UNDISMISS.value]):
        facts: Facts = json.loads(entry.body)
        newest.setdefault((facts["survivor"], facts["absorbed"]), facts)
    return {pair: facts for pair, facts in newest.items() if facts["action"] == Action.DISMISS}
