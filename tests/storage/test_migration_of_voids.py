"""What an older version made void without an entry gets one with the upgrade."""

import json
from contextlib import closing

import pytest
from sqlalchemy import text
from support.databases import execute
from support.migration_scenes import EARLIER, NOW, audited
from support.runs import NIGHTLY

from custmerge.rules.audit import CheckName
from custmerge.rules.history import Action, Actor, Draft, stamp
from custmerge.rules.transfers import Status
from custmerge.services import init
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine
from custmerge.storage.ledger.history import Chain

BEFORE_VOID_WAS_TOLD = [v for v in EARLIER if "0002" <= v < "0006"]
at_versions_with_silent_voids = pytest.mark.parametrize("version", BEFORE_VOID_WAS_TOLD)


def void_entries(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        statement = text("SELECT body FROM custmerge_history WHERE action = 'transfer_void' ORDER BY seq")
        bodies = [json.loads(body) for body in connection.execute(statement).scalars()]
    engine.dispose()
    return [(body["transfer"], body["why"], body["by"]) for body in bodies]


@at_versions_with_silent_voids
def test_what_an_older_version_made_void_gets_its_entry_with_the_upgrade(old):
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
    assert void_entries(old) == [(3, "older_version", "init")]
    assert audited(old).findings == []


@at_versions_with_silent_voids
def test_what_was_made_void_by_hand_gets_none(old):
    execute(old, "UPDATE custmerge_transfer SET status = 'void' WHERE id = 2")
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
        assert void_entries(old) == [(3, "older_version", "init")]
        execute(old, "UPDATE custmerge_transfer SET status = 'void' WHERE id = 1")
        init.prepare(database, lambda: NOW)
    assert void_entries(old) == [(3, "older_version", "init")]
    found = {found.subject for found in audited(old).findings if found.check is CheckName.TRANSFERS}
    assert found == {"transfer 1", "transfer 2"}


@at_versions_with_silent_voids
def test_a_void_that_nothing_in_the_history_explains_gets_none(old):
    execute(old, "UPDATE custmerge_transfer SET status = 'void' WHERE id = 4")
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
    assert void_entries(old) == [(3, "older_version", "init")]
    assert [found.subject for found in audited(old).findings] == ["transfer 4"]


@at_versions_with_silent_voids
@pytest.mark.parametrize("status", ["filed", "approved"])
@pytest.mark.parametrize(
    ("action", "facts"),
    [
        (Action.MERGE, {"survivor": "20002", "absorbed": "20004", "order": 99}),
        (Action.MERGE, {"survivor": "20002", "absorbed": "10001", "order": 99}),
        (Action.TRANSFER_FILE, {"survivor": "10001", "absorbed": "20004", "transfer": 99}),
    ],
)
def test_what_a_merge_or_a_new_filing_made_void_stays_so_though_its_row_was_opened_again(old, status, action, facts):
    engine = open_engine(old)
    with engine.begin() as connection:
        Chain(connection).append([Draft(stamp(NOW), Actor("ben", "staff"), action, facts)])
    engine.dispose()
    execute(old, f"UPDATE custmerge_transfer SET status = '{status}' WHERE id = 4")
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
        with database.reading() as unit:
            assert unit.transfers.transfer(4).status is Status.VOID
    assert (4, "older_version", "init") in void_entries(old)


@at_versions_with_silent_voids
@pytest.mark.parametrize(
    ("person", "void"),
    [
        (1, [(3, "approver_disabled", "init")]),
        (2, [(3, "filer_disabled", "init"), (4, "filer_disabled", "init")]),
    ],
)
def test_what_people_left_open_who_were_disabled_is_void_with_the_upgrade(old, person, void):
    execute(
        old,
        "UPDATE custmerge_transfer SET status = 'approved' WHERE id = 3",
        f"UPDATE custmerge_staff SET disabled_at = '2026-01-02T00:00:00Z' WHERE id = {person}",
    )
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
    assert void_entries(old) == void
    assert audited(old).findings == []


CONTRADICTIONS = {
    "somebody's role": ("UPDATE custmerge_staff SET role = 'supervisor' WHERE name = 'eva'", "user eva"),
    "who was disabled": ("UPDATE custmerge_staff SET disabled_at = NULL WHERE name = 'udo'", "user udo"),
    "a token's role": ("UPDATE custmerge_service SET role = 'supervisor' WHERE name = 'nightly'", "token nightly"),
    "a token's end": (
        "UPDATE custmerge_service SET expires_at = '2027-01-01T00:00:00Z' WHERE name = 'nightly'",
        "token nightly",
    ),
    "a form": ("UPDATE custmerge_transfer SET sha256 = 'x' WHERE id = 4", "transfer 4"),
    "the maker of a token": ("UPDATE custmerge_service SET created_by = 2 WHERE name = 'nightly'", "token nightly"),
    "whose token ended": ("UPDATE custmerge_service SET revoked_at = NULL WHERE name = 'udos'", "token udos"),
    "the person who filed": ("UPDATE custmerge_transfer SET filed_by_person = 1 WHERE id = 4", "transfer 4"),
    "the person who decided": ("UPDATE custmerge_transfer SET decided_by_person = 3 WHERE id = 2", "transfer 2"),
    "when it was decided": (
        "UPDATE custmerge_transfer SET decided_at = '2027-01-01T00:00:00Z' WHERE id = 2",
        "transfer 2",
    ),
    "who filed": ("UPDATE custmerge_transfer SET filed_by = 'eva' WHERE id = 4", "transfer 4"),
    "who decided": ("UPDATE custmerge_transfer SET decided_by = 'eva' WHERE id = 2", "transfer 2"),
}


def at_once():
    """Return what can be told apart by its subject together: as few lots as there are kinds with one subject."""
    lots = []
    for kind, (_, subject) in CONTRADICTIONS.items():
        free = (lot for lot in lots if subject not in {CONTRADICTIONS[other][1] for other in lot})
        lot = next(free, None)
        if lot is None:
            lots.append(lot := [])
        lot.append(kind)
    return lots


@at_versions_with_silent_voids
@pytest.mark.parametrize("kinds", [[kind] for kind in CONTRADICTIONS] if NIGHTLY else at_once(), ids=", ".join)
def test_a_row_that_is_not_what_its_entries_tell_is_not_sealed(old, kinds):
    statements, subjects = zip(*(CONTRADICTIONS[kind] for kind in kinds), strict=True)
    execute(old, *statements)
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
    assert {found.subject for found in audited(old).findings} >= set(subjects)


CONTRADICTED_APPROVALS = {
    "the person": "UPDATE custmerge_batch SET approved_by_person = 2 WHERE id = 1",
    "the name": "UPDATE custmerge_batch SET approved_by = 'ben' WHERE id = 1",
    "the moment": "UPDATE custmerge_batch SET approved_at = '2027-01-01T00:00:00Z' WHERE id = 1",
    "the rows": 'UPDATE custmerge_batch SET "rows" = 2, done = 2 WHERE id = 1',
}


@pytest.mark.parametrize("version", [version for version in EARLIER if version >= "0003"])
@pytest.mark.parametrize("statement", CONTRADICTED_APPROVALS.values(), ids=CONTRADICTED_APPROVALS)
def test_an_approval_of_a_file_that_is_not_what_its_entry_tells_is_not_sealed(old, statement):
    execute(old, statement)
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
    assert (CheckName.BATCHES, "batch 1") in {(found.check, found.subject) for found in audited(old).findings}
    assert "bulk_approve" not in {told["action"] for told in seals_by_init(old)}


def seals_by_init(url):
    with closing(Database(url)) as database, database.reading() as unit:
        told = [json.loads(entry.body) for entry in unit.chain.newest()]
    return [one for one in told if one.get("did") == "seal"]
