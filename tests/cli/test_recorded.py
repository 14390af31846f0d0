"""Contract §7: exports, forms that are written out, logins and refused commands have their history entries."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from support.databases import STAFF_PASSWORD
from support.scenes import scene

from custmerge import errors
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine

LOGIN = ("--password-stdin", "--print-token")


@scene
def pair(world):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    world.customer("30003", company="Anders GmbH")


def bodies(cli, action):
    """The newest entries of an action, newest first."""
    lines = cli.as_("ada").in_process("export", "history", "-f", "jsonl").out.splitlines()
    found = [json.loads(line)["body"] for line in lines]
    return [body for body in reversed(found) if body["action"] == action]


def told(body):
    return {name: value for name, value in body.items() if value is not None and name not in ("at", "v", "seq")}


@pytest.mark.parametrize("kind", ["customers", "packages"])
@pytest.mark.parametrize("options", [(), ("--with-hashes",), ("--out", "all.csv"), ("-f", "jsonl")], ids=" ".join)
def test_an_export_is_recorded(pair, cli, supervisor, kind, options):
    assert supervisor("export", kind, *options).code == 0
    entries = bodies(cli, "export")
    hashes = int("--with-hashes" in options)
    by = {"by": "anna", "by_kind": "staff", "action": "export"}
    assert [told(body) for body in entries] == [{**by, "kind": kind, "with_hashes": hashes}]


def test_an_export_of_the_history_is_not_recorded(pair, cli, supervisor):
    assert supervisor("export", "history").code == 0
    assert bodies(cli, "export") == []


def test_an_export_is_recorded_before_its_first_byte(pair, cli, supervisor):
    with Path("/dev/full").open("wb") as full:
        line = [sys.executable, "-m", "custmerge", "export", "customers"]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, env=supervisor.environ(), check=False)
    assert done.returncode != 0
    assert len(bodies(cli, "export")) == 1


@pytest.mark.parametrize(
    "command", [("export", "customers"), ("export", "packages", "-f", "json"), ("save",)], ids=" ".join
)
def test_what_cannot_be_recorded_is_not_written_out(pair, cli, supervisor, agent, command):
    filed(pair, agent)
    refuse_history(cli.url)
    if command == ("save",):
        command = ("transfer", "show", "1", "--save", "out.pdf")
    done = supervisor(*command, "--out", "all.csv") if command[0] == "export" else supervisor(*command)
    assert (done.code, done.out) == (8, "")
    assert supervisor(*command).out == ""
    assert not (cli.folder / "all.csv").exists()
    assert not (cli.folder / "out.pdf").exists()


def refuse_history(url):
    """Let no entry be written any more."""
    engine = open_engine(url)
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(
                text("CREATE TRIGGER no BEFORE INSERT ON custmerge_history BEGIN SELECT raise(ABORT, 'no'); END")
            )
        else:
            connection.execute(
                text("CREATE FUNCTION no() RETURNS trigger AS $$ BEGIN RAISE 'no'; END $$ LANGUAGE plpgsql")
            )
            connection.execute(
                text("CREATE TRIGGER no BEFORE INSERT ON custmerge_history FOR EACH ROW EXECUTE FUNCTION no()")
            )
    engine.dispose()


def filed(_pair, agent):
    (agent.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    assert agent.in_process("transfer", "file", "30003", "--into", "10001", "--form", "form.pdf").code == 0


def test_a_form_that_is_written_out_is_recorded(pair, cli, agent, supervisor):
    filed(pair, agent)
    assert supervisor("transfer", "show", "1").code == 0
    assert bodies(cli, "export") == []
    assert supervisor("transfer", "show", "1", "--save", "out.pdf").code == 0
    (body,) = bodies(cli, "export")
    assert told(body) == {
        "by": "anna",
        "by_kind": "staff",
        "action": "export",
        "kind": "form",
        "transfer": 1,
        "survivor": "10001",
        "absorbed": "30003",
    }
    for no_place in ("out.pdf", "no/such/folder.pdf"):
        assert supervisor.in_process("transfer", "show", "1", "--save", no_place).code == 2
    assert len(bodies(cli, "export")) == 1
    assert supervisor.in_process("audit").code == 0


def test_logins_are_recorded(pair, cli, supervisor):
    before = len(bodies(cli, "login"))
    cli.login("10001", "pw-1")
    assert cli("login", "--staff", "ben", *LOGIN, stdin=STAFF_PASSWORD).code == 0
    assert cli("login", "--staff", "ben", *LOGIN, stdin="falsch").code == 4
    staff, customer = bodies(cli, "login")[: len(bodies(cli, "login")) - before]
    assert told(staff) == {"by": "ben", "by_kind": "staff", "action": "login", "subject": "staff"}
    number = {"by": "10001", "by_kind": "customer", "survivor": "10001"}
    assert told(customer) == {**number, "action": "login", "subject": "number"}


def test_a_service_token_does_not_log_in(pair, cli, supervisor):
    cli.token = supervisor.in_process("token", "create", "nightly", "--role", "auditor").out.strip()
    before = len(bodies(cli, "login"))
    assert cli.in_process("find", "x").code == 0
    assert len(bodies(cli, "login")) == before


REFUSED = {
    "ben": [
        (("export", "customers", "--out", "geheim.csv"), "export customers", "not_allowed"),
        (("transfer", "approve", "1", "--yes"), "transfer approve", "not_allowed"),
        (("user", "password", "anna", "--password-stdin"), "user password", "not_allowed"),
        (("undo", "1", "--yes"), "undo", "not_own_order"),
    ],
    "ada": [(("verify", "20002", "--into", "10001", "--domain", "x.example"), "verify", "not_allowed")],
    "customer": [
        (("show", "20002"), "show", "own_number_only"),
        (("find", "geheim"), "find", "not_allowed"),
        (("history", "20002"), "history", "own_number_only"),
        (("history", "20002", "--follow"), "history", "own_number_only"),
    ],
    "anna": [(("transfer", "approve", "1", "--yes"), "transfer approve", "own_transfer")],
}


@pytest.mark.parametrize(
    ("who", "command", "verb", "code"),
    [(who, *case) for who, cases in REFUSED.items() for case in cases],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_a_refused_command_is_recorded_without_what_was_typed(pair, cli, supervisor, who, command, verb, code):
    filed(pair, supervisor)
    proof = ("--domain", "zwei.example", "--password-stdin", "--yes")
    if code == "not_own_order":
        assert supervisor.in_process("merge", "20002", "--into", "10001", *proof, "--keep", stdin="pw-2").code == 0
    person = cli.login("10001", "pw-1") if who == "customer" else cli.as_(who)
    done = person(*command, stdin="ein-langes-passwort\n")
    assert done.code == 4
    (body,) = bodies(cli, "denied")
    by = {"by": "10001", "by_kind": "customer"} if who == "customer" else {"by": who, "by_kind": "staff"}
    assert told(body) == {**by, "action": "denied", "command": verb, "code": code}


def test_what_nobody_may_or_what_is_only_wrong_is_not_recorded(pair, cli, agent):
    assert cli.in_process("whoami", CUSTMERGE_TOKEN="x").code == 4
    assert agent("show", "99999").code == 5
    assert agent.in_process("merge", "20002", "--into", "10001", "--yes").code in (1, 4)
    assert agent.in_process("find").code == 2
    assert bodies(cli, "denied") == []


def test_a_refusal_that_cannot_be_recorded_is_one_all_the_same(pair, cli, agent):
    refuse_history(cli.url)
    done = agent("export", "customers", "-f", "json")
    assert (done.code, done.error["code"], done.out) == (4, "not_allowed", "")


def test_a_refusal_does_not_wait_for_others_who_write(pair, cli, agent, database_url):
    with closing(Database(database_url)) as other, other.writing() as unit:
        unit.chain.lock()
        done = agent("export", "customers", "-f", "json")
        assert (done.code, done.error["code"]) == (4, "not_allowed")
    assert bodies(cli, "denied") == []


def test_the_errors_that_are_recorded_are_those_of_roles_and_persons():
    every = (
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CustmergeError)
    )
    refusals = {kind.__name__ for kind in every if kind.is_refusal}
    assert refusals >= {
        "NotAllowed",
        "OwnNumberOnly",
        "OwnTransfer",
        "OwnBatch",
        "NotOwnOrder",
        "UndoTooLate",
        "PersonRequired",
    }
    assert not refusals & {"ProofRefused", "LoginRefused", "LockedOut", "NotLoggedIn", "SessionOver"}
