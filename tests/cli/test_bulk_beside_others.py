"""Contract §6: runs of one file at once, elsewhere, and beside others who write."""

import io
import os
import shutil
import signal
import sqlite3
import time
import types
from contextlib import closing

import pytest
from rich.console import Console
from support import bulk_scenes
from support.bulk_model import DETAILS, IDENTITY
from support.bulk_scenes import HEADER, approved, lines, load, model_of, pairs_file, write
from support.databases import execute
from support.struck_process import killed_at_random, run_with_few_attempts
from support.world import World

from custmerge.cli import progress
from custmerge.storage.database import Database

bulk = bulk_scenes.bulk

pytestmark = pytest.mark.on_both


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_report_never_takes_the_place_of_the_file_itself(bulk, agent, verb):
    text = HEADER + "10001,20003,,\n"
    write(bulk, text)
    (bulk.folder / "link.csv").symlink_to("pairs.csv")
    (bulk.folder / "hard.csv").hardlink_to(bulk.folder / "pairs.csv")
    for name in ("pairs.csv", "link.csv", "hard.csv"):
        done = agent("bulk", verb, "pairs.csv", "--report", name, "-f", "json")
        assert (done.code, done.error["code"]) == (2, "bad_file")
    assert (bulk.folder / "pairs.csv").read_text() == text


@pytest.fixture
def a_run_elsewhere(bulk, agent, supervisor):
    """A run of a long file that is under way for another user of this machine."""
    approved(bulk, supervisor, HEADER + "10001,20003,,\n" * 20_000)
    process, _ = agent.start(
        "bulk", "run", "pairs.csv", "--chunk", "20", XDG_DATA_HOME=str(bulk.folder / "elsewhere")
    )
    while agent("bulk", "status", "-f", "json").json[0]["done"] == 0:
        assert process.is_alive()
    yield process
    process.kill()
    process.join()


def test_a_second_run_elsewhere_says_so_and_leaves_the_first_alone(agent, a_run_elsewhere):
    for _ in range(3):
        done = agent("bulk", "run", "pairs.csv", "--chunk", "7", "-f", "json")
        assert (done.code, done.error["code"]) == (6, "batch_running")
    assert a_run_elsewhere.is_alive()
    before = agent("bulk", "status", "-f", "json").json[0]["done"]
    time.sleep(0.5)
    assert agent("bulk", "status", "-f", "json").json[0]["done"] > before


def test_a_run_that_died_elsewhere_is_taken_over_when_its_lease_has_run_out(agent, a_run_elsewhere, database_url):
    os.kill(a_run_elsewhere.pid, signal.SIGKILL)
    a_run_elsewhere.join()
    assert agent("bulk", "run", "pairs.csv").code == 6
    execute(database_url, "UPDATE custmerge_batch SET alive_until = '2026-01-01T00:00:00Z'")
    assert agent("bulk", "run", "pairs.csv", "--chunk", "10000").code == 0


def test_a_run_that_was_interrupted_is_taken_over_at_once_elsewhere(agent, a_run_elsewhere):
    os.kill(a_run_elsewhere.pid, signal.SIGINT)
    a_run_elsewhere.join()
    assert agent("bulk", "run", "pairs.csv", "--chunk", "10000").code == 0


def test_the_same_file_is_run_on_two_databases_at_once(bulk, agent, supervisor, sqlite_template):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n" * 20_000)
    process = under_way(agent, "--chunk", "20")
    # It is still at it when the other ends, however quick each is.
    os.kill(process.pid, signal.SIGSTOP)
    shutil.copy(sqlite_template, bulk.folder / "other.db")
    agent.url = supervisor.url = f"sqlite:///{bulk.folder / 'other.db'}"
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    done = agent("bulk", "run", "pairs.csv", "--chunk", "10000")
    assert (done.code, process.is_alive()) == (7, True), done.err
    process.kill()
    process.join()


def under_way(agent, *options):
    """Start a run and return its process when it has done something."""
    process, _ = agent.start("bulk", "run", "pairs.csv", *options)
    while agent("bulk", "status", "-f", "json").json[0]["done"] == 0:
        assert process.is_alive()
    return process


