"""Rows that the database takes for children of a dropped row, though they are written otherwise."""

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
