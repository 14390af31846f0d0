"""Contract §6: bulk files, on both databases."""

import csv
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import types
from contextlib import closing

import pytest
from bulk_model import DETAILS, IDENTITY, Model
from conftest import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from passlib.hash import sha512_crypt
from rich.console import Console
from struck_process import killed_at_random, run_with_few_attempts

from custmerge.cli import terminal
from custmerge.storage.unit import Database

HEADER = "survivor,absorbed,choice,take\n"
REPORT = ("row", "survivor", "absorbed", "status", "code", "order", "message")


@pytest.fixture
def bulk(world):
    """10001 with 20002 (another city), 20003 (the same), 20004 (another company)."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm", mobile="0171 1")
    world.customer("20003", password="pw-3", domains=["drei.example"], package_password="paket")
    world.customer("20004", password="pw-4", domains=["vier.example"], company="Anders GmbH")
    return world


def write(world, text, name="pairs.csv", mode=0o600):
    path = world.folder / name
    path.write_text(text)
    path.chmod(mode)
    return name


def approved(world, supervisor, text, name="pairs.csv"):
    name = write(world, text, name)
    assert supervisor("bulk", "approve", name, "--yes").code == 0
    return name


def report(world, name="report.csv"):
    with (world.folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(world, name="report.csv"):
    """Row, survivor, absorbed, status, code, order of each line."""
    return [tuple(row[column] for column in REPORT[:6]) for row in report(world, name)]


def test_an_approved_file_is_run_by_somebody_else(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n10001,20002,keep,mobile\n")
    own = supervisor("bulk", "run", "pairs.csv", "-f", "json")
    assert (own.code, own.error["code"]) == (4, "own_batch")
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv", "-f", "json")
    assert done.code == 0
    assert done.json | {"seconds": 0} == {
        "batch": 1,
        "rows": 2,
        "merged": 2,
        "already": 0,
        "refused": 0,
        "failed": 0,
        "seconds": 0,
        "report": "report.csv",
    }
    assert lines(bulk) == [("1", "10001", "20003", "merged", "0", "1"), ("2", "10001", "20002", "merged", "0", "2")]
    assert bulk.customers()["10001"]["mobile"] == "0171 1"
    assert bulk.packages()["P20002"]["contact"]["city"] == "Ulm"


def test_every_status_of_a_row(bulk, agent, supervisor):
    rows = "10001,10001,,\n10001,20002,foo,\n10001,20002,,company\n10001,99999,,\n10001,20004,adopt,\n10001,20002,,\n"
    approved(bulk, supervisor, HEADER + rows + "10001,20003,,\n10001,20003,,\n20003,10001,,\n")
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert done.code == 7
    assert [row[3:] for row in lines(bulk)] == [
        ("refused", "2", ""),
        ("refused", "2", ""),
        ("refused", "2", ""),
        ("not_found", "5", ""),
        ("blocked", "3", ""),
        ("differs", "1", ""),
        ("merged", "0", "1"),
        ("already", "0", "1"),
        ("not_found", "5", ""),
    ]
    assert "Anders" not in (bulk.folder / "report.csv").read_text()


def test_without_an_approval_each_row_needs_its_proof(bulk, agent):
    write(
        bulk,
        "survivor,absorbed,choice,domain,password\n10001,20002,adopt,zwei.example,falsch\n"
        "10001,20003,,drei.example,paket\n10001,20002,adopt,,\n10001,20002,keep,zwei.example,pw-2\n",
    )
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert done.code == 7
    assert [row[3:5] for row in lines(bulk)] == [("refused", "4"), ("merged", "0"), ("refused", "4"), ("merged", "0")]


def test_a_password_is_that_of_the_number_as_the_rows_before_have_left_it(bulk, agent):
    write(
        bulk,
        "survivor,absorbed,choice,domain,password\n20002,20003,adopt,drei.example,paket\n"
        "10001,20002,adopt,drei.example,paket\n",
    )
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 0
    assert bulk.packages()["P20003"]["number"] == "10001"


def test_a_file_with_passwords_is_its_owners_alone(bulk, agent):
    write(bulk, "survivor,absorbed,domain,password\n10001,20003,drei.example,paket\n", mode=0o640)
    for verb in ("check", "run"):
        done = agent("bulk", verb, "pairs.csv")
        assert (done.code, "chmod 600" in done.err) == (2, True)
    assert "paket" not in done.err


def test_the_limits_against_guessing_hold_for_a_file(bulk, agent, cli):
    rows = "".join(f"10001,20003,,drei.example,falsch{n}\n" for n in range(7)) + "10001,20003,,drei.example,paket\n"
    write(bulk, "survivor,absorbed,choice,domain,password\n" + rows)
    agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert {row[3:5] for row in lines(bulk)} == {("refused", "4")}
    assert sum("Too many wrong tries" in row["message"] for row in report(bulk)) == 3
    assert "20003" in bulk.customers()


PROOFS = "survivor,absorbed,choice,domain,password\n"


def locks(world):
    return [e["survivor"] for e in world.anna("history", "--action", "locked", "-f", "json").json]


def wrong_tries(world):
    return len(world.anna("history", "--action", "login_failed", "-f", "json").json)


def test_no_password_is_tried_for_a_row_that_fails_before_its_proof(bulk, agent):
    bulk.customer("30001", password="pw-5", domains=["fuenf.example"])
    bulk.customer("30002")
    rows = "99999,20003,,drei.example,falsch\n" * 5 + "10001,30001,,fuenf.example,pw-5\n"
    # Absorbed by the row before, in the same chunk.
    rows += "30001,20003,,drei.example,falsch\n30002,30001,,fuenf.example,falsch\n" * 5
    write(bulk, PROOFS + rows + "10001,20003,,drei.example,paket\n")
    agent("bulk", "check", "pairs.csv", "--report", "check.csv")
    agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    results = [row[3] for row in lines(bulk)]
    assert results == ["not_found"] * 5 + ["merged"] + ["not_found"] * 10 + ["merged"]
    assert [row[3] for row in lines(bulk, "check.csv")] == results
    assert wrong_tries(bulk) == 0


def test_a_check_verifies_a_password_of_a_number_as_the_rows_before_would_leave_it(bulk, agent):
    bulk.package("P5", "20003", ["fuenf.example"])
    bulk.customer("30001", password="pw-5", domains=["sechs.example"])
    rows = "20002,20003,adopt,drei.example,paket\n10001,20002,adopt,drei.example,paket\n"
    # The package's customer is 10001 by then, and so is its password.
    rows += "30001,10001,adopt,fuenf.example,pw-1\n"
    write(bulk, PROOFS + rows)
    before = bulk.dump()
    assert agent("bulk", "check", "pairs.csv", "--report", "check.csv").code == 0
    assert (wrong_tries(bulk), bulk.dump()) == (0, before)
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 0
    assert [row[:5] for row in lines(bulk, "check.csv")] == [row[:5] for row in lines(bulk)]


def test_what_is_approved_is_what_the_approved_run_does(bulk, agent, supervisor):
    write(bulk, PROOFS + "10001,20003,,,\n10001,20002,adopt,zwei.example,falsch\n")
    shown = supervisor("bulk", "approve", "pairs.csv", "--yes", "-f", "json").json["counts"]
    assert wrong_tries(bulk) == 0
    assert (shown["merged"], agent("bulk", "run", "pairs.csv", "-f", "json").json["merged"]) == (2, 2)


def test_a_check_begins_with_what_a_run_has_decided(bulk, agent, supervisor, database_url):
    write(bulk, PROOFS + "10001,20003,,drei.example,falsch\n10001,20002,adopt,zwei.example,pw-2\n")
    assert agent("bulk", "run", "pairs.csv").code == 7
    execute(database_url, "UPDATE custmerge_batch SET state = 'running'")
    before = wrong_tries(bulk)
    agent("bulk", "check", "pairs.csv", "--report", "check.csv")
    assert [row[3:6] for row in lines(bulk, "check.csv")] == [("refused", "4", ""), ("already", "0", "1")]
    assert wrong_tries(bulk) == before


def test_a_caller_who_is_locked_stops_and_goes_on_when_the_lock_has_ended(bulk, agent, supervisor):
    for number in range(20):
        bulk.customer(f"300{number:02}", domains=[f"d{number}.example"])
    wrong = "".join(f"10001,300{number:02},,d{number}.example,falsch\n" for number in range(20))
    write(bulk, PROOFS + "10001,20003,,drei.example,paket\n" + wrong + "10001,20002,adopt,zwei.example,pw-2\n")
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv", "-f", "json")
    assert (done.code, done.error["code"], done.error["details"]["name"]) == (4, "locked_out", "ben")
    assert [row[3] for row in lines(bulk)] == ["merged"] + ["refused"] * 20
    assert agent("bulk", "run", "pairs.csv").code == 4
    assert agent("bulk", "status", "-f", "json").json[0]["done"] == 21
    assert supervisor("user", "unlock", "ben").code == 0
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 7
    assert lines(bulk)[-1][3] == "merged"
    assert wrong_tries(bulk) == 20


def test_a_hash_of_another_kind_is_renewed_when_its_password_is_used(bulk, agent):
    old = sha512_crypt.using(rounds=5000).hash("alt")
    (bulk.folder / "h.csv").write_text(f"package,number,domains,password_hash\nP6,20003,sechs.example,{old}\n")
    assert bulk.anna("import", "packages", "h.csv").code == 0
    write(bulk, PROOFS + "10001,20003,,sechs.example,alt\n")
    before = bulk.dump()
    assert agent("bulk", "check", "pairs.csv").code == 0
    assert bulk.dump() == before
    assert old in "".join(before)
    assert agent("bulk", "run", "pairs.csv").code == 0
    (line,) = [line for line in bulk.dump() if '"P6"' in line]
    assert json.loads(line)["password_hash"].startswith("$argon2id$")


def test_a_huge_cell_is_shown_by_its_beginning(bulk, agent):
    rows = f"10001,{'9' * 9000},,,\n10001,20002,{'x' * 9000},,\n10001,20002,,{'y' * 9000},pw\n"
    write(bulk, "survivor,absorbed,choice,take,password\n" + rows)
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert (done.code, {row[3] for row in lines(bulk)}) == (7, {"refused"})
    assert (bulk.folder / "report.csv").stat().st_size < 2_000
    assert "…" in report(bulk)[0]["absorbed"]


def test_a_cell_of_a_bulk_file_holds_no_more_than_any_of_its_values_needs(bulk, agent):
    write(bulk, HEADER + f"10001,{'9' * 20_000},,\n")
    done = agent("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (2, "bad_file")


@pytest.mark.parametrize("domain", ["x\0y", "drei example", "a" * 300, "..", ""])
def test_a_domain_that_cannot_be_is_refused_like_any_wrong_one(bulk, agent, domain):
    write(bulk, PROOFS + f"10001,20002,adopt,{domain},pw-2\n10001,20003,,drei.example,paket\n")
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 7
    assert [row[3:5] for row in lines(bulk)] == [("refused", "4"), ("merged", "0")]


def test_check_says_what_run_would_say_and_changes_nothing(bulk, agent, supervisor):
    text = HEADER + "20002,20003,adopt,\n10001,20002,adopt,\n10001,20003,,\n20002,10001,,\n10001,20004,keep,\n"
    write(bulk, text)
    before = bulk.dump()
    done = supervisor("bulk", "check", "pairs.csv", "--report", "check.csv", "-f", "json")
    assert (done.code, done.json["counts"]["merged"], bulk.dump()) == (7, 2, before)
    # In chunks too.
    supervisor("bulk", "approve", "pairs.csv", "--yes")
    agent("bulk", "run", "pairs.csv", "--report", "report.csv", "--chunk", "1")
    without_orders = [row[:5] for row in lines(bulk)]
    assert [row[:5] for row in lines(bulk, "check.csv")] == without_orders


def refusal(who, *options):
    """How a run is refused."""
    done = who("bulk", "run", "pairs.csv", "-f", "json", *options)
    return done.code, done.error["code"]


def test_an_approval_is_void_when_a_byte_changes(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n")
    write(bulk, HEADER + "10001,20003,, \n")
    assert refusal(agent) == (4, "not_approved")


def execute(url, *statements):
    database = Database(url)
    with database.writing() as unit:
        for statement in statements:
            unit._connection.exec_driver_sql(statement)
    database.close()


def test_an_approval_is_void_after_7_days(bulk, agent, supervisor, database_url):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n")
    execute(database_url, "UPDATE custmerge_batch SET approved_at = '2026-01-01T00:00:00Z'")
    assert refusal(agent) == (4, "not_approved")


def test_a_run_whose_approval_has_ended_begins_a_batch_of_its_own(bulk, agent, supervisor, database_url):
    approved(bulk, supervisor, PROOFS + "10001,20003,,,\n")
    execute(database_url, "UPDATE custmerge_batch SET approved_at = '2026-01-01T00:00:00Z', state = 'running'")
    # Nobody's approval, so its approver may run it too.
    assert supervisor("bulk", "run", "pairs.csv").code == 7
    new, old = agent("bulk", "status", "-f", "json").json
    assert (new["approved_by"], new["run_by"], new["state"]) == (None, "anna", "finished")
    assert (old["approved_by"], old["run_by"], old["state"]) == ("anna", None, "finished")


def test_an_approval_is_for_every_row_though_a_run_has_refused_some(bulk, agent, supervisor, database_url):
    write(bulk, PROOFS + "10001,20003,,,\n10001,20004,,,\n")
    assert agent("bulk", "run", "pairs.csv").code == 7
    # As if it had been cut off before its last chunk.
    execute(database_url, "UPDATE custmerge_batch SET state = 'running'")
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert [row[3] for row in lines(bulk)] == ["merged", "blocked"]
    assert [one["state"] for one in agent("bulk", "status", "-f", "json").json] == ["finished", "finished"]


def test_an_approval_is_used_up_by_its_run(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20002,,\n")
    assert agent("bulk", "run", "pairs.csv").code == 7
    assert refusal(agent) == (4, "not_approved")


def test_a_file_is_approved_once_at_a_time(bulk, supervisor, cli):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n")
    done = supervisor("bulk", "approve", "pairs.csv", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "batch_approved")
    assert cli.as_("ben")("bulk", "approve", "pairs.csv", "--yes").code == 4


def test_a_finished_run_again_says_already(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n")
    assert agent("bulk", "run", "pairs.csv").code == 0
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv", "-f", "json")
    assert (done.code, done.json["merged"], done.json["already"]) == (0, 0, 1)
    assert lines(bulk) == [("1", "10001", "20003", "already", "0", "1")]


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


def test_a_command_that_is_refused_leaves_an_older_report_as_it_is(bulk, agent, supervisor, cli):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n")
    (bulk.folder / "report.csv").write_text("of yesterday")
    write(bulk, "", "empty.csv")
    for who, verb, name, code in [
        (cli.as_("ada"), "check", "pairs.csv", 4),
        (supervisor, "run", "pairs.csv", 4),
        (agent, "run", "missing.csv", 2),
        (agent, "check", "empty.csv", 2),
    ]:
        assert who("bulk", verb, name, "--report", "report.csv").code == code
        assert (bulk.folder / "report.csv").read_text() == "of yesterday"


def test_stop_on_error_stops_and_goes_on_at_the_same_row(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20004,adopt,\n10001,20003,,\n")
    assert agent("bulk", "run", "pairs.csv", "--stop-on-error", "--report", "report.csv").code == 7
    assert [row[3] for row in lines(bulk)] == ["blocked"]
    assert "20003" in {p["number"] for p in bulk.packages().values()}
    (bulk.folder / "new.csv").write_text("number,company\n20004,Sonnentau GmbH\n")
    supervisor("import", "customers", "new.csv", "--update")
    assert agent("bulk", "run", "pairs.csv", "--stop-on-error", "--report", "report.csv").code == 0
    assert [row[3] for row in lines(bulk)] == ["merged", "merged"]


def test_status_has_the_contracts_shape(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n")
    agent("bulk", "run", "pairs.csv")
    (found,) = agent("bulk", "status", "pairs.csv", "-f", "json").json
    assert found | {"at": ""} == {
        "batch": 1,
        "rows": 1,
        "done": 1,
        "merged": 1,
        "state": "finished",
        "approved_by": "anna",
        "run_by": "ben",
        "at": "",
    }
    assert agent("bulk", "status", "-f", "json").json == [found]


@pytest.mark.parametrize(
    "text",
    ["", "survivor\n1\n", "survivor,absorbed,x\n", "survivor,absorbed\n1\n", 'survivor,absorbed\n"1,2\n'],
    ids=["empty", "missing", "unknown", "ragged", "unclosed"],
)
def test_a_file_that_is_no_bulk_file_is_one_sentence(bulk, agent, text):
    write(bulk, text)
    for verb in ("check", "run", "status"):
        done = agent("bulk", verb, "pairs.csv")
        assert verb == "status" or (done.code, len(done.err.splitlines())) == (2, 1)


def test_a_second_run_of_one_file_says_so(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n" * 20_000)
    process, _ = agent.start("bulk", "run", "pairs.csv", "--chunk", "1")
    answers = []
    while process.is_alive() and not answers:
        if agent("bulk", "status", "-f", "json").json[0]["state"] == "running":
            answers.append(agent("bulk", "run", "pairs.csv", "-f", "json", "--report", "report.csv"))
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert [(done.code, done.error["code"]) for done in answers] == [(6, "batch_running")]
    assert not (bulk.folder / "report.csv").exists()
    # What died stops nobody.
    assert agent("bulk", "run", "pairs.csv", "--chunk", "10000").code == 0


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
            database.attempt(lambda unit: unit.people.touch_session("nobody's", "2026-01-01T00:00:00Z"))
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
    monkeypatch.setattr(terminal, "time", types.SimpleNamespace(monotonic=lambda: next(ticks)))
    shown = io.StringIO()
    with terminal.ProgressBar(Console(file=shown, force_terminal=True, width=100), "", with_rate=True) as bar:
        bar.update(500, 2000)
        bar.update(1000, 2000)
    assert "50 a second" in shown.getvalue()


def test_a_program_that_is_interrupted_while_it_is_loaded_ends_quietly(sqlite_cli):
    (sqlite_cli.folder / "typer.py").write_text("raise KeyboardInterrupt")
    done = sqlite_cli.subprocess("bulk", "status", PYTHONPATH=str(sqlite_cli.folder))
    assert (done.code, done.out, done.err) == (130, "", "")


# Against the model


NUMBERS = [str(number) for number in range(100, 112)]
values = st.sampled_from(["a", "a", "a", "b"])
customers = st.fixed_dictionaries(
    {
        number: st.fixed_dictionaries(
            {"company": st.sampled_from(["x", "x", "x", "x", "y"]), "city": values, "street": values}
        )
        for number in NUMBERS
    }
)
choices = st.sampled_from(["", "adopt", "keep", "adopt", "keep", "foo"])
rows = st.lists(
    st.fixed_dictionaries(
        {
            "survivor": st.sampled_from(NUMBERS),
            "absorbed": st.sampled_from([*NUMBERS, "999"]),
            "choice": choices,
            "take": st.sampled_from(["", "", "city", "city street", "company"]),
        }
    ),
    max_size=25,
)


def load(world, records, contacts):
    columns = ["number", *IDENTITY, *DETAILS]
    with (world.folder / "c.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({"number": number, **record} for number, record in records.items())
    with (world.folder / "p.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["package", "number", "domains", "contact_city"])
        for number in records:
            writer.writerow([f"P{number}", number, f"d{number}.example", "c" if number in contacts else ""])
            writer.writerow([f"Q{number}", number, "", ""])
    assert world.anna("import", "customers", "c.csv").code == 0
    assert world.anna("import", "packages", "p.csv").code == 0


def model_of(records, contacts):
    blank = dict.fromkeys((*IDENTITY, *DETAILS), "")
    own = {**dict.fromkeys(DETAILS, ""), "city": "c"}
    packages = {}
    for number in records:
        packages[f"P{number}"] = {"number": number, "contact": own if number in contacts else None}
        packages[f"Q{number}"] = {"number": number, "contact": None}
    return Model({number: {**blank, **record} for number, record in records.items()}, packages)


def pairs_file(world, given, prefix=""):
    text = io.StringIO()
    writer = csv.DictWriter(text, ["survivor", "absorbed", "choice", "take"])
    writer.writeheader()
    writer.writerows(given)
    return write(world, prefix + text.getvalue())


def same_state(world, model):
    found = world.customers()
    assert {n: c["merged_into"] for n, c in found.items() if c["merged_into"]} == model.merged_into
    assert {n: {k: c[k] for k in (*IDENTITY, *DETAILS)} for n, c in found.items()} == model.customers
    packages = world.packages()
    assert {k: {"number": p["number"], "contact": p["contact"]} for k, p in packages.items()} == model.packages


EXAMPLES = iter(range(10_000))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=customers, given_rows=rows, contacts=st.sets(st.sampled_from(NUMBERS)), chunk=st.sampled_from([1, 3, 500])
)
def test_a_run_is_what_an_independent_model_says(world, agent, supervisor, records, given_rows, contacts, chunk):
    mark = f"{next(EXAMPLES)}-"
    named = {mark + number: record for number, record in records.items()}
    given_rows = [
        {**row, "survivor": mark + row["survivor"], "absorbed": mark + row["absorbed"]} for row in given_rows
    ]
    # Orders count on from the example before.
    before = max(
        (e["order"] or 0 for e in supervisor("history", "--limit", "1", "--action", "merge", "-f", "json").json),
        default=0,
    )
    load(world, named, {mark + number for number in contacts})
    model = model_of(named, {mark + number for number in contacts})
    model.orders = before
    pairs_file(world, given_rows)
    expected = [tuple("" if cell is None else str(cell) for cell in line) for line in model.run(given_rows)]
    if not given_rows:
        return
    supervisor("bulk", "check", "pairs.csv", "--report", "check.csv", "--format", "json")
    assert [line[:5] for line in lines(world, "check.csv")] == [line[:5] for line in expected]
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    agent("bulk", "run", "pairs.csv", "--report", "report.csv", "--chunk", chunk)
    assert lines(world) == expected
    only = lambda found: {k: v for k, v in found.items() if mark in k}  # noqa: E731
    found, packages = only(world.customers()), only(world.packages())
    assert {n: c["merged_into"] for n, c in found.items() if c["merged_into"]} == model.merged_into
    assert {n: {k: c[k] for k in (*IDENTITY, *DETAILS)} for n, c in found.items()} == model.customers
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
    kills = killed_at_random(lambda: agent.start(*again, "--chunk", "3")[0], 0.1, 0.017)
    process, _ = agent.start("bulk", "run", "pairs.csv", "--report", "report.csv")
    process.join()
    same_state(world, model)
    assert kills > 1
    done = agent("bulk", "status", "-f", "json").json[-1]
    assert (done["done"], done["merged"]) == (100, sum(line[3] == "merged" for line in expected))
    history = supervisor("history", "--action", "merge", "-f", "json").json
    assert sorted(e["order"] for e in history) == list(range(1, done["merged"] + 1))


# The example


def test_the_nightly_example_checks_approves_and_runs(repository, supervisor, agent, tmp_path):
    for kind in ("customers", "packages"):
        supervisor("import", kind, repository / "examples" / f"{kind}.csv")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "custmerge"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m custmerge "$@"\n')
    program.chmod(0o755)
    environ = agent.environ(
        CHECKER_TOKEN=supervisor.token, RUNNER_TOKEN=agent.token, PATH=f"{program.parent}:{os.environ['PATH']}"
    )
    line = ["bash", str(repository / "examples" / "bulk.sh"), str(repository / "examples" / "bulk.csv"), "report.csv"]
    done = subprocess.run(line, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "report.csv").open(newline="") as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"merged"}


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
        process.join(120)
    assert {process.exitcode for process, _ in running} <= {0, 7}
    merged = {
        row[2]: row[1] for name in ("first", "second") for row in lines(world, f"{name}.out") if row[3] == "merged"
    }
    assert {n: c["merged_into"] for n, c in world.customers().items() if c["merged_into"]} == merged
    orders = [e["order"] for e in supervisor("history", "--action", "merge", "-f", "json").json]
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
        process.join(120)
    assert [process.exitcode for process, _ in running] == [0] * 4, [streams[2].read_text() for _, streams in running]
    assert sum(c["merged_into"] == "100" for c in world.customers().values()) == 79
