"""What commands do where a mapping holds: they look at the host's tables, and bring nothing into them."""

import pytest
from support.databases import execute
from support.host_tables import MAPPING, ROWS, TABLES, let_hold, make_tables

from custmerge.storage import tables


@pytest.fixture
def host(cli, database_url):
    """The command line on a database whose register is a small host's."""
    make_tables(database_url, *TABLES, *ROWS)
    let_hold(database_url, MAPPING)
    # In the order in which nothing refers to them: `attach` drops custmerge's own register.
    execute(database_url, *(f"DROP TABLE {table.name}" for table in (tables.domain, tables.package, tables.customer)))
    return cli


def test_find_show_and_export_read_the_hosts_tables(host):
    found = host.as_("ben").in_process("find", "katrin wien", "-f", "json").json
    assert [record["number"] for record in found] == ["10001"]
    shown = host.as_("ben").in_process("show", "10001", "-f", "json").json
    assert (shown["street"], shown["packages"][0]["domains"]) == ("Markt 1", ["Müller.de", "b.example"])
    lines = host.as_("anna").in_process("export", "customers").out.splitlines()
    assert [line.partition(",")[0] for line in lines[1:]] == ["010001", "10001", "20001"]
    assert len(host.as_("anna").in_process("export", "packages").out.splitlines()) == 4


@pytest.mark.parametrize("kind", ["customers", "packages"])
def test_an_import_is_refused_before_a_file_is_read(host, kind):
    done = host.as_("anna").in_process("import", kind, "nowhere.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (2, "attached")


def test_doctor_counts_the_hosts_customers(host):
    (check,) = (one for one in host("doctor", "-f", "json").json if one["check"] == "database")
    assert check["ok"]
    assert "3 customers, 3 packages, 4 domains" in check["message"]


def test_an_audit_finds_nothing_wrong_in_a_hosts_tables(host):
    done = host.as_("ada")("audit", "-f", "json")
    assert (done.code, done.json["findings"]) == (0, [])


def test_an_audit_finds_a_tombstone_that_no_order_made(host, database_url):
    execute(database_url, "INSERT INTO custmerge_tombstone VALUES ('10001', '20001'), ('20001', '10001')")
    findings = host.as_("ada")("audit", "-f", "json").json["findings"]
    assert {(one["check"], one["subject"]) for one in findings} == {
        (check, f"customer {number}") for check in ("tombstones", "circles") for number in ("10001", "20001")
    }


def test_a_mapping_that_was_changed_in_the_database_is_not_followed(host, database_url):
    execute(database_url, "UPDATE custmerge_mapping SET text = text || ' '")
    done = host.as_("ben").in_process("show", "10001", "-f", "json")
    assert (done.code, done.error["code"]) == (8, "mapping_changed")
