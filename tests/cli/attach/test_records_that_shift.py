"""A record is read of the first of several rows, and rows that follow may come before it."""

import pytest
from support.databases import execute
from support.host_tables import let_hold, make_tables

MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
[related.address]
table = "address"
on = "client_id"
order = "id"
[fields]
last_name = "name"
street = "address.street"
"""


@pytest.fixture
def host(sqlite_cli, tmp_path):
    url = f"sqlite:///{tmp_path / 'custmerge.db'}"
    make_tables(
        url,
        "CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE address (id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES client (id), street TEXT)",
        "INSERT INTO client VALUES (1, 'Brandt'), (2, 'Brandt'), (3, 'Brandt')",
        "INSERT INTO address VALUES (1, 1, 'Altgasse 1'), (2, 2, 'Neustr. 2'), (3, 3, 'Neustr. 2')",
    )
    let_hold(url, MAPPING)
    execute(url, *(f"DROP TABLE {table}" for table in ("domain", "package", "customer")))
    return sqlite_cli


def test_a_bulk_file_decides_each_row_on_the_record_as_the_rows_before_it_leave_it(host, tmp_path):
    file = tmp_path / "pairs.csv"
    # After the first row 2 reads Altgasse 1, the address that came with 1: so 3 isn't identical with it any more.
    file.write_text("survivor,absorbed,choice\n2,1,adopt\n3,2,\n")
    assert host.as_("anna").in_process("bulk", "approve", str(file), "--yes").code == 0
    report = tmp_path / "report.csv"
    done = host.as_("ben")("bulk", "run", str(file), "--report", str(report), "-f", "json")
    assert done.code == 7, done.err
    assert [line.split(",")[3] for line in report.read_text().splitlines()[1:]] == ["merged", "differs"]


def test_a_receipt_says_what_reads_otherwise_because_rows_that_followed_come_first(host, tmp_path):
    file = tmp_path / "form.pdf"
    file.write_bytes(b"%PDF-1.4 signed")
    done = host.as_("ben").in_process("transfer", "file", "1", "--into", "2", "--form", str(file), "-f", "json")
    assert done.code == 0, done.err
    assert host.as_("anna").in_process("transfer", "approve", str(done.json["id"]), "--yes").code == 0
    shown = host.as_("ben")("merge", "1", "--into", "2", "--adopt", "--yes").out
    assert "Careful: 2 reads otherwise now in street" in " ".join(shown.split())


def test_a_check_warns_of_fields_that_are_read_of_rows_that_follow(host, tmp_path):
    mapping = tmp_path / "shop.toml"
    mapping.write_text(MAPPING)
    mapping.chmod(0o600)
    assert "Careful: fields are read from the first row of address" in host("attach", str(mapping), "--check").out
