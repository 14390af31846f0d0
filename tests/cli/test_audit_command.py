"""The audit as a command, from a real database to its exit code."""

import json
import re

import pytest
from sqlalchemy import text

from custmerge.storage.database import Database


@pytest.fixture
def touch(database_url):
    """Does something to the database behind the program's back."""
    database = Database(database_url)

    def touch(statement):
        with database.writing() as unit:
            unit._connection.execute(text(statement))

    yield touch
    database.close()


def test_a_good_audit_ends_with_0_and_says_what_it_saw(merged, supervisor):
    done = supervisor("audit", "--format", "json")
    assert done.code == 0
    assert list(done.json) == ["status", "entries", "checks", "findings", "head", "seconds"]
    assert (done.json["status"], done.json["findings"]) == ("ok", [])
    assert done.json["head"]["seq"] == done.json["entries"]
    assert all(check["ok"] and check["findings"] == 0 for check in done.json["checks"])


def test_a_good_audit_is_silent_with_quiet(merged, supervisor):
    done = supervisor("--quiet", "audit")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_checkpoint_that_could_not_be_added_is_said_even_with_quiet(merged, supervisor):
    done = supervisor("--quiet", "audit", "--only", "orders", "--checkpoint", "points")
    assert (done.code, done.out) == (0, "")
    assert "No checkpoint was added" in done.err
    assert not (supervisor.folder / "points").exists()


def test_out_with_a_dash_is_stdout(merged, supervisor):
    done = supervisor("audit", "--format", "json", "--out", "-")
    assert (done.code, done.json["status"]) == (0, "ok")
    assert not (supervisor.folder / "-").exists()


def test_a_list_of_the_checks_is_no_plugin_output(supervisor):
    assert supervisor("audit", "--list-checks", "--format", "prometheus").code == 3


def test_what_was_touched_ends_with_2_and_names_the_row_and_what_to_do(merged, supervisor, touch):
    touch("UPDATE package SET number = '20001' WHERE package = 'P20001'")
    done = supervisor("audit", "--format", "json")
    assert (done.code, done.json["status"]) == (2, "critical")
    tombstones = next(f for f in done.json["findings"] if f["check"] == "tombstones")
    assert (tombstones["subject"], tombstones["severity"]) == ("package P20001", "critical")
    assert "custmerge history" in tombstones["message"]


def test_in_a_pipe_a_finding_is_one_line(merged, supervisor, touch):
    touch("UPDATE package SET number = '20001' WHERE package = 'P20001'")
    lines = supervisor("audit", COLUMNS="60").out.splitlines()
    (found,) = [line for line in lines if "package P20001" in line and "merged away" in line]
    assert "custmerge history" in found
    assert not any(line.endswith(" ") for line in lines)


def test_a_finding_is_german_for_germans(merged, supervisor, touch):
    touch("UPDATE package SET number = '20001' WHERE package = 'P20001'")
    out = supervisor("--lang", "de", "audit", COLUMNS="200").out
    assert "ist unter 20001, die zusammengeführt wurde" in re.sub(r"\s+", " ", out)


def test_what_is_seen_in_a_row_cannot_command_the_terminal(merged, supervisor, touch):
    touch("UPDATE custmerge_staff SET name = '\x1b[2Jeve' WHERE name = 'ada'")
    done = supervisor("audit")
    assert done.code == 2
    assert "\x1b" not in done.out
    assert "\\x1b[2Jeve" in re.sub(r"\s+", "", done.out)


def test_every_audit_adds_a_checkpoint_and_the_next_one_goes_on_from_it(merged, supervisor, world, tmp_path):
    assert supervisor("audit", "--checkpoint", "points").code == 0
    world.customer("20002")
    assert supervisor("audit", "--checkpoint", "points", "--since-checkpoint").code == 0
    lines = [json.loads(line) for line in (tmp_path / "points").read_text().splitlines()]
    assert [list(line) for line in lines] == [["seq", "hash", "at"]] * 2
    assert lines[0]["seq"] < lines[1]["seq"]


@pytest.mark.parametrize("since", [(), ("--since-checkpoint",)])
def test_another_past_than_the_checkpoint_s_is_critical(merged, supervisor, tmp_path, since):
    (tmp_path / "points").write_text(json.dumps({"seq": 2, "hash": "ab" * 32, "at": "2026-01-01T00:00:00Z"}) + "\n")
    before = (tmp_path / "points").read_text()
    done = supervisor("audit", "--checkpoint", "points", *since, "--format", "json")
    assert (done.code, {f["check"] for f in done.json["findings"]}) == (2, {"checkpoint"})
    assert (tmp_path / "points").read_text() == before


def test_since_a_checkpoint_what_new_orders_name_is_held_too(world, agent, supervisor, touch):
    world.customer("10001")
    world.customer("20001", password="pw", domains=["neu.example"])
    assert supervisor("audit", "--checkpoint", "points").code == 0
    proof = ("--domain", "neu.example", "--password-stdin", "--yes")
    assert agent.in_process("merge", "20001", "--into", "10001", *proof, stdin="pw").code == 0
    for statement in (
        "UPDATE domain SET ascii_name = 'other.example' WHERE name = 'neu.example'",
        "UPDATE customer SET city = 'Ulm' WHERE number = '20001'",
        "INSERT INTO custmerge_order VALUES (99, '10001', '20001', 'adopt', '', '2026-01-01T00:00:00Z', 'ben')",
    ):
        touch(statement)
    done = supervisor("audit", "--checkpoint", "points", "--since-checkpoint", "-f", "json")
    subjects = {(one["check"], one["subject"]) for one in done.json["findings"]}
    assert {("domains", "domain neu.example"), ("tombstones", "customer 20001"), ("orders", "order 99")} <= subjects


def test_after_an_undo_all_is_still_in_order(merged, supervisor):
    assert supervisor.in_process("undo", "1", "--yes").code == 0
    assert supervisor("audit", "-f", "json").json["findings"] == []


def test_after_a_purge_all_is_still_in_order_and_the_order_cannot_be_undone(merged, supervisor, database_url, touch):
    # As old as it would be in two years: order, entry and chain were written then.
    from datetime import UTC, datetime, timedelta

    from custmerge.rules.people import Role, token_sha256
    from custmerge.services import purge
    from custmerge.services.access import Caller

    database = Database(database_url)
    anna = Caller(Role.SUPERVISOR, "anna", token_sha256("token-of-anna"), "", 1)
    now = datetime.now(UTC)
    seen = purge.preview(database, anna, 1, now + timedelta(days=2))
    assert purge.purge(database, anna, seen, now).orders == 1
    database.close()
    assert supervisor("audit", "-f", "json").json["findings"] == []
    undone = supervisor.in_process("undo", "1", "--yes", "-f", "json")
    assert (undone.code, undone.error["code"]) == (6, "purged")
