"""Contract §6: an approval holds for a file, byte for byte, for 7 days and one run."""

import os
import signal

import pytest
from support import bulk_scenes
from support.bulk_scenes import HEADER, PROOFS, approved, lines, write
from support.databases import execute

bulk = bulk_scenes.bulk


def refusal(who, *options):
    """How a run is refused."""
    done = who("bulk", "run", "pairs.csv", "-f", "json", *options)
    return done.code, done.error["code"]


def test_an_approval_is_void_when_a_byte_changes(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n")
    write(bulk, HEADER + "10001,20003,, \n")
    assert refusal(agent) == (4, "not_approved")


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
    supervisor.in_process("import", "customers", "new.csv", "--update")
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
