"""Somebody loses the right for what they filed or approved, while it is being used (contract §2, rule 5)."""

import json
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from support.databases import STAFF_PASSWORD, execute, login_staff
from support.locks import wait_for_waiting
from support.scenes import scene

from custmerge.errors import ApprovalOver, ApprovalVoid, BatchMoved, LoginRefused, ProofRequired
from custmerge.rules.people import Role
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import access, bulk
from custmerge.services import merge as merge_service
from custmerge.services.access import demand_alive
from custmerge.services.bulk.file import RunOptions
from custmerge.services.people import sessions, staff
from custmerge.storage.database import Database

MERGE = ("merge", "20002", "--into", "10001", "--adopt", "--yes")
LOSSES = [("disable", "ben", "--yes"), ("disable", "anna", "--yes"), ("role", "anna", "agent")]
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def this_moment():
    return datetime.now(UTC)


@scene
def second_supervisor(cli, supervisor):
    assert supervisor("user", "role", "ada", "supervisor").code == 0
    with closing(Database(cli.url)) as database:
        login_staff(database, "ada", "korrektes-pferd-batterie", token="new-token-of-ada", now=this_moment())


@pytest.fixture
def ada(cli, second_supervisor):
    """A supervisor who has neither filed nor approved anything."""
    other = cli.as_("ada")
    other.token = "new-token-of-ada"
    return other


