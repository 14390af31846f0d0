"""A lease of a bulk file that another process has taken over is neither renewed nor ended by the one before."""

import os
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from support.bulk_scenes import Quiet
from support.databases import execute

from custmerge.errors import BatchMoved
from custmerge.services import access, bulk
from custmerge.services.bulk.file import RunOptions
from custmerge.storage.database import Database

TAKEN_OVER = "UPDATE custmerge_batch SET runner = 'another', alive_until = '2999-01-01T00:00:00Z'"


class TakenOver(Quiet):
    """Has another process take the batch over when the run has come to its first row, and wakes up a minute later."""

    def __init__(self, url):
        self._url = url
        self.slept = timedelta()

    def advanced(self, *_):
        if not self.slept:
            self.slept = timedelta(minutes=1)
            execute(self._url, TAKEN_OVER)

    def now(self):
        return datetime.now(UTC) + self.slept


@pytest.fixture
def lease_after(world, database_url):
    """Run a file that is taken over, and return whose lease it has then, and how long."""

    def run(text):
        path = world.folder / "pairs.csv"
        path.write_text(text)
        path.chmod(0o600)
        watcher = TakenOver(database_url)
        with closing(Database(database_url)) as database:
            ben = access.resume(database, "token-of-ben", datetime.now(UTC))
            with pytest.raises(BatchMoved):
                bulk.run(database, ben, str(path), RunOptions(watcher.now, lambda: os.urandom(16), watcher))
            with database.reading() as unit:
                (batch,) = unit.batches.newest(None, 2)
        return batch.runner, batch.alive_until

    return run


def test_a_run_that_ended_by_itself_leaves_no_mark_that_a_copy_of_the_home_could_carry_on(world, cli):
    """Where every process of a home has ended its lease, none is left over for whoever holds its lock next."""
    (world.folder / "pairs.csv").write_text("survivor,absorbed,password\n1,1,\n")
    (world.folder / "pairs.csv").chmod(0o600)
    assert cli.as_("ben")("bulk", "run", "pairs.csv").code == 7
    locks = list((cli.folder / "data" / "custmerge" / "slots").glob("batch-*"))
    assert [lock.stat().st_size for lock in locks] == [0]


def test_a_run_that_was_overtaken_does_not_end_the_lease_of_the_other(lease_after):
    assert lease_after("survivor,absorbed,password\n1,1,\n") == ("another", "2999-01-01T00:00:00Z")


def test_a_run_that_was_overtaken_while_it_verifies_does_not_renew_the_lease_of_the_other(lease_after, world):
    world.customer("10001")
    world.customer("20003", password="pw-3", domains=["drei.example"])
    text = "survivor,absorbed,domain,password\n10001,20003,drei.example,pw-3\n"
    assert lease_after(text) == ("another", "2999-01-01T00:00:00Z")
    assert world.customers()["20003"]["merged_into"] is None
