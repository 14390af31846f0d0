"""A database of every earlier version comes to this one with what is in it, or stays as it was."""

import json
import multiprocessing
import os
import shutil
import signal
from contextlib import closing
from datetime import UTC, datetime
from functools import cache

import alembic.command
import psycopg
import pytest
from conftest import CommandLine, World
from sqlalchemy import MetaData, insert, inspect, select, text
from struck_process import die_at

from custmerge.errors import DatabaseError
from custmerge.rules.audit import CheckName, Verdict
from custmerge.rules.fields import FIELDS
from custmerge.rules.history import NO_HASH, canonical, chain_hash
from custmerge.rules.normalise import search_text
from custmerge.rules.roles import Role
from custmerge.services import auditing, setup
from custmerge.services.access import Caller
from custmerge.storage import schema
from custmerge.storage.engine import open_engine
from custmerge.storage.unit import Database

PROCESSES = multiprocessing.get_context("fork")
PRELOADED = alembic.command
NOW = datetime.now(UTC)
AUDITOR = Caller(Role.AUDITOR, "ada", "", "", 3)
LOGINS = {"custmerge_session", "custmerge_proof"}
EARLIER = schema.VERSIONS[:-1]
at_every_version = pytest.mark.parametrize("version", schema.VERSIONS)
at_every_earlier_version = pytest.mark.parametrize("version", EARLIER)