@scene
def approved(world, agent, supervisor, second_supervisor):
    """Transfer 1 for 20002 into 10001, filed by ben, approved by anna."""
    world.customer("10001", domains=["eins.example"])
    world.customer("20002", domains=["zwei.example"], company="Sonnentau OHG", city="Ulm")
    (world.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    assert agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    assert supervisor("transfer", "approve", "1", "--yes").code == 0
    return world


@scene
def pairs(world, supervisor, second_supervisor):
    """A bulk file of four rows, approved by anna."""
    world.customers_like(*map(str, range(1, 9)))
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n1,2\n3,4\n5,6\n7,8\n")
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    return world.folder / "pairs.csv"


@pytest.fixture
def database(database_url):
    with closing(Database(database_url)) as opened:
        yield opened


def caller(database, token="new-token-of-ada"):
    return access.resume(database, token, this_moment())


def critical(by):
    done = by("audit", "-f", "json")
    return {(one["check"], one["subject"]) for one in done.json["findings"]}


def voids(by):
    bodies = [json.loads(line)["body"] for line in by("export", "history", "-f", "jsonl").out.splitlines()]
    return [body["why"] for body in bodies if body["action"] == "transfer_void"]


# Transfers


def test_between_the_look_and_the_order(approved, ada, database):
    me = caller(database)
    request = merge_service.Request("20002", "10001", Wishes(Choice.ADOPT))
    assert not merge_service.needed_proof(database, me, "20002", into="10001", now=this_moment())
    staff.disable(database, me, "ben", this_moment())
    with pytest.raises(ProofRequired):
        merge_service.merge(database, me, request, salt=bytes(16), now=this_moment())


@on_postgresql
@pytest.mark.parametrize("loss", LOSSES)
def test_a_merge_that_waits_for_a_record_asks_when_it_has_it(approved, ada, database_url, loss):
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT 1 FROM customer WHERE number = '10001' FOR UPDATE")
        merge, (_, _, err) = ada.start(*MERGE)
        wait_for_waiting(database_url, 1)
        assert ada("user", *loss).code == 0
    merge.join(300)
    assert (merge.exitcode, "domain" in err.read_text()) == (4, True)
    assert critical(ada) == set()


@on_postgresql
@pytest.mark.parametrize("loss", LOSSES)
def test_whoever_has_the_transfer_first_goes_first(approved, ada, database_url, loss):
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT 1 FROM custmerge_transfer WHERE id = 1 FOR UPDATE")
        merge, _ = ada.start(*MERGE)
        wait_for_waiting(database_url, 1)
        losing, _ = ada.start("user", *loss)
        wait_for_waiting(database_url, 2)
    merge.join(300)
    losing.join(300)
    assert (merge.exitcode, losing.exitcode) == (0, 0)
    # The order came first, so nothing was left to become void.
    assert voids(ada) == []
    assert critical(ada) == set()


@pytest.mark.parametrize("loss", LOSSES)
def test_at_once_one_of_both_comes_first(approved, ada, loss):
    merge, _ = ada.start(*MERGE)
    losing, _ = ada.start("user", *loss)
    merge.join(300)
    losing.join(300)
    assert losing.exitcode == 0
    assert (merge.exitcode, len(voids(ada))) in ((0, 0), (4, 1))
    assert critical(ada) == set()


@on_postgresql
def test_an_approval_that_is_being_given_becomes_void_too(approved, ada, supervisor, agent, database_url):
    assert supervisor("transfer", "reject", "1", "--reason", "nochmal", "--yes").code == 0
    assert agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT 1 FROM custmerge_head FOR UPDATE")
        approving, _ = supervisor.start("transfer", "approve", "2", "--yes")
        wait_for_waiting(database_url, 1)
        losing, _ = ada.start("user", "disable", "anna", "--yes")
        wait_for_waiting(database_url, 2)
    approving.join(300)
    losing.join(300)
    assert (approving.exitcode, losing.exitcode) == (0, 0)
    assert voids(ada) == ["approver_disabled"]
    assert ada(*MERGE).code == 4
    assert critical(ada) == set()


# Bulk files


class Losing:
    """A watcher that takes somebody's right away when the first rows are decided."""

    def __init__(self, lose):
        self._lose = lose
        self._is_done = False
        self.seen = []

    def accepted(self):
        pass

    def outcome(self, outcome):
        self.seen.append(outcome.result.value)

    def advanced(self, done, _total):
        if done and not self._is_done:
            self._is_done = True
            self._lose()


def run(database, pairs, watcher, clock=this_moment):
    inputs = RunOptions(clock, lambda: bytes(16), watcher, chunk=2)
    return bulk.run(database, caller(database, "token-of-ben"), str(pairs), inputs)


TAKEN = {
    "disabled": lambda database, me: staff.disable(database, me, "anna", this_moment()),
    "another role": lambda database, me: staff.change_role(database, me, "anna", Role.AGENT, this_moment()),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_an_approval_that_ends_before_a_run_authorises_nothing(pairs, ada, agent, database, kind):
    ended = TAKEN[kind](database, caller(database))
    assert ended.batches == (1,)
    assert ada("bulk", "status", "-f", "json").json[0]["state"] == "finished"
    assert agent("bulk", "run", "pairs.csv").code != 0
    assert not [one for one in ada("history", "-f", "json").json if one["action"] == "merge"]
    assert critical(ada) == set()


def test_an_approval_whose_seven_days_end_during_a_run_ends_the_run(pairs, database):
    slept = []
    watcher = Losing(lambda: slept.append(timedelta(days=7)))
    with pytest.raises(ApprovalOver):
        run(database, pairs, watcher, lambda: this_moment() + sum(slept, timedelta()))
    assert watcher.seen == ["merged", "merged"]


@pytest.mark.parametrize("moved", ["runner = 'another'", "done = 3", "state = 'finished'"])
def test_a_run_whose_batch_is_no_longer_its_own_executes_nothing_more(pairs, database, database_url, moved):
    watcher = Losing(lambda: execute(database_url, f"UPDATE custmerge_batch SET {moved}"))
    with pytest.raises(BatchMoved):
        run(database, pairs, watcher)
    assert watcher.seen == ["merged", "merged"]


@pytest.mark.parametrize("kind", TAKEN)
def test_an_approval_that_ends_during_a_run_ends_the_run(pairs, ada, database, kind):
    watcher = Losing(lambda: TAKEN[kind](database, caller(database)))
    with pytest.raises(ApprovalVoid):
        run(database, pairs, watcher)
    assert watcher.seen == ["merged", "merged"]
    (batch,) = ada("bulk", "status", "-f", "json").json
    assert (batch["state"], batch["done"]) == ("finished", 2)
    assert critical(ada) == set()


@pytest.mark.parametrize("back", ["UPDATE custmerge_staff SET disabled_at = NULL", None])
def test_a_right_that_is_given_back_does_not_revive_it(pairs, ada, agent, database, database_url, back):
    me = caller(database)
    if back is None:
        for role in (Role.AGENT, Role.SUPERVISOR):
            staff.change_role(database, me, "anna", role, this_moment())
    else:
        staff.disable(database, me, "anna", this_moment())
        execute(database_url, back)
    execute(database_url, "UPDATE custmerge_batch SET state = 'approved'")
    assert ("batches", "batch 1") in critical(ada)
    assert agent("bulk", "run", "pairs.csv").code != 0
    assert not [one for one in ada("history", "-f", "json").json if one["action"] == "merge"]


@pytest.mark.parametrize("back", ["role = 'agent'", "disabled_at = '2026-01-01T00:00:00Z'"])
def test_an_approver_who_was_kept_out_by_hand_authorises_nothing(pairs, ada, agent, database_url, back):
    execute(database_url, f"UPDATE custmerge_staff SET {back} WHERE name = 'anna'")
    assert ("batches", "batch 1") in critical(ada)
    assert agent("bulk", "run", "pairs.csv").code != 0
    assert not [one for one in ada("history", "-f", "json").json if one["action"] == "merge"]


def test_a_command_says_which_approvals_are_void(pairs, ada):
    done = ada("user", "disable", "anna", "--yes")
    assert (done.code, "void now, by batch: 1" in done.err) == (0, True)


@on_postgresql
def test_a_session_does_not_end_between_its_last_look_and_the_commit(database, database_url):
    ben = access.resume(database, "token-of-ben", this_moment())
    with database.writing() as unit:
        demand_alive(unit, ben, this_moment())
        with psycopg.connect(database_url) as other:
            other.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("DELETE FROM custmerge_session")


@on_postgresql
def test_who_is_disabled_while_their_password_is_verified_gets_no_session(database, database_url):
    ben = sessions.verified_staff(database, "ben", STAFF_PASSWORD, this_moment())
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE custmerge_staff SET disabled_at = '2026-01-01T00:00:00Z' WHERE name = 'ben'")
        # Not committed yet: the session has to wait for it.
        commit = threading.Timer(0.5, other.commit)
        commit.start()
        with pytest.raises(LoginRefused):
            sessions.open_staff(database, ben, STAFF_PASSWORD, token="new-token-of-ben", now=this_moment())
        commit.join()
