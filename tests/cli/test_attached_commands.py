"""What commands do where a mapping holds: they look at the host's tables, and bring nothing into them."""

import pytest
from support.databases import execute, rows
from support.host_tables import MAPPING, ROWS, TABLES, let_hold, make_tables

from custmerge.services.people import passwords
from custmerge.storage.tables import every as tables


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
    execute(database_url, "INSERT INTO custmerge_tombstone VALUES ('10001', '20001', '1'), ('20001', '10001', '3')")
    only = ("--only", "tombstones", "--only", "circles")
    findings = host.as_("ada")("audit", *only, "-f", "json").json["findings"]
    assert {(one["check"], one["subject"]) for one in findings} == {
        (check, f"customer {number}") for check in ("tombstones", "circles") for number in ("10001", "20001")
    }


def test_an_audit_warns_of_rows_that_the_host_gave_to_a_number_that_was_merged_away(host, database_url):
    execute(
        database_url,
        "INSERT INTO custmerge_tombstone VALUES ('10001', '010001', '1')",
        "INSERT INTO subscription (id, client_id, status) VALUES (77, 1, 'closed')",
    )
    findings = host.as_("ada")("audit", "--only", "references", "-f", "json").json["findings"]
    assert [(one["severity"], one["subject"]) for one in findings] == [("warning", "column subscription.client_id")]
    assert "4 of its rows point at 10001" in findings[0]["message"]


def test_an_audit_finds_a_mapping_that_nobody_has_attached(host, database_url):
    execute(database_url, "UPDATE custmerge_version SET mapping = NULL")
    findings = host.as_("ada")("audit", "--only", "references", "-f", "json").json["findings"]
    assert ("critical", "table custmerge_version") in {(one["severity"], one["subject"]) for one in findings}


def test_a_mapping_that_was_changed_in_the_database_is_not_followed(host, database_url):
    execute(database_url, "UPDATE custmerge_mapping SET text = text || ' '")
    done = host.as_("ben").in_process("show", "10001", "-f", "json")
    assert (done.code, done.error["code"]) == (8, "mapping_changed")


def test_a_merge_its_undo_and_the_audit_between_them(host, database_url):
    ours = f"UPDATE \"left\" SET company = 'Sonnentau', pass = '{passwords.hashed('hefezopf')}'"
    execute(database_url, f"{ours} WHERE id IN (1, 2)")
    before = contents(database_url)
    proof = ("--domain", "A.example", "--password-stdin")
    done = host.as_("ben")(
        "merge", "10001", "--into", "010001", *proof, "--keep", "--yes", "-f", "json", stdin="hefezopf"
    )
    assert (done.code, done.json["moved"]["packages"]) == (0, ["10", "9"]), done.err
    shown = host.as_("ben").in_process("show", "010001", "-f", "json").json
    assert [package["contact"]["street"] for package in shown["packages"]] == ["Markt 1", "Technik 1"]
    assert host.as_("ben").in_process("show", "10001", "-f", "json").json["merged_into"] == "010001"
    login = host.in_process("login", "10001", "--password-stdin", "--print-token", stdin="hefezopf")
    assert (login.code, "010001" in login.err) == (5, True)
    assert host.as_("ada")("audit", "-f", "json").json["findings"] == []
    assert host.as_("anna").in_process("undo", "1", "--yes").code == 0
    assert contents(database_url) == before
    assert host.as_("ada")("audit", "-f", "json").json["findings"] == []


def contents(url):
    """Return every row of the host's tables, and of those in which custmerge keeps what has no place there."""
    names = ('"left"', '"party_party-address"', "country", "subscription", "host")
    of_ours = ("custmerge_tombstone", "custmerge_contact")
    return {name: sorted(map(str, rows(url, f"SELECT * FROM {name}"))) for name in (*names, *of_ours)}
