"""What a customer is told where a host's tables don't allow something: not their tables, columns and values."""

import re

import pytest
from support.attach_shop import MAPPING, NAMES, PASSWORD, shop, write_mapping

__all__ = ["shop"]
OF_THE_HOST = re.compile(rf"\b({'|'.join(NAMES)}|quota|promo|client_id|promo_client|posted)\b")
MERGE = ("merge", "20002", "--adopt", "--yes")
POSTED = """
[[refuse]]
why = "an invoice is posted"
sql = "select 1 from invoice where client_id = :absorbed"
"""
PROMO = """
[[reference]]
columns = ["promo.client_id"]
policy = "move"

[[reference]]
columns = ["quota.client_id"]
policy = "leave"
"""
QUOTA = ("CREATE TABLE quota (client_id bigint NOT NULL PRIMARY KEY)", "INSERT INTO quota VALUES (70002)")
PROMO_TABLE = (
    (
        "CREATE TABLE promo (id bigint NOT NULL PRIMARY KEY, client_id bigint CONSTRAINT promo_client "
        "REFERENCES quota (client_id) {when})"
    ),
    "INSERT INTO promo VALUES (1, 70002)",
)
REFUSED_TICKETS = MAPPING.replace(
    'columns = ["ticket.client_id"]\npolicy = "move"',
    'columns = ["ticket.client_id"]\npolicy = "refuse"\nwhy = "a ticket is posted"',
)


def attach(shop, mapping):
    write_mapping(shop.folder, mapping)
    done = shop.supervisor.in_process("attach", "shop.toml")
    assert done.code == 0, done.err


def logged_in(shop):
    """Return the command line of 10001, who has proved 20002."""
    customer = shop.cli.login("10001", PASSWORD)
    verify = ("verify", "20002", "--domain", "zwei.example", "--password-stdin")
    assert customer.in_process(*verify, stdin=PASSWORD).code == 0
    return customer


def refused(shop, *command):
    """Run a command of the customer's that is refused, for people and for scripts; returns both errors' words."""
    customer = logged_in(shop)
    before = shop.dump()
    spoken, data = customer.in_process(*command), customer.in_process(*command, "-f", "json")
    assert shop.dump() == before
    words = " ".join((spoken.out + spoken.err + data.out + data.err).split())
    assert OF_THE_HOST.search(words) is None, words
    return spoken, data


@pytest.mark.parametrize("mapping", [MAPPING + POSTED, REFUSED_TICKETS], ids=["by a statement", "by a policy"])
def test_a_refusal_by_the_mapping_says_whom_to_ask_and_nothing_of_the_tables(shop, mapping):
    attach(shop, mapping)
    spoken, data = refused(shop, *MERGE)
    assert (spoken.code, data.error["code"]) == (3, "reference_refused")
    assert "ask us" in spoken.err
    assert data.error["details"] == {"survivor": "10001", "absorbed": "20002"}
    spoken, data = refused(shop, "diff", "20002")
    assert (spoken.code, data.code, data.json["mergeable"]) == (3, 3, False)
    assert "ask us" in spoken.out
    # Staff are told why.
    shop.prove()
    for command in (("diff", "20002"), MERGE):
        told = shop.agent.in_process(*command, "--into", "10001")
        assert (told.code, "posted" in told.out + told.err) == (3, True)


@pytest.mark.parametrize("when", ["", "DEFERRABLE INITIALLY DEFERRED"], ids=["at once", "at the end"])
def test_what_the_database_itself_refuses_names_no_table_to_a_customer(shop, when):
    shop.execute(*QUOTA, *(statement.format(when=when) for statement in PROMO_TABLE))
    attach(shop, MAPPING + PROMO)
    spoken, data = refused(shop, *MERGE)
    assert (spoken.code, data.error["code"]) == (3, "reference_refused")
    assert data.error["details"] == {}
    shop.prove()
    told = shop.agent.in_process(*MERGE, "--into", "10001")
    assert (told.code, "promo" in told.err) == (3, True)


def test_a_field_that_cannot_be_written_sends_no_customer_to_the_mapping(shop):
    attach(shop, MAPPING.replace('city = "city"', 'city = "city"\nstreet = { sql = "\'Weg \' || id" }'))
    spoken, data = refused(shop, *MERGE, "--take", "street")
    assert (spoken.code, data.error["code"]) == (2, "field_not_writable")
    assert data.error["details"] == {"number": "10001", "field": "street"}
    assert "custmerge attach" not in spoken.err


def test_tables_that_were_changed_are_not_named_to_a_customer(shop):
    customer = logged_in(shop)
    shop.execute("ALTER TABLE invoice ADD COLUMN posted integer")
    login = shop.cli.in_process("login", "10001", "--password-stdin", "--print-token", stdin=PASSWORD)
    verify = ("verify", "20002", "--domain", "zwei.example", "--password-stdin", "-f", "json")
    for done in (
        login,
        customer.in_process(*verify, stdin=PASSWORD),
        customer.in_process(*MERGE, "-f", "json"),
        customer.in_process(*MERGE),
        customer.in_process("logout"),
    ):
        assert (done.code, OF_THE_HOST.search(done.out + done.err)) == (6, None), done.err
    assert "invoice" in shop.agent.in_process(*MERGE, "--into", "10001").err


@pytest.mark.parametrize("options", [(), ("--follow",)])
def test_a_column_that_has_gone_is_not_named_to_a_customer_who_looks_at_the_history(shop, options):
    customer = logged_in(shop)
    shop.execute("ALTER TABLE client RENAME COLUMN city TO town")
    done = customer.in_process("history", *options, "-f", "jsonl")
    assert (done.code, OF_THE_HOST.search(done.out + done.err)) == (6, None), done.err
    assert "client" in shop.agent.in_process("history", "10001", *options, "-f", "jsonl").err


def test_a_table_that_has_gone_is_not_named_to_a_customer(shop):
    customer = logged_in(shop)
    shop.execute("DROP TABLE site")
    for command in (("show", "10001"), ("diff", "20002"), MERGE):
        done = customer.in_process(*command, "-f", "json")
        assert (done.code, done.error["code"]) == (6, "schema_changed")
        assert OF_THE_HOST.search(done.out + done.err) is None, done.err


def test_a_customers_own_table_that_has_gone_is_not_named_by_the_history(shop):
    customer = logged_in(shop)
    shop.execute("ALTER TABLE client RENAME TO clients")
    for options in ((), ("-f", "json"), ("-f", "jsonl"), ("--follow", "-f", "jsonl")):
        done = customer.in_process("history", *options)
        assert (done.code, OF_THE_HOST.search(done.out + done.err)) == (6, None), done.err
