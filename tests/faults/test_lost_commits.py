"""A connection that is lost at COMMIT: the client finds out whether it was done, and says which (PostgreSQL)."""

import tempfile
from contextlib import contextmanager

import pytest
from support.command_line import CommandLine
from support.struck_process import run_impatiently
from support.struck_proxy import Cut, Proxy

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
MERGE = ("merge", "20002", "--into", "10001", "--keep", "--yes", "-f", "json")
UNDO = ("undo", "1", "--yes", "-f", "json")
either_way = pytest.mark.parametrize("cut", [Cut.AFTER, Cut.AT_ONCE])


@pytest.fixture
def before(world, agent):
    """What there was before the order: two customers, of whom one is proved."""
    world.customer("10001", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    agent.in_process(
        "verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2"
    )
    return world.dump()


@pytest.fixture
def merged(before, world, agent):
    assert agent(*MERGE).code == 0
    return world.dump()


@contextmanager
def struck(cli, cut, *, closes=False):
    """Give the same command line whose first COMMIT of an entry of the history is cut off."""
    # Not below pytest's folder: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="custmerge-") as folder:
        proxy = Proxy(cli.url, folder, cut, closes=closes)
        other = CommandLine(proxy.url, cli.folder)
        other.token = cli.token
        yield other
        proxy.close()
        assert proxy.was_struck


def entries(agent, action):
    return agent.in_process("history", "--action", action, "-f", "json").json


@either_way
def test_a_merge_that_was_committed_prints_its_receipt(before, world, agent, cut):
    with struck(agent, cut) as lost:
        done = lost(*MERGE)
    assert (done.code, done.err) == (0, "")
    assert (done.json["order"], done.json["moved"]["domains"]) == (1, ["zwei.example"])
    assert world.dump() != before
    assert len(entries(agent, "merge")) == 1


@either_way
def test_an_undo_that_was_committed_says_what_it_gave_back(before, merged, world, agent, cut):
    with struck(agent, cut) as lost:
        done = lost(*UNDO)
    assert (done.code, done.err) == (0, "")
    assert (done.json["order"], done.json["restored"]["domains"]) == (1, ["zwei.example"])
    assert world.dump() == before
    assert len(entries(agent, "undo")) == 1


def test_a_merge_that_was_not_committed_says_so(before, world, agent):
    with struck(agent, Cut.BEFORE) as lost:
        done = lost(*MERGE)
    assert (done.code, done.out, done.error["code"]) == (8, "", "not_committed")
    assert "nothing of it was done" in done.error["message"]
    assert world.dump() == before
    assert entries(agent, "merge") == []
    assert agent(*MERGE).json["order"] == 1


def test_an_undo_that_was_not_committed_says_so(merged, world, agent):
    with struck(agent, Cut.BEFORE) as lost:
        done = lost(*UNDO)
    assert (done.code, done.out, done.error["code"]) == (8, "", "not_committed")
    assert world.dump() == merged
    assert entries(agent, "undo") == []
    assert agent(*UNDO).code == 0


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_where_the_server_stays_away_it_says_that_nobody_knows(before, world, agent, cut):
    with struck(agent, cut, closes=True) as lost:
        done = lost(*MERGE, target=run_impatiently)
    assert (done.code, done.out, done.error["code"]) == (8, "", "outcome_unknown")
    assert "custmerge history" in done.error["message"]
    assert (world.dump() == before) is (cut is Cut.BEFORE)


def test_an_import_that_was_committed_is_reported_as_done(before, supervisor, tmp_path):
    (tmp_path / "c.csv").write_text("number\n30003\n")
    with struck(supervisor, Cut.AFTER) as lost:
        done = lost("import", "customers", "c.csv", "-f", "json")
    assert (done.code, done.json["added"]) == (0, 1)
    assert supervisor.in_process("show", "30003").code == 0


def test_a_bulk_chunk_that_was_committed_is_not_executed_again(before, supervisor, agent, tmp_path):
    (tmp_path / "pairs.csv").write_text("survivor,absorbed,choice\n10001,20002,keep\n")
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    with struck(agent, Cut.AFTER) as lost:
        done = lost("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.json["merged"]) == (0, 1)
    assert len(entries(agent, "merge")) == 1
