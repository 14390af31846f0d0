"""From attaching a host's tables to a merge that rests on the own password, or on a form that was approved."""

import json

import pytest
from support.host_tables import make_tables

PBKDF2 = "pbkdf2_sha256$1000$seasalt$gFwLSVx48CpXJKsoKWiNWHUlHJsHl9509NhWbrLSSVs="
TABLES = (
    "CREATE TABLE client (id INTEGER PRIMARY KEY, company TEXT, pass TEXT, tenant INTEGER NOT NULL)",
    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES client (id), no TEXT)",
    "INSERT INTO client VALUES (1, 'S', '{}', 7), (2, 'S', '{}', 7), (3, 'S', '{}', 8), (4, 'S', '$1$x$y', 7)",
    "INSERT INTO invoice VALUES (1, 1, 'R-1'), (2, 2, 'R-2'), (3, 3, 'R-3'), (4, 4, 'R-4')",
)
MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
password = "pass"
same = ["tenant"]
[fields]
company = "company"
[proof]
by = "{by}"
"""
INTO = ("--into", "1")


@pytest.fixture
def attached(cli, database_url, request):
    """The command line on a database to which a small host's tables are attached."""
    make_tables(database_url, *(statement.replace("{}", PBKDF2) for statement in TABLES))
    mapping = cli.folder / "shop.toml"
    mapping.write_text(MAPPING.replace("{by}", request.param))
    mapping.chmod(0o600)
    done = cli.in_process("attach", "shop.toml")
    assert done.code == 0, done.err
    assert "md5_crypt" in done.err
    return cli


def clients(cli):
    """Return the numbers that are in use."""
    lines = cli.as_("anna").in_process("export", "customers", "-f", "jsonl").out.splitlines()
    return {record["number"] for record in map(json.loads, lines) if record["merged_into"] is None}


@pytest.mark.parametrize("attached", ["password"], indirect=True)
def test_a_customer_merges_with_the_password_of_the_other_number(attached):
    customer = attached.login("1", "pw-1")
    refused = customer("verify", "2", "--password-stdin", "-f", "json", stdin="falsch")
    assert (refused.code, refused.error["code"]) == (4, "proof_refused")
    assert customer("merge", "2", "--password-stdin", "--yes", stdin="pw-1").code == 0
    assert clients(attached) == {"1", "3", "4"}
    other = customer("merge", "3", "--password-stdin", "--yes", "-f", "json", stdin="pw-1")
    assert (other.code, other.error["code"]) == (3, "other_scope")
    assert attached.as_("ada")("audit").code == 0
    gone = attached("login", "2", "--password-stdin", "--print-token", stdin="pw-1")
    assert (gone.code, "2 went into 1" in gone.err) == (5, True)


@pytest.mark.parametrize("attached", ["nothing"], indirect=True)
def test_where_nothing_is_a_proof_a_form_that_two_people_approve_is_needed(attached):
    ben, anna = attached.as_("ben"), attached.as_("anna")
    assert ben("verify", "2", *INTO, "-f", "json").error["code"] == "no_proof"
    (attached.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    assert ben("transfer", "file", "2", *INTO, "--form", "form.pdf").code == 0
    assert anna("transfer", "approve", "1", "--yes").code == 0
    assert ben("merge", "2", *INTO, "--yes").code == 0
    assert clients(attached) == {"1", "3", "4"}
    assert anna("undo", "1", "--yes").code == 0
    assert clients(attached) == {"1", "2", "3", "4"}
    assert attached.as_("ada")("audit").code == 0
