"""Reading goes on while others write, and on servers that nobody can write to."""

import os
import subprocess
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from support.databases import execute

from custmerge.errors import DatabaseConflict, SessionOver
from custmerge.rules.history import stamp
from custmerge.rules.people import token_sha256
from custmerge.services.access import resume
from custmerge.services.imports import import_file
from custmerge.services.imports.customers import Customers
from custmerge.services.imports.packages import Packages
from custmerge.services.people import passwords
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine, sqlite

READERS = {
    "ada": [("audit",), ("export", "history"), ("history",), ("show", "10001"), ("find", "katrin"), ("whoami",)],
    "ben": [("show", "10001"), ("find", "katrin"), ("diff", "20002", "--into", "10001"), ("transfer", "list")],
}


@pytest.fixture
def pair(world, database_url):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    return world


def make_sessions_old(url):
    """Make every session one whose use is to be noted."""
    with closing(Database(url)) as database:
        older = stamp(database.now() - timedelta(hours=2))
    execute(url, f"UPDATE custmerge_session SET created_at = '{older}', last_used_at = '{older}'")


def demand_all_read(cli):
    for name, commands in READERS.items():
        for command in commands:
            done = cli.as_(name)(*command)
            assert done.code == (1 if command[0] == "diff" else 0), (command, done.err)


@contextmanager
def somebody_writes(url):
    """Hold what a long import holds, and each session too."""
    engine = open_engine(url)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE custmerge_session SET last_used_at = last_used_at"))
        connection.execute(text("UPDATE custmerge_head SET seq = seq"))
        connection.execute(text("UPDATE customer SET company = company"))
        yield
    engine.dispose()


def test_readers_read_at_once_while_somebody_writes(pair, cli, database_url):
    make_sessions_old(database_url)
    # Who waited would do so for longer than a test does.
    cli.url += "?timeout=1000" if database_url.startswith("sqlite") else ""
    with somebody_writes(database_url):
        demand_all_read(cli)


def test_a_session_that_is_over_is_refused_while_somebody_writes(pair, cli, database_url):
    execute(
        database_url, "UPDATE custmerge_session SET created_at = '2026-01-01T08:00:00Z', last_used_at = created_at"
    )
    cli.url += "?timeout=1000" if database_url.startswith("sqlite") else ""
    with somebody_writes(database_url):
        assert cli.as_("ben")("find", "x").code == 4


def test_the_use_of_a_session_is_noted_where_it_can_be_and_that_of_a_service_token_is_not(pair, cli, database_url):
    token = cli.as_("anna")("token", "create", "nightly", "--role", "auditor").out.strip()
    make_sessions_old(database_url)

    def last_used(one):
        with closing(Database(database_url)) as database, database.reading() as unit:
            return unit.people.session(token_sha256(one)).last_used_at

    before = {one: last_used(one) for one in ("token-of-ben", token)}
    cli.token = token
    assert cli("find", "x").code == 0
    assert cli.as_("ben")("find", "x").code == 0
    assert last_used(token) == before[token]
    assert last_used("token-of-ben") > before["token-of-ben"]


# ---- nobody can write


