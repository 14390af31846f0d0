"""An approval of a bulk file that a run or an undo has used up stays so, whatever is done to its row."""

from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest
from support.databases import execute
from support.runs import NIGHTLY
from support.scenes import scene

from custmerge.services import access, bulk
from custmerge.services.bulk.file import RunOptions
from custmerge.services.undo import batch as undo_batch
from custmerge.storage.database import Database

UNDO = ("undo", "--batch", "1", "--yes")
NUMBERS = range(1001, 1009)
TOKENS = {"ben": "token-of-ben", "anna": "token-of-anna"}
BACK = {
    "to its second row": ["UPDATE custmerge_batch SET state = 'running', done = 1"],
    "to its second row, as if one was merged": ["UPDATE custmerge_batch SET state = 'running', done = 1, merged = 1"],
    "to its beginning": [
        "DELETE FROM custmerge_batch_chunk",
        "UPDATE custmerge_batch SET state = 'approved', done = 0, merged = 0",
    ],
}


@scene
def batch(world, agent, supervisor):
    """Eight numbers that an approved file is to merge into 1000, each row in a transaction of its own."""
    world.customers_like("1000", *map(str, NUMBERS))
    path = world.folder / "pairs.csv"
    path.write_text("survivor,absorbed\n" + "".join(f"1000,{n}\n" for n in NUMBERS))
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    return path


class Cut(Exception):
    """The end of a process."""


class Watcher:
    """Ends a run or an undo when so much of it is done."""

    def __init__(self, at):
        self._at = at

    def accepted(self):
        """Nothing is to be got ready."""

    def outcome(self, _outcome):
        """No row counts."""

    def advanced(self, done, _total):
        if done == self._at:
            raise Cut


def cut_at(url, token, at, work):
    """Begin a run or an undo, and end it when `at` rows or orders are committed."""
    now = datetime.now(UTC)
    with closing(Database(url)) as database, suppress(Cut):
        work(database, access.resume(database, token, now), Watcher(at), now)
        pytest.fail("it came to its end")


def run_to(url, token, path, at):
    def work(database, caller, watcher, now):
        bulk.run(database, caller, str(path), RunOptions(lambda: now, lambda: bytes(16), watcher, chunk=1))

    cut_at(url, token, at, work)


def undo_to(url, token, at):
    def work(database, caller, watcher, now):
        inputs = undo_batch.Inputs(lambda: now, lambda: bytes(16), watcher, chunk=1)
        undo_batch.undo_batch(database, caller, 1, inputs, None)

    cut_at(url, token, at, work)


def findings(by, *options):
    done = by.in_process("audit", "-f", "json", *options)
    return [(one["check"], one["subject"], one["severity"]) for one in done.json["findings"]]


def merges(by):
    return len(by.in_process("history", "--action", "merge", "-f", "json").json)


def state(by):
    (found,) = by.in_process("bulk", "status", "-f", "json").json
    return found["state"], found["done"]


