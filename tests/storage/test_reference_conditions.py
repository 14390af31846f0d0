"""Conditions over a host's rows, before and after what `set` gives them, in each database's own SQL."""

from datetime import UTC, datetime

import pytest
from support.host_tables import make_tables

from custmerge.rules.attach import resolve
from custmerge.rules.fields import Customer
from custmerge.rules.mapping.file import read_mapping
from custmerge.storage.dialect import WRITES, open_engine
from custmerge.storage.host import host_schema
from custmerge.storage.register.attached.references import Followed, HostReferences

MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
[fields]
city = "city"
[proof]
by = "nothing"
[[reference]]
columns = ["address.client_id"]
policy = "move"
set = { is_main = false, label = "it's \\"old\\"" }
"""


@pytest.mark.on_both
def test_a_moved_row_that_set_takes_out_of_a_partial_unique_does_not_clash_there(database_url):
    make_tables(
        database_url,
        "CREATE TABLE client (id INTEGER PRIMARY KEY, city TEXT)",
        "CREATE TABLE address (id INTEGER PRIMARY KEY, client_id INTEGER, is_main BOOLEAN, label VARCHAR(20))",
        "CREATE UNIQUE INDEX one_main ON address (client_id) WHERE is_main",
        "CREATE UNIQUE INDEX one_label ON address (client_id, label) WHERE label <> 'it''s \"old\"'",
        "INSERT INTO client VALUES (1, NULL), (2, NULL)",
        "INSERT INTO address VALUES (10, 1, true, 'x'), (20, 2, true, 'x'), (21, 2, false, 'y')",
    )
    engine = open_engine(database_url)
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        schema = host_schema(connection)
        mapping = read_mapping(MAPPING, "mapping.toml")
        resolved = resolve(mapping, schema)
        assert not resolved.problems
        rows = HostReferences(connection, Followed(mapping, schema, tuple(resolved.tables.values())))
        customers = {number: Customer(number, keys=(number,)) for number in ("1", "2")}
        followed = rows.for_orders(customers, {"2"}, datetime(2026, 11, 28, tzinfo=UTC), lock=True)
        followed.apply(followed.decide(customers["1"], customers["2"], {}, [], 0))
        rows.write(followed, 1)
        statement = "SELECT id, client_id, is_main, label FROM address ORDER BY id"
        written = [tuple(row) for row in connection.exec_driver_sql(statement)]
    engine.dispose()
    old = 'it\'s "old"'
    assert written == [(10, 1, True, "x"), (20, 1, False, old), (21, 1, False, old)]
