"""A domain is one name however it is written: at import, in a proof, in find, in an undo, in the audit."""

import csv

import pytest
from sqlalchemy import text

from custmerge.rules.fields import FIELDS
from custmerge.storage.dialect import open_engine

WRITINGS = [
    ("kunde_1.müller.example", "kunde_1.xn--mller-kva.example"),
    ("xn--53h.example", "☕.example"),
    ("ab--ü.example", "xn--ab---3ra.example"),
    ("mu\u0308ller.example", "MÜLLER.example."),
]
in_every_writing = pytest.mark.parametrize(("written", "otherwise"), WRITINGS)


def write(folder, *rows):
    with (folder / "packages.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("package", "number", "domains"), *rows])
    return "packages.csv"


@in_every_writing
def test_a_domain_in_another_writing_is_in_another_package_already(world, supervisor, tmp_path, written, otherwise):
    world.customers_like("10001", "20002")
    world.package("P1", "10001", [written])
    done = supervisor("import", "packages", write(tmp_path, ("P2", "20002", otherwise)))
    assert (done.code, done.err.count("P1")) == (2, 1)
    done = supervisor(
        "import", "packages", write(tmp_path, ("P3", "10001", "a.example"), ("P4", "10001", "A.Example."))
    )
    assert done.code == 2


@in_every_writing
def test_the_right_password_proves_a_domain_in_either_writing(world, agent, written, otherwise):
    world.customer("10001")
    world.customer("20002", domains=[written], password="hefezopf")
    for name in (written, otherwise):
        proof = ("--domain", name, "--password-stdin")
        assert agent("verify", "20002", "--into", "10001", *proof, stdin="hefezopf").code == 0
    done = agent("merge", "20002", "--into", "10001", *proof, "--adopt", "--yes", stdin="hefezopf")
    assert done.code == 0


@in_every_writing
def test_a_row_of_a_bulk_file_is_proved_in_either_writing(world, agent, tmp_path, written, otherwise):
    world.customer("10001")
    world.customer("20002", domains=[written], password="hefezopf")
    file = tmp_path / "bulk.csv"
    file.write_text(f"survivor,absorbed,domain,password\n10001,20002,{otherwise},hefezopf\n", encoding="utf-8")
    file.chmod(0o600)
    assert agent.in_process("bulk", "check", "bulk.csv").code == 0
    assert agent.in_process("bulk", "run", "bulk.csv", "-f", "json").json["merged"] == 1


@in_every_writing
def test_a_domain_is_found_in_either_writing(world, agent, written, otherwise):
    world.customer("10001", domains=[f"www.{written}"])
    world.customers_like("20002")
    for name in (written, otherwise, otherwise.removesuffix(".").removesuffix(".example")):
        assert [one["number"] for one in agent("find", name, "-f", "json").json] == ["10001"], name
    assert agent("find", "gibt-es-nicht.example", "-f", "json").json == []


def test_find_composes_a_word(world, agent):
    world.customer("10001", domains=["blümen.example"], city="Köln")
    for word in ("blu\u0308m", "BLU\u0308MEN", "ko\u0308ln"):
        assert [one["number"] for one in agent("find", word, "-f", "json").json] == ["10001"]


@in_every_writing
def test_an_export_comes_back_as_the_same_domains(world, supervisor, tmp_path, written, otherwise):
    world.customer("10001", domains=[written, "a.example"])
    before = world.packages()
    assert supervisor.in_process("export", "packages", "--out", "packages.csv").code == 0
    assert supervisor("import", "packages", "packages.csv", "--update").code == 0
    assert world.packages() == before
    assert supervisor("import", "packages", write(tmp_path, ("P10001", "10001", otherwise)), "--update").code == 0


@in_every_writing
def test_a_domain_that_is_written_otherwise_is_where_it_was(world, agent, supervisor, tmp_path, written, otherwise):
    world.customer("10001")
    world.customer("20002", domains=[written], password="hefezopf")
    proof = ("--domain", written, "--password-stdin")
    assert agent("merge", "20002", "--into", "10001", *proof, "--adopt", "--yes", stdin="hefezopf").code == 0
    assert supervisor("import", "packages", write(tmp_path, ("P20002", "10001", otherwise)), "--update").code == 0
    done = supervisor("undo", "1", "--yes", "-f", "json")
    assert (done.code, done.err) == (0, "")
    assert world.packages()["P20002"]["number"] == "20002"


@in_every_writing
def test_a_domain_that_went_elsewhere_in_another_writing_is_named(
    world, agent, supervisor, tmp_path, written, otherwise
):
    world.customer("10001", domains=["own.example"])
    world.customer("20002", domains=[written], password="hefezopf")
    proof = ("--domain", written, "--password-stdin")
    assert agent("merge", "20002", "--into", "10001", *proof, "--adopt", "--yes", stdin="hefezopf").code == 0
    assert supervisor("import", "packages", write(tmp_path, ("P20002", "10001", "")), "--update").code == 0
    assert supervisor("import", "packages", write(tmp_path, ("P10001", "10001", otherwise)), "--update").code == 0
    done = supervisor("undo", "1", "--yes", "-f", "json")
    (obstacle,) = done.error["details"]["obstacles"]
    assert (done.code, obstacle["holder"]) == (6, "P10001")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("kunde_1.müller.example", "kunde_1.müller.example"),
        ("☕.example", "☕.example"),
        ("a.example.", "a.example."),
        ("xn--mller-kva.example", "müller.example"),
        ("a.example", "b.example"),
        ("A.example", "A.example"),
    ],
)
def test_the_audit_sees_a_key_in_another_writing(world, supervisor, database_url, name, key):
    world.customer("10001", domains=["own.example", "eigene_1.müller.example", "xn--53h.example"])
    assert supervisor("audit").code == 0
    engine = open_engine(database_url)
    with engine.begin() as connection:
        row = {"key": key, "name": name}
        connection.execute(text("INSERT INTO domain VALUES (:key, :name, 'P10001')"), row)
    engine.dispose()
    done = supervisor("audit", "-f", "json")
    assert [(found["check"], found["subject"]) for found in done.json["findings"]] == [("domains", f"domain {name}")]


