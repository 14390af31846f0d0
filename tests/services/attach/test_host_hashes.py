"""The hashes of a host's tables are counted when they are checked. On both databases."""

from contextlib import closing

import pytest
from support.databases import execute

from custmerge.rules.hashes import dummy_hash
from custmerge.rules.host_schema import schema_of, schema_text
from custmerge.services.attach.check import check
from custmerge.storage.database import Database

MAPPING = """
format = 1
name = "shop"
[customer]
table = "client"
key = "id"
where = "status <> 'gone'"
password = "pass"
[fields]
company = "company"
[package]
table = "subscription"
key = "id"
customer = "client_id"
password = "ftp_pass"
[domain]
table = "subscription"
name = "sld"
package = "id"
[[reference]]
columns = ["subscription.client_id"]
policy = "move"
"""
CLIENTS = [
    ("pbkdf2_sha256$600000", "active"),
    ("pbkdf2_sha256$600000", "active"),
    ("bcrypt$12", "active"),
    *[("bcrypt$12", "gone")] * 3,
]


@pytest.fixture
def checked(cli, database_url, tmp_path):
    rows = [f"'{dummy_hash(kind)}', '{status}'" for kind, status in CLIENTS]
    rows += ["'', 'active'", "NULL, 'active'", "'geheim', 'active'", "'$1$x$y', 'active'", "'!', 'active'"]
    clients = ", ".join(f"({number}, {row}, 'Sonnentau')" for number, row in enumerate(rows, 1))
    of_package = dummy_hash("sha512_crypt$5000")
    execute(
        database_url,
        "CREATE TABLE client (id integer PRIMARY KEY, pass varchar(300), status text, company text)",
        "CREATE TABLE subscription (id integer PRIMARY KEY, client_id integer, sld text, ftp_pass text)",
        f"INSERT INTO client VALUES {clients}",
        f"INSERT INTO subscription VALUES (1, 1, 'a.example', '{of_package}'), (2, 1, 'b', '$1$z')",
    )
    mapping = tmp_path / "shop.toml"
    mapping.write_text(MAPPING)
    mapping.chmod(0o600)
    with closing(Database(database_url)) as database:
        return check(database, str(mapping))


def test_those_that_no_password_fits_are_told_by_their_kind_and_not_shown(checked):
    assert checked.hashes == {"unknown": 1, "md5_crypt": 2, "locked": 1}


def test_the_kind_of_most_of_the_customers_and_packages_is_kept_with_the_catalogue(checked):
    assert checked.catalogue.facts == {"hash_kind": "pbkdf2_sha256$600000"}
    assert schema_of(schema_text(checked.catalogue)).facts == checked.catalogue.facts
