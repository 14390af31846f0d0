"""kill -9 before any statement of a merge, and before its commit: all or nothing."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from custmerge.rules.plan import Choice, Wishes
from custmerge.services import merging, sessions
from custmerge.storage.unit import Database

PROCESSES = multiprocessing.get_context("fork")


def merge_and_die(url, fatal):
    """Merge 20002 into 10001 in this process, but be killed at the `fatal`th thing that reaches the database."""
    database = Database(url)
    now = datetime.now(UTC)
    caller = sessions.resume(database, "token-of-ben", now)
    reached = 0

    def strike(*_):
        nonlocal reached
        reached += 1
        if reached == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database._engine, "before_cursor_execute", strike)
    event.listen(database._engine, "commit", strike)
    request = merging.Request("20002", "10001", Wishes(Choice.KEEP, fill=True))
    merging.merge(database, caller, request, salt=b"s" * 16, now=now)
    os._exit(0)


def test_a_merge_that_is_killed_anywhere_happened_wholly_or_not_at_all(world, agent, database_url):
    world.customer("10001", password="pw-1", domains=["eins.example"], mobile="")
    world.customer("20002", password="pw-2", domains=["zwei.example", "drei.example"], city="Ulm")
    agent("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    before = world.dump()
    survived = 0
    for fatal in range(1, 100):
        process = PROCESSES.Process(target=merge_and_die, args=(database_url, fatal))
        process.start()
        process.join(30)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert world.dump() == before
        assert agent("history", "--action", "merge", "-f", "json").json == []
        survived += 1
    assert survived >= 12
    assert world.dump() != before
    assert len(agent("history", "--action", "merge", "-f", "json").json) == 1


@pytest.fixture(autouse=True)
def _quiet_fork_warning(recwarn):
    yield
    recwarn.clear()
