"""Through a spreadsheet and back: what Excel keeps, what it has already lost, and what it leaves in a file."""

import csv
import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.databases import execute
from support.runs import NIGHTLY
from support.world import fields

from custmerge.rules.fields import FIELDS

# What a German Excel reads as something else than a text when it opens a CSV file.
NUMBER = re.compile(r"\s*[+-]?[0-9][0-9.]*(?:,[0-9]+)?(?:E[+-]?[0-9]+)?\s*%?")
DATE = re.compile(r"[0-9]{1,2}[./-](?:[0-9]{1,2}|Mai|Dez)(?:[./-][0-9]{2,4})?")


def opened_and_saved(text):
    """Return a file as a German Excel saves it (CSV UTF-8) after opening it."""
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows([shown(cell) for cell in row] for row in rows)
    return "\ufeff" + out.getvalue()


def shown(cell):
    if cell.startswith("="):
        return "#NAME?"
    if cell.upper() in {"TRUE", "FALSE", "WAHR", "FALSCH"}:
        return {"T": "WAHR", "W": "WAHR", "F": "FALSCH"}[cell[0].upper()]
    if DATE.fullmatch(cell):
        return "01.02.2026"
    if NUMBER.fullmatch(cell):
        number = float(cell.strip().rstrip("%").replace(".", "").replace(",", "."))
        return f"{number:.5E}".replace(".", ",") if number >= 1e11 else f"{number:.10g}".replace(".", ",")
    return cell


def test_the_excel_of_these_tests_loses_what_a_real_one_loses():
    assert [shown(cell) for cell in ("0049", "491711123456", "1-2", "wahr")] == [
        "49",
        "4,91711E+11",
        "01.02.2026",
        "WAHR",
    ]


HARD = {
    "company": "=HYPERLINK(1)",
    "first_name": "1-2",
    "last_name": "wahr",
    "street": 'Hof; 1\n"links"',
    "postcode": "01067",
    "phone": "0049721913740",
    "mobile": "+49 171 5550142",
    "account_number": "12345678901234567890",
    "bank_code": "'00370400",
}


def test_an_export_for_excel_comes_back_however_often_excel_saved_it(world, supervisor, tmp_path):
    for number in ("007", "10001", "491711123456", "1E5"):
        world.customer(number, password="geheim", domains=[f"n{number}.example"], contact=HARD_DETAILS, **HARD)
    world.package("0815", "007", name="4711")
    before = world.dump()
    for kind in ("customers", "packages"):
        done = supervisor("export", kind, "--excel", "--out", f"{kind}.csv")
        assert done.code == 0, done.err
        path = tmp_path / f"{kind}.csv"
        for _ in range(3):
            path.write_bytes(opened_and_saved(path.read_bytes().decode()).encode())
        done = supervisor("import", kind, f"{kind}.csv", "--update")
        assert done.code == 0, done.err
    assert world.dump() == before


HARD_DETAILS = {
    name: value for name, value in fields(**HARD).items() if name not in ("company", "first_name", "last_name")
}


def test_an_export_for_excel_has_a_bom_semicolons_and_crlf(world, supervisor, tmp_path):
    world.customer("10001")
    assert supervisor("export", "customers", "--excel", "--out", "c.csv").code == 0
    content = (tmp_path / "c.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfnumber;company;")
    assert content.count(b"\r\n") == content.count(b"\n") == 2
    assert b"'10001;" in content


