"""Contract §6, `bulk run`: what becomes of a row, proofs, and what a check says. On both databases."""

import json

import pytest
from passlib.hash import sha512_crypt
from support import bulk_scenes
from support.bulk_scenes import HEADER, PROOFS, approved, lines, report, write
from support.databases import execute

bulk = bulk_scenes.bulk


def test_an_approved_file_is_run_by_somebody_else(bulk, agent, supervisor):
    approved(bulk, supervisor, HEADER + "10001,20003,,\n10001,20002,keep,mobile\n")
    own = supervisor("bulk", "run", "pairs.csv", "-f", "json")
    assert (own.code, own.error["code"]) == (4, "own_batch")
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv", "-f", "json")
    assert done.code == 0
    assert done.json | {"seconds": 0} == {
        "batch": 1,
        "rows": 2,
        "merged": 2,
        "already": 0,
        "refused": 0,
        "failed": 0,
        "seconds": 0,
        "report": "report.csv",
    }
    assert lines(bulk) == [("1", "10001", "20003", "merged", "0", "1"), ("2", "10001", "20002", "merged", "0", "2")]
    assert bulk.customers()["10001"]["mobile"] == "0171 1"
    assert bulk.packages()["P20002"]["contact"]["city"] == "Ulm"


def test_every_status_of_a_row(bulk, agent, supervisor):
    rows = "10001,10001,,\n10001,20002,foo,\n10001,20002,,company\n10001,99999,,\n10001,20004,adopt,\n10001,20002,,\n"
    approved(bulk, supervisor, HEADER + rows + "10001,20003,,\n10001,20003,,\n20003,10001,,\n")
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert done.code == 7
    assert [row[3:] for row in lines(bulk)] == [
        ("refused", "2", ""),
        ("refused", "2", ""),
        ("refused", "2", ""),
        ("not_found", "5", ""),
        ("blocked", "3", ""),
        ("differs", "1", ""),
        ("merged", "0", "1"),
        ("already", "0", "1"),
        ("not_found", "5", ""),
    ]
    assert "Anders" not in (bulk.folder / "report.csv").read_text()


def test_without_an_approval_each_row_needs_its_proof(bulk, agent):
    write(
        bulk,
        "survivor,absorbed,choice,domain,password\n10001,20002,adopt,zwei.example,falsch\n"
        "10001,20003,,drei.example,paket\n10001,20002,adopt,,\n10001,20002,keep,zwei.example,pw-2\n",
    )
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert done.code == 7
    assert [row[3:5] for row in lines(bulk)] == [("refused", "4"), ("merged", "0"), ("refused", "4"), ("merged", "0")]


def test_a_password_is_that_of_the_number_as_the_rows_before_have_left_it(bulk, agent):
    write(
        bulk,
        "survivor,absorbed,choice,domain,password\n20002,20003,adopt,drei.example,paket\n"
        "10001,20002,adopt,drei.example,paket\n",
    )
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 0
    assert bulk.packages()["P20003"]["number"] == "10001"


def test_a_file_with_passwords_is_its_owners_alone(bulk, agent):
    write(bulk, "survivor,absorbed,domain,password\n10001,20003,drei.example,paket\n", mode=0o640)
    for verb in ("check", "run"):
        done = agent("bulk", verb, "pairs.csv")
        assert (done.code, "chmod 600" in done.err) == (2, True)
    assert "paket" not in done.err


def test_the_limits_against_guessing_hold_for_a_file(bulk, agent, cli):
    rows = "".join(f"10001,20003,,drei.example,falsch{n}\n" for n in range(7)) + "10001,20003,,drei.example,paket\n"
    write(bulk, "survivor,absorbed,choice,domain,password\n" + rows)
    agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert {row[3:5] for row in lines(bulk)} == {("refused", "4")}
    assert sum("Too many wrong tries" in row["message"] for row in report(bulk)) == 3
    assert "20003" in bulk.customers()


def locks(world):
    return [e["survivor"] for e in world.anna.in_process("history", "--action", "locked", "-f", "json").json]


def wrong_tries(world):
    return len(world.anna.in_process("history", "--action", "login_failed", "-f", "json").json)


def test_no_password_is_tried_for_a_row_that_fails_before_its_proof(bulk, agent):
    bulk.customer("30001", password="pw-5", domains=["fuenf.example"])
    bulk.customer("30002")
    rows = "99999,20003,,drei.example,falsch\n" * 5 + "10001,30001,,fuenf.example,pw-5\n"
    # Absorbed by the row before, in the same chunk.
    rows += "30001,20003,,drei.example,falsch\n30002,30001,,fuenf.example,falsch\n" * 5
    write(bulk, PROOFS + rows + "10001,20003,,drei.example,paket\n")
    agent("bulk", "check", "pairs.csv", "--report", "check.csv")
    agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    results = [row[3] for row in lines(bulk)]
    assert results == ["not_found"] * 5 + ["merged"] + ["not_found"] * 10 + ["merged"]
    assert [row[3] for row in lines(bulk, "check.csv")] == results
    assert wrong_tries(bulk) == 0


def test_a_check_verifies_a_password_of_a_number_as_the_rows_before_would_leave_it(bulk, agent):
    bulk.package("P5", "20003", ["fuenf.example"])
    bulk.customer("30001", password="pw-5", domains=["sechs.example"])
    rows = "20002,20003,adopt,drei.example,paket\n10001,20002,adopt,drei.example,paket\n"
    # The package's customer is 10001 by then, and so is its password.
    rows += "30001,10001,adopt,fuenf.example,pw-1\n"
    write(bulk, PROOFS + rows)
    before = bulk.dump()
    assert agent("bulk", "check", "pairs.csv", "--report", "check.csv").code == 0
    assert (wrong_tries(bulk), bulk.dump()) == (0, before)
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 0
    assert [row[:5] for row in lines(bulk, "check.csv")] == [row[:5] for row in lines(bulk)]


