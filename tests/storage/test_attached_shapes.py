"""Hosts of other shapes as the register: keys of every kind, and packages and domains that there are or aren't."""

import pytest
from support.host_tables import make_tables, mapped, register

from custmerge.rules.fields import Customer, Package

FIRST, SECOND = "0aaaaaaa-0000-4000-8000-00000000000a", "0bbbbbbb-0000-4000-8000-00000000000b"


def test_numbers_that_are_integers_are_found_by_their_canonical_text_alone(database_url):
    make_tables(
        database_url,
        "CREATE TABLE account (id INTEGER PRIMARY KEY, mail TEXT)",
        "INSERT INTO account VALUES (7, 'a'), (-3, 'b'), (0, 'c'), (2147483647, 'd')",
    )
    mapping = mapped(
        database_url,
        'format = 1\n[customer]\ntable = "account"\nkey = "id"\n[fields]\nemail = "mail"\n[proof]\nby = "nothing"',
    )
    asked = [
        "7",
        "007",
        "+7",
        " 7",
        "7.0",
        "-3",
        "-0",
        "0",
        "2147483647",
        "2147483648",
        "9" * 30,
        "abc",
        "",
        "٧",
        "x\0",
    ]
    with register(database_url, mapping, writes=True) as there:
        assert there.customers(asked, lock=True).keys() == {"7", "-3", "0", "2147483647"}
        assert there.chain_from("007") is None
        assert there.packages_of_all(asked, lock=True) == there.packages(asked, lock=True) == {}
        assert there.domain_passwords([("7", "a.example")]) == there.holders(["a.example"]) == {}
        assert [record.number for record, _ in there.all_customers()] == ["-3", "0", "2147483647", "7"]
        assert (list(there.all_packages()), there.count(), there.has_packages()) == ([], (4, 0, 0), False)
        there.retire([Customer("7", merged_into="0", keys=("7",))])
        assert there.chain_from("7") == ("0", None)
        assert [record.number for record in there.matching(["7"], 9)] == ["2147483647", "7"]


def test_a_domain_without_a_package_is_one_of_its_own(database_url):
    uuid = "UUID" if database_url.startswith("postgresql") else "CHAR(36)"
    make_tables(
        database_url,
        f"CREATE TABLE account (uid {uuid} PRIMARY KEY, mail TEXT, pass TEXT)",
        # What holds the key may be of another type where no foreign key says what it is.
        f"CREATE TABLE site (uid {uuid} PRIMARY KEY, owner TEXT, host TEXT)",
        f"INSERT INTO account VALUES ('{FIRST}', 'a', '$a'), ('{SECOND}', 'b', '$b')",
        f"""INSERT INTO site VALUES ('{SECOND}', '{FIRST}', 'One.example'), ('{FIRST}', '{FIRST}', NULL),
            ('0ccccccc-0000-4000-8000-00000000000c', '{SECOND.upper()}', 'x.example')""",
    )
    mapping = mapped(
        database_url,
        """
        format = 1
        [customer]
        table = "account"
        key = "uid"
        password = "pass"
        [fields]
        email = "mail"
        [domain]
        table = "site"
        customer = "owner"
        name = "host"
        """,
    )
    with register(database_url, mapping, writes=True) as there:
        assert there.customers([FIRST, FIRST.upper(), "nothing"]).keys() == {FIRST}
        held = Package(SECOND, FIRST, domains=("One.example",))
        assert there.packages_of_all([FIRST, SECOND], lock=True) == {FIRST: [Package(FIRST, FIRST), held]}
        assert there.packages([SECOND], lock=True) == {SECOND: held}
        assert there.domain_passwords([(FIRST, "one.EXAMPLE"), (SECOND, "x.example")]) == {
            (FIRST, "one.EXAMPLE"): "$a"
        }
        assert there.holders(["one.example"]) == {"one.example": SECOND}
        there.place([Package(SECOND, SECOND, contact=("Hof 1", *[""] * 7))], contacts={SECOND})
        assert there.packages([SECOND])[SECOND].contact == ("Hof 1", *[""] * 7)


TEXTS_AND_INTEGERS = """
format = 1
[customer]
table = "account"
key = "code"
number = "code"
password = "pass"
[related.parent]
table = "account"
on = "id"
from = "customer.parent"
[related.note]
table = "note"
on = "code"
order = "place desc"
[fields]
company = { sql = "customer.name || '/' || coalesce(parent.name, '-')" }
first_name = "name"
street = "note.text"
[package]
table = "contract"
key = "code"
customer = "owner"
[domain]
table = "invoice"
customer = "owner"
name = "nr"
"""