def live(cli, version):
    """Let everything happen that a program of `version` could do."""
    world, agent, supervisor = World(cli), cli.as_("ben"), cli.as_("anna")
    world.customer("10001", domains=["own.example"], city="Ulm")
    for number in range(20001, 20006):
        world.customer(str(number), domains=[f"d{number}.example"], password="hefezopf", city="Köln\\\"'%s")
    world.package("Q", "20002", ["q.example"], contact={"street": "Q-Weg 1", "city": "Q"})
    done = [merged(agent, 20001, "--adopt"), merged(agent, 20002, "--keep", "--take", "city")]
    done.append(supervisor("undo", "1", "--yes"))
    if version >= "0002":
        (cli.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
        world.customer("20009", last_name="Anders", domains=["d9.example"])
        done += [
            supervisor("token", "create", "nightly", "--role", "auditor", "--days", "90"),
            supervisor("token", "create", "gone", "--role", "auditor", "--days", "90"),
            supervisor("token", "revoke", "gone", "--yes"),
            agent("transfer", "file", "20009", "--into", "10001", "--form", "form.pdf"),
            supervisor("transfer", "approve", "1", "--yes"),
            agent("merge", "20009", "--into", "10001", "--keep", "--yes"),
            agent("transfer", "file", "20005", "--into", "10001", "--form", "form.pdf"),
            supervisor("transfer", "approve", "2", "--yes"),
            supervisor("transfer", "reject", "2", "--reason", "Unterschrift fehlt", "--yes"),
            agent("transfer", "file", "20005", "--into", "10001", "--form", "form.pdf"),
            supervisor("transfer", "approve", "3", "--yes"),
        ]
        (cli.folder / "new.csv").write_text("number,company\n20005,Neu\n")
        done += [
            supervisor("import", "customers", "new.csv", "--update"),
            agent("transfer", "file", "20004", "--into", "10001", "--form", "form.pdf"),
        ]
    if version >= "0003":
        (cli.folder / "bulk.csv").write_text("survivor,absorbed,choice\n10001,20003,keep\n")
        done += [supervisor("bulk", "approve", "bulk.csv", "--yes"), agent("bulk", "run", "bulk.csv")]
    assert [one.code for one in done] == [0] * len(done), [one.err for one in done]


def merged(agent, number, *options):
    proof = ("--domain", f"d{number}.example", "--password-stdin")
    return agent("merge", number, "--into", "10001", *proof, *options, "--yes", stdin="hefezopf")


@pytest.fixture
def old_url(database_url, tmp_path, request):
    """The URL of a database without tables."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"old_{database_url.partition('?')[0].rpartition('/')[2]}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def lived(sqlite_template, tmp_path_factory):
    """Gives the URL of a present database in which everything has happened that a version could do."""

    @cache
    def made(version):
        folder = tmp_path_factory.mktemp("lived")
        shutil.copy(sqlite_template, folder / "lived.db")
        live(CommandLine(f"sqlite:///{folder / 'lived.db'}", folder), version)
        return f"sqlite:///{folder / 'lived.db'}"

    return made


@pytest.fixture
def old(old_url, lived, version):
    """A database of `version` as a program of that time left it: with data, and without seals in its history."""
    new_engine, old_engine = open_engine(lived(version)), open_engine(old_url, create=True)
    with old_engine.begin() as old, new_engine.connect() as new:
        schema.upgrade(old, old_url, version)
        tables, present = reflected(old), reflected(new)
        for table in tables.sorted_tables:
            if table.name not in ("custmerge_version", "custmerge_head", "custmerge_history"):
                copy(present.tables[table.name], table, new, old)
        bodies = new.execute(text("SELECT body FROM custmerge_history ORDER BY seq")).scalars().all()
        write_history(old, told_by(version, map(json.loads, bodies)))
    new_engine.dispose()
    old_engine.dispose()
    return old_url


def reflected(connection):
    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


def copy(present, table, new, old):
    """Copy the columns that both versions of a table have; of logins those that the old version knows."""
    names = [column.name for column in table.columns if column.name in present.c]
    rows = [dict(row._mapping) for row in new.execute(select(*(present.c[name] for name in names)))]
    if table.name == "custmerge_session":
        rows = [row for row in rows if any(row.get(name) is not None for name in ("number", "staff", "service"))]
    if table.name == "customer":
        # A foreign key that SQLite's reflection doesn't know as deferred.
        rows.sort(key=lambda row: row["merged_into"] is not None)
    if rows:
        old.execute(insert(table), rows)
    if "id" in names and old.dialect.name == "postgresql":
        sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
        old.execute(text(f"SELECT setval({sequence}, {len(rows) + 1}) WHERE {sequence} IS NOT NULL"))


def told_by(version, bodies):
    """Give what a program of that version wrote: without seals, and before 0006 without an entry of what is void."""
    seq = 0
    for body in bodies:
        if body["action"] == "transfer_void":
            if version < "0006":
                continue
        else:
            body.pop("row_sha256", None)
        seq += 1
        yield {**body, "seq": seq}


def write_history(connection, bodies):
    digest, seq, order = NO_HASH, 0, 0
    for body in bodies:
        written = canonical(body)
        digest, seq = chain_hash(digest, written), body["seq"]
        order = max(order, body["order"] or 0) if body["action"] == "merge" else order
        statement = text("INSERT INTO custmerge_history (seq, body, hash) VALUES (:seq, :body, :hash)")
        connection.execute(statement, {"seq": seq, "body": written, "hash": digest})
    statement = text('UPDATE custmerge_head SET seq = :seq, hash = :hash, "order" = :order')
    connection.execute(statement, {"seq": seq, "hash": digest, "order": order})


def dump(url, like=None):
    """Every cell of every table; of the tables and columns of `like` alone, where it is given."""
    engine = open_engine(url)
    with engine.connect() as connection:
        found = {}
        for table in reflected(connection).sorted_tables:
            names = sorted(column.name for column in table.columns) if like is None else like.get(table.name, [[]])[0]
            rows = connection.execute(select(*(table.c[name] for name in names))) if names else ()
            found[table.name] = [names, *sorted([tuple(row) for row in rows], key=repr)]
    engine.dispose()
    return found if like is None else {name: found[name] for name in like}


def audited(url):
    with closing(Database(url)) as database:
        wanted = auditing.Wanted(frozenset(CheckName), None, since_checkpoint=False, retention_days=365)
        return auditing.audit(database, AUDITOR, wanted, NOW)


@at_every_version
def test_a_database_of_every_version_upgrades_with_what_is_in_it(old, version):
    before = dump(old)
    assert {"customer", "custmerge_staff", "custmerge_order", "custmerge_before_image"} <= {
        name for name, rows in before.items() if len(rows) > 1
    }
    with closing(Database(old)) as database:
        assert setup.prepare(database, lambda: NOW).version_before == version
    after = dump(old, like=before)
    for name in sorted(before.keys() - LOGINS - {"custmerge_version", "custmerge_head", "custmerge_history"}):
        assert after[name] == before[name]
    assert all(entry in after["custmerge_history"] for entry in before["custmerge_history"])
    assert after["custmerge_version"][1:] == [(schema.VERSIONS[-1],)]


@at_every_earlier_version
def test_an_upgrade_takes_bank_data_out_of_what_find_looks_through(old, tmp_path):
    engine = open_engine(old)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE customer SET search = search || ' ' || account_number WHERE account_number <> ''")
        )
        rows = [{"search": f"{number} {number % 97}", "number": str(number)} for number in range(500_000, 504_500)]
        names = ", ".join(FIELDS)
        blanks = ", ".join(["''"] * len(FIELDS))
        statement = f"INSERT INTO customer (number, search, {names}) VALUES (:number, :search, {blanks})"
        connection.execute(text(statement), rows)
    assert CommandLine(old, tmp_path)("init").code == 0
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT search, number, {', '.join(FIELDS)} FROM customer")).fetchall()
    engine.dispose()
    assert len(found) > 4_500
    assert [row[0] for row in found] == [search_text(row[1], row[2:]) for row in found]
    assert not any("532013000" in row[0] for row in found)


@at_every_version
def test_an_upgraded_database_that_nobody_touched_is_in_order(old):
    with closing(Database(old)) as database:
        setup.prepare(database, lambda: NOW)
    audit = audited(old)
    assert (audit.verdict, audit.findings) == (Verdict.OK, [])


@at_every_version
def test_whoever_had_no_entry_before_the_upgrade_is_not_sealed_by_it(old):
    engine = open_engine(old)
    with engine.begin() as connection:
        row = {"name": "eve", "role": "supervisor", "password_hash": "x", "created_at": "2026-01-01T00:00:00Z"}
        connection.execute(insert(reflected(connection).tables["custmerge_staff"]), [row])
    engine.dispose()
    with closing(Database(old)) as database:
        setup.prepare(database, lambda: NOW)
    assert [(found.check, found.subject) for found in audited(old).findings] == [(CheckName.STAFF, "user eve")]


BEFORE_VOID_WAS_TOLD = [v for v in EARLIER if v >= "0002"]
at_versions_with_silent_voids = pytest.mark.parametrize("version", BEFORE_VOID_WAS_TOLD)


def void_entries(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        statement = text("SELECT body FROM custmerge_history WHERE action = 'transfer_void' ORDER BY seq")
        bodies = [json.loads(body) for body in connection.execute(statement).scalars()]
    engine.dispose()
    return [(body["transfer"], body["why"], body["by"]) for body in bodies]


@at_versions_with_silent_voids
def test_what_an_older_version_made_void_gets_its_entry_with_the_upgrade(old):
    with closing(Database(old)) as database:
        setup.prepare(database, lambda: NOW)
    assert void_entries(old) == [(3, "older_version", "init")]
    assert audited(old).findings == []


@at_versions_with_silent_voids
def test_what_was_made_void_by_hand_gets_none(old):
    change(old, "UPDATE custmerge_transfer SET status = 'void' WHERE id = 2")
    with closing(Database(old)) as database:
        setup.prepare(database, lambda: NOW)
        assert void_entries(old) == [(3, "older_version", "init")]
        change(old, "UPDATE custmerge_transfer SET status = 'void' WHERE id = 1")
        setup.prepare(database, lambda: NOW)
    assert void_entries(old) == [(3, "older_version", "init")]
    found = {found.subject for found in audited(old).findings if found.check is CheckName.TRANSFERS}
    assert found == {"transfer 1", "transfer 2"}


@at_versions_with_silent_voids
def test_a_void_that_nothing_in_the_history_explains_gets_none(old):
    change(old, "UPDATE custmerge_transfer SET status = 'void' WHERE id = 4")
    with closing(Database(old)) as database:
        setup.prepare(database, lambda: NOW)
    assert void_entries(old) == [(3, "older_version", "init")]
    assert [found.subject for found in audited(old).findings] == ["transfer 4"]


@at_versions_with_silent_voids
@pytest.mark.parametrize(
    ("person", "void"),
    [
        (1, [(3, "approver_disabled", "init")]),
        (2, [(3, "filer_disabled", "init"), (4, "filer_disabled", "init")]),
    ],
)
def test_what_people_left_open_who_were_disabled_is_void_with_the_upgrade(old, person, void):
    change(
        old,
        "UPDATE custmerge_transfer SET status = 'approved' WHERE id = 3",
        f"UPDATE custmerge_staff SET disabled_at = '2026-01-02T00:00:00Z' WHERE id = {person}",
    )
    with closing(Database(old)) as database:
        setup.prepare(database, lambda: NOW)
    assert void_entries(old) == void
    assert audited(old).findings == []


def change(url, *statements):
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_what_was_changed_after_it_was_sealed_is_not_sealed_again(cli, database_url):
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE custmerge_staff SET role = 'supervisor' WHERE name = 'ben'"))
    engine.dispose()
    assert cli("init").code == 0
    assert [(found.check, found.subject) for found in audited(database_url).findings] == [
        (CheckName.STAFF, "user ben")
    ]


@at_every_version
def test_sealing_is_done_once(old, tmp_path):
    cli = CommandLine(old, tmp_path)
    assert cli("init").code == 0
    once = dump(old)
    assert cli("init").code == 0
    assert dump(old) == once


@at_every_earlier_version
def test_an_upgrade_that_fails_leaves_the_old_version_as_it_was(old, tmp_path):
    engine = open_engine(old)
    with engine.connect() as connection:
        known = set(inspect(connection).get_table_names())
    # In the way of the last migration that makes a table: those before it have been executed by then.
    made = [name for name in ("custmerge_form", "custmerge_batch_chunk") if name not in known]
    if not made:
        return
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {made[-1]} (x integer)"))
    before = dump(old)
    with closing(Database(old)) as database, pytest.raises(DatabaseError):
        setup.prepare(database, lambda: NOW)
    assert dump(old) == before
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {made[-1]}"))
    engine.dispose()
    assert CommandLine(old, tmp_path)("init").code == 0
    assert audited(old).verdict is Verdict.OK


def upgrade_and_die(url, fatal):
    """Upgrade in this process, but be killed at the `fatal`th thing that reaches the database."""
    database = Database(url)
    die_at(fatal)
    database.upgrade()
    os._exit(0)


@pytest.mark.parametrize("version", ["0001"])
def test_an_upgrade_that_is_killed_anywhere_happened_wholly_or_not_at_all(old, version, record_property):
    before = dump(old)
    survived = 0
    # Every seventh statement: there are about a hundred.
    for fatal in range(1, 1000, 7):
        process = PROCESSES.Process(target=upgrade_and_die, args=(old, fatal))
        process.start()
        process.join(60)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert dump(old) == before
        survived += 1
    assert survived >= 4
    record_property("faults_survived", survived)
    assert dump(old)["custmerge_version"][1:] == [(schema.VERSIONS[-1],)]


@at_every_earlier_version
def test_a_program_refuses_an_older_database_and_says_what_to_do(old_url, version, tmp_path):
    engine = open_engine(old_url, create=True)
    with engine.begin() as connection:
        schema.upgrade(connection, old_url, version)
    engine.dispose()
    cli = CommandLine(old_url, tmp_path)
    cli.token = "token-of-anna"
    done = cli("audit", "--format", "json")
    assert done.error["code"] == "old_schema"
    for command in (("find", "x"), ("merge", "2", "--into", "1", "--yes"), ("undo", "1", "--yes"), ("doctor",)):
        done = cli(*command)
        assert done.code == 8
        assert "custmerge init" in " ".join((done.err + done.out).split())


def test_a_program_refuses_a_newer_database_and_leaves_it_alone(cli, database_url):
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE custmerge_version SET version_num = '9999'"))
    engine.dispose()
    before = dump(database_url)
    agent = cli.as_("anna")
    for command in (("init",), ("merge", "2", "--into", "1", "--yes"), ("undo", "1", "--yes"), ("find", "x")):
        done = agent(*command, "-f", "json") if command != ("init",) else agent(*command)
        assert done.code == 8, command
        assert "9999" in done.err
    assert dump(database_url) == before


@pytest.fixture(autouse=True)
def _quiet_fork_warning(recwarn):
    yield
    recwarn.clear()