@contextmanager
def read_only(url, request):
    """Make a server, or a disk, one that can be read alone, and give its URL."""
    if not url.startswith("sqlite"):
        with psycopg.connect(url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        yield url
        return
    path = Path(url.removeprefix("sqlite:///"))
    if os.geteuid() != 0:
        path.chmod(0o400)
        path.parent.chmod(0o500)
        yield url
        path.parent.chmod(0o700)
        return
    # Rights are nothing to root.
    disk = request.getfixturevalue("small_disk")(20)
    (disk / path.name).write_bytes(path.read_bytes())
    subprocess.run(("mount", "-o", "remount,ro", disk), check=True)
    yield f"sqlite:///{disk / path.name}"


@pytest.fixture
def standby(pair, cli, database_url, request):
    make_sessions_old(database_url)
    with read_only(database_url, request) as url:
        cli.url = url
        yield cli


@pytest.mark.parametrize("name", READERS)
def test_a_server_that_cannot_be_written_to_is_audited_and_read(standby, name):
    for command in READERS[name]:
        done = standby.as_(name)(*command)
        assert done.code == (1 if command[0] == "diff" else 0), (command, done.err)


@pytest.mark.parametrize(
    "command", [("export", "customers"), ("show", "10001", "--reveal"), ("export", "packages")], ids=" ".join
)
def test_what_has_to_be_recorded_is_refused_where_nothing_can_be_written(standby, command):
    done = standby.as_("anna")(*command)
    assert (done.code, done.out, "read-only" in done.err) == (8, "", True)


def test_a_refused_command_is_refused_where_nothing_can_be_written(standby):
    assert standby.as_("ben")("export", "customers").code == 4


def read_while_somebody_writes(database):
    with database.reading() as unit:
        assert unit.people.has_staff()
        execute(database.url, "UPDATE custmerge_staff SET role = 'auditor'")


def test_a_file_that_cannot_be_locked_and_changes_while_it_is_read_gives_no_answer(sqlite_cli, monkeypatch):
    with closing(Database(sqlite_cli.url)) as database:
        with monkeypatch.context() as patched:
            patched.setattr(sqlite, "_is_frozen", lambda _path: True)
            with database.reading() as unit:
                assert unit.people.has_staff()
        with pytest.raises(DatabaseConflict):
            read_while_somebody_writes(database)
        with database.reading() as unit:
            assert {person.role.value for person in unit.people.all_staff()} == {"auditor"}


# ---- an import hashes before it locks


class Quiet:
    def problem(self, file, line, problem):
        raise AssertionError((file, line, problem))

    def advanced(self, done, total):
        """Nobody looks."""


IMPORTS = {
    "customers": (Customers, "number,password,last_name\n70001,pw-7,Alt\n70002,,Neu\n70003,pw-9,Neu\n"),
    "packages": (Packages, "package,number,password,name\nP7,10001,pw-7,a\nP8,10001,,b\nP9,20002,pw-9,c\n"),
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_passwords_are_hashed_before_an_import_locks_anything(pair, database_url, tmp_path, monkeypatch, kind):
    hashed, made = passwords.all_hashed, []

    def watched(secrets):
        engine = open_engine(f"{database_url}?timeout=0" if database_url.startswith("sqlite") else database_url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE customer SET company = company"))
            connection.execute(text("UPDATE custmerge_head SET seq = seq"))
        engine.dispose()
        made.extend(secrets)
        return hashed(secrets)

    monkeypatch.setattr(passwords, "all_hashed", watched)
    importer, content = IMPORTS[kind]
    (tmp_path / "new.csv").write_text(content)
    with closing(Database(database_url)) as database:
        caller, now = resume(database, "token-of-anna", database.now()), database.now()
        path = str(tmp_path / "new.csv")
        import_file(database, caller, path, importer, update=False, progress=Quiet(), now=now)
    assert made == ["pw-7", "pw-9"]


def test_a_session_that_ends_while_a_file_comes_imports_nothing(pair, database_url, tmp_path):
    importer, content = IMPORTS["customers"]
    (tmp_path / "new.csv").write_text(content)
    with closing(Database(database_url)) as database:
        caller, began = resume(database, "token-of-anna", database.now()), database.now() - timedelta(hours=12)
        used = stamp(began)
        execute(database_url, f"UPDATE custmerge_session SET created_at = '{used}', last_used_at = '{used}'")
        with pytest.raises(SessionOver):
            import_file(
                database, caller, str(tmp_path / "new.csv"), importer, update=False, progress=Quiet(), now=began
            )


def test_each_password_belongs_to_its_line_whatever_lines_are_between(world, cli, tmp_path):
    rows = [f"8{place:05},{f'pw-{place}' if place % 7 == 0 else ''}" for place in range(1_000)]
    (tmp_path / "many.csv").write_text("\n".join(["number,password", *rows]))
    assert world.anna("import", "customers", "many.csv").code == 0
    for place in (0, 392, 399, 406, 994):
        cli.login(f"8{place:05}", f"pw-{place}")
    done = cli("login", "800001", "--password-stdin", "--print-token", stdin="pw-0")
    assert done.code == 4


def test_a_pipe_with_passwords_is_imported_like_a_file(world, cli, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process, (_, _out, err) = world.anna.start("import", "customers", "pipe")
    with suppress(BrokenPipeError), (tmp_path / "pipe").open("w") as pipe:
        pipe.write("\ufeffnumber;password;city\n70001;pw-7;Köln\n")
    process.join(300)
    assert process.exitcode == 0, err.read_text()
    assert cli.login("70001", "pw-7")("show", "70001", "-f", "json").json["city"] == "Köln"


def test_a_bad_line_between_passwords_is_reported_and_nothing_is_imported(world, tmp_path):
    (tmp_path / "bad.csv").write_text(
        "number,password,password_hash\n70001,pw-7,\n70 2,pw-8,\n70003,pw-9,x,y\n70004,a,b\n"
    )
    done = world.anna("import", "customers", "bad.csv")
    assert done.code == 2
    assert {line.split(":")[1] for line in done.err.splitlines()[:-1]} == {"3", "4", "5"}
    assert "70001" not in world.customers()
