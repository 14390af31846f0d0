"""Rows that refer to each other while their keys change, go and come back: written in an order that no key breaks."""

import csv

import pytest
from support.databases import execute, rows
from support.host_tables import let_hold, make_tables

pytestmark = pytest.mark.on_both
MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
[proof]
by = "nothing"
[[reference]]
columns = ["{dropped}"]
policy = "drop"
"""
CLIENTS = ("CREATE TABLE client (id integer PRIMARY KEY)", "INSERT INTO client VALUES (1), (2), (3)")


@pytest.fixture
def host(cli, database_url):
    """Gives what lays tables out, attaches, and runs a file; and what is in the tables."""

    class Host:
        url, folder = database_url, cli.folder

        def attach(self, mapping, *statements):
            make_tables(self.url, *CLIENTS, *statements)
            let_hold(self.url, mapping)
            execute(self.url, *(f"DROP TABLE {table}" for table in ("domain", "package", "customer")))

        def run(self, *pairs, take=""):
            """Run an approved file; returns what became of its rows."""
            lines = "".join(f"{survivor},{absorbed},adopt,{take}\n" for survivor, absorbed in pairs)
            (self.folder / "pairs.csv").write_text("survivor,absorbed,choice,take\n" + lines)
            assert cli.as_("anna").in_process("bulk", "approve", "pairs.csv", "--yes").code in (0, 7)
            cli.as_("ben").in_process("bulk", "run", "pairs.csv", "--report", "report.csv")
            with (self.folder / "report.csv").open() as report:
                return [(line["status"], line["message"]) for line in csv.DictReader(report)]

        def undo_all(self, *options):
            """Undo the run; returns the error's message, empty without one."""
            done = cli.as_("anna").in_process("undo", "--batch", "1", "--yes", "-f", "json", *options)
            return done.error["message"] if done.code else ""

        def rows(self, *tables):
            return [rows(self.url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]

    return Host()


@pytest.mark.parametrize("action", ["NO ACTION", "SET NULL", "CASCADE"])
def test_dropped_rows_that_refer_to_each_other_go_and_come_back_together(host, action):
    host.attach(
        MAPPING.format(dropped="node.client_id"),
        f"""CREATE TABLE node (id integer PRIMARY KEY, client_id integer REFERENCES client (id), slot text,
            next integer REFERENCES node (id) ON DELETE {action}, UNIQUE (client_id, slot))""",
        "INSERT INTO node VALUES (10, 1, 'a', NULL), (11, 1, 'b', NULL), (20, 2, 'a', NULL), (21, 2, 'b', 20)",
        "INSERT INTO node VALUES (22, 2, 'c', 21), (30, 3, 'c', 30)",
        "UPDATE node SET next = 21 WHERE id = 20",
    )
    before = host.rows("node")
    assert host.run((1, 2), (1, 3)) == [("merged", "")] * 2
    assert host.rows("node") == [[(10, 1, "a", None), (11, 1, "b", None), (22, 1, "c", 11)]]
    assert host.undo_all() == ""
    assert host.rows("node") == before


@pytest.mark.parametrize("action", ["NO ACTION", "CASCADE"])
def test_a_row_goes_back_to_the_parent_that_it_had_while_the_one_that_stayed_gets_its_own_key_again(host, action):
    host.attach(
        MAPPING.format(dropped="purchase.client_id")
        + '[[reference]]\ncolumns = ["line.client_id"]\npolicy = "drop"\n',
        """CREATE TABLE purchase (client_id integer REFERENCES client (id), number integer,
            PRIMARY KEY (client_id, number))""",
        f"""CREATE TABLE line (client_id integer, number integer, place integer,
            PRIMARY KEY (client_id, number, place), FOREIGN KEY (client_id, number)
            REFERENCES purchase (client_id, number) ON DELETE {action} ON UPDATE {action})""",
        f"""CREATE TABLE remark (id integer PRIMARY KEY, client_id integer, number integer, place integer,
            FOREIGN KEY (client_id, number, place)
            REFERENCES line (client_id, number, place) ON DELETE {action} ON UPDATE {action})""",
        "INSERT INTO purchase VALUES (2, 7), (3, 7)",
        "INSERT INTO line VALUES (2, 7, 1), (3, 7, 1)",
        "INSERT INTO remark VALUES (1, 2, 7, 1), (2, 3, 7, 1)",
    )
    before = host.rows("purchase", "line", "remark")
    # In one transaction: the first's rows get new keys, and the second's are dropped into them.
    assert host.run((1, 2), (1, 3)) == [("merged", "")] * 2
    assert host.rows("purchase", "line", "remark") == [[(1, 7)], [(1, 7, 1)], [(1, 1, 7, 1), (2, 1, 7, 1)]]
    assert host.undo_all() == ""
    assert host.rows("purchase", "line", "remark") == before


def test_a_unique_value_of_the_retired_row_can_be_taken_over_and_is_in_the_way_of_an_undo_where_another_has_it(host):
    mapping = MAPPING.format(dropped="purchase.client_id").replace(
        'key = "id"', 'key = "id"\nretire = { email = "{null}" }\n[fields]\nemail = "email"'
    )
    host.attach(
        mapping,
        "ALTER TABLE client ADD COLUMN email text",
        "CREATE UNIQUE INDEX client_email ON client (email)",
        "UPDATE client SET email = id || '@client.example' WHERE id < 3",
        "CREATE TABLE purchase (id integer PRIMARY KEY, client_id integer REFERENCES client (id) UNIQUE)",
    )
    before = host.rows("client")
    assert host.run((1, 2), take="email") == [("merged", "")]
    assert host.rows("client") == [[(1, "2@client.example"), (2, None), (3, None)]]
    execute(host.url, "UPDATE client SET email = '1@client.example' WHERE id = 3")
    for options in ((), ("--dry-run",)):
        assert "email of client 1 would be as before, and 3 has the same" in host.undo_all(*options)
    execute(host.url, "UPDATE client SET email = NULL WHERE id = 3")
    assert host.undo_all() == ""
    assert host.rows("client") == before


def test_a_foreign_key_that_would_break_is_told_with_its_table_by_orders_and_undos(host):
    # SQLite looks at it when the transaction ends, and not before.
    host.attach(
        MAPPING.format(dropped="wish.client_id")
        + '[[reference]]\ncolumns = ["address.client_id"]\npolicy = "leave"\n',
        "CREATE TABLE address (id integer PRIMARY KEY, client_id integer, UNIQUE (client_id, id))",
        """CREATE TABLE purchase (id integer PRIMARY KEY, client_id integer REFERENCES client (id),
            address_id integer, FOREIGN KEY (client_id, address_id) REFERENCES address (client_id, id))""",
        "CREATE TABLE product (id integer PRIMARY KEY)",
        """CREATE TABLE wish (id integer PRIMARY KEY, client_id integer REFERENCES client (id),
            product_id integer REFERENCES product (id), UNIQUE (client_id, product_id))""",
        "INSERT INTO address VALUES (20, 2)",
        "INSERT INTO purchase VALUES (1, 2, 20)",
        "INSERT INTO product VALUES (7)",
        "INSERT INTO wish VALUES (1, 1, 7), (3, 3, 7)",
    )
    before = host.rows("purchase", "wish")
    (blocked, why), merged = host.run((1, 2), (1, 3))
    assert (blocked, merged) == ("blocked", ("merged", ""))
    assert "refuses what would be changed in purchase (" in why
    assert host.rows("purchase", "wish") == [before[0], [(1, 1, 7)]]
    execute(host.url, "UPDATE wish SET product_id = NULL", "DELETE FROM product")
    assert "refuses what would be given back to wish (" in host.undo_all()
    execute(host.url, "INSERT INTO product VALUES (7)", "UPDATE wish SET product_id = 7")
    assert host.undo_all() == ""
    assert host.rows("purchase", "wish") == before


def test_numbers_that_are_equal_in_two_writings_are_one_value(host):
    host.attach(
        MAPPING.format(dropped="rate.client_id"),
        """CREATE TABLE rate (id integer PRIMARY KEY, client_id integer REFERENCES client (id), percent numeric,
            share double precision, UNIQUE (client_id, percent), UNIQUE (client_id, share))""",
        "INSERT INTO rate VALUES (1, 1, 1.0, '0'), (2, 2, 1.00, 5), (3, 2, 2.50, '-0'), (4, 2, 0.1, 7)",
    )
    texts = host.url.startswith("sqlite")
    if texts:
        execute(host.url, "INSERT INTO rate VALUES (5, 1, 'none', NULL), (6, 2, 'open', NULL)")
    before = host.rows("rate")
    assert host.run((1, 2)) == [("merged", "")]
    assert [row[:2] for row in host.rows("rate")[0]] == [(1, 1), (4, 1), *([(5, 1), (6, 1)] if texts else [])]
    assert host.undo_all() == ""
    assert host.rows("rate") == before
