"""A host's program holds a row for longer than anybody waits: exit 8, nothing half done; later it is done."""

from functools import partial

import pytest
from support.marks import on_sqlite_alone
from support.struck_process import run_bulk_with_lock_timeout

pytestmark = pytest.mark.on_one
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
IMPATIENT = partial(run_bulk_with_lock_timeout, 0.2)
MERGE = ("merge", "20002", "--into", "10001", "--adopt", "--yes")
HELD = {
    "the survivor": "UPDATE client SET city = city WHERE id = 70001",
    "a row that moves": "UPDATE ticket SET title = title WHERE id = 2",
    "a row that is dropped": "UPDATE newsletter SET list = list WHERE id = 2",
    "a row to which something is added": "UPDATE loyalty SET points = points WHERE client_id = 70001",
    "a child of a row that is dropped": "UPDATE mailing SET title = title WHERE id = 2",
}


def run_locked_out(shop, held, cli, *arguments):
    """Run a command while the host's program holds a row."""
    url = shop.url + ("?timeout=0.2" if shop.url.startswith("sqlite") else "")
    with shop.held(held):
        process, (_, _, err) = cli.start("--database", url, *arguments, target=IMPATIENT)
        process.join(300)
    assert process.exitcode is not None, f"{arguments} hangs"
    return process.exitcode, err.read_text()


def demand_locked_out(shop, held, cli, *arguments):
    before = shop.dump()
    code, err = run_locked_out(shop, held, cli, *arguments)
    assert (code, err.count("\n")) == (8, 1), err
    assert "locked" in err
    assert shop.dump() == before


@on_sqlite_alone
def test_a_merge_is_refused_while_the_file_is_locked(shop):
    shop.prove()
    demand_locked_out(shop, HELD["a row that moves"], shop.agent, *MERGE)
    assert shop.agent.in_process(*MERGE).code == 0


@on_postgresql
@pytest.mark.parametrize("held", HELD)
def test_a_merge_is_refused_and_succeeds_when_the_row_is_free(shop, held):
    shop.prove()
    demand_locked_out(shop, HELD[held], shop.agent, *MERGE)
    assert shop.agent.in_process(*MERGE).code == 0
    assert shop.audit() == set()


@on_postgresql
@pytest.mark.parametrize("held", ["a row that moves", "a child of a row that is dropped"])
def test_an_undo_is_refused_and_succeeds_when_the_row_is_free(shop, held):
    before = shop.host_rows()
    shop.merged()
    demand_locked_out(shop, HELD[held], shop.supervisor, "undo", "1", "--yes")
    assert shop.supervisor.in_process("undo", "1", "--yes").code == 0
    assert shop.host_rows() == before


def test_a_bulk_run_stops_and_is_continued_when_the_row_is_free(shop):
    (shop.folder / "pairs.csv").write_text("survivor,absorbed,choice\n10001,20002,adopt\n10001,30003,adopt\n")
    assert shop.supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    before = shop.dump()
    code, err = run_locked_out(shop, HELD["a row that moves"], shop.agent, "bulk", "run", "pairs.csv", "--chunk", "2")
    assert code == 8, err
    assert shop.dump() == before
    done = shop.agent.in_process("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.json["merged"]) == (0, 2)
    assert {row[1] for row in shop.host_rows()["invoice"]} == {70001}
