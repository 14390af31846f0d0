"""What is read of a host's rows to guess what is in its columns."""

import psycopg
import pytest
from support.databases import execute

from custmerge.storage.dialect import open_engine
from custmerge.storage.host import host_schema
from custmerge.storage.host.values import SAMPLED_ROWS, HostValues

pytestmark = pytest.mark.on_both
ROWS = 3 * SAMPLED_ROWS


@pytest.fixture
def look(database_url):
    """Return what is read of a table that statements have made."""

    def read(table, work, *statements):
        execute(database_url, *statements)
        engine = open_engine(database_url)
        with engine.connect() as connection:
            result = work(HostValues(connection), host_schema(connection).tables[table])
        engine.dispose()
        return result

    return read


def filled(table, columns, *rows):
    return (f"CREATE TABLE {table} ({columns})", *(f"INSERT INTO {table} VALUES {row}" for row in rows))


def numbers(expression):
    """Return rows of a number and an expression of it."""
    return f"""WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
        INSERT INTO thing SELECT n, {expression} FROM n"""


def test_half_of_a_sample_is_from_each_end(look):
    thing = filled("thing", "id integer PRIMARY KEY, note text"), numbers("'x'")
    sample = look("thing", lambda values, table: values.sample(table, ("id",)), *thing[0], thing[1])
    found = {int(value) for value in sample.values("id")}
    assert len(found) == SAMPLED_ROWS
    assert {1, ROWS} <= found
    assert ROWS // 2 not in found
    assert not sample.is_whole


def test_a_small_table_is_read_whole(look):
    thing = filled("thing", "id integer PRIMARY KEY, note text", "(1, 'a'), (2, NULL)")
    sample = look("thing", lambda values, table: values.sample(table, ("note", "id")), *thing)
    assert sorted(sample.rows, key=str) == [("a", "1"), (None, "2")]
    assert sample.is_whole


def test_odd_names_are_quoted(look):
    thing = filled('"a: ""b"""', '"to" integer PRIMARY KEY, ":x" text', "(1, 'a')")
    sample = look('a: "b"', lambda values, table: values.sample(table, ("to", ":x")), *thing)
    assert sample.rows == [("1", "a")]


def test_values_are_compared_with_keys_of_every_type(look):
    thing = filled(
        "thing",
        "id integer PRIMARY KEY, code varchar(9), uid uuid, amount numeric(9)",
        "(1, '007', '00000000-0000-4000-8000-000000000007', 5), (9, 'x', '00000000-0000-4000-8000-000000000009', 6)",
    )

    def compared(column, *texts):
        return lambda values, table: values.compared(table, table.column(column), frozenset(texts), 3)

    assert look("thing", compared("id", "1", "01", "2", "x", str(10**30)), *thing).keys == 1
    assert look("thing", compared("code", "007", "7")).keys == 1
    assert look("thing", compared("uid", "00000000-0000-4000-8000-000000000007", "7", "")).keys == 1
    assert look("thing", compared("amount", "5", "7")).keys == 1


def test_only_rows_that_are_meant_have_keys(look):
    thing = filled("thing", "id integer PRIMARY KEY, role text", "(1, 'client'), (2, 'staff')")

    def compared(values, table):
        return values.compared(table, table.column("id"), frozenset("12"), 2, "role = 'client'")

    assert look("thing", compared, *thing).keys == 1


def test_a_number_is_unique_in_the_whole_table_or_not_at_all(look):
    thing = (
        filled("thing", "id integer PRIMARY KEY, no text"),
        numbers("CASE n WHEN 9000 THEN '1' ELSE CAST(n AS text) END"),
    )
    assert not look("thing", lambda values, table: values.is_unique(table, "no"), *thing[0], thing[1])
    assert look("thing", lambda values, table: values.is_unique(table, "id"))
    assert not look("thing", lambda values, table: values.is_unique(table, "no"), "UPDATE thing SET no = ''")


def test_a_kind_that_no_sampled_row_has_is_found(look):
    thing = (
        filled("thing", "id integer PRIMARY KEY, kind text"),
        numbers("CASE n WHEN 4000 THEN 'client' ELSE 'x' END"),
    )
    assert look("thing", lambda values, table: values.kinds(table, "kind"), *thing[0], thing[1]) == ["client", "x"]
    rows = look("thing", lambda values, table: values.rows_of_kind(table, ("id",), "kind", "client"))
    assert rows == [("4000",)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bytes_that_are_no_text_do_not_stop_a_sample(look):
    thing = filled("thing", "id integer PRIMARY KEY, note text", "(1, CAST(x'4dfc6c6c6572' AS text)), (2, x'ff')")
    sample = look("thing", lambda values, table: values.sample(table, ("note",)), *thing)
    assert sorted(sample.rows, key=str) == [("M\ufffdller",), (None,)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_table_that_must_not_be_read_seems_to_be_empty(database_url):
    execute(database_url, *filled("thing", "id integer PRIMARY KEY", "(1), (2)"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE looker LOGIN")
    try:
        engine = open_engine(f"{database_url}&user=looker" if "?" in database_url else f"{database_url}?user=looker")
        with engine.connect() as connection:
            table = host_schema(connection).tables["thing"]
            sample = HostValues(connection).sample(table, ("id",))
        engine.dispose()
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY looker; DROP ROLE looker")
    assert (sample.columns, list(sample.rows)) == (("id",), [])
