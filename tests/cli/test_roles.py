"""Contract §5: every role and every command, on both databases."""

import pytest
from support.databases import STAFF_PASSWORD
from support.scenes import scene

from custmerge.cli.app import VERBS

NOBODY, CUSTOMER, AGENT, SUPERVISOR, AUDITOR = "nobody", "customer", "agent", "supervisor", "auditor"
ANYBODY = {NOBODY, CUSTOMER, AGENT, SUPERVISOR, AUDITOR}
LOGGED_IN = ANYBODY - {NOBODY}
STAFF = LOGGED_IN - {CUSTOMER}
MERGERS = LOGGED_IN - {AUDITOR}
PASSWORD = "ein-langes-passwort"
PROOF = ("--domain", "zwei.example", "--password-stdin")

# Command line → who may. What isn't allowed ends with 4; what is ends with anything else.
TABLE = {
    ("init",): ANYBODY,
    ("doctor",): ANYBODY,
    ("attach", "--show"): ANYBODY,
    ("config", "path"): ANYBODY,
    ("help", "rules"): ANYBODY,
    ("demo", "--dir", "{role}"): ANYBODY,
    ("login", "10001", "--password-stdin", "--print-token"): ANYBODY,
    ("whoami",): LOGGED_IN,
    ("find", "x"): STAFF,
    ("show", "10001"): LOGGED_IN,
    ("show", "10001", "--reveal"): STAFF,
    ("show", "20002"): STAFF,
    ("history",): LOGGED_IN,
    ("history", "10001"): LOGGED_IN,
    ("history", "20002"): STAFF,
    ("diff", "20002", "--into", "10001"): STAFF,
    ("diff", "20002", "--into", "10001", "--reveal"): STAFF,
    ("verify", "20002", "--into", "10001", *PROOF): MERGERS,
    ("merge", "20002", "--into", "10001", *PROOF, "--adopt", "--dry-run"): MERGERS,
    ("undo", "1", "--yes"): {AGENT, SUPERVISOR},
    ("undo", "--batch", "1", "--yes"): {SUPERVISOR},
    ("import", "customers", "c.csv"): {SUPERVISOR},
    ("import", "packages", "p.csv"): {SUPERVISOR},
    ("export", "customers"): {SUPERVISOR},
    ("export", "customers", "--with-hashes"): {SUPERVISOR},
    ("export", "packages"): {SUPERVISOR},
    ("export", "history"): {SUPERVISOR, AUDITOR},
    ("audit",): {SUPERVISOR, AUDITOR},
    ("duplicates",): {SUPERVISOR, AUDITOR},
    ("duplicates", "--against", "10001"): {SUPERVISOR, AUDITOR},
    ("duplicates", "dismissed"): {SUPERVISOR, AUDITOR},
    ("duplicates", "dismiss", "10001", "20002", "--reason", "x"): {SUPERVISOR},
    ("duplicates", "undismiss", "10001", "20002"): {SUPERVISOR},
    ("purge", "--older-than", "365d", "--dry-run"): {SUPERVISOR},
    ("audit", "--list-checks"): ANYBODY,
    ("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf"): {AGENT, SUPERVISOR},
    ("transfer", "list"): {AGENT, SUPERVISOR},
    ("transfer", "show", "1"): {AGENT, SUPERVISOR},
    ("transfer", "approve", "1", "--yes"): {SUPERVISOR},
    ("transfer", "reject", "1", "--reason", "x", "--yes"): {SUPERVISOR},
    ("bulk", "check", "pairs.csv"): {AGENT, SUPERVISOR},
    ("bulk", "run", "pairs.csv"): {AGENT, SUPERVISOR},
    ("bulk", "status"): {AGENT, SUPERVISOR},
    ("bulk", "approve", "pairs.csv", "--yes"): {SUPERVISOR},
    ("user", "add", "eva", "--role", "agent", "--password-stdin"): {SUPERVISOR},
    ("user", "list"): {SUPERVISOR},
    ("user", "role", "eva", "auditor"): {SUPERVISOR},
    ("user", "password", "eva", "--password-stdin"): {SUPERVISOR},
    ("user", "password", "--password-stdin"): STAFF,
    ("user", "disable", "ben", "--yes"): {SUPERVISOR},
    ("user", "unlock", "ben"): {SUPERVISOR},
    ("token", "create", "bot", "--role", "agent"): {SUPERVISOR},
    ("token", "list"): {SUPERVISOR},
    ("token", "revoke", "bot", "--yes"): {SUPERVISOR},
    ("logout",): LOGGED_IN,
}
INPUT = {
    "verify": "pw-2",
    "merge": "pw-2",
    "login": "pw-1",
    ("user", "password", "--password-stdin"): f"{STAFF_PASSWORD}\n{PASSWORD}",
}


@scene
def customers_token(world, cli):
    """Two customers and files for every command; returns what 10001 is logged in with."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    (world.folder / "form.pdf").write_bytes(b"%PDF-")
    (world.folder / "pairs.csv").write_text("survivor,absorbed,password\n10001,99999,\n")
    (world.folder / "pairs.csv").chmod(0o600)
    (world.folder / "c.csv").write_text("number\n30003\n")
    (world.folder / "p.csv").write_text("package,number\nP9,10001\n")
    return cli.login("10001", "pw-1").token


@pytest.fixture
def people(cli, customers_token):
    """A command line for each role."""
    customer = cli.as_("nobody")
    customer.token = customers_token
    return {
        NOBODY: cli,
        CUSTOMER: customer,
        AUDITOR: cli.as_("ada"),
        AGENT: cli.as_("ben"),
        SUPERVISOR: cli.as_("anna"),
    }


@pytest.mark.parametrize("command", TABLE, ids=" ".join)
def test_a_command_is_for_those_roles_and_for_no_others(people, command):
    given = INPUT.get(command, INPUT.get(command[0], PASSWORD))
    allowed = set()
    for role, cli in people.items():
        done = cli(*(word.format(role=role) for word in command), stdin=given)
        if done.code == 4:
            assert done.out == "", role
        else:
            allowed.add(role)
    assert allowed == TABLE[command]


def test_every_command_stands_in_the_table():
    assert {command[0] for command in TABLE} == set(VERBS)
