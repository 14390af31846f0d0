"""Rows aren't dropped where others would go with them, or where they could never come back."""

import sqlite3
from contextlib import closing

import pytest
from support.databases import execute, rows
from support.host_tables import let_hold, make_tables

from custmerge.services.people import passwords

MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
password = "pass"
[fields]
last_name = "name"
[proof]
by = "password"
[[reference]]
columns = ["review.client_id"]
policy = "drop"
"""
REFERRING = {"sqlite": "TEXT COLLATE NOCASE", "postgresql": "NUMERIC"}
DROPPED = {"sqlite": ("'B-1'", "'b-1'"), "postgresql": ("20", "20.0")}


@pytest.mark.on_both
def test_a_row_is_not_dropped_while_the_database_has_children_of_it_in_another_writing(cli, database_url):
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    dropped, child = DROPPED[kind]
    make_tables(
        database_url,
        "CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT, pass TEXT)",
        f"""CREATE TABLE review (id {REFERRING[kind]} PRIMARY KEY, client_id INTEGER REFERENCES client (id),
            product INTEGER, UNIQUE (client_id, product))""",
        f"""CREATE TABLE vote (id INTEGER PRIMARY KEY,
            review {REFERRING[kind]} REFERENCES review (id) ON DELETE CASCADE)""",
        f"INSERT INTO client VALUES (1, 'Brandt', NULL), (2, 'Brandt', '{passwords.hashed('hefezopf')}')",
        f"INSERT INTO review VALUES ({dropped.replace('0', '1').replace('B', 'A')}, 1, 5), ({dropped}, 2, 5)",
        f"INSERT INTO vote VALUES (1, {child})",
    )
    # As if `attach` had taken it: its check asks for another answer where it sees this coming.
    let_hold(database_url, MAPPING)
    execute(database_url, *(f"DROP TABLE {table}" for table in ("domain", "package", "customer")))
    done = cli.as_("ben")("merge", "2", "--into", "1", "--password-stdin", "--yes", "-f", "json", stdin="hefezopf")
    assert (done.code, done.error["code"]) == (3, "reference_refused"), done.err
    assert (len(rows(database_url, "SELECT * FROM review")), len(rows(database_url, "SELECT * FROM vote"))) == (2, 1)


@pytest.mark.on_both
def test_a_row_that_refers_to_nothing_is_not_dropped_for_it_could_not_be_given_back(cli, database_url):
    make_tables(
        database_url,
        "CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT, pass TEXT)",
        "CREATE TABLE product (id INTEGER PRIMARY KEY)",
        """CREATE TABLE review (id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES client (id), product INTEGER,
            UNIQUE (client_id, product))""",
        f"INSERT INTO client VALUES (1, 'Brandt', NULL), (2, 'Brandt', '{passwords.hashed('hefezopf')}')",
        "INSERT INTO review VALUES (1, 1, 5), (2, 2, 5)",
    )
    if database_url.startswith("sqlite"):
        # As a program makes it that never switches foreign keys on.
        make_tables(
            database_url,
            "ALTER TABLE review RENAME TO old",
            """CREATE TABLE review (id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES client (id),
                product INTEGER REFERENCES product (id), UNIQUE (client_id, product))""",
        )
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("INSERT INTO review SELECT * FROM old")
            connection.execute("DROP TABLE old")
    else:
        make_tables(database_url, "ALTER TABLE review ADD FOREIGN KEY (product) REFERENCES product (id) NOT VALID")
    let_hold(database_url, MAPPING)
    execute(database_url, *(f"DROP TABLE {table}" for table in ("domain", "package", "customer")))
    done = cli.as_("ben")("merge", "2", "--into", "1", "--password-stdin", "--yes", "-f", "json", stdin="hefezopf")
    assert (done.code, done.error["code"]) == (3, "reference_refused"), done.err
    assert len(rows(database_url, "SELECT * FROM review")) == 2


@pytest.mark.parametrize("of_index", [False, True])
@pytest.mark.parametrize(("collation", "left"), [("NOCASE", 1), ("RTRIM", 2), ("BINARY", 2)])
def test_rows_that_differ_in_case_are_the_same_where_their_collation_says_so(sqlite_cli, collation, of_index, left):
    url = sqlite_cli.url
    collate = f"COLLATE {collation}"
    in_table, in_index = ("", collate) if of_index else (collate, "")
    make_tables(
        url,
        "CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT, pass TEXT)",
        f"""CREATE TABLE review (id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES client (id),
            product TEXT {in_table})""",
        f'CREATE UNIQUE INDEX one_each ON review (client_id, "product" {in_index})',
        f"INSERT INTO client VALUES (1, 'Brandt', NULL), (2, 'Brandt', '{passwords.hashed('hefezopf')}')",
        "INSERT INTO review VALUES (1, 1, 'Jam'), (2, 2, 'jam')",
    )
    let_hold(url, MAPPING)
    execute(url, *(f"DROP TABLE {table}" for table in ("domain", "package", "customer")))
    done = sqlite_cli.as_("ben")("merge", "2", "--into", "1", "--password-stdin", "--yes", stdin="hefezopf")
    assert done.code == 0, done.err
    assert len(rows(url, "SELECT * FROM review WHERE client_id = 1")) == left