def test_what_is_approved_is_what_the_approved_run_does(bulk, agent, supervisor):
    write(bulk, PROOFS + "10001,20003,,,\n10001,20002,adopt,zwei.example,falsch\n")
    shown = supervisor("bulk", "approve", "pairs.csv", "--yes", "-f", "json").json["counts"]
    assert wrong_tries(bulk) == 0
    assert (shown["merged"], agent("bulk", "run", "pairs.csv", "-f", "json").json["merged"]) == (2, 2)


def test_a_check_begins_with_what_a_run_has_decided(bulk, agent, supervisor, database_url):
    write(bulk, PROOFS + "10001,20003,,drei.example,falsch\n10001,20002,adopt,zwei.example,pw-2\n")
    assert agent("bulk", "run", "pairs.csv").code == 7
    execute(database_url, "UPDATE custmerge_batch SET state = 'running'")
    before = wrong_tries(bulk)
    agent("bulk", "check", "pairs.csv", "--report", "check.csv")
    assert [row[3:6] for row in lines(bulk, "check.csv")] == [("refused", "4", ""), ("already", "0", "1")]
    assert wrong_tries(bulk) == before


def test_a_caller_who_is_locked_stops_and_goes_on_when_the_lock_has_ended(bulk, agent, supervisor):
    for number in range(20):
        bulk.customer(f"300{number:02}", domains=[f"d{number}.example"])
    wrong = "".join(f"10001,300{number:02},,d{number}.example,falsch\n" for number in range(20))
    write(bulk, PROOFS + "10001,20003,,drei.example,paket\n" + wrong + "10001,20002,adopt,zwei.example,pw-2\n")
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv", "-f", "json")
    assert (done.code, done.error["code"], done.error["details"]["name"]) == (4, "locked_out", "ben")
    assert [row[3] for row in lines(bulk)] == ["merged"] + ["refused"] * 20
    assert agent("bulk", "run", "pairs.csv").code == 4
    assert agent("bulk", "status", "-f", "json").json[0]["done"] == 21
    assert supervisor.in_process("user", "unlock", "ben").code == 0
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 7
    assert lines(bulk)[-1][3] == "merged"
    assert wrong_tries(bulk) == 20


def test_a_hash_of_another_kind_is_renewed_when_its_password_is_used(bulk, agent):
    old = sha512_crypt.using(rounds=5000).hash("alt")
    (bulk.folder / "h.csv").write_text(f"package,number,domains,password_hash\nP6,20003,sechs.example,{old}\n")
    assert bulk.anna.in_process("import", "packages", "h.csv").code == 0
    write(bulk, PROOFS + "10001,20003,,sechs.example,alt\n")
    before = bulk.dump()
    assert agent("bulk", "check", "pairs.csv").code == 0
    assert bulk.dump() == before
    assert old in "".join(before)
    assert agent("bulk", "run", "pairs.csv").code == 0
    (line,) = [line for line in bulk.dump() if '"P6"' in line]
    assert json.loads(line)["password_hash"].startswith("$argon2id$")


def test_a_huge_cell_is_shown_by_its_beginning(bulk, agent):
    rows = f"10001,{'9' * 9000},,,\n10001,20002,{'x' * 9000},,\n10001,20002,,{'y' * 9000},pw\n"
    write(bulk, "survivor,absorbed,choice,take,password\n" + rows)
    done = agent("bulk", "run", "pairs.csv", "--report", "report.csv")
    assert (done.code, {row[3] for row in lines(bulk)}) == (7, {"refused"})
    assert (bulk.folder / "report.csv").stat().st_size < 2_000
    assert "…" in report(bulk)[0]["absorbed"]


def test_a_cell_of_a_bulk_file_holds_no_more_than_any_of_its_values_needs(bulk, agent):
    write(bulk, HEADER + f"10001,{'9' * 20_000},,\n")
    done = agent("bulk", "run", "pairs.csv", "-f", "json")
    assert (done.code, done.error["code"]) == (2, "bad_file")


@pytest.mark.parametrize("domain", ["x\0y", "drei example", "a" * 300, "..", ""])
def test_a_domain_that_cannot_be_is_refused_like_any_wrong_one(bulk, agent, domain):
    write(bulk, PROOFS + f"10001,20002,adopt,{domain},pw-2\n10001,20003,,drei.example,paket\n")
    assert agent("bulk", "run", "pairs.csv", "--report", "report.csv").code == 7
    assert [row[3:5] for row in lines(bulk)] == [("refused", "4"), ("merged", "0")]


def test_check_says_what_run_would_say_and_changes_nothing(bulk, agent, supervisor):
    text = HEADER + "20002,20003,adopt,\n10001,20002,adopt,\n10001,20003,,\n20002,10001,,\n10001,20004,keep,\n"
    write(bulk, text)
    before = bulk.dump()
    done = supervisor("bulk", "check", "pairs.csv", "--report", "check.csv", "-f", "json")
    assert (done.code, done.json["counts"]["merged"], bulk.dump()) == (7, 2, before)
    # In chunks too.
    supervisor("bulk", "approve", "pairs.csv", "--yes")
    agent("bulk", "run", "pairs.csv", "--report", "report.csv", "--chunk", "1")
    without_orders = [row[:5] for row in lines(bulk)]
    assert [row[:5] for row in lines(bulk, "check.csv")] == without_orders
