"""Two who want one name, or to be the first, at once: one of them gets it (contract §3)."""

import os
import threading
import time
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime

import psycopg
import pytest
from support.bulk_scenes import Quiet
from support.command_line import CommandLine

from custmerge.errors import CustmergeError, DatabaseLocked, HasStaff, NameTaken, UnknownToken
from custmerge.rules.people import Role
from custmerge.rules.transfers import Status
from custmerge.services import access, bulk, init, transfer
from custmerge.services.bulk import lease
from custmerge.services.bulk.file import RunOptions
from custmerge.services.people import passwords, staff, tokens
from custmerge.storage import database as databases
from custmerge.storage.database import Database
from custmerge.storage.dialect import postgresql
from custmerge.storage.files.locks import FileRunLock
from custmerge.storage.schema import VERSIONS

PASSWORD = "das-ist-lang-genug"
GIVE_UP_AFTER_SECONDS = 300
# Not pg_stat_activity, of which a transaction always sees what it saw first. Who waits holds other locks here.
_WAITING = (
    "SELECT count(DISTINCT waits.pid) FROM pg_locks waits JOIN pg_locks holds ON holds.pid = waits.pid "
    "JOIN pg_database here ON here.oid = holds.database AND datname = current_database() WHERE NOT waits.granted"
)


def this_moment():
    return datetime.now(UTC)


@pytest.fixture
def quick_hashes(database_url, monkeypatch):
    """Whoever hashes for long comes too late to be in anybody's way."""
    monkeypatch.setattr(passwords, "hashed", lambda _password: "a hash")


@contextmanager
def everybody_waits(url, count):
    """Hold the end of the history until `count` others wait for a lock of somebody's.

    What a transaction looked at before it came to wait for that, it looked at before the others wrote. SQLite lets
    nobody begin to write while somebody does, so that there is nothing to wait for.
    """
    database = Database(url)
    with database.writing() as unit:
        unit.chain.lock()
        yield
        until = time.monotonic() + GIVE_UP_AFTER_SECONDS
        while not database.is_sqlite and unit._connection.exec_driver_sql(_WAITING).scalar() < count:
            assert time.monotonic() < until, "they don't wait"
            time.sleep(0.01)
    database.close()


def at_once(url, *works):
    """Do all `works`, each with a database of its own, and return what each raised or None."""
    ends = [None] * len(works)

    def work(place):
        database = Database(url)
        try:
            works[place](database)
        except CustmergeError as error:
            ends[place] = error
        finally:
            database.close()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(works))]
    with everybody_waits(url, len(works)):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    return ends


@pytest.fixture
def empty(database_url, postgresql_server, tmp_path, worker_id):
    """The URL of a database with tables and without anybody."""
    if database_url.startswith("sqlite:"):
        url = f"sqlite:///{tmp_path}/empty.db"
        Database(url).upgrade()
        yield url
        return
    name = f"empty_{worker_id}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        url = postgresql_server.get_uri(name)
        Database(url).upgrade()
        yield url
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_is_made_by_one_process_at_a_time(postgresql_server, worker_id):
    name = f"made_{worker_id}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        ends = []
        works = [
            threading.Thread(target=lambda: ends.append(Database(postgresql_server.get_uri(name)).upgrade()))
            for _ in range(4)
        ]
        for work in works:
            work.start()
        for work in works:
            work.join()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert sorted(ends, key=str) == [*[VERSIONS[-1]] * 3, None]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nobody_waits_for_ever_for_another_who_makes_tables(database_url, monkeypatch):
    monkeypatch.setattr(databases, "UPGRADE_SECONDS", 0.2)
    with psycopg.connect(database_url) as other:
        # All of it but its end is what a process does that is stopped there.
        other.execute(postgresql._ONE_UPGRADE.partition("; ")[2])
        with closing(Database(database_url)) as database, pytest.raises(DatabaseLocked):
            database.upgrade()


@pytest.mark.usefixtures("quick_hashes")
@pytest.mark.parametrize("names", [("anna", "berta"), ("anna", "anna"), ("anna", "Anna")], ids="-".join)
def test_of_two_who_name_the_first_supervisor_at_once_one_does(empty, names):
    works = [lambda db, name=name: init.add_first_supervisor(db, name, PASSWORD, this_moment()) for name in names]
    ends = at_once(empty, *works)
    assert {type(end) for end in ends} == {HasStaff, type(None)}
    database = Database(empty)
    with database.reading() as unit:
        assert len(unit.people.all_staff()) == 1
    database.close()


