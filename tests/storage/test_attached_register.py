"""A host's tables are read and written as the register, on both databases."""

from dataclasses import replace

import pytest
from support.databases import execute
from support.host_tables import MAPPING, ROWS, TABLES, make_tables, mapped, register

from custmerge.rules.fields import EMPTY_VALUES, Customer, Field, Package, chain


@pytest.fixture
def host(database_url):
    """A database with the small host's tables, and its register."""
    make_tables(database_url, *TABLES, *ROWS)
    return database_url, mapped(database_url, MAPPING)


def test_a_record_is_read_from_columns_related_rows_and_expressions(host):
    with register(*host) as there:
        records = there.customers(["10001", "010001", "20001"])
    first = records["10001"]
    assert {field: first[field] for field in Field if first[field]} == {
        Field.COMPANY: "Sonnentau",
        Field.FIRST_NAME: "Katrin",
        Field.STREET: "Markt 1",
        Field.POSTCODE: "76131",
        Field.CITY: "AT-Wien",
        Field.PHONE: "+49 721 1",
    }
    assert (first.keys, first.scope, first.merged_into) == (("1", "ab"), ("7",), None)
    assert records["010001"].values == ("", "Katrin", *[""] * 9)
    # Of rows that are alike in the order, the one with the lower key is the first.
    assert (records["20001"][Field.STREET], records["20001"][Field.CITY]) == ("B", "Bonn")
    assert (records["20001"].keys, records["20001"].scope) == (("3", ""), ("",))


def test_a_row_without_a_number_or_that_fails_the_condition_does_not_exist(host):
    with register(*host) as there:
        assert there.customers(["30001", "", "10001\0", "1"]) == {}
        assert [record.number for record, _ in there.all_customers()] == ["010001", "10001", "20001"]
        assert there.chain_from("30001") is None
        assert there.packages_of_all(["30001", "99"]) == {}
        assert there.packages(["13", "14", "11", "x"]) == {}


def test_packages_have_their_domains_and_the_contact_of_their_columns(host):
    with register(*host) as there:
        assert there.packages_of("10001") == (
            Package("10", "10001", "Web", ("Müller.de", "b.example"), None),
            Package("9", "10001", "", ("a.example",), ("Technik 1", *[""] * 4, "t@own.example", "", "")),
        )
        assert there.packages(["12", "013"]) == {"12": Package("12", "20001", "Mail", ("b.example",))}
        assert [(package.package, stored) for package, stored in there.all_packages()] == [
            ("10", "$ftp10"),
            ("12", None),
            ("9", None),
        ]
        assert there.count() == (3, 3, 4)
        assert there.has_packages()


def test_a_domain_is_looked_for_among_those_of_its_number_in_any_writing(host):
    claims = [
        *(("10001", "xn--mller-kva.DE"), ("10001", "b.example"), ("20001", "B.example."), ("10001", "a.example")),
        *(("010001", "b.example"), ("20001", "c.example"), ("10001", "")),
    ]
    with register(*host) as there:
        assert there.domain_passwords(claims) == {
            ("10001", "xn--mller-kva.DE"): "$ftp10",
            ("10001", "b.example"): "$ftp10",
            ("20001", "B.example."): "$own3",
            ("10001", "a.example"): "$own1",
        }
        assert there.domain_holders([("20001", "b.example"), ("10001", "b.example"), ("1", "b.example")]) == {
            ("20001", "b.example"): None,
            ("10001", "b.example"): "$ftp10",
        }
        assert there.holders(["a.EXAMPLE", "xn--mller-kva.de", "c.example"]) == {
            "a.EXAMPLE": "9",
            "xn--mller-kva.de": "10",
        }
        assert there.number_passwords(["10001", "010001", "30001"]) == {"10001": "$own1", "010001": None}


