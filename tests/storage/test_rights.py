"""A PostgreSQL role of the application may do what the commands need and nothing to the history."""

from urllib.parse import quote

import psycopg
import pytest
from support.command_line import CommandLine
from support.databases import STAFF_PASSWORD
from support.world import World

ROLE = "custmerge app%"


@pytest.fixture
def owner(postgresql_server, postgresql_template, tmp_path, worker_id):
    """A database of its own, whose owner gives the application's role its rights."""
    name = f"rights_{worker_id}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgresql_template} STRATEGY file_copy")
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            connection.execute(f'CREATE ROLE "{ROLE}" LOGIN')
        cli = CommandLine(postgresql_server.get_uri(name), tmp_path)
        try:
            done = cli("init", "--grant", ROLE)
            assert done.code == 0, done.err
            yield cli
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def app_url(owner):
    rest = owner.url.partition("@")[2]
    return f"postgresql://{quote(ROLE)}@{rest}"


@pytest.fixture
def app(app_url, tmp_path):
    return CommandLine(app_url, tmp_path)


def test_every_command_works_for_the_role(app):
    world = World(app)
    agent, supervisor = app.as_("ben"), app.as_("anna")
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    world.customer("30003", password="pw-3", domains=["drei.example"], company="Sonnentau OHG")
    (world.folder / "form.pdf").write_bytes(b"%PDF-")
    (world.folder / "pairs.csv").write_text("survivor,absorbed,choice\n10001,20002,adopt\n")
    (world.folder / "u.csv").write_text("number,city,password\n10001,Bonn,neu\n")
    new = "ein-langes-passwort"
    commands = [
        (agent, 0, ("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin"), "pw-2"),
        (agent, 4, ("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin"), "falsch"),
        (agent, 1, ("diff", "20002", "--into", "10001", "--reveal"), ""),
        (agent, 0, ("merge", "20002", "--into", "10001", "--keep", "--take", "city", "--yes"), ""),
        (supervisor, 0, ("undo", "1", "--yes"), ""),
        (supervisor, 0, ("bulk", "approve", "pairs.csv", "--yes"), ""),
        (agent, 0, ("bulk", "run", "pairs.csv"), ""),
        (supervisor, 0, ("undo", "--batch", "1", "--yes"), ""),
        (agent, 0, ("transfer", "file", "30003", "--into", "10001", "--form", "form.pdf"), ""),
        (supervisor, 0, ("transfer", "approve", "1", "--yes"), ""),
        (agent, 0, ("transfer", "show", "1", "--save", "copy.pdf"), ""),
        (agent, 0, ("merge", "30003", "--into", "10001", "--adopt", "--yes"), ""),
        (supervisor, 0, ("import", "customers", "u.csv", "--update"), ""),
        (supervisor, 0, ("user", "add", "eva", "--role", "agent", "--password-stdin"), new),
        (supervisor, 0, ("user", "role", "eva", "auditor"), ""),
        (supervisor, 0, ("user", "password", "eva", "--password-stdin"), new),
        (app, 4, ("login", "--staff", "eva", "--password-stdin", "--print-token"), "falsch"),
        (app, 4, ("login", "--staff", "eva", "--password-stdin", "--print-token"), new),
        (app, 0, ("login", "--staff", "eva", "--password-stdin", "--print-token"), f"{new}\nein-eigenes-passwort"),
        (supervisor, 0, ("user", "unlock", "eva"), ""),
        (supervisor, 0, ("user", "disable", "eva", "--yes"), ""),
        (supervisor, 0, ("token", "create", "bot", "--role", "agent"), ""),
        (supervisor, 0, ("token", "revoke", "bot", "--yes"), ""),
        (app, 0, ("login", "10001", "--password-stdin", "--print-token"), "neu"),
        (agent, 0, ("find", "vogelsang"), ""),
        (agent, 0, ("show", "20002"), ""),
        (agent, 0, ("history", "10001"), ""),
        (supervisor, 0, ("export", "packages"), ""),
        (supervisor, 0, ("purge", "--older-than", "1d", "--yes"), ""),
        (app, 0, ("init",), ""),
        (app, 0, ("doctor",), ""),
        (agent, 0, ("user", "password", "--password-stdin"), f"{STAFF_PASSWORD}\n{new}"),
        (supervisor, 0, ("logout", "--all"), ""),
    ]
    for cli, code, arguments, given in commands:
        done = cli(*arguments, stdin=given)
        assert done.code == code, (arguments, done.err)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE custmerge_history SET body = body",
        "DELETE FROM custmerge_history",
        "TRUNCATE custmerge_history",
        "DROP TABLE custmerge_history",
        "ALTER TABLE custmerge_history DISABLE TRIGGER ALL",
        "DROP TRIGGER custmerge_history_no_update ON custmerge_history",
        "CREATE OR REPLACE FUNCTION custmerge_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
        "CREATE TABLE mine (x integer)",
        "ALTER TABLE customer ADD COLUMN x integer",
        "UPDATE custmerge_order SET survivor = '1'",
        "DELETE FROM custmerge_order",
        "DELETE FROM custmerge_before_image",
        "DELETE FROM custmerge_head",
        "DELETE FROM customer",
        "DELETE FROM custmerge_staff",
        "DELETE FROM custmerge_transfer",
        "UPDATE custmerge_form SET transfer = 2",
        "DELETE FROM custmerge_form",
        "UPDATE custmerge_batch_chunk SET first = 2",
        "DELETE FROM custmerge_batch_chunk",
        "UPDATE custmerge_version SET version_num = 'x'",
    ],
)
def test_the_server_refuses_the_role_to_tamper(app_url, statement):
    with psycopg.connect(app_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_doctor_names_a_right_that_the_role_lacks(owner, app):
    assert app("doctor", "-f", "json").code == 0
    with psycopg.connect(owner.url, autocommit=True) as connection:
        connection.execute(f'REVOKE DELETE ON custmerge_proof FROM "{ROLE}"')
    done = app("doctor", "-f", "json")
    (found,) = [check for check in done.json if check["check"] == "permissions"]
    assert (done.code, found["ok"]) == (1, False)
    assert "may not DELETE custmerge_proof" in found["message"]


def test_a_role_that_only_reads_is_no_finding_of_doctor(owner, app):
    with psycopg.connect(owner.url, autocommit=True) as connection:
        connection.execute(f'REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM "{ROLE}"')
    assert app("doctor").code == 0


def test_granting_again_takes_away_what_was_too_much(owner, app_url):
    with psycopg.connect(owner.url, autocommit=True) as connection:
        connection.execute(f'GRANT ALL ON custmerge_history TO "{ROLE}"')
    assert owner("init", "--grant", ROLE).code == 0
    with psycopg.connect(app_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM custmerge_history")


def test_whoever_does_not_own_the_tables_gives_nobody_rights(app):
    done = app("init", "--grant", ROLE)
    assert done.code == 4
    assert "own the tables" in done.err


def test_an_unknown_role_is_one_sentence(owner):
    done = owner("init", "--grant", "nobody-of-that-name")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1


def test_sqlite_has_no_roles(sqlite_cli):
    done = sqlite_cli("init", "--grant", "app")
    assert (done.code, "SQLite" in done.err) == (2, True)


@pytest.mark.parametrize("role", ["public", "postgres"])
def test_a_role_that_no_right_binds_is_refused(owner, role):
    done = owner("init", "--grant", role)
    assert (done.code, role in done.err) == (2, True)
