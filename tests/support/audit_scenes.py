"""What several files of tests of audits have in common."""

import itertools
import os
import shutil
import sqlite3
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from unittest.mock import patch

import psycopg
import pytest

from custmerge.errors import DatabaseError
from custmerge.rules.audit import CheckName
from custmerge.rules.people import Role
from custmerge.services import audit as audit_service
from custmerge.services.access import Caller
from custmerge.storage.database import Database
from custmerge.storage.dialect import translated_errors
from support.command_line import CommandLine
from support.runs import made_once, run_folder
from support.world import World

AUDITOR = Caller(Role.AUDITOR, "ada", "", "", 3)
FORM = b"%PDF-1.7 signed"
NOW = datetime.now(UTC)
NUMBERS = itertools.count()


def live(cli):
    """Let everything happen once: merges of each choice, a transfer, a token, a bulk file, a dismissal."""
    world, agent, supervisor = World(cli), cli.as_("ben"), cli.as_("anna")
    for number in range(1, 7):
        changes = {} if number < 4 else {"street": f"Weg {number}"}
        # Only who differs in identity can have a contract transfer.
        changes |= {"first_name": "Ute"} if number == 6 else {}
        world.customer(f"2000{number}", domains=[f"d{number}.example"], password="hefezopf", **changes)
    world.customer("20009", last_name="Anders", domains=["d9.example"], password="hefezopf")
    world.customer("10001", domains=["own.example"])
    (cli.folder / "form.pdf").write_bytes(FORM)
    (cli.folder / "bulk.csv").write_text("survivor,absorbed,choice\n10001,20003,keep\n")
    done = [
        merged(agent, 1),
        merged(agent, 2),
        merged(agent, 4, "--adopt", "--take", "street", "--take", "city"),
        merged(agent, 5, "--keep"),
        agent.in_process("transfer", "file", "20009", "--into", "10001", "--form", "form.pdf"),
        supervisor.in_process("transfer", "approve", "1", "--yes"),
        agent.in_process("merge", "20009", "--into", "10001", "--keep", "--yes"),
        agent.in_process("transfer", "file", "20006", "--into", "10001", "--form", "form.pdf"),
        supervisor.in_process("transfer", "reject", "2", "--reason", "Unterschrift fehlt", "--yes"),
        supervisor.in_process("token", "create", "nightly", "--role", "auditor", "--days", "90"),
        supervisor.in_process("bulk", "approve", "bulk.csv", "--yes"),
        agent.in_process("bulk", "run", "bulk.csv"),
        supervisor.in_process("duplicates", "dismiss", "10001", "20006", "--reason", "Schwestern"),
    ]
    assert [one.code for one in done] == [0] * len(done), [one.err for one in done]


@pytest.fixture(scope="session")
def lived_sqlite(sqlite_template, tmp_path_factory):
    """The file of a database in which everything has happened once."""
    folder = run_folder(tmp_path_factory) / "lived"
    path = folder / "lived.db"

    def make():
        folder.mkdir()
        shutil.copy(sqlite_template, path)
        live(CommandLine(f"sqlite:///{path}", folder))
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    made_once(folder.parent, "lived_sqlite", make)
    return path


@pytest.fixture(scope="session")
def lived_postgresql(postgresql_server, postgresql_template, tmp_path_factory):
    """The name of a database in which everything has happened once, and to which nobody is connected."""
    folder = run_folder(tmp_path_factory) / "lived-postgresql"

    def make():
        folder.mkdir()
        with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE lived TEMPLATE {postgresql_template} STRATEGY file_copy")
        live(CommandLine(postgresql_server.get_uri("lived"), folder))

    made_once(folder.parent, "lived_postgresql", make)
    return "lived"


@pytest.fixture(scope="session")
def standing_sqlite(lived_sqlite, tmp_path_factory):
    return shutil.copy(lived_sqlite, tmp_path_factory.mktemp("standing"))


