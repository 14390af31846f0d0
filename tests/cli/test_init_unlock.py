"""`init --unlock`: who owns the database ends any lock, whoever else is locked out (contract §3)."""

import json
from urllib.parse import quote

import psycopg
import pytest
from support.command_line import CommandLine
from support.databases import STAFF_PASSWORD

ROLE = "custmerge app unlock"


def lock(cli, *who):
    for _ in range(5):
        assert cli.in_process("login", *who, "--password-stdin", "--print-token", stdin="falsch").code == 4


def log_in(cli, *who, password=STAFF_PASSWORD):
    return cli("login", *who, "--password-stdin", "--print-token", stdin=password)


def next_login(name):
    return f"Next: custmerge login --staff {name}\n"


def test_supervisors_who_are_all_locked_out_are_let_in_again(cli, supervisor):
    lock(cli, "--staff", "anna")
    assert "Too many wrong tries" in log_in(cli, "--staff", "anna").err
    done = cli("init", "--unlock", "anna")
    assert (done.code, done.out, done.err) == (0, "", f"anna isn't locked any more.\n{next_login('anna')}")
    assert log_in(cli, "--staff", "anna").code == 0
    bodies = [
        json.loads(line)["body"]
        for line in supervisor.in_process("export", "history", "-f", "jsonl").out.splitlines()
    ]
    (told,) = [body for body in bodies if body.get("did") == "unlock"]
    assert (told["action"], told["name"], told["by"], told["by_kind"]) == ("user", "anna", "init", "system")
    assert supervisor.in_process("audit", "--only", "staff").code == 0


def test_a_customer_number_is_unlocked_too(world, cli):
    world.customer("10001", password="pw-1")
    lock(cli, "10001")
    assert cli("init", "--unlock", "10001").err.endswith("Next: custmerge login 10001\n")
    assert log_in(cli, "10001", password="pw-1").code == 0


def test_a_name_that_is_there_and_not_locked_is_said_so(cli):
    done = cli("init", "--unlock", "ben")
    assert (done.code, done.err) == (0, f"ben wasn't locked.\n{next_login('ben')}")


def test_a_made_up_name_that_is_locked_is_unlocked_and_one_that_is_not_is_not_there(cli):
    assert cli("init", "--unlock", "niemand").code == 5
    lock(cli, "--staff", "niemand")
    assert cli("init", "--unlock", "niemand").code == 0


def test_it_needs_no_login_and_a_customers_one_is_no_hindrance(world, cli):
    world.customer("10001", password="pw-1")
    customer = cli.login("10001", "pw-1")
    lock(cli, "--staff", "ben")
    assert customer("init", "--unlock", "ben").code == 0


@pytest.fixture
def app(database_url, tmp_path):
    """The command line as a role of the application, which may write locks and doesn't own the tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            connection.execute(f'CREATE ROLE "{ROLE}" LOGIN')
    done = CommandLine(database_url, tmp_path)("init", "--grant", ROLE)
    assert done.code == 0, done.err
    return CommandLine(f"postgresql://{quote(ROLE)}@{database_url.partition('@')[2]}", tmp_path)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_role_that_does_not_own_the_tables_is_refused(app, cli):
    lock(cli, "--staff", "ben")
    done = app("init", "--unlock", "ben")
    assert (done.code, ROLE in done.err, "owner" in done.err) == (4, True, True)
    assert "Too many wrong tries" in log_in(cli, "--staff", "ben").err
    assert app.as_("anna").in_process("user", "unlock", "ben").code == 0
