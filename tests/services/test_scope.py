"""Numbers that differ in what a mapping says has to be the same (`same`) can't be merged. On both databases."""

from contextlib import closing
from datetime import UTC, datetime

import pytest
from support.mapped import SCOPE, have_mapping
from support.scenes import scene

from custmerge.rules.bulk import Result
from custmerge.rules.proofs import ProofBy
from custmerge.services import access, bulk
from custmerge.services.bulk.file import RunOptions
from custmerge.storage.database import Database

INTO = ("--into", "10001")


@scene
def tenants(world):
    """10001 and 20002 in 76131 Karlsruhe; 30003 in Ulm with another company, 40004 in 89073 Ulm."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    world.customer("30003", password="pw-3", domains=["drei.example"], city="Ulm", company="Anders GmbH")
    world.customer("40004", password="pw-4", domains=["vier.example"], city="Ulm", postcode="89073")
    (world.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    return world


@pytest.fixture
def scoped(tenants, monkeypatch):
    have_mapping(monkeypatch, **SCOPE)
    return tenants


def verify(cli, number, domain, password, *into):
    done = cli.in_process("verify", number, *into, "--domain", domain, "--password-stdin", stdin=password)
    assert done.code == 0, done.err


def test_a_merge_of_another_scope_is_refused_and_names_the_columns_and_values(scoped, agent):
    verify(agent, "40004", "vier.example", "pw-4", *INTO)
    for options in (("--dry-run",), ("--yes", "--adopt")):
        done = agent.in_process("merge", "40004", *INTO, *options, "-f", "json")
        assert (done.code, done.error["code"]) == (3, "other_scope")
        assert done.error["details"]["columns"] == ["postcode", "city"]
        assert "10001 (76131, Karlsruhe) and 40004 (89073, Ulm) differ in postcode, city" in done.error["message"]
    assert scoped.customers()["40004"]["merged_into"] is None


def test_what_is_equal_in_scope_merges_as_ever(scoped, agent):
    verify(agent, "20002", "zwei.example", "pw-2", *INTO)
    assert agent.in_process("merge", "20002", *INTO, "--yes").code == 0


def test_diff_says_that_it_cannot_be_merged(scoped, agent):
    shown = agent.in_process("diff", "40004", *INTO, "-f", "json")
    assert shown.code == 3
    assert (shown.json["mergeable"], shown.json["blocked_by"]) == (False, [])
    told = agent.in_process("diff", "40004", *INTO)
    assert told.code == 3
    assert "has to be the same" in " ".join(told.out.split())


def test_a_customer_learns_it_after_the_proof_and_without_the_values(scoped, cli):
    customer = cli.login("10001", "pw-1")
    for command in ("diff", "merge"):
        assert customer.in_process(command, "40004", "-f", "json").error["code"] == "proof_required"
    verify(customer, "40004", "vier.example", "pw-4")
    assert customer.in_process("diff", "40004").code == 3
    done = customer.in_process("merge", "40004", "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (3, "other_scope")
    assert done.error["details"] == {"survivor": "10001", "absorbed": "40004"}


def test_no_contract_transfer_can_be_filed_for_it(scoped, agent):
    done = agent.in_process("transfer", "file", "30003", *INTO, "--form", "form.pdf", "-f", "json")
    assert (done.code, done.error["code"]) == (3, "other_scope")


def test_one_that_was_approved_before_does_not_lift_it(tenants, agent, supervisor, monkeypatch):
    assert agent.in_process("transfer", "file", "30003", *INTO, "--form", "form.pdf").code == 0
    assert supervisor.in_process("transfer", "approve", "1", "--yes").code == 0
    have_mapping(monkeypatch, **SCOPE)
    done = agent.in_process("merge", "30003", *INTO, "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"], done.error["details"]["columns"]) == (3, "other_scope", ["city"])
    assert agent.in_process("diff", "30003", *INTO, "-f", "json").json["mergeable"] is False


def test_a_row_of_a_bulk_file_is_blocked_and_the_others_are_merged(scoped, agent, supervisor):
    (scoped.folder / "rows.csv").write_text(
        "survivor,absorbed,choice,take\n10001,40004,adopt,\n10001,20002,adopt,street\n20002,30003,adopt,\n"
    )
    assert supervisor.in_process("bulk", "approve", "rows.csv", "--yes").code == 0
    for verb in ("check", "run"):
        assert agent.in_process("bulk", verb, "rows.csv", "--report", "report.csv").code == 7
        lines = (scoped.folder / "report.csv").read_text().splitlines()[1:]
        assert [tuple(line.split(",")[3:5]) for line in lines] == [
            ("blocked", "3"),
            ("merged", "0"),
            ("not_found", "5"),
        ]
        assert "has to be the same" in lines[0]


class Watcher:
    def __init__(self):
        self.told = []

    def accepted(self):
        pass

    def advanced(self, done, total):
        pass

    def outcome(self, outcome):
        self.told.append(outcome.result)


def test_a_dry_run_in_chunks_keeps_the_scope_of_what_a_row_changed(scoped, database_url):
    scoped.customer("50005", street="Weg 5")
    scoped.customer("60006", street="Weg 6")
    (scoped.folder / "rows.csv").write_text(
        "survivor,absorbed,choice,take\n10001,50005,adopt,street\n20002,10001,adopt,\n20002,60006,adopt,street\n"
    )
    watcher = Watcher()
    with closing(Database(database_url)) as database:
        ben = access.resume(database, "token-of-ben", datetime.now(UTC))
        options = RunOptions(lambda: datetime.now(UTC), lambda: bytes(16), watcher, chunk=1)
        bulk.check(database, ben, str(scoped.folder / "rows.csv"), options)
    assert watcher.told == [Result.MERGED] * 3


def test_where_nothing_proves_a_number_the_scope_still_counts(tenants, agent, monkeypatch):
    have_mapping(monkeypatch, proof=ProofBy.NOTHING, **SCOPE)
    done = agent.in_process("transfer", "file", "40004", *INTO, "--form", "form.pdf", "-f", "json")
    assert done.error["code"] == "other_scope"