def test_a_cell_of_80_000_marks_is_refused_with_a_sentence(world, supervisor, tmp_path):
    marks = "a" + "\u0301\u0323" * 40_000
    (tmp_path / "c.csv").write_text(f"number,city,company\n1,{marks},{'x' * 1001}\n{marks},,\n", encoding="utf-8")
    done = supervisor("import", "customers", "c.csv")
    assert done.code == 2
    assert "c.csv:2: city: has more than 30 combining marks in a row" in done.err
    assert "c.csv:2: company: is longer than 1,000 characters" in done.err
    assert "c.csv:3: number: " in done.err
    assert len(done.err) < 2_000
    world.customers_like("10001")
    assert supervisor("import", "packages", write(tmp_path, ("P1", "10001", f"{marks}.example"))).code == 2


def test_an_old_number_of_64_characters_is_still_merged(world, agent, database_url):
    number = "1" * 64
    world.customer("10001")
    world.customer("20002", domains=["d.example"], password="hefezopf")
    engine = open_engine(database_url)
    with engine.begin() as connection:
        columns = ", ".join((*FIELDS, "search", "password_hash"))
        copied = (
            f"INSERT INTO customer (number, {columns}) SELECT :number, {columns} FROM customer WHERE number = '20002'"
        )
        connection.execute(text(copied), {"number": number})
        connection.execute(text("UPDATE package SET number = :number"), {"number": number})
    engine.dispose()
    proof = ("--domain", "d.example", "--password-stdin")
    done = agent("merge", number, "--into", "10001", *proof, "--yes", stdin="hefezopf")
    assert done.code == 0


def test_the_comparison_says_what_nobody_sees(world, agent):
    world.customer("10001", last_name="Vogelsang\ufe0f", city="кат")
    world.customer("20002", first_name="K\u0430trin", city="kat")
    done = agent.in_process("diff", "20002", "--into", "10001", COLUMNS="200")
    assert "(invisible character U+FE0F)" in done.out
    assert "(Cyrillic \u0430)" in done.out
    assert "(Cyrillic к, Cyrillic а, Cyrillic т)" in done.out
    german = agent("--lang", "de", "diff", "20002", "--into", "10001", COLUMNS="200").out
    assert "(unsichtbares Zeichen U+FE0F)" in german
    assert "(kyrillisches \u0430)" in german
    assert "\ufe0f" not in german + agent.in_process("diff", "20002", "--into", "10001", "-f", "json").out
