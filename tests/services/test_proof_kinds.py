"""What proves whose a number is by a mapping: its own password, or nothing. On both databases."""

import json
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from support.mapped import HOSTS_HASHES, have_mapping
from support.scenes import scene

from custmerge.errors import ProofRefused
from custmerge.rules.proofs import ProofBy
from custmerge.services import verify as verify_service
from custmerge.services.people import passwords, sessions
from custmerge.storage.database import Database

BULK = "survivor,absorbed,choice,domain,password\n"
INTO = ("--into", "10001")


@scene
def numbers(world, agent):
    """10001; 20002 with a package that has another password; 30003 went into 10001, 40004 has no password."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], package_password="paket")
    world.customer("30003", password="pw-3", domains=["drei.example"])
    world.customer("40004", domains=["vier.example"])
    proof = ("--domain", "drei.example", "--password-stdin")
    assert agent("merge", "30003", *INTO, *proof, "--yes", stdin="pw-3").code == 0
    (world.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    return world


@pytest.fixture
def by_password(numbers, monkeypatch):
    have_mapping(monkeypatch, proof=ProofBy.PASSWORD)
    return numbers


@pytest.fixture
def by_nothing(numbers, monkeypatch):
    have_mapping(monkeypatch, proof=ProofBy.NOTHING)
    return numbers


def verify(cli, number="20002", password="pw-2", *options):
    return cli.in_process("verify", number, *INTO, "--password-stdin", "-f", "json", *options, stdin=password)


def dry_run(cli, number="20002", *options, stdin=""):
    return cli.in_process("merge", number, *INTO, "--dry-run", "-f", "json", *options, stdin=stdin)


# The own password


def test_the_own_password_proves_a_number_without_a_domain(by_password, agent):
    assert dry_run(agent).error["code"] == "proof_required"
    assert "--domain" not in dry_run(agent).error["message"]
    shown = verify(agent).json
    assert (shown["absorbed"], shown["domain"], shown["verified"]) == ("20002", None, True)
    assert dry_run(agent).code == 0
    done = agent.in_process("merge", "20002", *INTO, "--yes", "-f", "json")
    assert done.json["moved"]["packages"] == ["P20002"]


def test_a_merge_takes_it_from_standard_input(by_password, agent):
    assert dry_run(agent, "20002", "--password-stdin", stdin="falsch").error["code"] == "proof_refused"
    assert dry_run(agent, "20002", "--password-stdin", stdin="pw-2").code == 0


def test_the_password_of_a_package_proves_nothing(by_password, agent):
    refused = verify(agent, "20002", "paket")
    assert (refused.code, refused.error["code"]) == (4, "proof_refused")
    assert "domain" not in refused.error["message"]


@pytest.mark.parametrize("command", ["verify", "merge"])
def test_a_domain_is_refused_where_it_proves_nothing(by_password, agent, command):
    options = () if command == "verify" else ("--dry-run",)
    given = ("--domain", "zwei.example", "--password-stdin", "-f", "json")
    done = agent.in_process(command, "20002", *INTO, *options, *given, stdin="pw-2")
    assert (done.code, done.error["code"]) == (2, "usage")


def test_the_proof_ends_with_the_password_it_rests_on(by_password, agent):
    assert verify(agent).code == 0
    (by_password.folder / "new.csv").write_text("number,password\n20002,pw-2\n")
    assert by_password.anna.in_process("import", "customers", "new.csv", "--update").code == 0
    assert dry_run(agent).error["code"] == "proof_required"


def test_it_ends_when_the_number_takes_another_over(by_password, agent, supervisor):
    assert verify(agent).code == 0
    by_password.customer("50005", password="pw-5")
    merge = ("merge", "50005", "--into", "20002", "--password-stdin", "--yes")
    assert supervisor.in_process(*merge, stdin="pw-5").code == 0
    assert dry_run(agent).error["code"] == "proof_required"
    assert verify(agent).code == 0
    assert dry_run(agent).code == 0


@contextmanager
def statements():
    """Give the statements that are executed."""
    executed = []

    def note(_connection, _cursor, statement, *_):
        executed.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield executed
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("by", [ProofBy.DOMAIN, ProofBy.PASSWORD])
def test_a_customer_gets_the_same_answer_after_the_same_work_whatever_is_wrong(
    numbers, monkeypatch, database_url, by
):
    have_mapping(monkeypatch, proof=by, hashing=HOSTS_HASHES)
    verified, seen = [], passwords._verified
    monkeypatch.setattr(passwords, "_verified", lambda stored, text: verified.append(text) or seen(stored, text))
    with closing(Database(database_url)) as database:
        now = database.now()
        caller = sessions.login_customer(database, "10001", "pw-1", token="token", now=now)
        answers = set()
        for number, domain in (("20002", "zwei"), ("30003", "drei"), ("40004", "vier"), ("77777", "zwei")):
            verified.clear()
            claim = verify_service.Claim(number, f"{domain}.example" if by is ProofBy.DOMAIN else "", "falsch")
            with statements() as executed, pytest.raises(ProofRefused) as refused:
                verify_service.verify(database, caller, claim, into=None, now=now)
            answers.add((str(refused.value), json.dumps(refused.value.details), tuple(executed), tuple(verified)))
    assert len(answers) == 1


def test_rows_of_a_bulk_file_are_authorised_by_the_own_password(by_password, agent):
    by_password.customer("50005", password="pw-5")
    (by_password.folder / "rows.csv").write_text(
        BULK + "10001,20002,,zwei.example,paket\n10001,20002,,,pw-2\n10001,40004,,,pw-4\n20002,50005,,,pw-5\n"
        "10001,50005,,,pw-5\n"
    )
    (by_password.folder / "rows.csv").chmod(0o600)
    for verb in ("check", "run"):
        assert agent.in_process("bulk", verb, "rows.csv", "--report", "report.csv").code == 7
        lines = (by_password.folder / "report.csv").read_text().splitlines()[1:]
        results = [tuple(line.split(",")[3:5]) for line in lines]
        assert results == [
            ("refused", "4"),
            ("merged", "0"),
            ("refused", "4"),
            ("not_found", "5"),
            ("merged", "0"),
        ]
        assert "domain" not in lines[0]


# No proof


def test_where_nothing_proves_a_number_verify_says_what_to_do(by_nothing, agent):
    done = verify(agent)
    assert (done.code, done.error["code"]) == (4, "no_proof")
    assert "custmerge transfer file 20002 --into 10001" in done.error["message"]
    assert dry_run(agent).error["code"] == "no_proof"
    assert dry_run(agent, "20002", "--password-stdin", stdin="pw-2").error["code"] == "no_proof"


@pytest.mark.parametrize("command", ["verify", "diff", "merge"])
def test_a_customer_is_told_the_same_of_every_number(by_nothing, cli, command):
    customer = cli.login("10001", "pw-1")
    told = set()
    for number in ("20002", "30003", "77777"):
        done = customer.in_process(command, number, "-f", "json")
        told.add((done.code, done.error["code"], done.error["message"].replace(number, "…")))
    (answer,) = told
    assert answer[:2] == (4, "no_proof")
    assert "transfer" not in answer[2]


def test_an_approved_transfer_authorises_a_merge_of_equal_records(by_nothing, agent, supervisor):
    filed = agent.in_process("transfer", "file", "20002", *INTO, "--form", "form.pdf")
    assert filed.code == 0, filed.err
    assert dry_run(agent).error["code"] == "no_proof"
    assert supervisor.in_process("transfer", "approve", "1", "--yes").code == 0
    assert agent.in_process("merge", "20002", *INTO, "--yes").code == 0
    shown = agent.in_process("transfer", "show", "1", "-f", "json").json
    assert shown["status"] == "used"
    assert supervisor.in_process("audit").code == 0


def test_a_bulk_file_needs_an_approval_whatever_passwords_are_in_it(by_nothing, agent, supervisor):
    (by_nothing.folder / "rows.csv").write_text(BULK + "10001,20002,,zwei.example,paket\n")
    (by_nothing.folder / "rows.csv").chmod(0o600)
    refused = agent.in_process("bulk", "run", "rows.csv", "-f", "json")
    assert (refused.code, refused.error["code"]) == (4, "not_approved")
    assert agent.in_process("bulk", "check", "rows.csv").code == 0
    assert supervisor.in_process("bulk", "approve", "rows.csv", "--yes").code == 0
    assert agent.in_process("bulk", "run", "rows.csv", "-f", "json").json["merged"] == 1


# Hashes of the host


def test_no_hash_of_a_host_is_renewed_by_a_login_a_proof_or_a_bulk_row(numbers, agent, cli, monkeypatch):
    from passlib.hash import sha512_crypt

    stored = sha512_crypt.using(rounds=1000).hash("alt")
    (numbers.folder / "old.csv").write_text(f"number,password_hash\n20002,{stored}\n40004,{stored}\n")
    assert numbers.anna.in_process("import", "customers", "old.csv", "--update").code == 0
    have_mapping(monkeypatch, proof=ProofBy.PASSWORD, hashing=HOSTS_HASHES)
    assert cli.in_process("login", "20002", "--password-stdin", "--print-token", stdin="alt").code == 0
    assert verify(agent, "20002", "alt").code == 0
    (numbers.folder / "rows.csv").write_text(BULK + "10001,40004,,,alt\n")
    (numbers.folder / "rows.csv").chmod(0o600)
    assert agent.in_process("bulk", "run", "rows.csv").code == 0
    hashes = {row["number"]: row["password_hash"] for row in numbers.exported("customers")}
    assert (hashes["20002"], hashes["40004"]) == (stored, stored)