def demand_found_and_refused(supervisor, agent):
    assert ("batches", "batch 1", "critical") in findings(supervisor)
    before = merges(supervisor)
    assert state(agent)[0] == "finished"
    done = agent("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "not_approved")
    assert merges(supervisor) == before
    assert ("batches", "batch 1", "critical") in findings(supervisor)


# What somebody sets back


@pytest.mark.parametrize("undo", [(), *([("undo", *map(str, range(1, 9)), "--yes")] if NIGHTLY else []), UNDO])
@pytest.mark.parametrize("back", BACK)
def test_a_batch_that_was_run_and_is_set_back(batch, agent, supervisor, database_url, back, undo):
    assert agent.in_process("bulk", "run", "pairs.csv").code == 0
    assert not undo or supervisor.in_process(*undo).code == 0
    execute(database_url, *BACK[back])
    demand_found_and_refused(supervisor, agent)


@pytest.mark.parametrize("back", ["running", "approved"])
@pytest.mark.parametrize("at", [4, 5])
def test_a_batch_of_which_something_was_undone_is_not_run_further(batch, agent, supervisor, database_url, back, at):
    run_to(database_url, agent.token, batch, 5)
    if at == 5:
        assert supervisor.in_process(*UNDO).code == 0
    else:
        undo_to(database_url, supervisor.token, at)
    execute(database_url, f"UPDATE custmerge_batch SET state = '{back}'")
    demand_found_and_refused(supervisor, agent)


def test_a_batch_that_is_further_than_what_became_of_its_rows(batch, agent, supervisor, database_url):
    run_to(database_url, agent.token, batch, 5)
    execute(database_url, "UPDATE custmerge_batch SET done = 7")
    assert findings(supervisor) == [("batches", "batch 1", "critical")]
    done = agent("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "results_changed")


def test_an_approval_that_was_undone_before_anything_was_run(batch, agent, supervisor, database_url):
    assert supervisor(*UNDO).code == 0
    assert (again := supervisor(*UNDO, "-f", "json")).error["code"] == "already_undone"
    assert again.error["details"]["by"] == "anna"
    execute(database_url, "UPDATE custmerge_batch SET state = 'approved'")
    demand_found_and_refused(supervisor, agent)


def test_a_batch_that_is_called_undone_and_is_not_is_found_and_can_be_undone(batch, agent, supervisor, database_url):
    assert agent.in_process("bulk", "run", "pairs.csv").code == 0
    assert supervisor.in_process("undo", "8", "--yes").code == 0
    execute(database_url, "UPDATE custmerge_batch SET state = 'undone'")
    assert findings(supervisor) == [("batches", "batch 1", "critical")]
    assert supervisor(*UNDO).code == 0
    assert findings(supervisor) == []


@pytest.mark.parametrize("back", BACK)
def test_it_is_found_since_a_checkpoint_too(batch, agent, supervisor, database_url, back):
    assert agent.in_process("bulk", "run", "pairs.csv").code == 0
    assert supervisor.in_process("audit", "--checkpoint", "points").code == 0
    execute(database_url, *BACK[back])
    found = findings(supervisor, "--checkpoint", "points", "--since-checkpoint")
    assert found == [("batches", "batch 1", "critical")]


def test_an_approval_that_was_used_up_can_be_given_anew(batch, agent, supervisor, database_url):
    assert agent.in_process("bulk", "run", "pairs.csv").code == 0
    assert supervisor.in_process(*UNDO).code == 0
    execute(database_url, *BACK["to its beginning"])
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent("bulk", "run", "pairs.csv").code == 0
    assert merges(supervisor) == 16
    new, old = agent("bulk", "status", "-f", "json").json
    assert (new["state"], new["merged"], old["state"]) == ("finished", 8, "finished")


@pytest.mark.parametrize("merged", [7, 9])
def test_how_many_rows_were_merged_is_held_against_the_history(batch, agent, supervisor, database_url, merged):
    assert agent.in_process("bulk", "run", "pairs.csv").code == 0
    execute(database_url, f"UPDATE custmerge_batch SET merged = {merged}")
    assert findings(supervisor) == [("batches", "batch 1", "critical")]


def test_a_batch_without_an_approval_that_is_gone_is_missed(world, agent, supervisor, database_url):
    world.customer("1000", domains=["eins.example"])
    world.customer("1001", domains=["zwei.example"], password="pw-2")
    (world.folder / "pairs.csv").write_text("survivor,absorbed,domain,password\n1000,1001,zwei.example,pw-2\n")
    (world.folder / "pairs.csv").chmod(0o600)
    assert agent("bulk", "run", "pairs.csv").code == 0
    assert findings(supervisor) == []
    execute(database_url, "DELETE FROM custmerge_batch_chunk", "DELETE FROM custmerge_batch")
    assert findings(supervisor) == [("batches", "batch 1", "critical")]


# What happens of itself


def test_a_run_that_is_cut_off_goes_on_and_the_audit_is_silent_at_each_step(batch, agent, supervisor, database_url):
    assert findings(supervisor) == []
    for at in (2, 5):
        run_to(database_url, agent.token, batch, at)
        assert (findings(supervisor), state(agent)) == ([], ("running", at))
    assert agent("bulk", "run", "pairs.csv").code == 0
    assert (findings(supervisor), merges(supervisor), state(agent)) == ([], 8, ("finished", 8))


def test_an_order_that_is_undone_by_itself_does_not_end_its_batch(batch, agent, supervisor, database_url):
    run_to(database_url, agent.token, batch, 5)
    assert supervisor.in_process("undo", "5", "--yes").code == 0
    assert (findings(supervisor), state(agent)) == ([], ("running", 5))
    assert agent("bulk", "run", "pairs.csv").code == 0
    assert (findings(supervisor), merges(supervisor), state(agent)) == ([], 8, ("finished", 8))


def test_an_undo_that_is_cut_off_goes_on_and_the_audit_is_silent_at_each_step(batch, agent, supervisor, database_url):
    run_to(database_url, agent.token, batch, 5)
    for at in (1, 3):
        undo_to(database_url, supervisor.token, at)
        assert (findings(supervisor), state(agent)) == ([], ("finished", 5))
    assert supervisor(*UNDO).code == 0
    assert (findings(supervisor), state(agent)) == ([], ("undone", 5))


def test_rows_that_are_refused_in_between_are_no_gap(batch, world, agent, supervisor, database_url):
    world.customer("2000", company="Anders GmbH")
    batch.write_text("survivor,absorbed\n1000,1001\n1000,2000\n1000,4711\n1000,1002\n1000,1003\n1000,2000\n")
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    run_to(database_url, agent.token, batch, 4)
    assert findings(supervisor) == []
    assert agent("bulk", "run", "pairs.csv").code == 7
    assert (findings(supervisor), merges(supervisor)) == ([], 3)
