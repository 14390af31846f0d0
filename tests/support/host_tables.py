"""A small host: customers with a number of their own, an address and a country, subscriptions and domains."""

from contextlib import closing, contextmanager

from custmerge.rules.attach import resolve
from custmerge.rules.history import Action, Draft
from custmerge.rules.host_schema import schema_text
from custmerge.rules.mapping.file import read_mapping
from custmerge.services.attach.attaching import ATTACH
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine
from custmerge.storage.host import host_schema
from custmerge.storage.ledger.mappings import StoredMapping
from custmerge.storage.register.attached.register import attached

# Names that have to be quoted, and the same names of columns in several tables.
TABLES = (
    """CREATE TABLE "left" (id BIGINT PRIMARY KEY, "to" VARCHAR(20) UNIQUE, record CHAR(4), company TEXT,
       "user" VARCHAR(50), cc TEXT, phone TEXT, zip INTEGER, name TEXT, pass TEXT, role TEXT, tenant INTEGER)""",
    """CREATE TABLE "party_party-address" (id INTEGER PRIMARY KEY, client_id BIGINT, street TEXT, city TEXT,
       name TEXT, "order" INTEGER, active INTEGER, country_id INTEGER)""",
    "CREATE TABLE country (id INTEGER PRIMARY KEY, name TEXT)",
    """CREATE TABLE subscription (id INTEGER PRIMARY KEY, client_id BIGINT, title TEXT, status TEXT, ftp_pass TEXT,
       tech_street TEXT, tech_email TEXT)""",
    "CREATE TABLE host (id INTEGER PRIMARY KEY, subscription_id INTEGER, sld TEXT, tld TEXT, name TEXT)",
)
ROWS = (
    # A tombstone later, one that is left out, one without a number, and one whose number looks like another's.
    """INSERT INTO "left" VALUES
       (1, '10001', 'ab', 'Sonnentau', 'Katrin', '49', '721 1', 76131, 'own', '$own1', 'client', 7),
       (2, '010001', 'cd', NULL, 'Katrin', '49', NULL, NULL, 'own', '', 'client', 7),
       (3, '20001', NULL, 'Ü 100% _', 'K', NULL, '9', 1, 'own', '$own3', 'client', NULL),
       (4, '30001', 'xx', 'Admin', 'A', '', '', 1, 'own', '$own4', 'admin', 7),
       (5, NULL, 'yy', 'Nobody', 'N', '', '', 1, 'own', '$own5', 'client', 7),
       (6, '', 'zz', 'Nobody', 'N', '', '', 1, 'own', '$own6', 'client', 7)""",
    "INSERT INTO country VALUES (1, 'DE'), (2, 'AT')",
    """INSERT INTO "party_party-address" VALUES
       (1, 1, 'Old Street', 'Ulm', 'x', 2, 1, 1), (2, 1, 'Markt 1', 'Wien', 'y', 1, 1, 2),
       (3, 1, 'Gone', 'Köln', 'z', 0, 0, 1), (4, 3, 'B', 'Bonn', 'b', 5, 1, NULL),
       (5, 3, 'A', 'Aachen', 'a', 5, 1, 9)""",
    """INSERT INTO subscription VALUES
       (10, 1, 'Web', 'active', '$ftp10', NULL, ''), (9, 1, NULL, 'active', '', 'Technik 1', 't@own.example'),
       (11, 1, 'Ended', 'closed', '$ftp11', NULL, NULL), (12, 3, 'Mail', 'active', NULL, NULL, NULL),
       (13, 4, 'Of the admin', 'active', NULL, NULL, NULL), (14, 99, 'Of nobody', 'active', NULL, NULL, NULL)""",
    """INSERT INTO host VALUES
       (1, 10, 'Müller', '.de', ''), (2, 10, 'b', '.example', ''), (3, 9, 'a', '.example', ''),
       (4, 12, 'b', '.example', ''), (5, 12, NULL, '.example', ''), (6, 14, 'c', '.example', '')""",
)
MAPPING = """
format = 1
[customer]
table = "left"
key = "id"
number = "to"
keys = ["record"]
where = "role = 'client'"
same = ["tenant"]
password = "pass"
[related.address]
table = "party_party-address"
on = "client_id"
where = "active = 1"
order = '"order"'
[related.land]
table = "country"
on = "id"
from = "address.country_id"
[fields]
company = "company"
first_name = "user"
street = "address.street"
postcode = "zip"
city = { sql = "coalesce(land.name || '-', '') || address.city" }
phone = { sql = "'+' || cc || ' ' || phone -- name" }
[package]
table = "subscription"
key = "id"
customer = "client_id"
name = "title"
where = "status = 'active'"
password = "ftp_pass"
contact = { street = "tech_street", email = "tech_email" }
[domain]
table = "host"
name = { sql = "sld || tld" }
package = "subscription_id"
"""


def make_tables(url, *statements):
    """Execute a host's own statements."""
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%") if engine.dialect.name != "sqlite" else statement)
    engine.dispose()


def catalogue(url):
    """Return the present catalogue of a host's tables."""
    engine = open_engine(url)
    with engine.connect() as connection:
        schema = host_schema(connection)
    engine.dispose()
    return schema


def mapped(url, text):
    """Return the register of a mapping, as it is built from the database's present catalogue."""
    return attached(read_mapping(text), catalogue(url))


def let_hold(url, text):
    """Let a mapping hold in a database, as `attach` does it."""
    schema, at = catalogue(url), "2026-01-01T00:00:00Z"
    stored = StoredMapping(text, schema_text(schema), at)
    facts = {"name": "host", "sha256": stored.sha256, "schema": resolve(read_mapping(text), schema).schema}
    with closing(Database(url)) as database, database.writing() as unit:
        unit.mappings.hold(stored)
        unit.chain.append([Draft(at, ATTACH, Action.ATTACH, facts)])
    return stored


@contextmanager
def register(url, mapping, *, writes=False):
    """Give the register of a mapping in a transaction."""
    with closing(Database(url)) as database, database.writing() if writes else database.reading() as unit:
        unit.mapping = mapping
        yield unit.register
