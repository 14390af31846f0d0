"""An undo of a whole bulk run: alone at its file, told of in a log, answered when it is done; on both databases."""

import multiprocessing
import os
import signal
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

import pytest
from support.databases import execute
from support.scenes import scene
from support.struck_process import run_undo_by_the_clock, run_undo_struck, terminate

from custmerge.errors import BatchBusy, UndoChanged
from custmerge.services import access
from custmerge.services.undo import batch as undo_batch
from custmerge.storage.database import Database

pytestmark = pytest.mark.on_both
UNDO = ("undo", "--batch", "1", "--yes", "-f", "json")
NUMBERS = range(1001, 1009)


@scene
def batch(world, agent, supervisor):
    """Eight numbers that an approved file has merged into 1000; the dump before."""
    world.customers_like("1000", *map(str, NUMBERS))
    before = world.dump()
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n" + "".join(f"1000,{n}\n" for n in NUMBERS))
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent.in_process("bulk", "run", "pairs.csv").code == 0
    return before


def undone(who):
    return len(who.in_process("history", "--action", "undo", "-f", "json").json)


# Once


def test_an_undone_batch_is_answered_as_an_undone_order_is(batch, supervisor):
    assert supervisor(*UNDO).code == 0
    for option in ("--yes", "--dry-run"):
        again = supervisor("undo", "--batch", "1", option, "-f", "json")
        one = supervisor("undo", "8", option, "-f", "json")
        assert (again.code, again.error["code"]) == (one.code, one.error["code"]) == (6, "already_undone")
        assert again.error["details"] == {"batch": 1, "by": "anna", "at": one.error["details"]["at"]}
    assert "Batch 1 was undone already, by anna at 2" in supervisor("undo", "--batch", "1", "--yes").err


def test_a_batch_whose_orders_were_all_undone_one_by_one_is_undone_without_anything_to_do(batch, supervisor):
    assert supervisor("undo", *range(1, 9), "--yes").code == 0
    done = supervisor(*UNDO)
    assert (done.code, done.json["orders"], done.json["already"]) == (0, 0, 8)
    assert supervisor(*UNDO).error["code"] == "already_undone"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE custmerge_batch_chunk SET results = replace(results, 'merged', 'refused')",
        "DELETE FROM custmerge_batch_chunk",
    ],
)
def test_what_an_undo_takes_back_is_what_the_history_has_of_the_batch(batch, supervisor, world, statement):
    execute(supervisor.url, statement)
    assert supervisor(*UNDO).json["orders"] == 8
    assert world.dump() == batch


def test_an_undo_that_is_refused_leaves_a_file_that_can_be_run(world, agent, supervisor):
    world.customers_like("1000", "1001", "1003", "9000")
    world.customers_like("1002", city="Ulm")
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n1000,1001\n1000,1002\n1000,1003\n")
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent.in_process("bulk", "run", "pairs.csv", "--stop-on-error").code == 7
    (world.folder / "later.csv").write_text("survivor,absorbed\n9000,1000\n")
    assert supervisor.in_process("bulk", "approve", "later.csv", "--yes").code == 0
    assert agent.in_process("bulk", "run", "later.csv").code == 0
    assert supervisor(*UNDO).code == 6
    assert undone(supervisor) == 0
    states = {one["batch"]: one["state"] for one in agent.in_process("bulk", "status", "-f", "json").json}
    assert states[1] == "running"


class Quiet:
    def advanced(self, *_):
        pass


def test_an_undo_of_a_batch_that_has_grown_since_it_was_shown_undoes_nothing(world, agent, supervisor, database_url):
    world.customers_like("1000", "1001")
    world.customers_like("1002", city="Ulm")
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n1000,1001\n1000,1002\n")
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent.in_process("bulk", "run", "pairs.csv", "--stop-on-error").code == 7
    with closing(Database(database_url)) as database:
        caller = access.resume(database, supervisor.token, datetime.now(UTC))
        inputs = undo_batch.Inputs(lambda: datetime.now(UTC), lambda: os.urandom(16), Quiet())
        seen = undo_batch.preview(database, caller, 1, inputs)
        (world.folder / "city.csv").write_text(f"number,city\n1002,{world.customers()['1000']['city']}\n")
        assert supervisor.in_process("import", "customers", "city.csv", "--update").code == 0
        assert agent.in_process("bulk", "run", "pairs.csv").code == 0
        with pytest.raises(UndoChanged):
            undo_batch.undo_batch(database, caller, 1, inputs, seen)
    assert (seen.orders, undone(supervisor)) == (1, 0)


# Alone


def undo_and_stop(url, token, data):
    """Undo the first two orders of a batch, and then do nothing more."""
    os.environ["XDG_DATA_HOME"] = data

    class Watcher:
        def advanced(self, *_):
            signal.pause()

    signal.signal(signal.SIGUSR1, lambda *_: None)
    database, now = Database(url), datetime.now(UTC)
    caller = access.resume(database, token, now)
    inputs = undo_batch.Inputs(lambda: datetime.now(UTC), lambda: os.urandom(16), Watcher(), chunk=2)
    undo_batch.undo_batch(database, caller, 1, inputs, None)


@pytest.fixture
def stopped_undo(batch, world, supervisor, database_url, request):
    """An undo that has come to its first two orders, of another user or of this one."""
    folder = supervisor.environ()["XDG_DATA_HOME"] if request.param == "here" else str(world.folder / "elsewhere")
    process = multiprocessing.get_context("forkserver").Process(
        target=undo_and_stop, args=(database_url, supervisor.token, folder)
    )
    process.start()
    while undone(supervisor) < 2:
        assert process.is_alive()
    yield process
    process.kill()
    process.join()