def test_an_export_for_excel_runs_no_formula(world, supervisor):
    world.customer("10001", company="=1+1", first_name="@SUM(1)", last_name="-1", street="\t=1")
    rows = list(csv.reader(io.StringIO(supervisor("export", "customers", "--excel").out), delimiter=";"))
    assert not [cell for cell in rows[1] if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_excel_is_a_kind_of_csv(supervisor):
    assert supervisor("export", "customers", "--excel", "--format", "json").code == 2


# What a spreadsheet has lost


@pytest.fixture
def load(supervisor, tmp_path):
    def load(kind, content, *options):
        (tmp_path / "file.csv").write_text(content, "utf-8")
        return supervisor("import", kind, "file.csv", *options)

    return load


def test_a_number_that_an_earlier_version_took_in_like_that_can_still_be_used(world, agent, cli, database_url):
    world.customer("10001", password="geheim", domains=["d.example"])
    world.customer("20002")
    columns = f"{', '.join(FIELDS)}, search, password_hash"
    copied = f"SELECT '4,91711E+11', {columns} FROM customer WHERE number = '10001'"
    execute(
        database_url,
        f"INSERT INTO customer (number, {columns}) {copied}",
        "UPDATE package SET number = '4,91711E+11' WHERE number = '10001'",
    )
    assert agent.in_process("show", "4,91711E+11", "-f", "json").json["number"] == "4,91711E+11"
    assert cli.login("4,91711E+11", "geheim")("whoami").code == 0
    proof = ("--domain", "d.example", "--password-stdin")
    assert agent.in_process("merge", "4,91711E+11", "--into", "20002", *proof, "--yes", stdin="geheim").code == 0


@pytest.mark.parametrize(
    "column", ["number", "merged_into", "phone", "mobile", "account_number", "bank_code", "postcode"]
)
@pytest.mark.parametrize("value", ["4,91711E+11", "4.91711E+11"])
def test_a_number_in_scientific_notation_is_refused_by_line(load, world, column, value):
    row = {"number": "1", "city": "Ulm", column: value}
    done = load("customers", ";".join(row) + "\n" + ";".join(row.values()) + "\n")
    assert (done.code, world.customers()) == (2, {})
    assert f"file.csv:2: {column}: {value}: is how a spreadsheet writes a long number" in done.err


@pytest.mark.parametrize("column", ["package", "number", "contact_phone", "contact_bank_code"])
def test_a_package_in_scientific_notation_is_refused_by_line(load, world, column):
    world.customer("10001")
    row = {"package": "P", "number": "10001", column: "1E+12"}
    done = load("packages", ";".join(row) + "\n" + ";".join(row.values()) + "\n")
    assert (done.code, f"file.csv:2: {column}: 1E+12: is how" in done.err) == (2, True)


def test_a_bulk_file_in_scientific_notation_is_refused_by_row(world, supervisor, tmp_path):
    world.customer("10001")
    (tmp_path / "pairs.csv").write_text("survivor;absorbed\n10001;4,91711E+11\n4,91711E+11;10001\n")
    assert supervisor("bulk", "check", "pairs.csv", "--report", "report.csv").code == 7
    with (tmp_path / "report.csv").open(newline="") as report:
        rows = list(csv.DictReader(report))
    assert [(row["status"], row["code"], "spreadsheet" in row["message"]) for row in rows] == [
        ("refused", "2", True)
    ] * 2


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("customers", {"number": "1", "city": "KÃ¶ln"}),
        ("customers", {"number": "1", "company": "MÃ¼ller â€“ StraÃŸe"}),
        ("packages", {"package": "P", "number": "1", "name": "FÃ¼r alle"}),
        ("packages", {"package": "P", "number": "1", "contact_street": "HauptstraÃŸe 1"}),
    ],
)
def test_a_wrong_decoding_is_refused_by_line(load, world, kind, row):
    done = load(kind, ";".join(row) + "\n" + ";".join(row.values()) + "\n")
    assert (done.code, f"file.csv:2: {list(row)[-1]}: has Ã" in done.err) == (2, True), done.err
    assert world.customers() == {}


def test_a_password_may_look_like_a_wrong_decoding_or_a_number(load, world, cli):
    assert load("customers", "number,password\n1,Ã¼Ã¼\n2,4E+11\n").code == 0
    assert cli.login("1", "Ã¼Ã¼")("whoami").code == 0
    assert cli.login("2", "4E+11")("whoami").code == 0


# What it leaves in a file


def test_a_column_that_is_empty_to_its_last_cell_is_let_go(load, world):
    # Not on every line: it leaves empty cells at the end out, too.
    assert load("customers", "number;;city;;\r\n1;;Ulm;;\r\n2;;Bonn\r\n").code == 0
    assert [record["city"] for record in world.customers().values()] == ["Ulm", "Bonn"]


