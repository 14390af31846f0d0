"""The private folder of a search, which holds personal data."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from custmerge.errors import BadValue, TemporaryFilesFailed
from custmerge.storage.matching.workspace import Workspace, workspace

SEARCHING = """
import sys, time
from custmerge.storage.matching.workspace import workspace
with workspace(None) as space:
    space.run("create table personal as select 'Anna' as name")
    print(space.folder, flush=True)
    time.sleep(60)
"""


def test_only_its_owner_can_look_into_it():
    with workspace(None) as space:
        assert stat.S_IMODE(space.folder.stat().st_mode) == 0o700


def test_it_is_gone_after_a_search():
    with workspace(None) as space:
        space.run("create table personal as select 'Anna' as name")
    assert not space.folder.exists()


def test_it_is_gone_after_an_error():
    with pytest.raises(ZeroDivisionError), workspace(None) as space:
        raise ZeroDivisionError
    assert not space.folder.exists()


def test_it_is_gone_where_the_process_that_would_remove_it_doesnt_start(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), workspace(None):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_gone_after_the_process_was_killed(how):
    process = subprocess.Popen([sys.executable, "-c", SEARCHING], stdout=subprocess.PIPE, text=True)
    folder = process.stdout.readline().strip()
    process.send_signal(how)
    process.communicate()
    until = time.monotonic() + 30
    while subprocess.run(["test", "-e", folder], check=False).returncode == 0:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_spilled_data_stays_in_it_and_memory_is_limited():
    with workspace(1 << 30) as space:
        settings = dict(space.rows("select name, value from duckdb_settings()"))
    assert settings["temp_directory"].startswith(str(space.folder))
    assert settings["memory_limit"] == "768.0 MiB"
    assert int(settings["threads"]) <= 2


def by_splink(space, statement):
    from splink import DuckDBAPI

    DuckDBAPI(space.connection)._log_and_run_sql_execution(statement, "endless", "endless")


@pytest.mark.parametrize("execute", [Workspace.run, by_splink])
@pytest.mark.parametrize(
    "rows",
    ["range(1_000_000_000_000)", "range(10_000_000) a, range(1_000_000) b where a.range % 7 = 3"],
    ids=["many tasks", "one long task"],
)
def test_ctrl_c_ends_a_statement_at_once_and_is_no_error(execute, rows):
    def search():
        with workspace(None) as space:
            threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
            execute(space, f"create table endless as select count(*) as n from {rows}")

    began = signal.set_wakeup_fd(-1)
    with pytest.raises(KeyboardInterrupt):
        search()
    assert signal.set_wakeup_fd(began) == -1


SPREAD = "create table wide as select i, repeat(i::text, 99) as text from range(3_000_000) r(i) order by text desc"


def test_too_little_memory_is_a_sentence_about_the_option():
    with pytest.raises(BadValue, match="--memory 1 MiB"), workspace(1 << 20) as space:
        space.run(SPREAD)


def test_too_little_memory_without_the_option_is_a_sentence_about_the_machine():
    import duckdb

    with pytest.raises(BadValue) as raised, workspace(None):
        raise duckdb.OutOfMemoryException("Out of Memory Error")
    assert str(raised.value) == (
        "--memory isn't given, and this machine's memory is too little for so many customers: use a larger one, or "
        "--engine spark."
    )


@pytest.mark.parametrize("kind", ["IOException", "FatalException"])
def test_a_full_disk_is_named_also_where_splink_wraps_the_error(kind):
    import duckdb
    from splink.internals.exceptions import SplinkException

    full = getattr(duckdb, kind)("IO Error: Could not write file: No space left on device\nStack trace")
    with pytest.raises(TemporaryFilesFailed, match="No space left") as raised, workspace(None):
        raise SplinkException from full
    assert raised.value.exit == 8
