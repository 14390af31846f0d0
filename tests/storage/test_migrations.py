"""A database of every earlier version is upgraded, wholly or not at all."""

import multiprocessing
import os
import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import insert, inspect, text
from support.command_line import CommandLine
from support.databases import execute, first_cells
from support.migration_scenes import EARLIER, NOW, audited, dump, reflected
from support.struck_process import die_at

from custmerge.errors import DatabaseError, NewSchema
from custmerge.rules.audit import CheckName, Verdict
from custmerge.rules.fields import FIELDS
from custmerge.rules.history import stamp
from custmerge.rules.normalise import search_text
from custmerge.services import init
from custmerge.storage import schema
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine
from custmerge.storage.migrations.versions import v0006_proofs_and_names

PROCESSES = multiprocessing.get_context("fork")
LOGINS = {"custmerge_session", "custmerge_proof"}
at_every_version = pytest.mark.parametrize("version", schema.VERSIONS)
at_every_earlier_version = pytest.mark.parametrize("version", EARLIER)


def versions(url):
    """The version that a database says it has; a sound one says one."""
    return first_cells(url, "SELECT version_num FROM custmerge_version")


@at_every_version
def test_a_database_of_every_version_upgrades_with_what_is_in_it(old, version):
    before = dump(old)
    assert {"customer", "custmerge_staff", "custmerge_order", "custmerge_before_image"} <= {
        name for name, rows in before.items() if len(rows) > 1
    }
    with closing(Database(old)) as database:
        assert init.prepare(database, lambda: NOW).version_before == version
    after = dump(old, like=before)
    for name in sorted(before.keys() - LOGINS - {"custmerge_version", "custmerge_head", "custmerge_history"}):
        assert after[name] == before[name]
    assert all(entry in after["custmerge_history"] for entry in before["custmerge_history"])
    assert versions(old) == [schema.VERSIONS[-1]]


@pytest.mark.parametrize("version", [version for version in EARLIER if version < "0006"])
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
        init.prepare(database, lambda: NOW)
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
        init.prepare(database, lambda: NOW)
    assert [(found.check, found.subject) for found in audited(old).findings] == [(CheckName.STAFF, "user eve")]


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
    made = [name for name in ("custmerge_form", "custmerge_batch_chunk", "custmerge_mapping") if name not in known]
    if not made:
        return
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {made[-1]} (x integer)"))
    before = dump(old)
    with closing(Database(old)) as database, pytest.raises(DatabaseError):
        init.prepare(database, lambda: NOW)
    assert dump(old) == before
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {made[-1]}"))
    engine.dispose()
    assert CommandLine(old, tmp_path)("init").code == 0
    assert audited(old).verdict is Verdict.OK


@pytest.mark.parametrize("version", [version for version in EARLIER if version >= schema.LEASES_SINCE])
def test_an_upgrade_waits_for_a_bulk_run_of_an_older_program_to_end(old, tmp_path):
    cli = CommandLine(old, tmp_path)
    alive = stamp(datetime.now(UTC) + timedelta(seconds=60))
    execute(old, f"UPDATE custmerge_batch SET runner = 'x', alive_until = '{alive}'")
    done = cli("init")
    assert (done.code, "An older program is running or undoing a bulk file" in done.err) == (6, True), done.err
    assert versions(old) != [schema.VERSIONS[-1]]
    execute(old, "UPDATE custmerge_batch SET alive_until = '2026-01-01T00:00:00Z'")
    assert cli("init").code == 0


