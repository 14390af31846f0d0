"""Whoever may write to the database makes nobody something else by it, not even for a moment."""

import sqlite3
from contextlib import closing

import pytest
from support.databases import STAFF_PASSWORD, execute

from custmerge.services.people import passwords

NEW = "ein-ganz-neues-passwort"
SECOND_KEY = """INSERT INTO custmerge_session (token_sha256, service, created_at, last_used_at)
SELECT 'x' || substr(token_sha256, 2), service, created_at, last_used_at FROM custmerge_session
WHERE service IS NOT NULL"""
OTHERS = "das-passwort-eines-anderen"


@pytest.fixture
def bot(supervisor, cli):
    """A service token that may look and audit."""
    other = cli.as_("nobody")
    other.token = supervisor("token", "create", "bot", "--role", "auditor").out.strip()
    return other


def test_a_role_that_was_written_into_a_row_lets_nobody_do_anything_but_audit(agent, supervisor, database_url):
    execute(database_url, "UPDATE custmerge_staff SET role = 'supervisor' WHERE name = 'ben'")
    for command in (
        ("user", "add", "eva", "--role", "supervisor", "--password-stdin"),
        ("token", "create", "night", "--role", "supervisor"),
        ("export", "customers", "--with-hashes"),
        ("find", "Vogelsang"),
    ):
        done = agent(*command, stdin=NEW)
        assert (done.code, done.out) == (6, ""), command
        assert "ben isn't as the history has it" in done.err
    seen = agent("audit", "--only", "staff", "-f", "json")
    assert (seen.code, [one["subject"] for one in seen.json["findings"]]) == (2, ["user ben"])
    execute(database_url, "UPDATE custmerge_staff SET role = 'agent' WHERE name = 'ben'")
    assert agent.in_process("find", "Vogelsang").code == 0
    assert supervisor("audit").code == 0


@pytest.mark.parametrize("put_back", [False, True])
def test_a_password_that_was_written_into_a_row_opens_no_session(cli, agent, database_url, put_back):
    execute(
        database_url,
        "CREATE TABLE kept AS SELECT password_hash FROM custmerge_staff WHERE name = 'anna'",
        f"UPDATE custmerge_staff SET password_hash = '{passwords.hashed(OTHERS)}' WHERE name = 'anna'",
    )
    login = ("login", "--staff", "anna", "--password-stdin", "--print-token")
    done = cli(*login, stdin=OTHERS)
    assert (done.code, done.out) == (6, "")
    if put_back:
        execute(
            database_url,
            "UPDATE custmerge_staff SET password_hash = (SELECT password_hash FROM kept) WHERE name = 'anna'",
        )
        assert cli(*login, stdin=STAFF_PASSWORD).code == 0


def test_a_disabled_person_whose_row_was_set_back_stays_out(cli, supervisor, database_url):
    assert supervisor("user", "disable", "ben", "--yes").code == 0
    execute(database_url, "UPDATE custmerge_staff SET disabled_at = NULL WHERE name = 'ben'")
    done = cli("login", "--staff", "ben", "--password-stdin", "--print-token", stdin=STAFF_PASSWORD)
    assert (done.code, done.out) == (6, "")


def test_a_role_that_there_is_not_ends_nobodys_commands_and_can_be_disabled(cli, supervisor, database_url):
    execute(database_url, "UPDATE custmerge_staff SET role = 'king' WHERE name = 'ben'")
    assert cli.as_("ben").in_process("find", "Vogelsang").code == 6
    assert supervisor("user", "list").code == 0
    assert supervisor("user", "disable", "ben", "--yes").code == 0
    assert supervisor("audit", "--only", "staff").code == 2


def test_a_session_of_somebody_who_was_deleted_is_over(sqlite_cli):
    # Where foreign keys are off, as they are for whoever writes to a file.
    with closing(sqlite3.connect(sqlite_cli.url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM custmerge_staff WHERE name = 'ben'")
        connection.commit()
    done = sqlite_cli.as_("ben").in_process("whoami", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "session_over")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE custmerge_service SET role = 'supervisor'",
        "UPDATE custmerge_service SET expires_at = '2099-01-01T00:00:00Z'",
        "UPDATE custmerge_service SET created_by = 1 + created_by",
        SECOND_KEY,
    ],
)
def test_a_service_token_that_was_changed_does_nothing_but_audit(bot, database_url, change):
    assert bot("find", "Vogelsang").code == 0
    execute(database_url, change)
    done = bot("find", "Vogelsang")
    assert (done.code, done.out) == (6, "")
    assert "bot isn't as the history has it" in done.err
    assert bot("audit", "--only", "tokens").code == 2
