"""A service token works, but nothing that it does to people or tokens outlasts it (contract §5)."""

import pytest
from support.databases import STAFF_PASSWORD

from custmerge.cli import token, user

NEW = "ein-ganz-neues-passwort"
SECRET = "--password-stdin"
# Command line → whether a supervisor's service token may.
TABLE = {
    ("user", "add", "eva", "--role", "supervisor", SECRET): False,
    ("user", "list"): True,
    ("user", "role", "ben", "supervisor"): False,
    ("user", "password", SECRET): False,
    ("user", "password", "anna", SECRET): False,
    ("user", "password", "bot", SECRET): False,
    ("user", "password", "ben", SECRET): False,
    ("user", "disable", "ben", "--yes"): False,
    ("user", "unlock", "ben"): False,
    ("token", "create", "heir", "--role", "supervisor"): False,
    ("token", "list"): True,
    ("token", "revoke", "other"): False,
    ("token", "revoke", "other", "--yes"): False,
}


@pytest.fixture
def bot(supervisor, cli):
    """A service token with everything that a supervisor has."""
    other = cli.as_("nobody")
    other.token = supervisor("token", "create", "bot", "--role", "supervisor").out.strip()
    return other


def standing(supervisor):
    return [supervisor.in_process(kind, "list", "-f", "json").json for kind in ("user", "token")]


@pytest.mark.parametrize("command", TABLE, ids=" ".join)
def test_a_service_token_changes_neither_people_nor_tokens(bot, supervisor, cli, command):
    supervisor("token", "create", "other", "--role", "auditor")
    before = standing(supervisor)
    done = bot(*command, stdin=f"{STAFF_PASSWORD}\n{NEW}")
    assert (done.code == 0) == TABLE[command], done.err
    if not TABLE[command]:
        assert (done.code, done.out) == (4, "")
        assert "service token" in done.err
        assert standing(supervisor) == before
        assert [one["by"] for one in supervisor.in_process("history", "--action", "denied", "-f", "json").json] == [
            "bot"
        ]
    for name in ("anna", "ben"):
        assert cli.in_process("login", "--staff", name, SECRET, "--print-token", stdin=STAFF_PASSWORD).code == 0


def test_every_command_for_people_and_tokens_stands_in_the_table():
    commands = {
        (verb, command.name or command.callback.__name__)
        for verb, app in (("user", user.app), ("token", token.app))
        for command in app.registered_commands
    }
    assert {words[:2] for words in TABLE} == commands


@pytest.mark.parametrize("is_tokens", [False, True], ids=["person", "token"])
def test_who_approves_a_file_does_not_run_it_by_a_service_token_nor_the_other_way_round(
    bot, supervisor, world, is_tokens
):
    world.customers_like("10001", "10002")
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n10001,10002\n")
    approver, runner = (bot, supervisor) if is_tokens else (supervisor, bot)
    assert approver("bulk", "approve", "pairs.csv", "--yes").code == 0
    done = runner("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "own_batch")


def test_init_makes_nobody_a_supervisor_whoever_is_logged_in(bot, supervisor):
    before = standing(supervisor)
    done = bot("init", "--supervisor", "eva", SECRET, stdin=NEW)
    assert (done.code, "already" in done.err) == (4, True)
    assert standing(supervisor) == before


@pytest.mark.parametrize("name", [(), ("ben",)], ids=["without a name", "with the own name"])
def test_the_own_password_changes_with_the_present_one_only(agent, cli, name):
    assert agent("user", "password", *name, SECRET, stdin=f"falsch\n{NEW}").code == 4
    assert agent("user", "password", *name, SECRET, stdin=NEW).code == 2
    assert agent.in_process("whoami").code == 0
    assert agent("user", "password", *name, SECRET, stdin=f"{STAFF_PASSWORD}\n{NEW}").code == 0
    assert cli.in_process("login", "--staff", "ben", SECRET, "--print-token", stdin=NEW).code == 0


def test_a_supervisors_own_password_too(supervisor, cli):
    assert supervisor("user", "password", "anna", SECRET, stdin=f"not-the-present-one\n{NEW}").code == 4
    assert cli.in_process("login", "--staff", "anna", SECRET, "--print-token", stdin=STAFF_PASSWORD).code == 0


def test_guessing_the_own_password_by_name_locks_too(supervisor):
    for _ in range(5):
        supervisor("user", "password", "anna", SECRET, stdin=f"falsch\n{NEW}")
    assert "Too many wrong" in supervisor("user", "password", "anna", SECRET, stdin=f"{STAFF_PASSWORD}\n{NEW}").err


def test_the_new_password_is_another_one(agent):
    done = agent("user", "password", SECRET, stdin=f"{STAFF_PASSWORD}\n{STAFF_PASSWORD}")
    assert (done.code, "present one" in done.err) == (2, True)
