"""Databases of a host to which custmerge was never attached."""

import itertools
import sqlite3
from contextlib import closing

import psycopg
import pytest

from support.command_line import CommandLine

_NUMBERS = itertools.count()
TABLES = """
CREATE TABLE client (id integer PRIMARY KEY, no varchar(20), name text, role text, pass text);
CREATE TABLE invoice (id integer PRIMARY KEY, client_id integer REFERENCES client (id), total numeric(10,2));
CREATE INDEX invoice_client ON invoice (client_id);
CREATE TABLE newsletter (id integer PRIMARY KEY, client_id integer REFERENCES client (id), list_id integer,
  UNIQUE (client_id, list_id));
CREATE TABLE note (id integer PRIMARY KEY, kind text, target text, text text);
CREATE TABLE history (id integer PRIMARY KEY, client_id integer);
"""
ROWS = """
INSERT INTO client VALUES (1, '10001', 'Sonne', 'client', NULL), (2, '20002', 'Sonne', 'client', NULL),
  (3, '30003', 'Mond', 'client', NULL), (4, NULL, 'Admin', 'admin', NULL);
INSERT INTO invoice VALUES (1, 1, 5), (2, 2, 7.5), (3, 2, 1), (4, NULL, 3);
INSERT INTO newsletter VALUES (1, 1, 7), (2, 2, 7), (3, 2, 8);
INSERT INTO note VALUES (1, 'client', 'c2', 'x'), (2, 'lead', 'c2', 'y'), (3, 'client', NULL, 'z');
INSERT INTO history VALUES (1, 1), (2, 2);
"""
MAPPING = """\
format = 1
name = "shop"

[customer]
table = "client"
key = "id"
number = "no"
where = "role = 'client'"

[fields]
company = "name"

[[reference]]
columns = ["newsletter.client_id"]
policy = "drop"
why = "one row for each list"

[[reference]]
columns = ["note.target"]
where = "kind = 'client'"
form = "c{key}"
policy = "move"

[[reference]]
tables = ["history"]
policy = "leave"
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request, tmp_path):
    """The URL of a database with a host's tables alone."""
    if request.param == "sqlite":
        path = tmp_path / "host.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(TABLES + ROWS)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_server")
    worker = request.getfixturevalue("worker_id")
    name = f"bare_{worker}_{next(_NUMBERS)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(server.get_uri(name), autocommit=True) as inner:
            inner.execute(TABLES + ROWS)
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class BareHost(CommandLine):
    """`custmerge` on a host's database, with the mapping in a file."""

    def mapping(self, *replaced, text=MAPPING, mode=0o600):
        """Write the mapping, with something else in places of it, and return its file."""
        for before, after in replaced:
            assert before in text
            text = text.replace(before, after)
        path = self.folder / "shop.toml"
        path.write_text(text)
        path.chmod(mode)
        return path.name


@pytest.fixture
def bare(bare_url, tmp_path):
    return BareHost(bare_url, tmp_path)
