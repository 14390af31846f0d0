"""What somebody writes while an import waits for them is neither lost nor overwritten (contract §2, rule 7)."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from support.bulk_scenes import Quiet
from support.databases import execute

from custmerge.services import access
from custmerge.services.imports import import_file
from custmerge.services.imports.packages import Packages
from custmerge.storage.database import Database
from custmerge.storage.register.imports import RegisterImport

GIVE_UP_AFTER_SECONDS = 300
MORE_THAN_A_PIPE_HOLDS = 5_000
"""Lines of a file."""
PASSWORD = "ein langes Passwort\n"
TAKEN = (
    "INSERT INTO package (package, number, name) VALUES ('OTHER', '10001', '')",
    "INSERT INTO domain (ascii_name, name, package) VALUES ('d.example', 'd.example', 'OTHER')",
)


class Host:
    """Imports while somebody else keeps 10001, and a domain, locked, and others write."""

    def __init__(self, world, supervisor, url):
        self.world, self.supervisor, self.url = world, supervisor, url
        self.is_sqlite = url.startswith("sqlite")

    def imports(self, kind, content, *options, while_it_waits=lambda: None, holding=()):
        """Import a text; SQLite lets nobody write beside it, so there it all comes one behind the other."""
        (self.world.folder / "feed.csv").write_text(content)
        command = ("import", kind, "feed.csv", *options)
        if self.is_sqlite:
            execute(self.url, *holding)
            while_it_waits()
            return self.supervisor(*command)
        found = []
        importing = threading.Thread(target=lambda: found.append(self.supervisor(*command)))
        with psycopg.connect(self.url) as connection:
            connection.execute("SELECT 1 FROM customer WHERE number = '10001' FOR UPDATE")
            connection.execute("SELECT 1 FROM package WHERE package = 'P1' FOR UPDATE")
            for statement in holding:
                connection.execute(statement)
            importing.start()
            until = time.monotonic() + GIVE_UP_AFTER_SECONDS
            while not connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
                assert time.monotonic() < until, "it doesn't wait"
                time.sleep(0.01)
            while_it_waits()
        importing.join()
        return found[0]


@pytest.fixture
def host(world, supervisor, database_url):
    world.customer("10001")
    world.package("P1", "10001", ["eins.example"])
    world.customer("10002")
    return Host(world, supervisor, database_url)


def test_a_domain_that_somebody_has_just_taken_is_named_with_its_package(host, world):
    done = host.imports("packages", "package,number,domains\nMINE,10002,d.example\n", holding=TAKEN)
    assert (done.code, done.out) == (2, "")
    assert "d.example: belongs to package OTHER" in done.err
    assert set(world.packages()) == {"P1", "OTHER"}


def test_a_customer_who_was_added_meanwhile_keeps_what_the_file_does_not_have(host, world, cli):
    added = lambda: world.customer("30005", company="Fremd AG", password="pw-5")  # noqa: E731
    feed = "number,street\n10001,Weg 1\n30005,Weg 5\n"
    done = host.imports("customers", feed, "--update", while_it_waits=added)
    assert (done.code, "0 added, 2 updated" in done.out) == (0, True), done.err
    found = world.customers()["30005"]
    assert (found["company"], found["street"]) == ("Fremd AG", "Weg 5")
    assert cli.login("30005", "pw-5")("whoami").code == 0


def test_a_number_that_was_added_and_merged_meanwhile_stays_merged(host, world, agent):
    def merged():
        world.customer("30005", password="pw-5", domains=["fuenf.example"])
        proof = ("--domain", "fuenf.example", "--password-stdin", "--yes")
        assert agent("merge", "30005", "--into", "10002", *proof, stdin="pw-5").code == 0

    feed = "number,street\n10001,Weg 1\n30005,Weg 5\n"
    assert host.imports("customers", feed, "--update", while_it_waits=merged).code == 2
    assert world.customers()["30005"]["merged_into"] == "10002"
    assert host.supervisor.in_process("audit").code == 0


def test_a_package_that_was_added_meanwhile_keeps_its_password(host, world):
    added = lambda: world.package("P9", "10002", ["neun.example"], password="pw-9")  # noqa: E731
    feed = "package,number,name\nP1,10001,Eins\nP9,10002,Neun\n"
    done = host.imports("packages", feed, "--update", while_it_waits=added)
    assert (done.code, "0 added, 2 updated" in done.out) == (0, True), done.err
    proof = ("--domain", "neun.example", "--password-stdin")
    done = host.supervisor.in_process("verify", "10002", "--into", "10001", *proof, stdin="pw-9")
    assert done.code == 0, done.err


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_number_is_not_retired_between_an_imports_look_at_it_and_its_packages(
    world, supervisor, database_url, monkeypatch
):
    world.customer("10001")
    world.customer("20002")
    add, seen = RegisterImport.add, []

    def retire_and_add(register, kind, rows):
        with psycopg.connect(database_url) as other:
            other.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("UPDATE customer SET merged_into = '10001' WHERE number = '20002'")
        seen.append(rows)
        return add(register, kind, rows)

    monkeypatch.setattr(RegisterImport, "add", retire_and_add)
    (world.folder / "feed.csv").write_text("package,number\nP9,20002\n")
    with closing(Database(database_url)) as database:
        anna, now = access.resume(database, "token-of-anna", datetime.now(UTC)), datetime.now(UTC)
        import_file(database, anna, str(world.folder / "feed.csv"), Packages, update=False, progress=Quiet(), now=now)
    assert len(seen) == 1


@pytest.mark.parametrize("options", [(), ("--update", "--skip-merged")], ids=["bad", "skipped"])
def test_who_reads_slowly_what_is_wrong_with_a_file_keeps_nobody_from_writing(host, options):
    (host.world.folder / "gone.csv").write_text("number,merged_into\n10003,10002\n")
    assert host.supervisor("import", "customers", "gone.csv").code == 0
    rows = ("10003,Otto\n" if options else "10001,Otto\n") * MORE_THAN_A_PIPE_HOLDS
    (host.world.folder / "feed.csv").write_text(f"number,first_name\n{rows}")
    command = [sys.executable, "-m", "custmerge", "import", "customers", "feed.csv", *options]
    environ, folder = host.supervisor.environ(), host.world.folder
    with subprocess.Popen(command, env=environ, cwd=folder, stderr=subprocess.PIPE) as slow:
        assert slow.stderr.read(1)
        assert host.supervisor("user", "add", "otto", "--role", "agent", "--password-stdin", stdin=PASSWORD).code == 0
        told = slow.stderr.read()
    assert told.count(b"\n") >= MORE_THAN_A_PIPE_HOLDS
