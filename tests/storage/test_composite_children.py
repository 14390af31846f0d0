"""Rows that refer to others by a key with the customer in it: they follow, whatever the foreign key does itself."""

from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from custmerge.rules.attach import resolve
from custmerge.rules.fields import Customer
from custmerge.rules.mapping.file import read_mapping
from custmerge.rules.plan import Choice, Plan, State, before_image, read_image
from custmerge.rules.references.cells import Keys
from custmerge.rules.references.changes import RowsWritten, Step
from custmerge.rules.references.undo import plan_undo_references
from custmerge.storage.dialect import WRITES, open_engine
from custmerge.storage.host import host_schema
from custmerge.storage.register.attached.references import Followed, HostReferences

pytestmark = pytest.mark.on_both
NOW = datetime(2026, 11, 28, tzinfo=UTC)
MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
[fields]
company = "name"
[[reference]]
columns = ["member.client_id"]
policy = "drop"
winner = "{winner}"
"""
TABLES = (
    "CREATE TABLE client (id integer PRIMARY KEY, name text)",
    (
        "CREATE TABLE member (client_id integer REFERENCES client (id), list text, note text, "
        "PRIMARY KEY (client_id, list))"
    ),
    (
        "CREATE TABLE mail (client_id integer, list text, number integer, PRIMARY KEY (client_id, list, number), "
        "FOREIGN KEY (client_id, list) REFERENCES member (client_id, list) ON DELETE {action} ON UPDATE {action})"
    ),
    (
        "CREATE TABLE opened (id integer PRIMARY KEY, client_id integer, list text, number integer, "
        "FOREIGN KEY (client_id, list, number) REFERENCES mail (client_id, list, number) "
        "ON DELETE {action} ON UPDATE {action})"
    ),
    "INSERT INTO client VALUES (1, 's'), (2, 'a')",
    "INSERT INTO member VALUES (1, 'a', 'kept'), (2, 'a', 'gone'), (2, 'b', 'only')",
    "INSERT INTO mail VALUES (1, 'a', 1), (2, 'a', 2), (2, 'b', 3)",
    "INSERT INTO opened VALUES (1, 1, 'a', 1), (2, 2, 'a', 2), (3, 2, 'b', 3)",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path, worker_id):
    if request.param == "sqlite":
        path = tmp_path / "host.db"
        path.touch()
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"of_composites_{worker_id}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def transaction(engine):
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


def rows(engine):
    with engine.connect() as connection:
        statements = [f"SELECT * FROM {table} ORDER BY 1, 2" for table in ("member", "mail", "opened")]
        return [[tuple(row) for row in connection.exec_driver_sql(each)] for each in statements]


@pytest.mark.parametrize("action", ["CASCADE", "NO ACTION"])
@pytest.mark.parametrize("winner", ["survivor", "absorbed"])
def test_no_row_is_lost_that_refers_to_a_dropped_or_a_moved_one(empty_url, action, winner):
    engine = open_engine(empty_url)
    with transaction(engine) as connection:
        for statement in TABLES:
            connection.exec_driver_sql(statement.format(action=action))
    before = rows(engine)
    with transaction(engine) as connection:
        mapping, schema = read_mapping(MAPPING.format(winner=winner), "m"), host_schema(connection)
        resolved = resolve(mapping, schema)
        assert resolved.problems == ()
        followed = Followed(mapping, schema, tuple(resolved.tables.values()))
        records = {number: Customer(number, keys=(number,)) for number in "12"}
        references = HostReferences(connection, followed)
        state = State(records, (), references.for_orders(records, {"2"}, NOW, lock=True))
        plan = state.with_references(Plan(records["1"], records["2"], Choice.IDENTICAL, {}, ()))
        state.execute(plan)
        references.write(state.references, 1)
        changes = read_image(before_image(plan, 1)).references
    note = "kept" if winner == "survivor" else "gone"
    assert rows(engine) == [
        [(1, "a", note), (1, "b", "only")],
        [(1, "a", 1), (1, "a", 2), (1, "b", 3)],
        [(1, 1, "a", 1), (2, 1, "a", 2), (3, 1, "b", 3)],
    ]
    with transaction(engine) as connection:
        references = HostReferences(connection, followed)
        there = references.for_undos([changes], lock=True)
        given_back, in_the_way = plan_undo_references(changes, there)
        assert in_the_way == []
        there.undo(given_back)
        references.write(there)
    assert rows(engine) == before
    engine.dispose()


def test_foreign_keys_wait_only_where_rows_may_refer_to_nothing_meanwhile(empty_url):
    engine = open_engine(empty_url)
    with transaction(engine) as connection:
        for statement in (
            *(each.format(action="CASCADE") for each in TABLES),
            "CREATE TABLE note (id integer PRIMARY KEY, client_id integer REFERENCES client (id), text text)",
        ):
            connection.exec_driver_sql(statement)
        mapping, schema = read_mapping(MAPPING.format(winner="survivor"), "m"), host_schema(connection)
    engine.dispose()
    followed, keys = Followed(mapping, schema, ()), Keys([(1,)])

    def waits(table, column):
        return followed.may_break_keys([Step(updated=(RowsWritten(table, ((column, 1),), keys),))])

    assert not waits("note", "client_id"), "the survivor is there all the time"
    assert not waits("client", "name"), "nothing refers to it"
    assert waits("client", "id")
    assert waits("member", "client_id"), "mails refer to it"
    assert waits("opened", "client_id"), "it refers to mails"
    assert followed.may_break_keys([Step(), Step(dropped={"note": keys})])
    assert followed.may_break_keys([Step(restored={"note": ((("id", 1),),)})])
