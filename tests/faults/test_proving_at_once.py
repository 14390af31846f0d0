"""Several processes prove and merge one number at once, and a feed writes meanwhile: nobody is locked or let in."""

import json
from contextlib import closing

import psycopg
import pytest

PROOF = ("--domain", "zwei.example", "--password-stdin")


@pytest.fixture
def pair(world):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    return world


def at_once(callers, *command):
    running = [caller.start(*command, stdin="pw-2") for caller in callers]
    for process, _ in running:
        process.join(300)
    return [(process.exitcode, err.read_text()) for process, (_, _, err) in running]


def counted(supervisor):
    return [
        e for e in supervisor.in_process("history", "-f", "json").json if e["action"] in ("login_failed", "locked")
    ]


@pytest.mark.usefixtures("true_hashes")
def test_six_agents_who_prove_and_merge_one_number_at_once_are_told_where_it_went(pair, cli, supervisor):
    command = ("merge", "20002", "--into", "10001", *PROOF, "--yes", "-f", "json")
    done = at_once([cli.as_("ben")] * 6, *command)
    assert sorted(code for code, _ in done) == [0, 5, 5, 5, 5, 5]
    for code, said in done:
        if code:
            error = json.loads(said)["error"]
            assert (error["code"], error["details"]["merged_into"]) == ("merged_away", "10001")
    assert counted(supervisor) == []
    assert supervisor.in_process("audit").code == 0


@pytest.mark.usefixtures("true_hashes")
def test_six_logins_of_a_customer_who_prove_and_merge_at_once_are_refused_and_not_locked(pair, cli, supervisor):
    customers = [cli.login("10001", "pw-1") for _ in range(6)]
    done = at_once(customers, "merge", "20002", *PROOF, "--yes", "-f", "json")
    assert sorted(code for code, _ in done) == [0, 4, 4, 4, 4, 4]
    assert {json.loads(said)["error"]["code"] for code, said in done if code} <= {"proof_refused", "proof_required"}
    # Each of them once more: the password is as right as it was.
    again = at_once(customers, "verify", "20002", *PROOF, "-f", "json")
    assert {json.loads(said)["error"]["code"] for _, said in again} == {"proof_refused"}
    assert counted(supervisor) == []


FEEDS = {
    "number": "UPDATE customer SET password_hash = 'x' WHERE number = '20002'",
    "package": "UPDATE package SET password_hash = 'x' WHERE package = 'P20002'",
    "moved": "UPDATE package SET number = '10001' WHERE package = 'P20002'",
}


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_order_waits_for_a_feed_that_has_begun_and_sees_what_it_wrote(pair, agent, database_url, feed):
    assert agent.in_process("verify", "20002", "--into", "10001", *PROOF, stdin="pw-2").code == 0
    done = while_it_waits(
        agent, database_url, FEEDS[feed], "merge", "20002", "--into", "10001", "--yes", "-f", "json"
    )
    assert (done[0], json.loads(done[1])["error"]["code"]) == (4, "proof_required")


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_chunk_waits_for_a_feed_that_has_begun_and_sees_what_it_wrote(pair, agent, database_url, feed):
    path = pair.folder / "rows.csv"
    path.write_text("survivor,absorbed,domain,password\n10001,20002,zwei.example,pw-2\n")
    path.chmod(0o600)
    done = while_it_waits(
        agent, database_url, FEEDS[feed], "bulk", "run", "rows.csv", "-f", "json", "--report", "r.csv"
    )
    assert done[0] == 7
    assert (pair.folder / "r.csv").read_text().splitlines()[1].split(",")[3:5] == ["refused", "4"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_proof_waits_for_a_feed_that_has_begun_and_sees_what_it_wrote(pair, agent, database_url):
    verify = ("verify", "20002", "--into", "10001", *PROOF, "-f", "json")
    done = while_it_waits(agent, database_url, FEEDS["number"], *verify, stdin="pw-2")
    assert (done[0], json.loads(done[1])["error"]["code"]) == (4, "proof_refused")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_undo_waits_for_a_feed_that_has_begun_and_sees_what_it_wrote(pair, agent, database_url):
    pair.customer("30003")
    assert agent.in_process("verify", "20002", "--into", "10001", *PROOF, stdin="pw-2").code == 0
    assert agent("merge", "20002", "--into", "10001", "--adopt", "--yes").code == 0
    moved = "UPDATE package SET number = '30003' WHERE package = 'P20002'"
    done = while_it_waits(agent, database_url, moved, "undo", "1", "--yes", "-f", "json")
    assert (done[0], json.loads(done[1])["error"]["code"]) == (6, "undo_blocked")


def while_it_waits(agent, url, feed, *command, stdin=""):
    """Run a command in the middle of a feed, which ends when the command waits for it."""
    with closing(psycopg.connect(url)) as connection:
        connection.execute(feed)
        process, (_, _, err) = agent.start(*command, stdin=stdin)
        with closing(psycopg.connect(url, autocommit=True)) as watching:
            waiting = (
                "SELECT count(*) FROM pg_locks JOIN pg_database ON datname = current_database() WHERE NOT granted"
            )
            while process.is_alive() and not watching.execute(waiting).fetchone()[0]:
                process.join(0.02)
        connection.commit()
        process.join(300)
    return process.exitcode, err.read_text()