def test_keys_of_different_types_meet_where_their_texts_are_the_same(database_url):
    make_tables(
        database_url,
        "CREATE TABLE account (id INTEGER PRIMARY KEY, code VARCHAR(9) UNIQUE, name TEXT, parent TEXT, pass TEXT)",
        "CREATE TABLE note (code TEXT, place INTEGER, line INTEGER, text TEXT, PRIMARY KEY (code, place, line))",
        "CREATE TABLE contract (code VARCHAR(9) PRIMARY KEY, owner INTEGER)",
        "CREATE TABLE invoice (nr TEXT, owner INTEGER)",
        """INSERT INTO account VALUES (1, '7', 'Sieben', '2', '$7'), (2, '007', 'Agent', 'x', '$007'),
           (3, 'A', 'Buchstabe', NULL, NULL)""",
        "INSERT INTO note VALUES ('7', 1, 1, 'old'), ('7', 2, 1, 'new'), ('7', 2, 2, 'same place'), ('8', 9, 9, 'x')",
        "INSERT INTO contract VALUES ('c1', 7), ('c2', NULL), ('c3', 8)",
        "INSERT INTO invoice VALUES ('RE 2026/1', 7), ('RE 2026/2', 7), ('RE 2026/1', 3)",
    )
    with register(database_url, mapped(database_url, TEXTS_AND_INTEGERS), writes=True) as there:
        records = there.customers(["7", "007", "A"], lock=True)
        assert {number: record.values[:4] for number, record in records.items()} == {
            "7": ("Sieben/Agent", "Sieben", "", "new"),
            "007": ("Agent/-", "Agent", "", ""),
            "A": ("Buchstabe/-", "Buchstabe", "", ""),
        }
        # A domain of a customer is in no package, and its password is the customer's own.
        assert there.packages_of_all(["7", "007"], lock=True) == {"7": [Package("c1", "7")]}
        assert there.domain_passwords([("7", "re 2026/2"), ("7", "RE 2026/3"), ("007", "RE 2026/1")]) == {
            ("7", "re 2026/2"): "$7"
        }
        assert there.count() == (3, 1, 2)
        assert there.holders(["RE 2026/1"]) == {}
        assert there.domains_like("2026", ["7", "A"]) == {"7": ("RE 2026/1", 2)}


def test_a_package_may_be_the_row_of_its_domain(database_url):
    make_tables(
        database_url,
        "CREATE TABLE client (id INTEGER PRIMARY KEY, nr CHAR(8) NOT NULL UNIQUE, name TEXT, pass TEXT)",
        "CREATE TABLE hosting (id INTEGER PRIMARY KEY, client_id INTEGER, domain TEXT, pass TEXT)",
        "INSERT INTO client VALUES (1, 'K1', 'Eins', '$1')",
        "INSERT INTO hosting VALUES (5, 1, 'five.example', '$5'), (6, 1, '', '$6')",
    )
    mapping = mapped(
        database_url,
        """
        format = 1
        [customer]
        table = "client"
        key = "id"
        number = "nr"
        [fields]
        company = "name"
        [package]
        table = "hosting"
        key = "id"
        customer = "client_id"
        name = { sql = "'Paket ' || id" }
        password = "pass"
        [domain]
        table = "hosting"
        package = "id"
        name = "domain"
        """,
    )
    with register(database_url, mapping) as there:
        # PostgreSQL fills a column of type char with spaces, which aren't part of the number.
        assert there.packages_of("K1") == (
            Package("5", "K1", "Paket 5", ("five.example",)),
            Package("6", "K1", "Paket 6"),
        )
        assert there.domain_passwords([("K1", "five.example")]) == {("K1", "five.example"): "$5"}
        assert there.number_passwords(["K1"]) == {"K1": None}


def test_a_number_is_found_in_its_own_writing_where_the_host_takes_several_for_one(database_url):
    is_server = database_url.startswith("postgresql")
    make_tables(
        database_url,
        # The servers of the tests don't have the extension: this is only its name.
        *(["CREATE DOMAIN citext AS text"] if is_server else []),
        f"CREATE TABLE client (nr {'citext' if is_server else 'TEXT COLLATE NOCASE'} PRIMARY KEY, name TEXT)",
        "INSERT INTO client VALUES ('Ab', 'Eins'), ('cd', 'Zwei'), ('B', 'Drei')",
    )
    mapping = mapped(
        database_url,
        'format = 1\n[customer]\ntable = "client"\nkey = "nr"\n[fields]\ncompany = "name"\n[proof]\nby = "nothing"',
    )
    with register(database_url, mapping, writes=True) as there:
        assert there.customers(["AB", "Ab", "CD"], lock=True).keys() == {"Ab"}
        assert there.chain_from("AB") is None
        there.retire([Customer("Ab", merged_into="cd", keys=("Ab",))])
        assert there.chain_from("Ab") == ("cd", None)
        assert [record.number for record, _ in there.all_customers()] == ["Ab", "B", "cd"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_tables_in_other_schemas_are_meant_where_the_mapping_names_them(database_url):
    make_tables(
        database_url,
        "CREATE SCHEMA crm",
        'CREATE TABLE crm.client (id BIGINT PRIMARY KEY, nr TEXT UNIQUE, "Name" TEXT COLLATE "C", place TEXT)',
        "CREATE TABLE client (id INTEGER)",
        "INSERT INTO crm.client VALUES (9007199254740993, 'Ab', 'Größe', 'Ulm'), (2, 'cd', 'Zwei', NULL)",
    )
    mapping = mapped(
        database_url,
        'format = 1\n[customer]\ntable = "crm.client"\nkey = "id"\nnumber = "nr"\nwhere = "client.id > 0"\n'
        '[fields]\ncompany = "Name"\ncity = { sql = "crm.client.place" }\n[proof]\nby = "nothing"',
    )
    with register(database_url, mapping) as there:
        found = there.customer("Ab")
        assert (found.keys, found.values[0], found.values[5]) == (("9007199254740993",), "Größe", "Ulm")
        assert [record.number for record in there.matching(["größe", "ULM"], 9)] == ["Ab"]