@pytest.fixture(scope="session")
def standing_postgresql(postgresql_server, lived_postgresql):
    name = f"standing_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {lived_postgresql} STRATEGY file_copy")
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def copies(request, tmp_path):
    """Makes the URL of a further database in which everything has happened once."""
    (tmp_path / "form.pdf").write_bytes(FORM)
    if request.param == "sqlite":
        template = request.getfixturevalue("lived_sqlite")
        yield lambda: f"sqlite:///{shutil.copy(template, tmp_path / f'{next(NUMBERS)}.db')}"
        return
    server, template = (request.getfixturevalue(name) for name in ("postgresql_server", "lived_postgresql"))
    made = []
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:

        def copy():
            made.append(f"l_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(NUMBERS)}")
            connection.execute(f"CREATE DATABASE {made[-1]} TEMPLATE {template} STRATEGY file_copy")
            return server.get_uri(made[-1])

        yield copy
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def standing(request):
    """The URL of a database in which everything has happened once, and in which nothing may change."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('standing_sqlite')}"
    server = request.getfixturevalue("postgresql_server")
    return server.get_uri(request.getfixturevalue("standing_postgresql"))


@pytest.fixture
def lived(copies):
    return copies()


@pytest.fixture
def cli(lived, tmp_path):
    return CommandLine(lived, tmp_path)


def merged(agent, number, *options):
    proof = ("--domain", f"d{number}.example", "--password-stdin")
    return agent.in_process("merge", f"2000{number}", "--into", "10001", *proof, *options, "--yes", stdin="hefezopf")


def audited(url, *, checks=frozenset(CheckName), checkpoints=None, since_checkpoint=False, days=365, now=NOW):
    give = None if checkpoints is None else lambda: iter(checkpoints)
    wanted = audit_service.Wanted(frozenset(checks), give, since_checkpoint, days)
    with closing(known_database(url)) as database:
        return audit_service.audit(database, AUDITOR, wanted, now)


@lru_cache(maxsize=4)
def known_database(url):
    """Return a database that may have been opened before, and keeps what it has compiled when it is closed."""
    return Database(url)


def tamper(url, *statements):
    """Do what somebody with all rights on the database can do, and put the triggers back."""
    if not url.startswith("sqlite"):
        with psycopg.connect(url) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())
        return
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _sql in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _name, sql in triggers:
            # There is none on a table that was dropped.
            with suppress(sqlite3.OperationalError):
                connection.execute(sql)


class Undone(Exception):
    """Nothing of it is to stay."""


def after(url, *statements, look=lambda _connection: None, replica=True):
    """Return what the audit says inside a transaction in which `statements` were executed; nothing of it stays.

    None where the database refuses them, or where `look` gives the same before and after.
    """
    database, audit = known_database(url), None
    with closing(database), suppress(Undone, DatabaseError), database.writing() as unit:
        connection = unit._connection
        before = look(connection)
        unprotected(connection, database.is_sqlite, statements, replica=replica)
        if before is None or look(connection) != before:
            # The audit looks at what this transaction sees.
            wanted = audit_service.Wanted(frozenset(CheckName), None, False, 365)
            with patch.object(database, "reading", lambda: inside(database, unit)):
                audit = audit_service.audit(database, AUDITOR, wanted, NOW)
        raise Undone
    return audit


@contextmanager
def inside(database, unit):
    """Give what a unit sees to somebody who reads, with the errors that readers get."""
    with translated_errors(database.url):
        yield unit


def unprotected(connection, is_sqlite, statements, *, replica):
    """Do what somebody with all rights on the database can do, and put the triggers back."""
    if not is_sqlite:
        role = "SET LOCAL session_replication_role = {}".format
        for statement in (role("replica"), *statements, role("origin")) if replica else statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
        return
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    dropped = [f"DROP TRIGGER {name}" for name, _sql in triggers]
    for statement in (*dropped, *statements, *(sql for _name, sql in triggers)):
        connection.exec_driver_sql(statement)


def found(audit, check):
    return {finding.subject for finding in audit.findings if finding.check is check}


MOVED = "UPDATE package SET number = '20006' WHERE package = 'P20001'"