everywhere = pytest.mark.parametrize("stopped_undo", ["here", "elsewhere"], indirect=True)
here = pytest.mark.parametrize("stopped_undo", ["here"], indirect=True)
elsewhere = pytest.mark.parametrize("stopped_undo", ["elsewhere"], indirect=True)


@everywhere
def test_two_undos_of_one_batch_exclude_each_other(supervisor, stopped_undo):
    done = supervisor(*UNDO)
    assert (done.code, done.error["code"], undone(supervisor)) == (6, "batch_busy", 2)


@everywhere
def test_an_undo_and_a_run_of_one_file_exclude_each_other(supervisor, agent, stopped_undo):
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    done = agent.in_process("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "batch_running")
    assert undone(supervisor) == 2


@here
def test_a_killed_undo_is_gone_on_with_at_once_by_the_same_user(world, batch, supervisor, stopped_undo):
    stopped_undo.kill()
    stopped_undo.join()
    done = supervisor(*UNDO)
    assert (done.code, done.json["orders"], done.json["already"]) == (0, 6, 2)
    assert world.dump() == batch


@here
@pytest.mark.parametrize("command", [("bulk", "run", "pairs.csv"), ("undo", "--batch", "2", "--yes")])
def test_a_killed_undo_is_gone_on_with_at_once_whatever_became_of_the_file_meanwhile(
    supervisor, agent, stopped_undo, command
):
    stopped_undo.kill()
    stopped_undo.join()
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert (agent if command[0] == "bulk" else supervisor)(*command).code == 0
    assert supervisor(*UNDO).json["orders"] == 6


@elsewhere
def test_a_killed_undo_is_gone_on_with_elsewhere_when_its_lease_has_run_out(
    world, batch, supervisor, stopped_undo, database_url
):
    stopped_undo.kill()
    stopped_undo.join()
    assert supervisor(*UNDO).error["code"] == "batch_busy"
    with closing(Database(database_url)) as database, database.writing() as unit:
        unit._connection.exec_driver_sql("UPDATE custmerge_batch SET alive_until = '2026-01-01T00:00:00Z'")
    assert supervisor(*UNDO).json["orders"] == 6
    assert world.dump() == batch


@elsewhere
def test_an_undo_that_was_interrupted_is_gone_on_with_at_once_elsewhere(world, batch, supervisor, stopped_undo):
    os.kill(stopped_undo.pid, signal.SIGINT)
    stopped_undo.join()
    assert supervisor(*UNDO).json["orders"] == 6
    assert world.dump() == batch


@elsewhere
def test_an_undo_whose_lease_somebody_else_has_taken_undoes_nothing_more(
    world, batch, supervisor, stopped_undo, database_url
):
    with closing(Database(database_url)) as database, database.writing() as unit:
        unit._connection.exec_driver_sql("UPDATE custmerge_batch SET runner = 'another'")
    # It goes on from where it was stopped.
    os.kill(stopped_undo.pid, signal.SIGUSR1)
    stopped_undo.join()
    assert undone(supervisor) == 2


def test_an_undo_of_nothing_whose_lease_somebody_else_has_taken_ends_nothing(
    world, supervisor, database_url, monkeypatch
):
    world.customers_like("1000", "1001")
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n1000,1001\n")
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    begun = undo_batch._BatchUndo.begin

    def begin(undo):
        begun(undo)
        execute(database_url, "UPDATE custmerge_batch SET runner = 'another'")

    monkeypatch.setattr(undo_batch._BatchUndo, "begin", begin)
    now = datetime.now(UTC)
    inputs = undo_batch.Inputs(lambda: now, lambda: bytes(16), None)
    with closing(Database(database_url)) as database, pytest.raises(BatchBusy):
        undo_batch.undo_batch(database, access.resume(database, supervisor.token, now), 1, inputs, None)
    assert [one["state"] for one in supervisor.in_process("bulk", "status", "-f", "json").json] == ["approved"]
    assert undone(supervisor) == 0


# In a log


def test_a_log_of_an_undo_has_a_line_every_ten_seconds(batch, supervisor):
    done = supervisor(*UNDO, target=partial(run_undo_by_the_clock, 10, 2))
    assert done.code == 0
    assert done.err.splitlines() == [
        "4 of 8 orders, 0 a second, 20 s left",
        "6 of 8 orders, 0 a second, 10 s left",
        "8 of 8 orders, 0 a second, 0 s left",
    ]


def test_a_log_of_an_undo_has_no_lines_when_nobody_wants_them(batch, supervisor):
    done = supervisor("--quiet", *UNDO, target=partial(run_undo_by_the_clock, 10, 2))
    assert (done.code, done.err) == (0, "")


# Cut off


def test_an_undo_that_loses_its_connection_says_what_is_undone(batch, world, supervisor, database_url):
    if database_url.startswith("sqlite"):
        # It has no connection that could be lost.
        return
    done = supervisor(*UNDO, target=partial(run_undo_struck, terminate, database_url, 2))
    assert (done.code, done.error["code"]) == (8, "not_committed")
    assert "4 of 8 are done and stay so" in done.error["message"]
    assert done.error["details"]["undone"] == 4
    assert undone(supervisor) == 4
    assert supervisor(*UNDO).json["orders"] == 4
    assert world.dump() == batch


def test_an_order_in_the_way_of_the_rest_does_not_deny_what_was_undone(batch, world, supervisor):
    with closing(Database(supervisor.url)) as database, database.writing() as unit:
        unit._connection.exec_driver_sql("UPDATE customer SET city = 'x' WHERE number = '1004'")
    done = supervisor("undo", "--batch", "1", "--yes", target=partial(run_undo_by_the_clock, 0, 2))
    assert done.code == 6
    assert "that are undone, and stay so: 4" in done.err
    assert "Nothing was changed" not in done.err
