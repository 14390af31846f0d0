"""A host's catalogue as both databases tell it."""

import sqlite3

import psycopg
import pytest

from custmerge.rules.host_schema import Kind, UniqueKind, fingerprint, schema_of, schema_text
from custmerge.storage.dialect import open_engine
from custmerge.storage.host import host_schema

BOTH = """
CREATE TABLE client (id bigint PRIMARY KEY, no varchar(20) NOT NULL UNIQUE, name text, born date,
  balance decimal(10,2), active boolean, extra json, doubled bigint GENERATED ALWAYS AS (id * 2) STORED,
  parent_id bigint REFERENCES client (id));
CREATE TABLE "odd-name" (a bigint NOT NULL, "to" bigint NOT NULL REFERENCES client (id) ON DELETE CASCADE, b text,
  CHECK (b <> ') , '), PRIMARY KEY (a, "to"));
CREATE UNIQUE INDEX odd_once ON "odd-name" ("to", lower(b)) WHERE b IS NOT NULL;
CREATE INDEX odd_some ON "odd-name" (b) WHERE a > 3;
CREATE TABLE part (x bigint, y bigint, FOREIGN KEY (x, y) REFERENCES "odd-name" (a, "to"));
CREATE TABLE customer (id bigint PRIMARY KEY, name text);
"""
ONLY_POSTGRESQL = """
CREATE SCHEMA billing;
CREATE DOMAIN key_of_client AS bigint CHECK (value > 0);
CREATE TABLE billing.invoice (id uuid PRIMARY KEY, client_id key_of_client REFERENCES client (id) DEFERRABLE,
  lines jsonb, ids int[], UNIQUE NULLS NOT DISTINCT (client_id, lines));
CREATE TABLE payment (id bigint, client_id bigint, at date, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE payment_1 PARTITION OF payment FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE payment_2 PARTITION OF payment FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
ALTER TABLE payment_2 ADD FOREIGN KEY (client_id) REFERENCES client (id);
CREATE TABLE stay (client_id bigint, during daterange, EXCLUDE USING gist (during WITH &&));
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touch BEFORE UPDATE ON client FOR EACH ROW EXECUTE FUNCTION touched();
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path, worker_id):
    if request.param == "sqlite":
        path = tmp_path / "host.db"
        with sqlite3.connect(path) as connection:
            connection.executescript(BOTH)
        connection.close()
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"host_schema_{worker_id}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(server.get_uri(name), autocommit=True) as inner:
            inner.execute(BOTH + ONLY_POSTGRESQL)
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def schema(url):
    return schema_at(url)


def schema_at(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        found = host_schema(connection)
    engine.dispose()
    return found


def test_columns_have_their_kinds(schema):
    kinds = {column.name: column.kind for column in schema.tables["client"].columns}
    assert kinds == {
        "id": Kind.INTEGER,
        "no": Kind.TEXT,
        "name": Kind.TEXT,
        "born": Kind.MOMENT,
        "balance": Kind.NUMBER,
        "active": Kind.BOOLEAN,
        "extra": Kind.JSON,
        "doubled": Kind.INTEGER,
        "parent_id": Kind.INTEGER,
    }
    assert [column.name for column in schema.tables["client"].columns if column.is_generated] == ["doubled"]
    assert not schema.tables["client"].column("no").is_nullable
    assert schema.tables["client"].column("name").is_nullable


def test_keys_constraints_and_indexes_say_what_they_compare(schema):
    odd = schema.tables["odd-name"]
    assert odd.row_key == ("a", "to")
    once = next(unique for unique in odd.uniques if unique.kind is UniqueKind.INDEX)
    assert once.columns == ("to", "")
    assert [expression.lower() for expression in once.expressions] == ["lower(b)"]
    assert "b IS NOT NULL" in once.where
    assert odd.is_indexed("a")
    assert not odd.is_indexed("b")
    assert len(odd.checks) == 1
    assert "') , '" in odd.checks[0]


def test_foreign_keys_are_told_with_their_columns(schema):
    told = [(table.name, key.columns, key.to, key.on_delete) for table, key in schema.foreign_keys_to("client")]
    assert ("client", ("parent_id",), ("id",), "NO ACTION") in told
    assert ("odd-name", ("to",), ("id",), "CASCADE") in told
    ((table, key),) = schema.foreign_keys_to("odd-name")
    assert (table.name, key.columns, key.to) == ("part", ("x", "y"), ("a", "to"))


def test_a_catalogue_is_the_same_from_its_json(schema):
    assert schema_of(schema_text(schema)) == schema


def test_our_own_tables_arent_the_hosts_but_one_of_the_same_name_is(schema, database_url):
    assert "customer" in schema.tables
    assert not schema_at(database_url).tables


def test_the_fingerprint_changes_with_a_constraint_and_not_with_rows(url):
    before = fingerprint(schema_at(url), ["client", "part"])
    execute(url, "INSERT INTO client (id, no) VALUES (1, 'x')", "CREATE INDEX client_name ON client (name)")
    assert fingerprint(schema_at(url), ["client", "part"]) == before
    execute(url, "CREATE UNIQUE INDEX part_once ON part (x)")
    assert fingerprint(schema_at(url), ["client", "part"]) != before


def execute(url, *statements):
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_what_only_postgresql_has_is_told(schema):
    invoice = schema.tables["billing.invoice"]
    assert (invoice.schema, invoice.plain_name) == ("billing", "invoice")
    assert [column.kind for column in invoice.columns] == [Kind.UUID, Kind.INTEGER, Kind.JSON, Kind.OTHER]
    assert invoice.foreign_keys[0].is_deferrable
    assert invoice.uniques[1].nulls_are_equal
    payment = schema.tables["payment"]
    assert payment.is_partitioned
    assert "payment_1" not in schema.tables
    assert [key.columns for key in payment.foreign_keys] == [("client_id",)]
    assert schema.tables["stay"].uniques[0].kind is UniqueKind.EXCLUSION
    assert "touch" in schema.tables["client"].triggers[0]


def test_a_file_to_which_custmerge_isnt_attached_keeps_its_journal(tmp_path):
    path = tmp_path / "host.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(BOTH)
    connection.close()
    before = path.read_bytes()
    schema_at(f"sqlite:///{path}")
    assert path.read_bytes() == before
