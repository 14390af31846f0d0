"""A small host that custmerge is attached to, for what may go wrong there."""

import sqlite3
from contextlib import closing, contextmanager

import psycopg
import pytest

from support.attach_schemas import PASSWORD_HASH
from support.scenes import scene

PASSWORD = "hefezopf"
TABLES = f"""
CREATE TABLE client (
    id bigint NOT NULL PRIMARY KEY, client_no text NOT NULL UNIQUE, company text, city text, pass text, status text
);
CREATE TABLE site (
    id bigint NOT NULL PRIMARY KEY, client_id bigint NOT NULL REFERENCES client (id), name text UNIQUE
);
CREATE TABLE invoice (id bigint NOT NULL PRIMARY KEY, client_id bigint NOT NULL REFERENCES client (id), title text);
CREATE INDEX invoice_client ON invoice (client_id);
CREATE TABLE ticket (id bigint NOT NULL PRIMARY KEY, client_id bigint, title text);
CREATE TABLE newsletter (id bigint NOT NULL PRIMARY KEY, client_id bigint, list text, UNIQUE (list, client_id));
CREATE TABLE mailing (
    id bigint NOT NULL PRIMARY KEY, newsletter_id bigint REFERENCES newsletter (id) ON DELETE CASCADE, title text
);
CREATE TABLE loyalty (client_id bigint NOT NULL PRIMARY KEY REFERENCES client (id), points bigint);
INSERT INTO client VALUES
    (70001, '10001', 'Sonnentau', 'Karlsruhe', '{PASSWORD_HASH}', 'active'),
    (70002, '20002', 'Sonnentau', 'Ulm', '{PASSWORD_HASH}', 'active'),
    (70003, '30003', 'Sonnentau', 'Kiel', '{PASSWORD_HASH}', 'active');
INSERT INTO site VALUES (1, 70001, 'eins.example'), (2, 70002, 'zwei.example'), (3, 70003, 'drei.example');
INSERT INTO invoice VALUES (1, 70001, 'a'), (2, 70002, 'b'), (3, 70002, 'c'), (4, 70003, 'd');
INSERT INTO ticket VALUES
    (1, 70001, 'a'), (2, 70002, 'b'), (3, 70002, 'c'), (4, 0, 'd'), (5, NULL, 'e'), (6, 70003, 'f');
INSERT INTO newsletter VALUES
    (1, 70001, 'offers'), (2, 70002, 'offers'), (3, 70002, 'status'), (4, 70003, 'status'), (5, 70003, 'offers');
INSERT INTO mailing VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 2, 'z'), (4, 4, 'u'), (5, 5, 'v');
INSERT INTO loyalty VALUES (70001, 5), (70002, 3), (70003, 1);
"""
NAMES = ("client", "site", "invoice", "ticket", "newsletter", "mailing", "loyalty")
MAPPING = """\
format = 1
name = "shop"

[customer]
table = "client"
key = "id"
number = "client_no"
password = "pass"
retire = { status = "closed" }

[fields]
company = "company"
city = "city"

[domain]
table = "site"
name = "name"
customer = "client_id"

[[reference]]
columns = ["ticket.client_id"]
policy = "move"

[[reference]]
columns = ["newsletter.client_id"]
policy = "drop"

[[reference]]
columns = ["loyalty.client_id"]
policy = "add"
add = ["points"]
"""
LEDGER = (
    "SELECT number, merged_into FROM custmerge_tombstone ORDER BY number",
    'SELECT "order" FROM custmerge_order ORDER BY "order"',
)


def program(url):
    """Return a connection of the host's own program; each statement is a transaction of its own."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = OFF")
        return connection
    return psycopg.connect(url, autocommit=True)


def lay_out(url):
    """Make the host's tables, with rows in them."""
    with closing(program(url)) as connection:
        for statement in ("BEGIN", *TABLES.split(";\n"), "COMMIT"):
            if statement.strip():
                connection.execute(statement)


def write_mapping(folder, text=MAPPING, name="shop.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


class Shop:
    """A host's database with custmerge attached to it."""

    def __init__(self, cli):
        self.cli, self.url, self.folder = cli, cli.url, cli.folder
        self.agent, self.supervisor = cli.as_("ben"), cli.as_("anna")

    def rows(self, query):
        with closing(program(self.url)) as connection:
            return [tuple(row) for row in connection.execute(query).fetchall()]

    def execute(self, *statements):
        with closing(program(self.url)) as connection:
            for statement in statements:
                connection.execute(statement)

    def host_rows(self):
        """Every row of the host's tables."""
        return {name: self.rows(f"SELECT * FROM {name} ORDER BY 1") for name in NAMES}

    def dump(self):
        """Every row of the host's tables, and what the ledger has of merges."""
        return self.host_rows(), [self.rows(query) for query in LEDGER]

    def prove(self, absorbed="20002", survivor="10001"):
        """Keep a proof for a pair."""
        domain = {"20002": "zwei.example", "30003": "drei.example"}[absorbed]
        done = self.agent.in_process(
            "verify", absorbed, "--into", survivor, "--domain", domain, "--password-stdin", stdin=PASSWORD
        )
        assert done.code == 0, done.err

    def merged(self, absorbed="20002", survivor="10001"):
        """Merge as an agent does; returns the order's number."""
        self.prove(absorbed, survivor)
        done = self.agent.in_process("merge", absorbed, "--into", survivor, "--adopt", "--yes", "-f", "json")
        assert done.code == 0, done.err
        return done.json["order"]

    def audit(self):
        """Return what an audit finds: (check, severity, subject)."""
        done = self.supervisor.in_process("audit", "--format", "json")
        return {(one["check"], one["severity"], one["subject"]) for one in done.json["findings"]}

    @contextmanager
    def held(self, *statements):
        """Have the host's program in a transaction in which it has executed these statements, until the end."""
        with closing(program(self.url)) as connection:
            connection.execute("BEGIN IMMEDIATE" if self.url.startswith("sqlite") else "BEGIN")
            for statement in statements:
                connection.execute(statement)
            yield
            connection.execute("COMMIT")


@scene
def attached_shop(cli):
    """The shop's tables, attached."""
    lay_out(cli.url)
    write_mapping(cli.folder)
    done = cli.as_("anna").in_process("attach", "shop.toml")
    assert done.code == 0, done.err


@pytest.fixture
def shop(cli, attached_shop):
    """The shop, attached."""
    return Shop(cli)
