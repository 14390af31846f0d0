"""What `bulk` says before, beside and after its rows, on both databases."""

import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest
from support.scenes import scene

from custmerge.services import access, bulk
from custmerge.services.bulk.file import RunOptions
from custmerge.storage.database import Database

IDENTICAL = "survivor,absorbed\n10001,20003\n"
PROOFS = "survivor,absorbed,domain,password\n"


@scene
def pair(world):
    """10001 and 20003, which don't differ."""
    world.customer("10001")
    world.customer("20003", password="pw-3", domains=["drei.example"])
    return world


def write(world, text, mode=0o600):
    (world.folder / "pairs.csv").write_text(text)
    (world.folder / "pairs.csv").chmod(mode)


def approved(world, supervisor, text):
    write(world, text)
    assert supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0


def batches(who):
    return who.in_process("bulk", "status", "-f", "json").json


def history(who):
    hidden = ("login", "denied")
    return [e for e in who.in_process("history", "--limit", "100", "-f", "json").json if e["action"] not in hidden]


# What authorises a file


def test_a_file_without_passwords_that_nobody_approved_is_not_run_and_nothing_is_noted(pair, agent, supervisor):
    write(pair, IDENTICAL)
    before = history(supervisor)
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "not_approved")
    assert "`custmerge bulk approve pairs.csv`" in done.error["message"]
    assert (batches(agent), history(supervisor)) == ([], before)
    assert not (pair.folder / "report.csv").exists()


def test_a_proof_of_the_session_does_not_stand_in_for_the_approval_of_a_file(pair, agent):
    proof = ("verify", "20003", "--into", "10001", "--domain", "drei.example", "--password-stdin")
    assert agent(*proof, stdin="pw-3").code == 0
    write(pair, IDENTICAL)
    assert agent("bulk", "run", "pairs.csv").code == 4
    assert batches(agent) == []


def test_after_an_approval_it_is_said_who_runs_the_file(pair, supervisor):
    write(pair, IDENTICAL)
    done = supervisor("bulk", "approve", "pairs.csv", "--yes")
    assert "Somebody else than anna" in done.err
    assert "`custmerge bulk run pairs.csv`" in done.err


def test_what_a_run_would_do_is_not_told_as_done(pair, supervisor, agent):
    write(pair, IDENTICAL + "10001,10001\n")
    for verb in (("check", "pairs.csv"), ("approve", "pairs.csv", "--yes")):
        out = supervisor("bulk", *verb).out
        assert "1  would be merged" in out
        assert "1  would be refused" in out
    assert "1  merged" in agent("bulk", "run", "pairs.csv").out


# Rows


def test_a_row_whose_survivor_went_elsewhere_is_told_where(pair, agent, supervisor):
    for number in ("30001", "30002"):
        pair.customer(number)
    rows = "20003,30001\n10001,20003\n20003,30001\n30001,30002\n10001,30001\n"
    approved(pair, supervisor, "survivor,absorbed\n" + rows)
    assert agent("bulk", "check", "pairs.csv", "-f", "json").json["counts"]["not_found"] == 2
    agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    told = [line.split(",", 6) for line in (pair.folder / "report.csv").read_text().splitlines()[1:]]
    assert [line[3] for line in told] == ["merged", "merged", "not_found", "not_found", "already"]
    assert "20003 went into 10001" in told[2][6]
    assert "30001 went into 10001" in told[3][6]


def test_what_an_earlier_run_of_the_file_has_executed_is_already_done_wherever_it_went(pair, agent, supervisor):
    pair.customer("30001")
    text = "survivor,absorbed\n10001,20003\n30001,10001\n"
    for status in ("merged", "already"):
        approved(pair, supervisor, text)
        assert agent("bulk", "check", "pairs.csv", "-f", "json").json["counts"][status] == 2
        assert agent("bulk", "run", "pairs.csv", "-f", "json").code == 0
    pair.customer("30002")
    approved(pair, supervisor, text + "10001,30002\n")
    assert agent("bulk", "check", "pairs.csv", "-f", "json").json["counts"]["not_found"] == 2