def test_a_column_without_a_name_that_is_not_empty_is_refused(load, world):
    done = load("customers", "number;city;;\n1;Ulm;;\n2;Bonn;;x\n")
    assert (done.code, world.customers()) == (2, {})
    assert "file.csv:3: cell 4 isn't empty" in done.err


def test_a_line_of_another_length_says_how_many_cells_it_has(load):
    done = load("customers", "number,city,phone\n1,Ulm\n2\n3,Ulm,1,2\n")
    assert done.err.splitlines()[:3] == [
        "file.csv:2: 2 cells, the header has 3",
        "file.csv:3: 1 cell, the header has 3",
        "file.csv:4: 4 cells, the header has 3",
    ]
    assert "file.csv:2: 1 cell, the header has 4" in load("customers", "number;;city;\n1\n").err


def test_a_line_of_another_length_in_a_bulk_file_says_so_too(supervisor, tmp_path):
    (tmp_path / "pairs.csv").write_text("survivor,absorbed,choice\n1,2\n")
    assert "pairs.csv:2: 2 cells, the header has 3" in supervisor("bulk", "check", "pairs.csv").err


def test_a_very_long_value_is_shown_as_far_as_it_tells_what_was_meant(load):
    for content in (f"number\n{'x' * 900_000}\n", f"number,{'y' * 900_000}\n1,\n"):
        done = load("customers", content)
        assert (done.code, len(done.err) < 1_000, "…" in done.err) == (2, True, True)


# Passwords are taken as they stand

PASSWORDS = ["'-x", "'=x", "'@x", "'+x", "'0049", "''", "-x", "=1+1", "4,9E+11"]


def test_an_import_takes_passwords_as_they_stand(load, world, cli):
    rows = [(str(number), password) for number, password in enumerate(PASSWORDS, start=1)]
    out = io.StringIO()
    csv.writer(out).writerows([("number", "password"), *rows])
    assert load("customers", out.getvalue()).code == 0
    for number, password in rows:
        assert cli.login(number, password)("whoami").code == 0


@pytest.mark.parametrize("password", ["'-x", "'=x"])
def test_an_import_of_packages_and_a_bulk_file_read_a_password_the_same_way(load, world, agent, tmp_path, password):
    world.customer("10001")
    world.customer("20001")
    cell = f'"{password}"'
    assert load("packages", f"package,number,domains,password\nP,20001,d.example,{cell}\n").code == 0
    (tmp_path / "pairs.csv").write_text(f"survivor,absorbed,domain,password\n10001,20001,d.example,{cell}\n")
    (tmp_path / "pairs.csv").chmod(0o600)
    assert agent("bulk", "run", "pairs.csv").code == 0


@settings(
    max_examples=50 if NIGHTLY else 8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(
        st.lists(
            st.sampled_from(["'", "=", "+", "@", "0", "49", "1-2", "x", " ", "ü", '"', ";", "\n"]), max_size=4
        ).map("".join),
        min_size=11,
        max_size=11,
    )
)
def test_an_export_that_was_imported_is_exported_as_it_was(sqlite_cli, tmp_path, values):
    from custmerge.rules.fields import FIELDS
    from custmerge.rules.records import guard

    anna = sqlite_cli.as_("anna")
    with (tmp_path / "c.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("number", *FIELDS), ("any", *map(guard, values))])
    assert anna.in_process("import", "customers", "c.csv", "--update").code == 0
    before = anna.in_process("export", "customers", "-f", "jsonl").out
    for options in ((), ("--excel",)):
        assert anna.in_process("export", "customers", *options, "--out", "again.csv").code == 0
        assert anna.in_process("import", "customers", "again.csv", "--update").code == 0
        assert anna.in_process("export", "customers", "-f", "jsonl").out == before


@pytest.mark.parametrize("column", ["account_number", "bank_code"])
def test_what_is_masked_is_not_imported_as_an_account(world, supervisor, column):
    world.customer("10001", **{column: "DE89370400440532013000"})
    (world.folder / "found.csv").write_text(supervisor.in_process("find", "10001", "-f", "csv").out)
    done = supervisor("import", "customers", "found.csv", "--update")
    assert (done.code, f"{column}: DE89…3000: is masked" in done.err) == (2, True)
