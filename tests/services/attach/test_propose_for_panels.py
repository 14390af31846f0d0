"""What `attach --propose` sees in a panel: contracts called as their domains, money and rights in the users' rows."""

import sqlite3
from contextlib import closing

import pytest
from support.host_proposals import proposed

from custmerge.rules.fields import Field
from custmerge.rules.guessing.writing import mapping_text
from custmerge.rules.mapping import ColumnSource
from custmerge.rules.mapping.file import read_mapping
from custmerge.rules.proofs import ProofBy

TABLES = """
CREATE TABLE users (id integer PRIMARY KEY, no text UNIQUE NOT NULL, email text, password text, first_name text,
  last_name text, org text, city text, pc text, voice text, roles_mask integer, account_balance numeric(12,2));
CREATE TABLE services (id integer PRIMARY KEY, user_id integer REFERENCES users (id), service_name text, server text);
CREATE TABLE ticket (id integer PRIMARY KEY, user_id integer REFERENCES users (id), responder_id integer NOT NULL,
  max_user integer NOT NULL);
"""


@pytest.fixture
def proposal(tmp_path):
    with closing(sqlite3.connect(tmp_path / "panel.db")) as connection:
        connection.executescript(TABLES)
        for n in range(1, 30):
            user, other = 7 * n, 7 * ((n * 5) % 29 + 1)
            connection.execute("INSERT INTO users (id, no, account_balance) VALUES (?, ?, 3)", (user, f"K{n}"))
            service = (n, user, f"shop{n}.example", "ns.example")
            connection.execute("INSERT INTO services VALUES (?, ?, ?, ?)", service)
            connection.execute("INSERT INTO ticket VALUES (?, ?, ?, ?)", (n, user, other, user))
        connection.commit()
    return proposed(f"sqlite:///{tmp_path / 'panel.db'}")


def test_a_contract_that_is_called_as_its_domain_proves_a_number(proposal):
    assert (proposal.package.table, proposal.package.customer) == ("services", "user_id")
    assert (proposal.domain.table, proposal.domain.package) == ("services", "id")
    assert proposal.domain.name == ColumnSource("service_name")
    assert proposal.proof is ProofBy.DOMAIN


def test_somebody_is_a_customer_where_the_values_say_so_and_a_number_of_them_is_none(proposal):
    assert [each.finding.name for each in (*proposal.references, *proposal.questions)] == [
        "ticket.responder_id", "ticket.user_id",
    ]  # fmt: skip


def test_short_names_of_registries_are_fields(proposal):
    sources = {field: proposal.fields.fields[field].column for field in (Field.COMPANY, Field.POSTCODE, Field.PHONE)}
    assert sources == {Field.COMPANY: "org", Field.POSTCODE: "pc", Field.PHONE: "voice"}


def test_staff_and_money_in_the_customers_rows_are_named_with_what_to_write(proposal):
    text = mapping_text(proposal, str)
    assert "roles_mask may tell" in text
    block = text[text.index("# [[refuse]]") :].split("\n\n")[0]
    refuse = read_mapping(text.replace(block, block.replace("# ", ""))).refuse
    assert [each.sql for each in refuse] == ["select 1 from users where id = :absorbed and (account_balance <> 0)"]
