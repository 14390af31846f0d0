"""Contract §3, `undo --batch`: a whole bulk run is taken back. On both databases."""

import os
import signal
import time
from datetime import UTC, datetime

import psycopg
from support import undo_scenes
from support.scenes import scene
from support.struck_process import killed_at_random
from support.typist import Typist
from support.undo_scenes import import_, merge, merge_third, undo

from custmerge.services import access
from custmerge.storage.database import Database

pair = undo_scenes.pair
HEADER = "survivor,absorbed,choice,take\n"


# A whole bulk run


@scene
def batch(world, agent, supervisor):
    """100 identical numbers and chains among them, merged by an approved file; the dump before."""
    load(world, range(1000, 1100))
    before = world.dump()
    pairs = [(1000 + n // 5, 1099 - n) for n in range(80)] + [(1000, 1001), (1010, 1000)]
    run_batch(world, agent, supervisor, pairs)
    return before


def load(world, numbers):
    (world.folder / "c.csv").write_text("number,city\n" + "".join(f"{n},{'AB'[n % 2]}\n" for n in numbers))
    (world.folder / "p.csv").write_text(
        "package,number,domains,contact_city\n"
        + "".join(f"P{n},{n},d{n}.example,{'C' if n % 3 else ''}\n" for n in numbers)
    )
    for kind in ("customers", "packages"):
        assert world.anna.in_process("import", kind, f"{kind[0]}.csv").code == 0


def run_batch(world, agent, supervisor, pairs, *options, name="pairs.csv"):
    choices = ("adopt", "keep")
    rows = "".join(f"{into},{n},{choices[n % 2]},{'city' if n % 7 == 0 else ''}\n" for into, n in pairs)
    (world.folder / name).write_text(HEADER + rows)
    assert supervisor.in_process("bulk", "approve", name, "--yes").code == 0
    return agent.in_process("bulk", "run", name, *options)


def state(cli):
    return cli.in_process("bulk", "status", "-f", "json").json[0]["state"]


def test_a_whole_bulk_run_is_taken_back(world, batch, supervisor):
    assert world.dump() != batch
    dry = supervisor("undo", "--batch", "1", "--dry-run", "-f", "json")
    assert (dry.code, dry.json["orders"], dry.json["dry_run"]) == (0, 82, True)
    assert world.dump() != batch
    done = undo(supervisor, "--batch", "1")
    assert done.json == {
        "batch": 1,
        "undone": True,
        "orders": 82,
        "already": 0,
        "restored": {"packages": dry.json["restored"]["packages"], "domains": dry.json["restored"]["domains"]},
        "dry_run": False,
    }
    assert world.dump() == batch
    assert state(supervisor) == "undone"
    entries = supervisor.in_process("history", "--action", "undo", "-f", "json").json
    assert [e["order"] for e in entries] == list(range(1, 83))


def test_a_bulk_run_in_several_chunks_is_taken_back(world, batch, supervisor, database_url):
    from custmerge.services.undo import batch as undo_batch

    class Watcher:
        def advanced(self, *_):
            pass

    database, now = Database(database_url), datetime.now(UTC)
    caller = access.resume(database, supervisor.token, now)
    inputs = undo_batch.Inputs(lambda: now, lambda: b"s" * 16, Watcher(), chunk=7)
    seen = undo_batch.preview(database, caller, 1, inputs)
    assert undo_batch.undo_batch(database, caller, 1, inputs, seen) == seen
    database.close()
    assert world.dump() == batch


def test_orders_of_a_batch_that_were_undone_one_by_one_are_passed_over(world, batch, supervisor):
    assert undo(supervisor, "82", "81", "5").code == 0
    done = undo(supervisor, "--batch", "1")
    assert (done.json["orders"], done.json["already"]) == (79, 3)
    assert world.dump() == batch


def test_an_order_of_a_batch_that_is_in_the_way_stops_it(world, batch, supervisor):
    import_(world, "packages", "package,number,domains\nP1099,1010,neu.example\n")
    before = world.dump()
    for option in ("--dry-run", "--yes"):
        done = supervisor("undo", "--batch", "1", option, "-f", "json")
        assert (done.code, done.error["code"], done.error["details"]["order"]) == (6, "undo_blocked", 82)
        assert world.dump() == before
    assert state(supervisor) == "finished"


def test_what_was_undone_before_a_stop_stays_and_is_said(world, agent, supervisor):
    load(world, range(1000, 1700))
    run_batch(world, agent, supervisor, [(1000 + n % 50, 1699 - n) for n in range(600)])
    import_(world, "packages", "package,number,domains\nP1699,1000,neu.example\n")
    done = supervisor("undo", "--batch", "1", "--yes")
    assert (done.code, "batch 1 that are undone, and stay so: 500" in done.err) == (6, True)
    assert len(supervisor.in_process("history", "--action", "undo", "-f", "json").json) == 500
    import_(world, "packages", "package,number,domains\nP1699,1000,d1699.example\n")
    done = undo(supervisor, "--batch", "1")
    assert (done.code, done.json["orders"], done.json["already"]) == (0, 100, 500)
    assert state(supervisor) == "undone"


def test_an_undone_file_runs_again_only_after_a_new_approval(world, batch, agent, supervisor):
    undo(supervisor, "--batch", "1")
    assert agent.in_process("bulk", "run", "pairs.csv").code == 4
    assert world.dump() == batch
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent.in_process("bulk", "run", "pairs.csv", "-f", "json").json["merged"] == 82


def test_a_run_that_is_not_finished_is_taken_back_and_not_gone_on_with(world, agent, supervisor):
    load(world, range(1000, 1100))
    before = world.dump()
    import_(world, "customers", "number,company\n1050,Anders GmbH\n")
    before = world.dump()
    pairs = [(1000, n) for n in range(1099, 1040, -1)]
    assert run_batch(world, agent, supervisor, pairs, "--stop-on-error").code == 7
    assert state(supervisor) == "running"
    assert undo(supervisor, "--batch", "1").json["orders"] == 49
    assert world.dump() == before
    agent.in_process("bulk", "run", "pairs.csv")
    assert world.dump() == before


def test_an_unknown_batch_ends_with_5(supervisor, world):
    done = undo(supervisor, "--batch", "3")
    assert (done.code, done.error["code"]) == (5, "unknown_batch")


def test_a_batch_that_runs_is_not_undone(world, agent, supervisor):
    load(world, range(1000, 1010))
    (world.folder / "pairs.csv").write_text(HEADER + "1000,1002,adopt,\n" * 20_000)
    supervisor.in_process("bulk", "approve", "pairs.csv", "--yes")
    process, _ = agent.start("bulk", "run", "pairs.csv", "--chunk", "1")
    answers = []
    while process.is_alive() and not answers:
        if state(agent) == "running":
            answers.append(undo(supervisor, "--batch", "1"))
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert [(done.code, done.error["code"]) for done in answers] == [(6, "batch_busy")]
    assert undo(supervisor, "--batch", "1").code == 0


def test_an_undo_of_a_batch_that_is_killed_is_gone_on_with(world, agent, supervisor, database_url):
    load(world, range(1000, 1080))
    before = world.dump()
    run_batch(world, agent, supervisor, [(1000 + n % 20, 1079 - n) for n in range(50)])
    here = supervisor.environ()["XDG_DATA_HOME"]
    kills = killed_at_random(lambda: start_in_small_chunks(database_url, supervisor.token, here), 0.05, 0.02)
    assert kills > 1
    # The last of them may have come to its end.
    assert undo(supervisor, "--batch", "1").code in (0, 6)
    assert world.dump() == before
    entries = supervisor.in_process("history", "--action", "undo", "-f", "json").json
    assert sorted(e["order"] for e in entries) == list(range(1, 51))
    assert state(supervisor) == "undone"


def start_in_small_chunks(url, token, data):
    import multiprocessing

    process = multiprocessing.get_context("forkserver").Process(target=undo_in_small_chunks, args=(url, token, data))
    process.start()
    return process


def undo_in_small_chunks(url, token, data):
    from custmerge.services.undo import batch as undo_batch

    os.environ["XDG_DATA_HOME"] = data

    class Watcher:
        def advanced(self, *_):
            time.sleep(0.005)

    database, now = Database(url), datetime.now(UTC)
    caller = access.resume(database, token, now)
    undo_batch.undo_batch(
        database, caller, 1, undo_batch.Inputs(lambda: now, lambda: b"s" * 16, Watcher(), chunk=2), None
    )
    os._exit(0)


def test_a_batch_is_confirmed_with_its_extent(world, batch, supervisor):
    typist = Typist(supervisor, "undo", "--batch", "1")
    typist.sees("Undo 82 orders of batch 1, ")
    typist.answers("[y/N]: ", "y")
    typist.sees("Batch 1 is undone: 82 orders")
    assert typist.ends() == 0
    assert world.dump() == batch


def test_with_serializable_isolation_on_the_server_undos_are_begun_anew(pair, agent, supervisor, database_url):
    if database_url.startswith("sqlite"):
        # SQLite knows nothing else.
        return
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = connection.execute("SELECT current_database()").fetchone()[0]
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    orders = [merge(agent, "20002", "--keep"), merge_third(agent, "--keep")]
    running = [supervisor.start("undo", order, "--yes") for order in orders]
    for process, _ in running:
        process.join(300)
    assert [process.exitcode for process, _ in running] == [0, 0]
