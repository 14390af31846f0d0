"""kill -9 before any statement of an attached merge, undo or bulk chunk, and before its commit: all or nothing.

By day before each second one.
"""

from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest
from support.bulk_scenes import Quiet
from support.runs import NIGHTLY
from support.struck_process import survived, work_of

from custmerge.errors import BatchUndone
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import bulk
from custmerge.services import merge as merge_service
from custmerge.services import undo as undo_service
from custmerge.services.bulk.file import RunOptions
from custmerge.services.undo import batch as undo_batch
from custmerge.storage.database import Database

SALT = b"s" * 16
STEP = 1 if NIGHTLY else 2
pytestmark = pytest.mark.on_one


def this_moment():
    return datetime.now(UTC)


@pytest.fixture
def struck(shop, database_url, record_property):
    """Kills what somebody does at every statement; what is there is either as before or as it leaves it."""

    def kill_everywhere(name, do, *, at_least):
        before, seen = shop.dump(), []

        def all_or_nothing():
            found = shop.dump()
            if found != before:
                seen.append(found)

        faults = survived(work_of(database_url, name, do), all_or_nothing, step=STEP)
        record_property("faults_survived", faults)
        assert faults >= at_least // STEP
        after = shop.dump()
        assert after != before
        assert all(found == after for found in seen)

    return kill_everywhere


def merge(database, caller):
    request = merge_service.Request("20002", "10001", Wishes(Choice.KEEP, fill=True))
    merge_service.merge(database, caller, request, salt=SALT, now=this_moment())


def test_a_merge_in_a_hosts_tables_happens_wholly_or_not_at_all(shop, struck):
    shop.prove()
    struck("ben", merge, at_least=20)
    assert [row[:2] for row in shop.host_rows()["newsletter"]] == [(1, 70001), (3, 70001), (4, 70003), (5, 70003)]
    assert shop.audit() == set()


def test_an_undo_in_a_hosts_tables_happens_wholly_or_not_at_all(shop, struck):
    before = shop.host_rows()
    orders = {shop.merged("20002"), shop.merged("30003")}

    def undo(database, caller):
        undo_service.undo(database, caller, undo_service.Request(frozenset(orders)), this_moment())

    struck("anna", undo, at_least=15)
    assert shop.host_rows() == before
    assert shop.audit() == set()


@pytest.fixture
def approved(shop):
    """A file of two rows, each of which merges what the row before left."""
    rows = "20002,30003,adopt\n10001,20002,adopt\n"
    (shop.folder / "pairs.csv").write_text(f"survivor,absorbed,choice\n{rows}")
    assert shop.supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    return str(shop.folder / "pairs.csv")


def test_a_bulk_chunk_in_a_hosts_tables_happens_wholly_or_not_at_all(shop, struck, approved):
    def run(database, caller):
        bulk.run(database, caller, approved, RunOptions(this_moment, lambda: SALT, Quiet()))

    struck("ben", run, at_least=20)
    assert {row[1] for row in shop.host_rows()["invoice"]} == {70001}
    assert shop.audit() == set()


def test_an_undo_of_a_batch_in_a_hosts_tables_happens_wholly_or_not_at_all(shop, struck, approved, database_url):
    before = shop.host_rows()
    assert shop.agent.in_process("bulk", "run", "pairs.csv").code == 0
    with closing(Database(database_url)) as database, database.reading() as unit:
        (batch,) = unit.batches.newest(None, 2)

    def undo(database, caller):
        inputs = undo_batch.Inputs(this_moment, lambda: SALT, Quiet())
        # Killed behind its last commit it is done.
        with suppress(BatchUndone):
            undo_batch.undo_batch(database, caller, batch.id, inputs, None)

    struck("anna", undo, at_least=15)
    assert shop.host_rows() == before
    assert shop.audit() == set()


@pytest.fixture(autouse=True)
def _quiet_fork_warning(recwarn):
    yield
    recwarn.clear()
