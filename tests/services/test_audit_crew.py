"""The processes of an audit: what they find comes back, and none outlives what it was started for."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from custmerge.errors import DatabaseMissing, ProcessLost
from custmerge.services import audit_crew
from custmerge.services.audit_crew import Crew
from custmerge.storage.unit import Database

# Tests have threads; the command has none when it forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
SOON = 20
SCRIPT = """
import sys, time
from custmerge.services import audit_crew
from custmerge.storage.unit import Database
sys.path.insert(0, {folder!r})
from test_audit_crew import asleep

audit_crew.cores = lambda: 3
with audit_crew.Crew(Database({url!r}), seconds=100, takes_any_text=False) as crew:
    print(*(process.pid for process in crew._processes), flush=True)
    {doing}
"""


def last_seq(unit):
    return unit.evidence.last_seq()


def asleep(_unit):
    time.sleep(60)


def killed(_unit):
    os.kill(os.getpid(), signal.SIGKILL)


def missing(_unit):
    raise DatabaseMissing(database="here")


def faulty(_unit):
    raise ZeroDivisionError


@pytest.fixture(params=["forked", "spawned"])
def start(request, monkeypatch):
    monkeypatch.setattr(audit_crew, "_is_forkable", lambda: request.param == "forked")
    monkeypatch.setattr(audit_crew, "cores", lambda: 2)


@pytest.fixture
def crew(database_url, start):
    with Crew(Database(database_url), seconds=100, takes_any_text=False) as crew:
        yield crew
    assert multiprocessing.active_children() == []


def test_every_task_has_its_answer_whichever_is_asked_for_first(crew, database_url):
    tasks = [crew.ask(last_seq) for _ in range(7)]
    database = Database(database_url)
    with database.reading() as unit:
        seq, head = unit.evidence.last_seq(), unit.evidence.head()
    database.close()
    assert [crew.answer(task, None) for task in reversed(tasks)] == [seq] * 7
    assert crew.heads == {head}


def test_little_is_done_by_this_process_alone(database_url, start):
    database = Database(database_url)
    with Crew(database, seconds=0, takes_any_text=False) as crew, database.reading() as unit:
        assert crew.answer(crew.ask(lambda _unit: os.getpid()), unit) == os.getpid()
    database.close()


def test_what_is_raised_there_is_raised_here(crew):
    with pytest.raises(DatabaseMissing, match="here"):
        crew.answer(crew.ask(missing), None)


def test_a_fault_there_is_one_here(crew):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        crew.answer(crew.ask(faulty), None)


def test_a_process_that_is_killed_is_told_of(crew):
    task = crew.ask(killed)
    with pytest.raises(ProcessLost):
        crew.answer(task, None)


@pytest.mark.parametrize(
    ("doing", "ending"),
    [
        ("crew.answer(crew.ask(asleep), None)", signal.SIGINT),
        ("asleep(0)", signal.SIGTERM),
        ("asleep(0)", signal.SIGKILL),
    ],
)
def test_none_outlives_the_command(database_url, doing, ending):
    script = SCRIPT.format(folder=str(Path(__file__).parent), url=database_url, doing=doing)
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
