"""kill -9 before any statement of an undo, and before its commit: all or nothing."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from custmerge.services import sessions, undoing
from custmerge.storage.unit import Database

PROCESSES = multiprocessing.get_context("fork")


def undo_and_die(url, fatal):
    """Undo both orders in this process, but be killed at the `fatal`th thing that reaches the database."""
    database = Database(url)
    now = datetime.now(UTC)
    caller = sessions.resume(database, "token-of-anna", now)
    reached = 0

    def strike(*_):
        nonlocal reached
        reached += 1
        if reached == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database._engine, "before_cursor_execute", strike)
    event.listen(database._engine, "commit", strike)
    undoing.undo(database, caller, undoing.Request(frozenset({1}), cascade=True), now)
    os._exit(0)


def test_an_undo_that_is_killed_anywhere_happened_wholly_or_not_at_all(world, agent, database_url):
    world.customer("10001", password="pw-1", domains=["eins.example"], mobile="")
    world.customer("20002", password="pw-2", domains=["zwei.example", "drei.example"], city="Ulm")
    world.customer("30003", password="pw-3", domains=["vier.example"], city="Kiel")
    before = world.dump()
    for absorbed, domain, password in (("20002", "zwei.example", "pw-2"), ("30003", "vier.example", "pw-3")):
        proof = ("--domain", domain, "--password-stdin")
        order = ("merge", absorbed, "--into", "10001", *proof, "--keep", "--take", "city", "--yes")
        assert agent(*order, stdin=password).code == 0
    merged = world.dump()
    survived = 0
    for fatal in range(1, 100):
        process = PROCESSES.Process(target=undo_and_die, args=(database_url, fatal))
        process.start()
        process.join(30)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert world.dump() == merged
        assert agent("history", "--action", "undo", "-f", "json").json == []
        survived += 1
    assert survived >= 12
    assert world.dump() == before
    assert len(agent("history", "--action", "undo", "-f", "json").json) == 2


@pytest.fixture(autouse=True)
def _quiet_fork_warning(recwarn):
    yield
    recwarn.clear()