def test_a_run_waits_while_somebody_else_writes_for_long(sqlite_cli):
    world = World(sqlite_cli)
    world.customer("10001")
    world.customer("20003")
    approved(world, sqlite_cli.as_("anna"), HEADER + "10001,20003,,\n" * 20_000)
    agent = sqlite_cli.as_("ben")
    agent.url += "?timeout=0.2"
    process = under_way(agent, "--chunk", "20")
    with closing(sqlite3.connect(sqlite_cli.folder / "custmerge.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(1)
        (before,) = other.execute("SELECT done FROM custmerge_batch").fetchone()
        other.execute("COMMIT")
    time.sleep(1)
    assert process.is_alive()
    assert agent("bulk", "status", "-f", "json").json[0]["done"] > before
    process.kill()
    process.join()


def test_others_find_room_to_write_while_a_run_goes_on(sqlite_cli):
    world = World(sqlite_cli)
    world.customer("10001")
    world.customer("20003")
    approved(world, sqlite_cli.as_("anna"), HEADER + "10001,20003,,\n" * 200_000)
    agent = sqlite_cli.as_("ben")
    process = under_way(agent)
    waited = []
    with closing(Database(sqlite_cli.url)) as database:
        for _ in range(15):
            began = time.monotonic()
            for attempt in database.attempts():
                with attempt as unit:
                    unit.people.touch_session("nobody's", "2026-01-01T00:00:00Z")
            waited.append(time.monotonic() - began)
    assert process.is_alive()
    process.kill()
    process.join()
    # Left to SQLite it is more than a second.
    assert sorted(waited)[7] < 0.6


def test_counts_are_german_where_the_rest_is(bulk, agent):
    write(bulk, HEADER + "10001,20003,,\n10001,99999,,\n10001,10001,,\n")
    done = agent("--lang", "de", "bulk", "check", "pairs.csv")
    assert [line.strip() for line in done.out.splitlines()] == [
        "1  zusammenzuführen",
        "1  abzulehnen",
        "1  nicht gefunden",
    ]
    assert set(agent("--lang", "de", "bulk", "check", "pairs.csv", "-f", "json").json["counts"]) >= {"not_found"}


def test_a_bar_on_a_terminal_tells_the_rate_of_this_run(monkeypatch):
    ticks = iter([0, 0, 10, 10])
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: next(ticks)))
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    terminal = types.SimpleNamespace(has_bars=True, messages=console)
    with progress.Progress(terminal, "", progress.Unit.ROWS) as bar:
        bar.advanced(500, 2000)
        bar.advanced(1000, 2000)
    assert "50 a second" in shown.getvalue()
    assert "0:00:20" in shown.getvalue()


def test_a_bar_of_a_file_tells_the_size_that_is_read(monkeypatch):
    ticks = iter([0, 2, 3, 4])
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: next(ticks)))
    monkeypatch.setenv("LANGUAGE", "de")
    shown = io.StringIO()
    terminal = types.SimpleNamespace(has_bars=True, messages=Console(file=shown, force_terminal=True, width=100))
    with progress.Progress(terminal, "", progress.Unit.BYTES) as bar:
        bar.advanced(820, 3_565_158)
        bar.advanced(1_572_864, 3_565_158)
    assert "1,5/3,4 MiB" in shown.getvalue()


def test_a_program_that_is_interrupted_while_it_is_loaded_ends_quietly(sqlite_cli):
    (sqlite_cli.folder / "typer.py").write_text("raise KeyboardInterrupt")
    done = sqlite_cli.subprocess("bulk", "status", PYTHONPATH=str(sqlite_cli.folder))
    assert (done.code, done.out, done.err) == (130, "", "")


def same_state(world, model):
    found = world.customers()
    assert {n: c["merged_into"] for n, c in found.items() if c["merged_into"]} == model.merged_into
    assert {n: {k: c[k] for k in (*IDENTITY, *DETAILS)} for n, c in found.items()} == model.customers
    packages = world.packages()
    assert {k: {"number": p["number"], "contact": p["contact"]} for k, p in packages.items()} == model.packages


# Cut off


