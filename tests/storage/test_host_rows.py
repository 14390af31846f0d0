"""Rows of a host's tables: read by any key and of any type, and written in one go."""

from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter

import pytest

from custmerge.errors import RowsLeftOut, RowsRefused
from custmerge.rules.host_schema import HostColumn, HostTable, Kind, Unique, UniqueKind
from custmerge.rules.mapping import Policy
from custmerge.rules.references.cells import Keys
from custmerge.rules.references.changes import RowsWritten, Step
from custmerge.rules.references.table_rules import CustomerReference, TableRules
from custmerge.storage.dialect import open_engine
from custmerge.storage.register.attached.reading import host_reader
from custmerge.storage.register.attached.table_sql import HostTableSql
from custmerge.storage.register.attached.writing import write_step

ODD = 'cre"dit %s-note'


def a_table(name, *columns, key=("id",)):
    """Return a table and its rules; a column is (name, type, kind)."""
    table = HostTable(
        name, None, name, tuple(HostColumn(*column) for column in columns), (Unique("pk", UniqueKind.PRIMARY, key),)
    )
    names = (*key, *(column for column, *_ in columns if column not in key))
    return table, TableRules(name, key, names)


@contextmanager
def connected(url, *statements):
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%") if "postgresql" in url else statement)
        yield connection
        connection.rollback()
    engine.dispose()


def sql_of(connection, table, rules):
    return HostTableSql(table, rules, is_server=connection.dialect.name == "postgresql")


def read(connection, sql, *conditions):
    with host_reader(connection) as reader:
        return reader.rows(sql, [each for each in conditions if each is not None], lock=True)


def test_a_table_and_columns_of_any_name_are_read_by_a_key_and_written(database_url):
    table, rules = a_table(
        ODD,
        ("id", "integer", Kind.INTEGER),
        ("select", "character varying(9)", Kind.TEXT),
        ('a"b', "text", Kind.TEXT),
    )
    quoted = ODD.replace('"', '""')
    with connected(
        database_url,
        f'CREATE TABLE "{quoted}" (id integer PRIMARY KEY, "select" varchar(9), "a""b" text)',
        f"""INSERT INTO "{quoted}" VALUES (1, '7', 'x'), (2, '07', NULL), (3, '8', 'z'), (5, '6', '')""",
    ) as connection:
        sql = sql_of(connection, table, rules)
        assert read(connection, sql, sql.holding("select", {"7", "8"})) == [(1, "7", "x"), (3, "8", "z")]
        step = Step(
            dropped={ODD: Keys([(2,)])},
            updated=(
                RowsWritten(ODD, (("select", "9"),), Keys([(1,)])),
                RowsWritten(ODD, (), Keys([(3,), (5,)]), (("select", ('"{,\\', "NULL")),)),
            ),
            restored={ODD: ((('a"b', "new"), ("id", 4), ("select", None)),)},
        )
        write_step(connection, {ODD: sql}, step)
        everything = sql.equal(("id",), [(1,), (2,), (3,), (4,), (5,)])
        assert read(connection, sql, *everything) == [
            (1, "9", "x"),
            (3, '"{,\\', "z"),
            (4, None, "new"),
            (5, "NULL", ""),
        ]


@pytest.mark.parametrize(
    ("kind", "type_name", "texts", "found"),
    [
        (Kind.INTEGER, "bigint", {"7", "007", "abc", "", "99999999999999999999"}, 1),
        (Kind.UUID, "uuid", {"0b1c2d3e-0000-4000-8000-00000000000a", "abc", "7"}, 1),
        (Kind.TEXT, "text", {"client,7", "nul\0"}, 1),
        (Kind.TEXT, "character(12)", {"7"}, 1),
        (Kind.OTHER, "date", {"2026-01-02", "abc"}, 1),
        (Kind.INTEGER, "smallint", {"abc"}, 0),
    ],
)
def test_keys_that_a_column_cannot_hold_are_left_out(database_url, kind, type_name, texts, found):
    value = {Kind.INTEGER: "7", Kind.UUID: "'0b1c2d3e-0000-4000-8000-00000000000a'", Kind.OTHER: "'2026-01-02'"}.get(
        kind, "'7'" if "char" in type_name else "'client,7'"
    )
    table, rules = a_table("note", ("id", "integer", Kind.INTEGER), ("of", type_name, kind))
    with connected(
        database_url,
        f'CREATE TABLE note (id integer PRIMARY KEY, "of" {type_name})',
        f"INSERT INTO note VALUES (1, {value}), (2, NULL)",
    ) as connection:
        sql = sql_of(connection, table, rules)
        rows = read(connection, sql, sql.holding("of", texts))
        # SQLite takes "007" in a column of integers for 7: the reader of the rows compares texts.
        assert len(rows) == found