def test_a_domain_with_a_guard_is_read_as_an_import_reads_it(pair, agent):
    pair.package("Q", "20003", ["-drei.example"])
    write(pair, PROOFS + "10001,20003,'-drei.example,pw-3\n")
    assert agent("bulk", "run", "pairs.csv", "-f", "json").json["merged"] == 1


def test_rows_that_another_version_has_decided_are_told(pair, agent, supervisor, database_url):
    write(pair, PROOFS + "10001,10001,,\n20003,20003,,\n")
    assert agent("bulk", "run", "pairs.csv").code == 7
    kept = '[["refused",4,null,"mark_refused",{"mark":"x"}],["postponed",9,null]]'
    with closing(Database(database_url)) as database, database.writing() as unit:
        unit._connection.exec_driver_sql(f"UPDATE custmerge_batch_chunk SET results = '{kept}'")
        unit._connection.exec_driver_sql("UPDATE custmerge_batch SET state = 'running'")
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert done.code == 7, done.err
    first, second = (pair.folder / "report.csv").read_text().splitlines()[1:]
    assert first.startswith("1,10001,10001,refused,4,,")
    assert "mark_refused" in first
    assert second.startswith("2,20003,20003,failed,9,,")


# The report


@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize("report", ["missing/report.csv", "."])
def test_a_report_that_cannot_be_opened_is_found_before_anything_is_written(pair, agent, supervisor, verb, report):
    approved(pair, supervisor, IDENTICAL)
    before = batches(agent)
    done = agent("bulk", verb, "pairs.csv", "--report", report, "-f", "json")
    assert (done.code, done.error["code"], done.error["details"]["file"]) == (2, "bad_file", report)
    assert batches(agent) == before


