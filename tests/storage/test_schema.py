"""What the database itself guarantees, on both."""

import os
import sqlite3
import stat
from contextlib import closing, suppress

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from custmerge.rules.history import Action, Actor, Draft
from custmerge.storage import schema
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine
from custmerge.storage.tables import every as tables
from custmerge.storage.tables.register import field_columns

BLANK = dict.fromkeys([c.name for c in field_columns], "")


@pytest.fixture
def database(database_url):
    with closing(Database(database_url)) as opened:
        yield opened


@pytest.fixture
def engine(database_url):
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def refused(engine, *statements):
    def execute():
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement) if isinstance(statement, str) else statement)

    with pytest.raises(DBAPIError):
        execute()


def customer(number, **columns):
    return insert(tables.customer).values({"number": number, **BLANK, "search": "", **columns})


def package(key, number, **columns):
    return insert(tables.package).values({"package": key, "number": number, "name": "", **columns})


def domain(name, key):
    return insert(tables.domain).values(ascii_name=name, name=name, package=key)


def test_migrations_make_exactly_the_tables_of_the_code(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "custmerge_version"})
        assert compare_metadata(context, tables.mapping.metadata) == []


def test_the_newest_migration_is_the_programs_version(engine):
    with engine.connect() as connection:
        assert schema.version(connection) == schema.VERSIONS[-1]


def test_upgrading_a_current_database_changes_nothing(database):
    assert database.upgrade() == schema.VERSIONS[-1]


def test_a_domain_cannot_be_in_two_packages(engine):
    refused(
        engine,
        customer("1"),
        package("p", "1"),
        package("q", "1"),
        domain("a.example", "p"),
        domain("a.example", "q"),
    )


@pytest.mark.parametrize(
    "statements",
    [
        (package("p", "unknown"),),
        (domain("a.example", "unknown"),),
        (customer("1", merged_into="unknown"),),
        (customer("1", merged_into="1"),),
        (customer("1"), customer("1")),
        (customer("1"), package("p", "1", contact_city="Ulm")),
    ],
    ids=["package", "domain", "tombstone", "itself", "twice", "half a contact"],
)
def test_the_database_refuses_what_the_rules_forbid(engine, statements):
    refused(engine, *statements)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE custmerge_history SET hash = 'x'",
        "UPDATE custmerge_history SET body = '{}' WHERE seq = 1",
        "DELETE FROM custmerge_history",
    ],
)
def test_the_history_refuses_update_and_delete(database, engine, statement):
    with database.writing() as unit:
        unit.chain.append([Draft("2026-01-01T00:00:00Z", Actor("ben", "staff"), Action.IMPORT, {"rows": 1})])
    refused(engine, statement)


def test_the_history_refuses_an_entry_in_another_ones_place(database, engine):
    with database.writing() as unit:
        unit.chain.append([Draft("2026-01-01T00:00:00Z", Actor("ben", "staff"), Action.IMPORT, {"rows": 1})])
    if engine.dialect.name == "postgresql":
        there = "ON CONFLICT (seq) DO UPDATE SET hash = excluded.hash"
        refused(engine, f"INSERT INTO custmerge_history (seq, body, hash) VALUES (1, '{{}}', 'x') {there}")
    else:
        refused(engine, "INSERT OR REPLACE INTO custmerge_history (seq, body, hash) VALUES (1, '{}', 'x')")


def test_postgresql_refuses_to_truncate_the_history(engine):
    if engine.dialect.name == "postgresql":
        refused(engine, "TRUNCATE custmerge_history")
    else:
        refused(engine, "DELETE FROM custmerge_history; DELETE FROM custmerge_history")


def test_search_columns_of_the_history_are_generated_from_the_body(database, engine):
    facts = {"order": 7, "survivor": "10001", "absorbed": 'ü"\\'}
    with database.writing() as unit:
        unit.chain.append([Draft("2026-01-01T00:00:00Z", Actor("ben", "staff"), Action.MERGE, facts)])
    with engine.connect() as connection:
        row = connection.execute(tables.history.select().order_by(tables.history.c.seq.desc())).first()
    assert (row.survivor, row.absorbed, row.order, row.action, row.at) == (
        *("10001", 'ü"\\', 7, "merge"),
        "2026-01-01T00:00:00Z",
    )
    refused(engine, "UPDATE custmerge_history SET survivor = 'x'")


def test_a_unit_that_raises_leaves_nothing(database):
    with database.reading() as unit:
        before = list(unit.chain.oldest())
    with suppress(ZeroDivisionError), database.writing() as unit:
        unit.chain.append([Draft("2026-01-01T00:00:00Z", Actor("ben", "staff"), Action.IMPORT, {})])
        _ = 1 / 0
    with database.reading() as unit:
        assert list(unit.chain.oldest()) == before


def test_a_reading_unit_on_postgresql_cannot_write(database, engine):
    if engine.dialect.name != "postgresql":
        return
    with pytest.raises(Exception, match="read-only"), database.reading() as unit:
        unit.people.end_session("x")


def test_init_that_is_interrupted_leaves_an_empty_database(tmp_path, postgresql_server):
    import psycopg

    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE half")
    for url in (f"sqlite:///{tmp_path / 'half.db'}", postgresql_server.get_uri("half")):
        engine = open_engine(url, create=True)
        with suppress(ZeroDivisionError), engine.begin() as connection:
            schema.upgrade(connection, url)
            _ = 1 / 0
        with engine.connect() as connection:
            assert schema.version(connection) is None
            assert not engine.dialect.has_table(connection, "customer")
        engine.dispose()


@pytest.mark.parametrize("kind", ["new", "link", "empty"])
def test_a_database_file_is_its_owners_alone_whatever_was_there(tmp_path, kind):
    made = named = tmp_path / "made.db"
    if kind == "link":
        named = tmp_path / "link.db"
        named.symlink_to(made)
    elif kind == "empty":
        made.touch()
        made.chmod(0o666)
    before = os.umask(0)
    try:
        with closing(Database(f"sqlite:///{named}")) as database:
            database.upgrade()
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_a_copy_lets_readers_and_a_writer_go_on_beside_each_other(sqlite_template, tmp_path):
    with closing(sqlite3.connect(sqlite_template)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    reader, writer = (Database(f"sqlite:///{tmp_path / 'copy.db'}?timeout=0.1") for _ in range(2))
    with closing(reader), closing(writer), reader.reading() as seen:
        seen.chain.last()
        with writer.writing() as unit:
            unit.chain.append([Draft("2026-01-01T00:00:00Z", Actor("a", "staff"), Action.USER, {})])


@pytest.mark.usefixtures("true_connections")
def test_sqlite_is_opened_safely(sqlite_cli):
    engine = open_engine(sqlite_cli.url)
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}
