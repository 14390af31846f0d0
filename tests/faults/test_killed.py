"""kill -9 before any statement of a merge, an undo or a bulk chunk, and before its commit: all or nothing.

By day at each third on SQLite and at each third on PostgreSQL, and these are others.
"""

from contextlib import closing
from datetime import UTC, datetime

import pytest
from support.bulk_scenes import Quiet
from support.runs import NIGHTLY
from support.scenes import scene
from support.struck_process import survived, work_of

from custmerge.rules.history import Action
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import bulk
from custmerge.services import merge as merge_service
from custmerge.services import undo as undo_service
from custmerge.services.bulk.file import RunOptions
from custmerge.services.undo import batch as undo_batch
from custmerge.storage.database import Database


def this_moment():
    return datetime.now(UTC)


@scene
def three(world):
    world.customer("10001", password="pw-1", domains=["eins.example"], mobile="")
    world.customer("20002", password="pw-2", domains=["zwei.example", "drei.example"], city="Ulm")
    world.customer("30003", password="pw-3", domains=["vier.example"], city="Kiel")
    rows = "10001,20002,keep,city\n10001,30003,adopt,\n"
    (world.folder / "pairs.csv").write_text(f"survivor,absorbed,choice,take\n{rows}")
    return world


@pytest.fixture
def looking(database_url):
    """A database for looking at what a killed process left, which keeps what it has compiled."""
    with closing(Database(database_url)) as opened:
        yield opened


@pytest.fixture
def places(database_url):
    """Where a process is killed, as `survived` takes it."""
    return {} if NIGHTLY else {"first": 1 if database_url.startswith("sqlite") else 2, "step": 3}


def at_least(faults, places):
    """Return how many of so many faults are left at these places."""
    return faults // places.get("step", 1)


def entries(database, action):
    with closing(database), database.reading() as unit:
        return len(list(unit.chain.newest(action=action.value)))


def batch_of(database):
    with closing(database), database.reading() as unit:
        (batch,) = unit.batches.newest(None, 2)
    return batch


def test_a_merge_that_is_killed_anywhere_happened_wholly_or_not_at_all(
    three, agent, looking, places, database_url, record_property
):
    agent.in_process(
        "verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2"
    )
    before = three.dump()
    request = merge_service.Request("20002", "10001", Wishes(Choice.KEEP, fill=True))

    def nothing():
        assert three.dump() == before
        assert entries(looking, Action.MERGE) == 0

    def merge(database, caller):
        merge_service.merge(database, caller, request, salt=b"s" * 16, now=this_moment())

    faults = survived(work_of(database_url, "ben", merge), nothing, **places)
    record_property("faults_survived", faults)
    assert faults >= at_least(12, places)
    assert three.dump() != before
    assert entries(looking, Action.MERGE) == 1


def test_an_undo_that_is_killed_anywhere_happened_wholly_or_not_at_all(
    three, agent, looking, places, database_url, record_property
):
    before = three.dump()
    for absorbed, domain, password in (("20002", "zwei.example", "pw-2"), ("30003", "vier.example", "pw-3")):
        proof = ("--domain", domain, "--password-stdin")
        order = ("merge", absorbed, "--into", "10001", *proof, "--keep", "--take", "city", "--yes")
        assert agent(*order, stdin=password).code == 0
    merged = three.dump()

    def nothing():
        assert three.dump() == merged
        assert entries(looking, Action.UNDO) == 0

    def undo(database, caller):
        undo_service.undo(database, caller, undo_service.Request(frozenset({1}), cascade=True), this_moment())

    faults = survived(work_of(database_url, "anna", undo), nothing, **places)
    record_property("faults_survived", faults)
    assert faults >= at_least(12, places)
    assert three.dump() == before
    assert entries(looking, Action.UNDO) == 2


def test_a_bulk_chunk_that_is_killed_anywhere_happened_wholly_or_not_at_all(
    three, supervisor, agent, looking, places, database_url, tmp_path, record_property
):
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    before, seen = three.dump(), set()

    def all_or_nothing():
        merges = entries(looking, Action.MERGE)
        batch = batch_of(looking)
        assert (merges, batch.done, batch.merged) in ((0, 0, 0), (2, 2, 2))
        assert (three.dump() == before) is (merges == 0)
        seen.add(merges)

    def run(database, caller):
        inputs = RunOptions(this_moment, lambda: b"s" * 16, Quiet())
        bulk.run(database, caller, str(tmp_path / "pairs.csv"), inputs)

    faults = survived(work_of(database_url, "ben", run), all_or_nothing, **places)
    record_property("faults_survived", faults)
    assert faults >= at_least(20, places)
    # Killed before its chunk was committed, and behind that.
    assert seen == {0, 2}
    assert agent("bulk", "status", "-f", "json").json[0]["state"] == "finished"
    assert entries(looking, Action.MERGE) == 2


def test_an_undo_of_a_batch_that_is_killed_anywhere_happened_wholly_or_not_at_all(
    three, supervisor, agent, looking, places, database_url, record_property
):
    before, seen = three.dump(), set()
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent("bulk", "run", "pairs.csv").code == 0
    merged = three.dump()

    def all_or_nothing():
        undos = entries(looking, Action.UNDO)
        assert undos in (0, 2)
        assert three.dump() == (before if undos else merged)
        seen.add(undos)

    def undo(database, caller):
        undo_batch.undo_batch(database, caller, 1, undo_batch.Inputs(this_moment, lambda: b"s" * 16, Quiet()), None)

    faults = survived(work_of(database_url, "anna", undo), all_or_nothing, **places)
    record_property("faults_survived", faults)
    assert faults >= at_least(12, places)
    assert seen == {0, 2}
    assert three.dump() == before
    assert agent("bulk", "status", "-f", "json").json[0]["state"] == "undone"


@pytest.fixture(autouse=True)
def _quiet_fork_warning(recwarn):
    yield
    recwarn.clear()
