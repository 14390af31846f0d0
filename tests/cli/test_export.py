"""Contract §6: export writes what import reads."""

import csv
import hashlib
import json
import stat

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.runs import NIGHTLY

from custmerge.rules.records import guard, may_be_damaged


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_an_empty_register_exports_to_an_empty_list(supervisor, form):
    done = supervisor("export", "customers", "-f", form)
    assert done.code == 0
    assert done.out.count("\n") == (0 if form == "jsonl" else 1)


def test_what_was_exported_can_be_imported_and_is_the_same(world, supervisor, tmp_path):
    world.customer("10001", password="a", domains=["eins.example"], phone="+49 721 913740", company="=1+1")
    world.customer("20002", domains=["müller.example"], contact={"city": "-Ulm", "phone": "+49 30 1"})
    world.customer("3", company="'=quoted", first_name='"', last_name=" a\nb ", street="\t@x", email="'")
    before = world.dump()
    for kind in ("customers", "packages"):
        supervisor("export", kind, "--with-hashes", "--out", f"{kind}.csv")
        assert supervisor.in_process("import", kind, f"{kind}.csv", "--update").code == 0
    assert world.dump() == before


def test_csv_guards_cells_that_a_spreadsheet_would_run(world, supervisor):
    world.customer("10001", company="=1+1", phone="+49 721 913740")
    (row,) = supervisor("export", "customers").rows
    assert (row["company"], row["phone"]) == ("'=1+1", "'+49 721 913740")


@pytest.mark.parametrize(("kind", "key"), [("customers", "number"), ("packages", "package")])
def test_exports_are_in_the_order_of_their_keys(world, supervisor, kind, key):
    for number in ("b", "a", "B", "10", "9", "ä"):
        world.customer(number, domains=[f"{ord(number[0])}{len(number)}.example"])
    done = supervisor("export", kind, "-f", "jsonl")
    keys = [json.loads(line)[key] for line in done.out.splitlines()]
    assert keys == sorted(keys)
    assert len(keys) == 6


def test_a_customers_line_has_the_contracts_keys(world, supervisor):
    world.customer("10001")
    (line,) = supervisor("export", "customers", "-f", "json").json
    assert list(line) == [
        *("number", "company", "first_name", "last_name", "street", "postcode", "city", "phone", "mobile", "email"),
        *("account_number", "bank_code", "merged_into"),
    ]


def test_hashes_are_exported_only_where_they_are_asked_for(world, supervisor):
    world.customer("10001", password="geheim")
    assert "argon2" not in supervisor("export", "customers").out
    assert "$argon2id$" in supervisor("export", "customers", "--with-hashes").out


def test_passwords_that_were_exported_as_hashes_still_open(world, supervisor, cli):
    world.customer("10001", password="geheim")
    supervisor("export", "customers", "--with-hashes", "--out", "c.csv")
    assert supervisor.in_process("import", "customers", "c.csv", "--update").code == 0
    assert cli.login("10001", "geheim")("whoami").code == 0


def test_an_exported_file_belongs_to_its_owner_alone(supervisor, tmp_path):
    assert supervisor("export", "customers", "--out", "c.csv").code == 0
    assert stat.S_IMODE((tmp_path / "c.csv").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_one_sentence(supervisor):
    done = supervisor("export", "customers", "--out", "nowhere/c.csv")
    assert (done.code, done.err.count("\n")) == (2, 1)


@pytest.mark.parametrize("kind", ["customers", "packages"])
def test_only_a_supervisor_exports_the_register(cli, kind):
    assert cli.as_("ben")("export", kind).code == 4
    assert cli.as_("ada")("export", kind).code == 4


def test_an_auditor_exports_the_history(cli):
    assert cli.as_("ada")("export", "history").code == 0
    assert cli.as_("ben")("export", "history").code == 4


def test_anyone_can_verify_an_exported_history_without_custmerge(world, supervisor, agent):
    world.customer("10001", domains=["eins.example"])
    world.customer("20002", password="ü", domains=["zwei.example"], city="Köln")
    agent.in_process(
        "merge",
        "20002",
        "--into",
        "10001",
        "--domain",
        "zwei.example",
        "--password-stdin",
        "--keep",
        "--yes",
        stdin="ü",
    )
    previous, seen = bytes(32), []
    for line in supervisor("export", "history", "-f", "jsonl").out.splitlines():
        entry = json.loads(line)
        previous = hashlib.sha256(previous + rfc8785.dumps(entry["body"])).digest()
        assert entry["hash"] == previous.hex()
        seen.append(entry["body"])
    assert [body["seq"] for body in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["action"] == "merge"
    assert {"v", "at", "by", "order", "survivor", "absorbed", "choice"} <= seen[-1].keys()


def test_the_history_names_no_personal_fields(world, supervisor, agent):
    world.customer("10001", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Köln")
    agent.in_process(
        "merge", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", "--keep", "--yes",
        stdin="pw-2",
    )  # fmt: skip
    text = supervisor("export", "history", "-f", "jsonl").out
    for secret in ("Köln", "Vogelsang", "532013000", "zwei.example", "pw-2", "katrin@"):
        assert secret not in text


# NUL can't be stored in PostgreSQL; the import says so. Surrogates can't be written in UTF-8.
# What looks like a wrong decoding is refused.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20).filter(
    lambda text: not may_be_damaged(text)
)


@settings(
    max_examples=50 if NIGHTLY else 8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(company=texts, phone=texts, city=texts)
def test_any_text_comes_back_through_csv(supervisor, company, phone, city):
    with (supervisor.folder / "made.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("number", "company", "phone", "city"), ("any", *map(guard, (company, phone, city)))]
        )
    assert supervisor.in_process("import", "customers", "made.csv", "--update").code == 0
    before = supervisor.in_process("export", "customers", "-f", "jsonl").out
    record = json.loads(before)
    assert (record["company"], record["phone"], record["city"]) == (company, phone, city)
    supervisor.in_process("export", "customers", "--out", "any.csv")
    assert supervisor.in_process("import", "customers", "any.csv", "--update").code == 0
    assert supervisor.in_process("export", "customers", "-f", "jsonl").out == before
