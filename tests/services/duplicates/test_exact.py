"""Records of equal identity are found by a stored key, and in a host's tables by one that is made: on both databases.

Both have to find what the rules find when each record is compared with each.
"""

from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from support.databases import execute
from support.host_tables import let_hold, make_tables
from support.world import a_customer

from custmerge.rules.compare import compare
from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.fields import EMPTY_DETAILS, Customer
from custmerge.storage.database import Database
from custmerge.storage.matching.exact import IdentityGroups
from custmerge.storage.register.mapping import OWN
from custmerge.storage.tables import register as tables

NAMES = st.sampled_from(
    [
        *(
            "",
            " ",
            "\t",
            "Müller",
            "MÜLLER",
            "Mu\u0308ller",
            " müller\u00a0",
            "Muller",
            "100%",
            "100% ",
            "a_b",
            "axb",
        ),
        *("İpek", "i\u0307pek", "ipek", "IPEK", "ΣΊΣΥΦΟΣ", "σίσυφος", "Anna  Maria", "anna\tMARIA", "Anna", "Maria"),
        *("\u212aarl", "Karl", "KARL", "x" * 1_000, "X" * 1_000),
    ]
)
RECORDS = st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=2, max_size=12)
MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
[fields]
company = "company"
first_name = "first"
last_name = "last"
[package]
table = "contract"
key = "id"
customer = "client_id"
"""
TABLES = (
    "CREATE TABLE client (id INTEGER PRIMARY KEY, company TEXT, first TEXT, last TEXT)",
    "CREATE TABLE contract (id INTEGER PRIMARY KEY, client_id INTEGER)",
)
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Steps:
    """What a search says of how far it is."""

    def __init__(self):
        self.steps = []

    def advanced(self, done, total):
        self.steps.append((done, total))


@pytest.fixture
def host(database_url):
    """A database whose register is a host's table of customers."""
    make_tables(database_url, *TABLES)
    let_hold(database_url, MAPPING)
    execute(database_url, *(f"DROP TABLE {table.name}" for table in (tables.domain, tables.package, tables.customer)))
    return database_url


def expected(identities):
    """The groups that the rules make of records, by comparing each with each."""
    records = [Customer(str(number), (*identity, *EMPTY_DETAILS)) for number, identity in enumerate(identities, 1)]
    named = [record for record in records if any(name.strip() for name in record.identity)]
    groups = {tuple(other.number for other in named if not compare(record, other).blocked_by) for record in named}
    return {group for group in groups if len(group) > 1}, groups


def found(url, records):
    """The groups that are found, and those that each record's own search finds."""
    with closing(Database(url)) as database, database.reading() as unit:
        groups = {tuple(sorted(group, key=int)) for group in unit.identity_groups.all(Steps())}
        own = {tuple(sorted(unit.identity_groups.of(record), key=int)) for record in records}
    return groups, own - {()}


@SLOW
@given(identities=RECORDS)
def test_our_own_register_finds_what_the_rules_find(database_url, identities):
    with closing(Database(database_url)) as database, database.writing() as unit:
        records = [Customer(str(n), (*identity, *EMPTY_DETAILS)) for n, identity in enumerate(identities, 1)]
        unit._connection.execute(tables.customer.delete())
        empty = dict.fromkeys((column.name for column in tables.field_columns), "")
        rows = [{**empty, "number": record.number, "search": ""} for record in records]
        unit._connection.execute(insert(tables.customer), rows)
        unit.register.write(records)
    assert found(database_url, records) == expected(identities)


@SLOW
@given(identities=RECORDS)
def test_a_hosts_register_finds_what_the_rules_find(host, identities):
    with closing(Database(host)) as database, database.writing() as unit:
        unit._connection.exec_driver_sql("DELETE FROM client")
        mark = "?" if database.is_sqlite else "%s"
        unit._connection.exec_driver_sql(
            f"INSERT INTO client VALUES ({mark}, {mark}, {mark}, {mark})",
            [(number, *identity) for number, identity in enumerate(identities, 1)],
        )
    records = [Customer(str(n), (*identity, *EMPTY_DETAILS)) for n, identity in enumerate(identities, 1)]
    assert found(host, records) == expected(identities)


def test_a_search_in_a_hosts_tables_says_how_far_it_is(host):
    execute(host, "INSERT INTO client VALUES (1, 'A', '', ''), (2, 'a', '', ''), (3, 'b', '', '')")
    steps = Steps()
    with closing(Database(host)) as database, database.reading() as unit:
        assert list(unit.identity_groups.all(steps)) == [["1", "2"]]
    assert steps.steps == [(0, 3), (3, 3)]


def test_groups_come_by_their_names_and_in_a_hosts_tables_by_their_first_numbers(database_url):
    named = (("10", "b"), ("9", "ä"), ("100", "B"), ("90", "Ä"), ("200", "a"), ("300", "a"))
    records = [a_customer(number, company=company) for number, company in named]
    empty = dict.fromkeys((column.name for column in tables.field_columns), "")
    with closing(Database(database_url)) as database, database.writing() as unit:
        rows = [{**empty, "number": record.number, "search": ""} for record in records]
        unit._connection.execute(insert(tables.customer), rows)
        unit.register.write(records)
        stored = [sorted(group) for group in unit.identity_groups.all(Steps())]
        made = IdentityGroups(unit._connection, replace(OWN, identity_key=None)).all(Steps())
        assert [sorted(group) for group in made] == [["9", "90"], ["10", "100"], ["200", "300"]]
    assert stored == [["200", "300"], ["10", "100"], ["9", "90"]]


def test_orders_and_undos_keep_the_key_right(database_url):
    record = a_customer("1", last_name="Müller")
    empty = dict.fromkeys((column.name for column in tables.field_columns), "")
    rows = [{**empty, "number": number, "search": ""} for number in ("1", "2")]

    def stored(unit):
        return unit._connection.exec_driver_sql("SELECT identity_key FROM customer WHERE number = '1'").scalar()

    with closing(Database(database_url)) as database, database.writing() as unit:
        unit._connection.execute(insert(tables.customer), rows)
        unit.register.write([record])
        assert stored(unit) == identity_key(record.identity) == "sonnentau gmbh\nkatrin\nmüller"
        unit.register.retire([Customer("1", merged_into="2")])
        assert stored(unit) is None
        unit.register.revive([record])
        assert stored(unit) == identity_key(record.identity)