def test_a_search_looks_through_number_fields_and_domains(host):
    with register(*host) as there:

        def found(*words):
            return [record.number for record in there.matching(words, 9)]

        assert found("KATRIN") == ["010001", "10001"]
        assert found("katrin", "wien") == ["10001"]
        assert found("ü") == ["10001", "20001"]
        assert found("100%", "_") == ["20001"]
        assert found("MÜLLER.de") == found("xn--mller-kva") == ["10001"]
        assert found("$own1") == found("admin") == []
        assert there.domains_like("example", ["10001", "20001", "30001"]) == {
            "10001": ("a.example", 2),
            "20001": ("b.example", 1),
        }


def test_a_tombstone_is_kept_beside_the_hosts_row_and_taken_away_by_an_undo(host):
    url, mapping = host
    with register(url, mapping, writes=True) as there:
        before = there.customers(["10001", "010001"])
        there.retire([replace(before["010001"], merged_into="10001"), replace(before["10001"], merged_into="20001")])
    with register(url, mapping) as there:
        assert there.customer("010001") == Customer(
            "010001", EMPTY_VALUES, "10001", before["010001"].keys, before["010001"].scope
        )
        assert there.chain_from("010001") == ("20001", None)
        assert there.chain_from("10001") == ("20001", "$own1")
        assert there.customers_with_chains(["010001"]).keys() == {"010001", "10001", "20001"}
        assert [record.number for record in there.matching(["katrin"], 9)] == []
        assert [record.number for record in there.matching(["0100"], 9)] == ["010001"]
    with register(url, mapping, writes=True) as there:
        there.retire([replace(before["010001"], merged_into="20001")])
        there.revive(before.values())
        assert there.customers(["10001", "010001"]) == before


def test_a_chain_goes_on_over_a_number_whose_row_the_host_has_deleted(host):
    url, mapping = host
    with register(url, mapping, writes=True) as there:
        before = there.customers(["20001", "010001"])
        there.retire([replace(before["20001"], merged_into="010001"), replace(before["010001"], merged_into="10001")])
    execute(url, 'DELETE FROM "left" WHERE "to" = \'010001\'')
    with register(url, mapping) as there:
        records = there.customers_with_chains(["20001"])
        assert chain("20001", records) == ["20001", "010001", "10001"]
        assert there.chain_from("20001") == ("10001", "$own3")
        assert there.customer("010001") is None


def test_details_of_a_contact_without_a_column_are_kept_beside_the_hosts_row(host):
    url, mapping = host
    details = ("Hof 2", "76131", "", "", "", "x@own.example", "", "")
    kept = Package("9", "10001", contact=details)
    with register(url, mapping, writes=True) as there:
        before = there.packages(["9", "10", "12"])
        there.place([kept, Package("12", "20001", contact=("",) * 8), before["10"]], contacts={"9", "12"})
    with register(url, mapping, writes=True) as there:
        now = there.packages(["9", "10", "12"])
        # The columns say street and address; they are written with the other cells of the host's rows.
        assert now["9"].contact == ("Technik 1", "76131", "", "", "", "t@own.example", "", "")
        assert now["12"].contact == ("",) * 8
        assert now["10"] == before["10"]
        there.place(before.values(), contacts={"9", "10", "12"})
        assert there.packages(["9", "10", "12"]) == before


def test_nothing_else_of_a_host_is_written(host):
    url, mapping = host
    with register(url, mapping, writes=True) as there:
        before = list(there.all_customers()), list(there.all_packages())
        there.write([Customer("10001")])
        there.place([Package("9", "20001")], contacts=())
        assert there.rehash("10001", "$own1", "$new") is False
        assert (list(there.all_customers()), list(there.all_packages())) == before


def test_locking_gives_what_reading_gives(host):
    with register(*host, writes=True) as there:
        numbers = ["20001", "10001", "30001"]
        assert there.customers(numbers, lock=True) == there.customers(numbers)
        assert there.packages_of_all(numbers, lock=True) == there.packages_of_all(numbers)
        assert there.packages(["9", "12"], lock=True) == there.packages(["9", "12"])