def test_a_report_that_finds_no_room_is_taken_away_and_the_rows_go_on(pair, agent, supervisor, small_disk):
    numbers = [str(number) for number in range(30_000, 30_400)]
    pair.customers_like(*numbers)
    approved(pair, supervisor, "survivor,absorbed\n" + "".join(f"10001,{number}\n" for number in numbers))
    report = small_disk(1) / "report.csv"
    with (report.parent / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    done = agent("bulk", "run", "pairs.csv", "--report", str(report), "-f", "json")
    assert (done.code, done.json["merged"]) == (1, len(numbers))
    assert (done.error["code"], done.error["details"]["file"]) == ("output_failed", str(report))
    assert [path.name for path in report.parent.iterdir()] == ["ballast"]


class Failing:
    """A watcher that fails as soon as a run has begun."""

    def accepted(self):
        pass

    def outcome(self, outcome):
        pass

    def advanced(self, *_):
        raise KeyboardInterrupt


@pytest.mark.parametrize("text", [IDENTICAL, PROOFS + "10001,20003,drei.example,pw-3\n"], ids=["approved", "proofs"])
def test_a_run_that_ends_before_its_first_row_leaves_an_approval_as_it_was_and_nothing_running(
    pair, agent, supervisor, database_url, text
):
    write(pair, text)
    if text == IDENTICAL:
        approved(pair, supervisor, text)
    before = batches(agent)
    now = datetime.now(UTC)
    with closing(Database(database_url)) as database:
        caller = access.resume(database, agent.token, now)
        inputs = RunOptions(lambda: now, lambda: os.urandom(16), Failing())
        with pytest.raises(KeyboardInterrupt):
            bulk.run(database, caller, str(pair.folder / "pairs.csv"), inputs)
    if text == IDENTICAL:
        assert batches(agent) == before
    else:
        assert [(one["state"], one["done"]) for one in batches(agent)] == [("finished", 0)]
    assert agent("bulk", "run", "pairs.csv").code == 0


# Two at once


def test_ones_own_second_process_is_not_called_somebody_else(pair, agent, supervisor):
    approved(pair, supervisor, "survivor,absorbed\n" + "10001,20003\n" * 20_000)
    process, _ = agent.start("bulk", "run", "pairs.csv", "--chunk", "1")
    while batches(agent)[0]["done"] == 0:
        assert process.is_alive()
    done = agent("bulk", "run", "pairs.csv")
    undo = supervisor.in_process("undo", "--batch", "1", "--yes")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    for answer in (done, undo):
        assert (answer.code, "another process" in answer.err, "somebody" in answer.err) == (6, True, False)


@pytest.mark.parametrize("name", ["PGDATABASE", "PGHOST", "PGPORT", "PGUSER"])
def test_a_database_that_the_environment_names_is_another_one(monkeypatch, name):
    database = Database("postgresql://")
    here = database.identity
    monkeypatch.setenv(name, "1234")
    assert database.identity != here
    assert Database("postgresql://u:geheim@h/d").identity == Database("postgresql://u:other@h/d").identity


# For scripts


def test_counts_as_csv_have_a_column_a_status(pair, supervisor):
    write(pair, IDENTICAL + "10001,10001\n")
    (row,) = supervisor("bulk", "check", "pairs.csv", "-f", "csv").rows
    statuses = ("merged", "already", "refused", "not_found", "blocked", "differs", "failed")
    assert list(row) == ["rows", "sha256", *statuses, "report"]
    assert [row[status] for status in statuses] == ["1", "0", "1", "0", "0", "0", "0"]
    (row,) = supervisor("bulk", "approve", "pairs.csv", "--yes", "-f", "csv").rows
    assert (row["merged"], row["would_be_merged"], row["would_be_refused"]) == ("0", "1", "1")


def test_a_check_reads_standard_input(pair, agent):
    done = agent("bulk", "check", "-", "-f", "json", stdin=IDENTICAL)
    assert (done.code, done.json["counts"]["merged"]) == (0, 1)
    bad = agent("bulk", "check", "-", "-f", "json", stdin="survivor\n1\n")
    assert (bad.code, bad.error["code"], bad.error["details"]["file"]) == (2, "bad_file", "-")


def from_stdin(agent, stream, *options):
    """Check what comes from a stream, as a shell hands it over."""
    line = [sys.executable, "-m", "custmerge", "bulk", "check", "-", *options]
    return subprocess.run(line, stdin=stream, env=agent.environ(), cwd=agent.folder, capture_output=True, check=False)


def test_passwords_may_come_through_a_pipe_and_not_out_of_a_file_that_others_can_read(pair, agent):
    text = PROOFS + "10001,20003,drei.example,pw-3\n"
    with subprocess.Popen(["printf", text], stdout=subprocess.PIPE) as piped:
        assert from_stdin(agent, piped.stdout).returncode == 0
    write(pair, text, mode=0o644)
    with (pair.folder / "pairs.csv").open() as file:
        assert from_stdin(agent, file).returncode == 2


def test_a_report_never_takes_the_place_of_the_file_that_is_standard_input(pair, agent):
    write(pair, IDENTICAL)
    with (pair.folder / "pairs.csv").open() as file:
        done = from_stdin(agent, file, "--report", "pairs.csv")
    assert (done.returncode, (pair.folder / "pairs.csv").read_text()) == (2, IDENTICAL)


@pytest.mark.parametrize("verb", [("run",), ("approve", "--yes")], ids=str)
def test_what_is_approved_or_run_is_a_file(pair, agent, supervisor, verb):
    who = agent if verb == ("run",) else supervisor
    done = who("bulk", verb[0], "-", *verb[1:], "-f", "json", stdin=IDENTICAL)
    assert (done.code, done.error["code"]) == (2, "usage")
    assert "need a file" in done.error["message"]
    assert batches(agent) == []