def test_a_run_that_is_killed_is_gone_on_with_and_ends_as_if_it_had_not_been(world, agent, supervisor):
    records = {str(number): {"company": "x", "city": "ab"[number % 2]} for number in range(1000, 1120)}
    load(world, records, set())
    given_rows = [
        {
            "survivor": str(1000 + n // 7),
            "absorbed": str(1119 - n),
            "choice": ("adopt", "keep", "")[n % 3],
            "take": "",
        }
        for n in range(100)
    ]
    model = model_of(records, set())
    expected = model.run(given_rows)
    pairs_file(world, given_rows)
    supervisor("bulk", "approve", "pairs.csv", "--yes")
    again = ("bulk", "run", "pairs.csv", "--report", "report.csv")
    kills = killed_at_random(lambda: agent.start(*again, "--chunk", "3")[0], 0.03, 0.01)
    process, _ = agent.start("bulk", "run", "pairs.csv", "--report", "report.csv")
    process.join()
    same_state(world, model)
    assert kills > 1
    done = agent("bulk", "status", "-f", "json").json[-1]
    assert (done["done"], done["merged"]) == (100, sum(line[3] == "merged" for line in expected))
    history = supervisor.in_process("history", "--action", "merge", "-f", "json").json
    assert sorted(e["order"] for e in history) == list(range(1, done["merged"] + 1))


# What the database refuses, and what it breaks off


def test_a_row_that_the_database_refuses_is_found_and_the_others_go_through(bulk, agent, supervisor, database_url):
    for number in range(30, 40):
        bulk.customer(f"100{number}", domains=[f"n{number}.example"])
    execute(database_url, *REFUSE[database_url.startswith("sqlite")])
    approved(bulk, supervisor, HEADER + "".join(f"10001,100{number},,\n" for number in range(30, 40)))
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv", "-f", "json")
    assert (done.code, done.json["merged"], done.json["failed"]) == (7, 9, 1)
    assert [row[2:5] for row in lines(bulk) if row[3] != "merged"] == [("10034", "failed", "8")]
    assert [row[5] for row in lines(bulk) if row[5]] == [str(order) for order in range(1, 10)]


REFUSE = {
    True: [
        (
            "CREATE TRIGGER host BEFORE UPDATE ON package WHEN OLD.package = 'P10034' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    ],
    False: [
        "CREATE FUNCTION host() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$",
        (
            "CREATE TRIGGER host BEFORE UPDATE ON package FOR EACH ROW WHEN (OLD.package = 'P10034') "
            "EXECUTE FUNCTION host()"
        ),
    ],
}


def test_two_files_at_once_that_touch_the_same_numbers_both_finish(world, agent, supervisor, cli):
    records = {str(number): {"company": "x"} for number in range(100, 160)}
    load(world, records, set())
    # Crosswise: each number is taken over in one file and kept in the other.
    first = "".join(f"{n},{n + 1},,\n" for n in range(100, 159))
    second = "".join(f"{n + 1},{n},,\n" for n in range(100, 159))
    approved(world, supervisor, HEADER + first, "first.csv")
    approved(world, supervisor, HEADER + second, "second.csv")
    running = [
        agent.start("bulk", "run", f"{name}.csv", "--chunk", "2", "--report", f"{name}.out")
        for name in ("first", "second")
    ]
    for process, _ in running:
        process.join(300)
    assert {process.exitcode for process, _ in running} <= {0, 7}
    merged = {
        row[2]: row[1] for name in ("first", "second") for row in lines(world, f"{name}.out") if row[3] == "merged"
    }
    assert {n: c["merged_into"] for n, c in world.customers().items() if c["merged_into"]} == merged
    orders = [e["order"] for e in supervisor.in_process("history", "--action", "merge", "-f", "json").json]
    assert sorted(orders) == list(range(1, len(merged) + 1))


def test_a_chunk_that_always_loses_to_others_is_halved_until_it_gets_its_turn(world, agent, supervisor, database_url):
    if database_url.startswith("sqlite"):
        # It has no such conflicts.
        return
    import psycopg

    load(world, {str(number): {"company": "x"} for number in range(100, 110)}, set())
    approved(world, supervisor, HEADER + "".join(f"100,{n},,\n" for n in range(101, 110)))
    with psycopg.connect(database_url) as connection:
        # A real 40001 for every statement that retires more than two numbers.
        connection.execute(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF (SELECT count(*) FROM retired) > 2 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF; "
            "RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER lose AFTER UPDATE ON customer REFERENCING NEW TABLE AS retired "
            "FOR EACH STATEMENT EXECUTE FUNCTION lose()"
        )
    process, streams = agent.start("bulk", "run", "pairs.csv", target=run_with_few_attempts)
    process.join()
    assert process.exitcode == 0, streams[2].read_text()
    assert sum(c["merged_into"] == "100" for c in world.customers().values()) == 9


def test_with_serializable_isolation_on_the_server_runs_and_merges_are_begun_anew(
    world, agent, supervisor, database_url, postgresql_server
):
    if database_url.startswith("sqlite"):
        # SQLite knows nothing else.
        return
    import psycopg

    with psycopg.connect(database_url, autocommit=True) as connection:
        name = connection.execute("SELECT current_database()").fetchone()[0]
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    records = {str(number): {"company": "x"} for number in range(100, 180)}
    load(world, records, set())
    files = [f"part{number}.csv" for number in range(4)]
    for number, file in enumerate(files):
        rows_of_it = "".join(f"100,{n},,\n" for n in range(101 + number, 180, 4))
        approved(world, supervisor, HEADER + rows_of_it, file)
    running = [agent.start("bulk", "run", file, "--chunk", "2") for file in files]
    for process, _ in running:
        process.join(300)
    assert [process.exitcode for process, _ in running] == [0] * 4, [streams[2].read_text() for _, streams in running]
    assert sum(c["merged_into"] == "100" for c in world.customers().values()) == 79