def test_rows_are_found_and_dropped_by_composite_keys(database_url):
    table, rules = a_table(
        "member", ("client", "bigint", Kind.INTEGER), ("list", "text", Kind.TEXT), key=("client", "list")
    )
    with connected(
        database_url,
        "CREATE TABLE member (client bigint, list text, PRIMARY KEY (client, list))",
        "INSERT INTO member VALUES (1, 'a'), (1, 'b'), (2, 'a'), (3, 'c')",
    ) as connection:
        sql = sql_of(connection, table, rules)
        assert sorted(read(connection, sql, *sql.equal(rules.key, [(1, "b"), (2, "a"), (2, "b")]))) == [
            (1, "b"),
            (2, "a"),
        ]
        # The place that a dropped row leaves is taken by another one.
        step = Step(
            dropped={"member": Keys([(1, "a")])},
            updated=(RowsWritten("member", (("client", 1),), Keys([(2, "a")])),),
        )
        write_step(connection, {"member": sql}, step)
        rest = connection.exec_driver_sql("SELECT client, list FROM member ORDER BY 1, 2").all()
        assert [tuple(row) for row in rest] == [(1, "a"), (1, "b"), (3, "c")]


def test_what_the_database_refuses_is_named_by_its_constraint_and_not_by_its_values(database_url):
    table, rules = a_table("member", ("id", "integer", Kind.INTEGER), ("client", "integer", Kind.INTEGER))
    with connected(
        database_url,
        "CREATE TABLE member (id integer PRIMARY KEY, client integer CONSTRAINT small CHECK (client < 1000))",
        "INSERT INTO member VALUES (1, 5)",
    ) as connection:
        step = Step(updated=(RowsWritten("member", (("client", 4711),), Keys([(1,)])),))
        with pytest.raises(RowsRefused, match=r"member \(small\)") as caught:
            write_step(connection, {"member": sql_of(connection, table, rules)}, step)
        assert "4711" not in str(caught.value)


def test_a_text_that_is_too_long_is_refused_and_not_cut(database_url):
    table, rules = a_table("note", ("id", "integer", Kind.INTEGER), ("of", "character varying(4)", Kind.TEXT))
    with connected(
        database_url,
        'CREATE TABLE note (id integer PRIMARY KEY, "of" varchar(4) CHECK (length("of") <= 4))',
        "INSERT INTO note VALUES (1, 'c,1')",
    ) as connection:
        step = Step(updated=(RowsWritten("note", (("of", "c,10001"),), Keys([(1,)])),))
        with pytest.raises(RowsRefused):
            write_step(connection, {"note": sql_of(connection, table, rules)}, step)


def test_a_row_that_the_hosts_trigger_leaves_out_is_refused(database_url):
    if database_url.startswith("sqlite"):
        trigger = ("CREATE TRIGGER keep BEFORE UPDATE ON member WHEN old.id = 1 BEGIN SELECT RAISE(IGNORE); END",)
    else:
        trigger = (
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER keep BEFORE UPDATE ON member FOR EACH ROW WHEN (old.id = 1) EXECUTE FUNCTION keep()",
        )
    table, rules = a_table("member", ("id", "integer", Kind.INTEGER), ("client", "integer", Kind.INTEGER))
    with connected(
        database_url,
        "CREATE TABLE member (id integer PRIMARY KEY, client integer)",
        "INSERT INTO member VALUES (1, 5), (2, 5)",
        *trigger,
    ) as connection:
        step = Step(updated=(RowsWritten("member", (("client", 6),), Keys([(1,), (2,)])),))
        with pytest.raises(RowsLeftOut, match=r"member .* \(1\)"):
            write_step(connection, {"member": sql_of(connection, table, rules)}, step)


