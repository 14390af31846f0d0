"""The processes of an audit: what they find comes back, and none outlives what it was started for."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.marks import on_sqlite_alone

from custmerge.errors import DatabaseMissing, ProcessLost
from custmerge.services.audit import workers as audit_workers
from custmerge.services.audit.workers import AuditProcesses
from custmerge.storage.database import Database

# Tests have threads; the command has none when it forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
SOON = 300
SCRIPT = """
import sys, time
from custmerge.services.audit import workers as audit_workers
from custmerge.storage.database import Database
sys.path.insert(0, {folder!r})
from services.audit.test_workers import asleep

audit_workers.cores = lambda: 3
with audit_workers.AuditProcesses(Database({url!r}), seconds=100, takes_any_text=False) as processes:
    print(*(process.pid for process in processes._processes), flush=True)
    {doing}
"""


def last_seq(unit):
    return unit.ledger_reader.last_seq()


def asleep(_unit):
    time.sleep(2 * SOON)


def killed(_unit):
    os.kill(os.getpid(), signal.SIGKILL)


def missing(_unit):
    raise DatabaseMissing(database="here")


def faulty(_unit):
    raise ZeroDivisionError


@pytest.fixture(params=["forked", "spawned"])
def start(request, monkeypatch):
    monkeypatch.setattr(audit_workers, "_is_forkable", lambda: request.param == "forked")
    monkeypatch.setattr(audit_workers, "cores", lambda: 2)


@pytest.fixture
def processes(database_url, start):
    with AuditProcesses(Database(database_url), seconds=100, takes_any_text=False) as processes:
        yield processes
    assert multiprocessing.active_children() == []


def test_every_task_has_its_answer_whichever_is_asked_for_first(processes, database_url):
    tasks = [processes.ask(last_seq) for _ in range(7)]
    database = Database(database_url)
    with database.reading() as unit:
        seq, head = unit.ledger_reader.last_seq(), unit.ledger_reader.head()
    database.close()
    assert [processes.answer(task, None) for task in reversed(tasks)] == [seq] * 7
    assert processes.heads == {head}


def test_little_is_done_by_this_process_alone(database_url, start):
    database = Database(database_url)
    with AuditProcesses(database, seconds=0, takes_any_text=False) as processes, database.reading() as unit:
        assert processes.answer(processes.ask(lambda _unit: os.getpid()), unit) == os.getpid()
    database.close()


@on_sqlite_alone
def test_what_is_raised_there_is_raised_here(processes):
    with pytest.raises(DatabaseMissing, match="here"):
        processes.answer(processes.ask(missing), None)


@on_sqlite_alone
def test_a_fault_there_is_one_here(processes):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        processes.answer(processes.ask(faulty), None)


@on_sqlite_alone
def test_a_process_that_is_killed_is_told_of(processes):
    task = processes.ask(killed)
    with pytest.raises(ProcessLost):
        processes.answer(task, None)


@on_sqlite_alone
@pytest.mark.parametrize(
    ("doing", "ending"),
    [
        ("processes.answer(processes.ask(asleep), None)", signal.SIGINT),
        ("asleep(0)", signal.SIGTERM),
        ("asleep(0)", signal.SIGKILL),
    ],
)
def test_none_outlives_the_command(database_url, doing, ending):
    script = SCRIPT.format(folder=str(Path(__file__).parents[2]), url=database_url, doing=doing)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as command:
        pids = [int(pid) for pid in command.stdout.readline().split()]
        assert len(pids) == 3
        command.send_signal(ending)
        assert command.wait(SOON) != 0
        until = time.monotonic() + SOON
        while any(map(is_there, pids)) and time.monotonic() < until:
            time.sleep(0.05)
    assert [pid for pid in pids if is_there(pid)] == []


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
