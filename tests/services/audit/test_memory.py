"""An audit holds one entry at a time, however many there are."""

import tracemalloc
from contextlib import closing

import pytest

from custmerge.rules.audit import CheckName
from custmerge.rules.history import Action, Actor, Draft
from custmerge.services.audit import people
from custmerge.services.audit.ledger import purged
from custmerge.storage.database import Database

ENTRIES = 20_000
PADDING = "x" * 200
LIMIT_BYTES = 4_000_000
"""Of entries whose bodies have some 8 MB, and more than twice that as they are parsed."""
BEN = Actor("ben", "staff")


@pytest.fixture
def filled(database_url):
    """A database with many entries of each action that an audit reads apart from the chain."""
    at, facts = "2026-01-01T00:00:00Z", {"row_sha256": "0" * 64, "padding": PADDING}
    drafts = [
        draft
        for number in range(ENTRIES // 4)
        for draft in (
            Draft(at, BEN, Action.USER, {**facts, "name": f"n{number}"}),
            Draft(at, BEN, Action.TRANSFER_FILE, {**facts, "transfer": number}),
            Draft(at, BEN, Action.TRANSFER_REJECT, {**facts, "transfer": number}),
            Draft(at, BEN, Action.PURGE, {"until": at, "orders": 1, "forms": 1, "padding": PADDING}),
        )
    ]
    with closing(Database(database_url)) as database:
        with database.writing() as unit:
            unit.chain.append(drafts)
        yield database


def test_entries_of_people_and_transfers_are_streamed(filled):
    with filled.reading() as unit:
        # Once before, so that what is imported and prepared doesn't count.
        purged(unit, "forms")
        tracemalloc.start()
        try:
            checks = frozenset({CheckName.STAFF, CheckName.TOKENS, CheckName.TRANSFERS, CheckName.FORMS})
            findings = people.examine(unit, checks, {})
            assert purged(unit, "orders") == ("2026-01-01T00:00:00Z", ENTRIES // 4)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # Each is of somebody, or of a transfer, that there isn't.
    assert findings.counts[CheckName.STAFF] == ENTRIES // 4
    assert findings.counts[CheckName.TRANSFERS] == ENTRIES // 4
    assert peak < LIMIT_BYTES