def test_a_reference_is_found_by_its_index(database_url):
    table, rules = a_table("invoice", ("id", "bigint", Kind.INTEGER), ("client", "character varying(36)", Kind.TEXT))
    rules = replace(rules, references=(CustomerReference("client", Policy.MOVE),))
    with connected(
        database_url,
        "CREATE TABLE invoice (id bigint PRIMARY KEY, client varchar(36))",
        "CREATE INDEX of_client ON invoice (client)",
    ) as connection:
        sql = sql_of(connection, table, rules)
        condition = sql.holding("client", {"7", "8"})
        statement = sql.reading(condition.sql, lock=False)
        raw = connection.connection.driver_connection
        if sql.is_server:
            raw.execute("SET LOCAL enable_seqscan = off")
            plan = raw.execute(f"EXPLAIN {statement}", condition.parameters).fetchall()
        else:
            plan = raw.execute(f"EXPLAIN QUERY PLAN {statement}", condition.parameters).fetchall()
        assert "of_client" in str(plan)
        assert "Filter" not in str(plan)


def test_conditions_and_orders_of_a_mapping_may_end_with_a_comment(database_url):
    table, rules = a_table("note", ("id", "integer", Kind.INTEGER), ("client", "integer", Kind.INTEGER))
    rules = replace(
        rules,
        computed={"custmerge_1": "id > 1 -- not the first"},
        references=(CustomerReference("client", Policy.MOVE, where="custmerge_1"),),
    )
    with connected(
        database_url,
        "CREATE TABLE note (id integer PRIMARY KEY, client integer)",
        "INSERT INTO note VALUES (1, 7), (2, 7)",
    ) as connection:
        sql = sql_of(connection, table, rules)
        assert read(connection, sql, sql.holding("client", {"7"})) == [(1, 7, 0), (2, 7, 1)]
        statement = sql.first_of_each("client", ("id",), "1 = 1", "id > 0 -- any", "id DESC -- the newest")
        assert connection.connection.driver_connection.execute(statement).fetchall() == [(7, 2)]


PARTS = ("CREATE TABLE part (id bigint PRIMARY KEY, client bigint)", "CREATE INDEX of_client ON part (client)")


def parts():
    table, rules = a_table("part", ("id", "bigint", Kind.INTEGER), ("client", "bigint", Kind.INTEGER))
    table = replace(table, indexes=(("id",), ("client",)))
    return table, replace(rules, references=(CustomerReference("client", Policy.MOVE),))


def packed(connection, sql, *customers):
    assert sql.is_packed
    with host_reader(connection) as reader:
        return next(reader.packed([(sql, sql.holding("client", set(customers)))], lock=True))


def test_the_keys_of_each_customers_rows_are_read_at_once_where_they_are_integers(database_url):
    rows = "INSERT INTO part VALUES (9, 7), (1, 7), (4, 8), (5, NULL), (6, 6)"
    with connected(database_url, *PARTS, rows) as connection:
        groups = packed(connection, sql_of(connection, *parts()), "7", "8", "x")
        assert sorted(groups, key=itemgetter(0)) == [(7, Keys([(1,), (9,)])), (8, Keys([(4,)]))]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("odd", ["'seven', 7", "1.5, 7", "x'01', 7", "NULL, 7"])
def test_a_table_with_another_key_than_an_integer_is_read_row_by_row(database_url, odd):
    with connected(database_url, *PARTS, f"INSERT INTO part VALUES (1, 7), ({odd})") as connection:
        assert packed(connection, sql_of(connection, *parts()), "7") is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_row_that_no_longer_holds_what_was_read_is_not_written(database_url):
    with connected(database_url, *PARTS, "INSERT INTO part VALUES (1, 7), (2, 8)") as connection:
        written = RowsWritten("part", (("client", 9),), Keys([(1,), (2,)]), held=("client", frozenset({7})))
        with pytest.raises(RowsLeftOut, match=r"part .* \(1\)"):
            write_step(connection, {"part": sql_of(connection, *parts())}, Step(updated=(written,)))
