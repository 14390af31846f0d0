"""A host changes its tables, or takes a right away: it is found before anything is written."""

from urllib.parse import quote

import psycopg
import pytest
from support.attach_shop import Shop
from support.command_line import CommandLine

MERGE = ("merge", "20002", "--into", "10001", "--adopt", "--yes")
CHANGES = {
    "a column more": "ALTER TABLE ticket ADD COLUMN assigned_to bigint",
    "a column less": "ALTER TABLE ticket DROP COLUMN title",
    "another name of a column": "ALTER TABLE ticket RENAME COLUMN client_id TO customer_id",
    "a unique index": "CREATE UNIQUE INDEX one_ticket ON ticket (client_id, title)",
    "a table less": "DROP TABLE mailing",
    "a table with a foreign key to customers": (
        "CREATE TABLE credit (id bigint NOT NULL PRIMARY KEY, client_id bigint REFERENCES client (id))"
    ),
    "a child of rows that may be dropped": (
        "CREATE TABLE opened (id bigint NOT NULL PRIMARY KEY, newsletter_id bigint REFERENCES newsletter (id))"
    ),
}
ROLE = "custmerge shop%"
pytestmark = pytest.mark.on_one
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.mark.parametrize("change", CHANGES)
def test_a_schema_that_was_changed_stops_every_order_until_it_is_attached_again(shop, change):
    shop.execute(CHANGES[change])
    done = shop.agent.in_process(*MERGE, "-f", "json")
    assert (done.code, done.error["code"]) == (6, "schema_changed")
    assert "attach" in done.error["message"]
    assert shop.rows("SELECT id, status FROM client ORDER BY id") == [
        (70001, "active"),
        (70002, "active"),
        (70003, "active"),
    ]
    assert shop.rows('SELECT "order" FROM custmerge_order') == []


def test_a_changed_schema_stops_undo_and_bulk_and_is_named_by_audit_and_doctor(shop):
    (shop.folder / "pairs.csv").write_text("survivor,absorbed,choice\n10001,30003,adopt\n")
    assert shop.supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    shop.merged()
    before = shop.dump()
    shop.execute("CREATE UNIQUE INDEX one_ticket ON ticket (client_id, id)")
    for by, arguments in ((shop.supervisor, ("undo", "1", "--yes")), (shop.agent, ("bulk", "run", "pairs.csv"))):
        done = by.in_process(*arguments, "-f", "json")
        assert (done.code, done.error["code"]) == (6, "schema_changed"), arguments
    assert shop.dump() == before
    found = shop.supervisor.in_process("doctor", "--format", "json").json
    assert any("attach" in one["message"] and not one["ok"] for one in found)
    assert any("ticket" in subject for _, _, subject in shop.audit())
    shop.execute("DROP INDEX one_ticket")
    assert shop.supervisor.in_process("undo", "1", "--yes").code == 0
    assert shop.audit() == set()


def test_a_table_that_the_mapping_has_nothing_to_do_with_changes_nothing(shop):
    shop.prove()
    shop.execute("CREATE TABLE weather (id bigint NOT NULL PRIMARY KEY, title text)")
    assert shop.agent.in_process(*MERGE).code == 0
    assert shop.audit() == set()


def test_attached_again_a_new_column_is_followed(shop):
    shop.execute(
        "CREATE TABLE credit (id bigint NOT NULL PRIMARY KEY, client_id bigint REFERENCES client (id))",
        "INSERT INTO credit VALUES (1, 70002)",
    )
    done = shop.supervisor.in_process("attach", "shop.toml")
    assert done.code == 0, done.err
    shop.merged()
    assert shop.rows("SELECT client_id FROM credit") == [(70001,)]


@pytest.fixture
def role(shop, postgresql_server):
    """A role of the application, with the rights that the mapping needs and no others; it may run the commands."""
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            connection.execute(f'CREATE ROLE "{ROLE}" LOGIN')
    done = shop.cli.in_process("init", "--grant", ROLE)
    assert done.code == 0, done.err
    url = f"postgresql://{quote(ROLE)}@{shop.url.partition('@')[2]}"
    return Shop(CommandLine(url, shop.folder))


@on_postgresql
def test_the_rights_that_init_gives_are_enough_and_no_more(shop, role):
    role.merged()
    (shop.folder / "pairs.csv").write_text("survivor,absorbed,choice\n10001,30003,adopt\n")
    assert role.supervisor.in_process("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert role.agent.in_process("bulk", "run", "pairs.csv").code == 0
    for order in (2, 1):
        assert role.supervisor.in_process("undo", str(order), "--yes").code == 0
    for statement in (
        "INSERT INTO client (id, client_no) VALUES (1, '1')",
        "DELETE FROM invoice",
        "DROP TABLE ticket",
    ):
        with psycopg.connect(role.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@on_postgresql
def test_a_missing_right_on_one_table_is_found_by_the_check(shop, role):
    for right, table in (
        ("UPDATE", "ticket"),
        ("SELECT", "ticket"),
        ("DELETE", "newsletter"),
        ("INSERT", "newsletter"),
        ("UPDATE", "mailing"),
        ("UPDATE", "client"),
        ("SELECT", "site"),
    ):
        shop.execute(f'REVOKE {right} ON {table} FROM "{ROLE}"')
        done = role.supervisor.in_process("attach", "shop.toml", "--check", "--format", "json")
        assert (done.code, done.json["ready"]) == (1, False), done.err
        ((subject, message),) = [(one["subject"], one["message"]) for one in done.json["problems"]]
        assert table in subject
        assert right in message
        assert shop.cli.in_process("init", "--grant", ROLE).code == 0