def test_of_two_who_approve_a_file_at_once_one_does(world, database_url, tmp_path):
    world.customer("10001")
    world.customer("20003")
    file = tmp_path / "pairs.csv"
    file.write_text("survivor,absorbed\n10001,20003\n")
    with closing(Database(database_url)) as database:
        anna = access.resume(database, "token-of-anna", this_moment())
        inputs = RunOptions(this_moment, lambda: os.urandom(16), Quiet())
        ran = bulk.approvable(database, anna, str(file), inputs)

    def approve(database):
        bulk.approve(database, anna, str(file), ran, this_moment())

    ends = at_once(database_url, approve, approve)
    assert sorted(type(end).__name__ for end in ends) == ["BatchApproved", "NoneType"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_who_begin_a_file_at_once_elsewhere_one_runs_it(world, database_url, tmp_path, monkeypatch):
    world.customer("10001")
    world.customer("20003", password="pw-3", domains=["drei.example"])
    file = tmp_path / "pairs.csv"
    file.write_text("survivor,absorbed,domain,password\n10001,20003,drei.example,pw-3\n")
    file.chmod(0o600)
    # Each has a lock of its own, as on another machine.
    lock = lambda _name, mark: nullcontext(FileRunLock(is_free=True, mark=mark))  # noqa: E731
    monkeypatch.setattr(lease, "file_run_lock", lock)

    def run(database):
        ben = access.resume(database, "token-of-ben", this_moment())
        bulk.run(database, ben, str(file), RunOptions(this_moment, lambda: os.urandom(16), Quiet()))

    ends = at_once(database_url, run, run)
    assert sorted(type(end).__name__ for end in ends) == ["BatchMoved", "NoneType"]
    with closing(Database(database_url)) as database, database.reading() as unit:
        assert len(unit.batches.newest(None, 2)) == 1


def test_of_two_who_decide_one_transfer_at_once_one_does(world, database_url):
    world.customer("10001")
    world.customer("20003", company="Sonnentau OHG")
    with closing(Database(database_url)) as database:
        anna, ben = (access.resume(database, f"token-of-{name}", this_moment()) for name in ("anna", "ben"))
        filing = transfer.Filing("20003", "10001", "form.pdf", b"%PDF-1.7 signed")
        filed = transfer.file(database, ben, filing, salt=bytes(16), now=this_moment())

    def approve(database):
        transfer.decide(database, anna, filed.id, Status.APPROVED, now=this_moment())

    ends = at_once(database_url, approve, approve)
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "TransferDecided"]


def test_two_processes_that_name_the_first_supervisor_at_once(empty, tmp_path):
    cli = CommandLine(empty, tmp_path)
    running = [cli.start("init", "--supervisor", n, "--password-stdin", stdin=PASSWORD) for n in ("anna", "berta")]
    for process, _ in running:
        process.join(300)
    assert sorted(process.exitcode for process, _ in running) == [0, 4]


def test_of_two_who_end_one_service_token_at_once_one_does(database_url):
    database = Database(database_url)
    anna = access.resume(database, "token-of-anna", this_moment())
    tokens.create(database, anna, "bot", Role.AGENT, days=1, token="token-of-bot", now=this_moment())
    database.close()
    ends = at_once(database_url, *[lambda db: tokens.revoke(db, anna, "bot", this_moment())] * 2)
    assert {type(end) for end in ends} == {UnknownToken, type(None)}


@pytest.mark.usefixtures("quick_hashes")
@pytest.mark.parametrize("kinds", [("token", "person"), ("token", "token"), ("person", "person")], ids=" and ".join)
def test_a_name_that_two_want_at_once_is_taken_by_one(database_url, kinds):
    database = Database(database_url)
    anna = access.resume(database, "token-of-anna", this_moment())
    database.close()

    def add(database, name):
        staff.add_staff(database, anna, name, Role.AGENT, PASSWORD, this_moment())

    def create(database, name):
        tokens.create(database, anna, name, Role.AGENT, days=1, token=f"token-{name}", now=this_moment())

    # But for capitals and composed letters: a unique index wouldn't see it.
    makers = [{"token": create, "person": add}[kind] for kind in kinds]
    works = [
        lambda database, make=make, name=name: make(database, name)
        for make, name in zip(makers, ("jürgen", "Ju\u0308rgen"), strict=True)
    ]
    ends = at_once(database_url, *works)
    assert {end if end is None else isinstance(end, NameTaken) for end in ends} == {None, True}