@pytest.mark.parametrize("old_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("version", ["0005"])
def test_an_upgrade_waits_for_who_writes_and_not_for_ever(old, tmp_path):
    with psycopg.connect(old) as writer:
        writer.execute("SELECT version_num FROM custmerge_version")
        done = CommandLine(old, tmp_path)("init")
    assert (done.code, "is locked by another process" in done.err) == (8, True), done.err
    assert versions(old) == ["0005"]


def test_a_program_writes_no_more_in_a_database_that_was_upgraded_beside_it(database_url):
    with closing(Database(database_url)) as database:
        with database.writing() as unit:
            unit.chain.lock()
        execute(database_url, "UPDATE custmerge_version SET version_num = '9999'")
        with pytest.raises(NewSchema), database.writing() as unit:
            unit.chain.lock()
        assert not database.try_once(lambda unit: unit.chain.lock())


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
        process.join(300)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert dump(old) == before
        survived += 1
    assert survived >= 4
    record_property("faults_survived", survived)
    assert versions(old) == [schema.VERSIONS[-1]]


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


@pytest.mark.parametrize("old_kind", ["postgresql"], indirect=True)
@at_every_earlier_version
def test_an_upgrade_names_a_role_that_lacks_rights_and_gives_it_none(old, tmp_path, worker_id):
    role = f"works % here {worker_id}"
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute(f'DROP ROLE IF EXISTS "{role}"')
        connection.execute(f'CREATE ROLE "{role}"')
        connection.execute(f'GRANT SELECT, INSERT ON custmerge_history TO "{role}"')
        done = CommandLine(old, tmp_path)("init")
        found = connection.execute("SELECT has_table_privilege(%s::name, 'customer', 'SELECT')", [role]).fetchone()
        connection.execute(f'DROP OWNED BY "{role}"')
        connection.execute(f'DROP ROLE "{role}"')
    assert f"The role {role} lacks rights that this version needs: run `custmerge init --grant {role}`." in done.err
    assert found == (False,)


@pytest.mark.parametrize("old_kind", ["sqlite"], indirect=True)
@at_every_earlier_version
def test_what_is_no_text_in_an_old_file_is_for_the_audit_to_find(old):
    execute(old, "UPDATE customer SET city = x'ff00' WHERE number = '10001'")
    with closing(Database(old)) as database:
        init.prepare(database, lambda: NOW)
    with closing(Database(old)) as database, database.reading() as unit:
        found = "SELECT search FROM customer WHERE number = '10001'"
        assert "vogelsang" in unit._connection.exec_driver_sql(found).scalar_one()


@pytest.mark.parametrize("old_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("version", ["0005"])
def test_an_upgrade_leaves_a_role_the_rights_that_it_had(old, worker_id):
    role = f"keeps % its rights {worker_id}"
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{role}"')
        connection.execute(f'GRANT SELECT, DELETE ON custmerge_proof TO "{role}"')
        with closing(Database(old)) as database:
            init.prepare(database, lambda: NOW)
        found = "SELECT has_table_privilege(%s::name, 'custmerge_proof', one) FROM unnest(%s::text[]) one"
        may = [row[0] for row in connection.execute(found, [role, ["SELECT", "DELETE", "INSERT"]])]
        connection.execute(f'DROP OWNED BY "{role}"')
        connection.execute(f'DROP ROLE "{role}"')
    assert may == [True, True, False]


@pytest.mark.parametrize("old_kind", ["postgresql"], indirect=True)
@at_every_earlier_version
def test_an_upgrade_by_a_superuser_leaves_the_tables_to_their_owner(old, worker_id):
    role = f"owns % it {worker_id}"
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{role}"')
        # Who may make nothing in the schema, and owns no register: that may be a host's.
        for (table,) in connection.execute(LEDGER_TABLES).fetchall():
            connection.execute(f'ALTER TABLE {table} OWNER TO "{role}"')
        with closing(Database(old)) as database:
            init.prepare(database, lambda: NOW)
        others = connection.execute(LEDGER_TABLES + " AND relowner <> %s::regrole", [f'"{role}"']).fetchall()
        connection.execute(f'DROP OWNED BY "{role}"')
        connection.execute(f'DROP ROLE "{role}"')
    assert others == []


LEDGER_TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relname ~ '^custmerge_'"


@pytest.mark.parametrize("old_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("version", ["0005"])
def test_a_view_that_stands_in_the_way_of_an_upgrade_is_named(old, tmp_path):
    execute(old, "CREATE VIEW open_ones AS SELECT id, reason FROM custmerge_transfer")
    done = CommandLine(old, tmp_path)("init")
    assert (done.code, "view open_ones" in done.err) == (8, True), done.err


@pytest.mark.parametrize("version", ["0005"])
def test_a_server_keeps_no_statistics_of_what_a_purge_is_to_erase(old):
    with closing(Database(old)) as database:
        database.upgrade()
        if database.is_sqlite:
            return
    execute(old, "ANALYZE")
    with psycopg.connect(old) as connection:
        kept = connection.execute("SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public'").fetchall()
    assert ("custmerge_order", "survivor") in kept
    assert set(kept).isdisjoint(v0006_proofs_and_names.TO_BE_ERASED)
