"""Somebody whose session ends after their command has begun writes nothing. On both databases."""

from datetime import UTC, datetime
from functools import partial

import pytest
from support.bulk_scenes import Quiet
from support.databases import STAFF_PASSWORD, execute
from support.scenes import scene

from custmerge.errors import SessionOver
from custmerge.rules.people import Role
from custmerge.rules.transfers import Status
from custmerge.services import access, bulk, export, merge, purge, transfer, verify
from custmerge.services import undo as undo_service
from custmerge.services.bulk.file import RunOptions
from custmerge.services.imports import import_file
from custmerge.services.imports.customers import Customers
from custmerge.services.people import staff, tokens
from custmerge.storage.database import Database

NEW = "ein-ganz-neues-passwort"


@scene
def something_of_every_kind(world, agent, supervisor):
    world.customers_like("10001", "20002", "50005")
    world.customer("40004", password="pw", domains=["vier.example"])
    world.customer("30003", company="Sonnentau OHG")
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n10001,50005\n")
    (world.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    done = [
        agent.in_process("transfer", "file", "30003", "--into", "10001", "--form", "form.pdf"),
        supervisor.in_process("token", "create", "bot", "--role", "auditor"),
    ]
    assert {one.code for one in done} == {0}


class Host:
    """A database in which there is something to do of every kind, and a supervisor who does it."""

    def __init__(self, world, supervisor):
        self.world, self.database, self.now = world, Database(supervisor.url), datetime.now(UTC)
        self.me = access.resume(self.database, supervisor.token, self.now)
        self.pairs = str(world.folder / "pairs.csv")

    def state(self):
        """Return everything that a command could write."""
        with self.database.reading() as unit:
            people = unit.people.all_staff(), unit.people.all_services()
            return unit.chain.last(), people, unit.transfers.stored_as(*Status), unit.register.count()


def undo(host):
    verify.verify(host.database, host.me, verify.Claim("40004", "vier.example", "pw"), into="10001", now=host.now)
    merge.merge(host.database, host.me, merge.Request("40004", "10001"), salt=bytes(16), now=host.now)
    return partial(undo_service.undo, host.database, host.me, undo_service.Request(frozenset({1})), host.now)


# Work → what it needs, done while the session is open, as a function that does it.
WORK = {
    "user add": lambda h: partial(staff.add_staff, h.database, h.me, "eva", Role.AGENT, NEW, h.now),
    "user role": lambda h: partial(staff.change_role, h.database, h.me, "ben", Role.AUDITOR, h.now),
    "user disable": lambda h: partial(staff.disable, h.database, h.me, "ben", h.now),
    "user password": lambda h: partial(staff.change_password, h.database, h.me, "ben", NEW, present=None, now=h.now),
    "own password": lambda h: partial(
        staff.change_password, h.database, h.me, "anna", NEW, present=STAFF_PASSWORD, now=h.now
    ),
    "user unlock": lambda h: partial(staff.unlock, h.database, h.me, "ben", h.now),
    "token create": lambda h: partial(
        tokens.create, h.database, h.me, "new", Role.AGENT, days=1, token="t", now=h.now
    ),
    "token revoke": lambda h: partial(tokens.revoke, h.database, h.me, "bot", h.now),
    "transfer file": lambda h: partial(
        transfer.file,
        h.database,
        h.me,
        transfer.Filing("20002", "10001", "form.pdf", b"%PDF-1.7 signed"),
        salt=bytes(16),
        now=h.now,
    ),
    "transfer approve": lambda h: partial(transfer.decide, h.database, h.me, 1, Status.APPROVED, now=h.now),
    "transfer form": lambda h: partial(transfer.form_of, h.database, h.me, 1, h.now),
    "bulk approve": lambda h: partial(
        bulk.approve,
        h.database,
        h.me,
        h.pairs,
        bulk.approvable(h.database, h.me, h.pairs, RunOptions(lambda: h.now, lambda: bytes(16), Quiet())),
        h.now,
    ),
    "purge": lambda h: partial(purge.purge, h.database, h.me, purge.preview(h.database, h.me, 365, h.now), h.now),
    "undo": undo,
    "export": lambda h: partial(export.customers, h.database, h.me, with_hashes=False, now=h.now),
}


@pytest.fixture
def host(world, supervisor, something_of_every_kind):
    host = Host(world, supervisor)
    yield host
    host.database.close()


@pytest.mark.parametrize("work", WORK)
def test_whoever_is_logged_out_after_a_command_has_begun_writes_nothing(host, database_url, work):
    write = WORK[work](host)
    before = host.state()
    execute(database_url, "DELETE FROM custmerge_session WHERE staff IS NOT NULL")
    with pytest.raises(SessionOver):
        write()
    assert host.state() == before


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whoever_is_logged_out_during_an_import_imports_nothing(host, database_url, tmp_path):
    class LogsOut(Quiet):
        def advanced(self, *_):
            execute(database_url, "DELETE FROM custmerge_session WHERE staff IS NOT NULL")

    (tmp_path / "feed.csv").write_text("number\n60006\n")
    before = host.state()
    feed = str(tmp_path / "feed.csv")
    with pytest.raises(SessionOver):
        import_file(host.database, host.me, feed, Customers, update=False, progress=LogsOut(), now=host.now)
    assert host.state() == before
