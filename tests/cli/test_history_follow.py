"""Contract §3, `history --follow`: the newest entries, and then what comes."""

import csv
import json
import os
import signal
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg
import pytest
from support import history_scenes
from support.cli_process import run_into_pipes
from support.history_scenes import KEYS, draft

from custmerge.rules.history import Action, Actor

append = history_scenes.append
merged = history_scenes.merged


class Follower:
    """`history --follow` in a process of its own; its output is read line by line."""

    def __init__(self, cli, *options):
        ours, theirs = zip(*(os.pipe() for _ in range(2)), strict=True)
        self.stdout, self.stderr = (os.fdopen(end, encoding="utf-8") for end in ours)
        with Connection(theirs[0], readable=False) as out, Connection(theirs[1], readable=False) as err:
            words, target = ("history", "--follow", *options), partial(run_into_pipes, out, err)
            self.process, _ = cli.start(*words, target=target, CUSTMERGE_LANG="en")

    def line(self):
        return self.stdout.readline().rstrip("\r\n")

    def ends(self):
        """Wait for its end; return exit code and stderr."""
        err = self.stderr.read()
        self.process.join(300)
        return self.process.exitcode, err

    def stop(self):
        """Press Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)
        return self.ends()

    def close(self):
        """End it, if it still runs."""
        self.process.kill()
        self.process.join()
        self.stdout.close()
        self.stderr.close()


@pytest.fixture
def follow():
    """Start `history --follow`; what still runs at the test's end is ended."""
    started = []

    def follow(cli, *options):
        started.append(Follower(cli, *options))
        return started[-1]

    yield follow
    for follower in started:
        follower.close()


def test_follow_prints_the_newest_oldest_first_and_then_what_comes(append, agent, follow):
    append(*(draft(order=number) for number in range(1, 15)))
    follower = follow(agent, "--format", "jsonl", "--limit", "3")
    assert [json.loads(follower.line())["order"] for _ in range(3)] == [12, 13, 14]
    append(draft(order=15), draft(order=16))
    assert [json.loads(follower.line())["order"] for _ in range(2)] == [15, 16]


def test_follow_refuses_an_end_that_nothing_new_comes_before(agent):
    done = agent("history", "--follow", "--until", "2026-01-01")
    assert (done.code, "--until" in done.err) == (2, True)


def test_follow_begins_with_ten_entries(append, agent, follow):
    append(*(draft(order=number) for number in range(1, 15)))
    follower = follow(agent, "--format", "jsonl")
    assert json.loads(follower.line())["order"] == 5


def test_follow_keeps_to_the_filters(world, append, agent, follow):
    world.customer("10001")
    follower = follow(agent, "10001", "--action", "undo", "--format", "jsonl")
    append(draft(Action.UNDO, order=1, survivor="x", absorbed="y"), draft(Action.MERGE, order=2, survivor="10001"))
    append(draft(Action.UNDO, order=3, survivor="x", absorbed="10001"))
    assert json.loads(follower.line())["order"] == 3


def test_follow_prints_a_readable_line_for_each_entry(merged, append, agent, follow):
    follower = follow(agent, "20002")
    append(draft(by=Actor("\x1b[31mrot", "staff"), survivor="20002"))
    merge, hostile = follower.line(), follower.line()
    for told in ("ben  merge  order 1  20002 → 10001", "keep; 1 package; 2 domains", "taken: street"):
        assert told in merge
    assert "\\x1b[31mrot  import  20002" in hostile


def test_follow_writes_csv_with_one_header(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent, "--format", "csv", "--limit", "1")
    assert follower.line().split(",") == KEYS
    follower.line()
    append(draft(order=2))
    assert next(csv.DictReader([follower.line()], KEYS))["order"] == "2"


def test_follow_refuses_a_json_array_that_would_never_end(agent):
    done = agent("history", "--follow", "--format", "json")
    assert (done.code, done.out, "jsonl" in done.error["message"]) == (2, "", True)


@pytest.mark.parametrize(("options", "code"), [(("99999",), 5), (("--order", "7"), 5)])
def test_follow_says_at_once_what_is_not_there(agent, options, code):
    done = agent("history", "--follow", "-f", "csv", *options)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)


def test_a_customer_follows_the_own_number_without_its_failed_logins(world, cli, append, follow):
    world.customer("10001", password="pw-1")
    world.customer("20002")
    follower = follow(cli.login("10001", "pw-1"), "--format", "jsonl")
    append(draft(Action.LOGIN_FAILED, survivor="10001"), draft(Action.MERGE, survivor="20002", order=1))
    append(draft(Action.MERGE, survivor="10001", order=2))
    assert json.loads(follower.line())["order"] == 2


def test_a_customer_follows_merges_and_undos_of_the_own_number_alone(world, cli, append, follow):
    world.customer("10001", password="pw-1")
    follower = follow(cli.login("10001", "pw-1"), "--format", "jsonl")
    append(draft(Action.REVEAL, survivor="10001", absorbed="77777"), draft(Action.EXPORT, survivor="10001"))
    append(draft(Action.TRANSFER_FILE, survivor="10001", absorbed="77777"))
    append(draft(Action.UNDO, survivor="10001", order=2))
    assert json.loads(follower.line())["order"] == 2


def test_followed_without_a_filter_logins_and_refusals_are_left_out(append, agent, follow):
    append(draft(Action.LOGIN, survivor="70001"), draft(survivor="70002"))
    follower = follow(agent, "--limit", "1")
    assert "70002" in follower.line()
    append(draft(Action.DENIED, survivor="70003"), draft(Action.PURGE, survivor="70004"))
    assert "70004" in follower.line()


def test_ctrl_c_ends_follow_with_130(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    code, err = follower.stop()
    assert (code, "Traceback" in err) == (130, False)


def test_a_pipe_that_closes_ends_follow_silently_though_nothing_comes(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    follower.stdout.close()
    assert follower.ends() == (0, "")


def test_a_database_that_goes_away_ends_follow_with_8(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    if agent.url.startswith("sqlite"):
        Path(agent.url.removeprefix("sqlite:///")).unlink()
    else:
        with psycopg.connect(agent.url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    code, err = follower.ends()
    assert (code, err.count("\n")) == (8, 1)


def test_follow_ends_with_the_session(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    assert agent.in_process("logout").code == 0
    code, err = follower.ends()
    assert (code, "session is over" in err) == (4, True)
